//! What a shop holds of customers: looked at together, by their ids and then by their numbers.

use ferry_canonical::{Clock, FailureKind, Part, Sequence, Subject};
use ferry_http::Conversation;
use serde_json::Value;

use super::{
    Oro,
    client::{Api, Call, Query, Said},
    customer::{self, CUSTOMERS, external_id},
    customer_said::{self, INCLUDE},
    document, placed,
    read::{self, Bad, CLOCK, Included},
    together::in_one_address,
};
use crate::target::{Failure, Held, Look};

const OPERATION: &str = "look at customers";
const BY_ID: &str = "filter[id]";
const BY_NUMBER: &str = "filter[externalId]";

type Seen = Result<Option<Held>, Failure>;

/// One answer per look. One that was linked and is gone is looked for by its number: another may have
/// that.
pub(super) async fn look(oro: &Oro, conversation: &Conversation, looks: &[Look<'_>]) -> Vec<Seen> {
    let mut seen: Vec<Seen> = looks.iter().map(|_| Ok(None)).collect();
    let linked = |(place, look): (usize, &Look<'_>)| Some((place, look.target_id?.to_owned()));
    let linked = looks.iter().enumerate().filter_map(linked).collect();
    by(oro, conversation, (looks, &mut seen), (BY_ID, linked)).await;
    let numbered = looks.iter().zip(&seen).enumerate();
    let numbered = numbered
        .filter(|(_, (_, seen))| matches!(seen, Ok(None)))
        .map(|(place, (look, _))| (place, external_id(&look.subject.id)))
        .collect();
    by(oro, conversation, (looks, &mut seen), (BY_NUMBER, numbered)).await;
    seen
}

async fn by(
    oro: &Oro,
    conversation: &Conversation,
    (looks, seen): (&[Look<'_>], &mut [Seen]),
    (filter, keyed): (&'static str, Vec<(usize, String)>),
) {
    for (places, keys) in in_one_address(keyed) {
        let said = ask(oro, conversation, (&places, filter, keys)).await;
        let shown =
            said.as_ref().map(|said| (document::rows(&said.document), read::included(&said.body)));
        for place in places {
            let (Some(look), Some(seen)) = (looks.get(place), seen.get_mut(place)) else {
                continue;
            };
            *seen = match &shown {
                Ok((rows, included)) => of(rows, look, filter)
                    .and_then(|row| row.map(|row| held(row, included, look.subject)).transpose()),
                Err(failure) => Err((*failure).clone()),
            };
        }
    }
}

/// Pages are of twice as many rows as there are keys: a number that several have shows as such.
async fn ask(
    oro: &Oro,
    conversation: &Conversation,
    (places, filter, keys): (&[usize], &'static str, String),
) -> Result<Said, Failure> {
    let conversation = conversation.about(places.iter().copied());
    let api = Api { oro, conversation: &conversation };
    let query: Query = vec![
        (filter, keys),
        ("page[size]", (places.len() * 2).to_string()),
        ("include", INCLUDE.to_owned()),
    ];
    api.ask(&Call { query, ..Call::read(OPERATION, CUSTOMERS) }).await.map_err(|no| no.failure)
}

fn of<'a>(
    rows: &'a [Value],
    look: &Look<'_>,
    filter: &'static str,
) -> Result<Option<&'a Value>, Failure> {
    match filter {
        BY_ID => Ok(rows.iter().find(|row| document::id(row) == look.target_id)),
        _ => customer::numbered(rows, &look.subject.id),
    }
}

fn held(row: &Value, included: &Included<'_>, subject: &Subject) -> Result<Held, Failure> {
    let read = || -> Result<Held, Bad> {
        let mut profile = customer_said::profile(row, included)?;
        // A number the shop has no room for stands there as a uuid; one it does not know yet is ours.
        if profile.number.is_empty() || profile.number == external_id(&subject.id) {
            subject.id.clone_into(&mut profile.number);
        }
        let updated_at = placed::time(row, "updatedAt")?;
        let changed_at = customer_said::changed_at(row, included).unwrap_or(updated_at);
        Ok(Held {
            part: Part::CustomerProfile(profile),
            target_id: document::id(row).map(str::to_owned),
            clock: Clock::named(CLOCK),
            sequence: Sequence::of_time(updated_at),
            changed_at: Some(changed_at),
        })
    };
    read().map_err(|Bad(detail)| {
        let detail = format!("the customer in the shop cannot be read: {detail}");
        Failure::new(FailureKind::Validation, detail)
    })
}
