//! What a shop holds of customers: looked at together, by their ids and then by their numbers.

use std::collections::VecDeque;

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
    let mut asked: VecDeque<(Vec<usize>, String)> = in_one_address(keyed.clone()).into();
    while let Some((places, keys)) = asked.pop_front() {
        let said = ask(oro, conversation, (&places, filter, keys)).await;
        // One of the keys may be what the shop does not take: that is no other's fault.
        if places.len() > 1 && said.as_ref().is_err_and(|no| matches!(no.status, Some(400 | 414))) {
            let alone = keyed.iter().filter(|(place, _)| places.contains(place));
            asked.extend(alone.map(|(place, key)| (vec![*place], key.clone())));
            continue;
        }
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

#[cfg(test)]
mod tests {
    use ferry_canonical::Facet;
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, errors, oro, row};

    #[tokio::test]
    async fn a_key_that_the_shop_does_not_take_is_no_other_customers_fault() {
        let said =
            json!({"externalId": "C-1", "name": "Acme", "updatedAt": "2026-01-02T00:00:00Z"});
        let there = json!({"data": [row("customers", "7", said, Value::Null)]});
        let refused = |request: &str| errors(request, 400, "filter constraint");
        let shop = Shop::answering([
            refused("GET /customers?filter[id]=7,odd&"),
            answer("GET /customers?filter[id]=7&", 200, &there),
            refused("GET /customers?filter[id]=odd&"),
        ]);
        let subject = |id: &str| Subject { facet: Facet::Profile, id: id.to_owned(), part: None };
        let subjects = [subject("C-1"), subject("C-2")];
        let look = |(subject, id)| Look { subject, target_id: Some(id), in_doubt: false };
        let looks: Vec<Look<'_>> = subjects.iter().zip(["7", "odd"]).map(look).collect();
        let seen = super::look(&oro(), &shop.conversation(), &looks).await;
        assert!(matches!(seen.as_slice(), [Ok(Some(_)), Err(_)]), "{seen:?}");
        shop.asked();
    }
}
