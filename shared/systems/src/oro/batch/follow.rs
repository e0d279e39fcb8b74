//! A list that Oro has put off: an operation, which is asked about until it has ended (OroCommerce
//! reference §5).

use std::time::Duration;

use ferry_canonical::FailureKind;
use ferry_http::Response;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{Came, Ended, Item, blame, over};
use crate::{
    oro::{
        client::{Api, Call},
        document,
        problem::No,
    },
    target::Failure,
};

const OPERATIONS: &str = "asyncoperations";
/// Between two looks, growing up to the longest.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_LAST: Duration = Duration::from_secs(15);
/// Workers that take longer are left to themselves: what they do is read before the next try.
const PATIENCE: Duration = Duration::from_mins(2);
const ERRORS_PAGE: usize = 100;
const ERROR_PAGES_MAX: usize = 20;

pub(super) async fn to_its_end(
    api: &Api<'_>,
    operation: &'static str,
    response: &Response,
    chunk: &[&Item],
) -> Ended {
    match followed(api, response).await {
        Ok((id, ended)) => match errors(api, &id, &ended).await {
            Ok(errors) => said(api, operation, (&ended, &errors), chunk),
            Err(no) => over(&in_doubt(no.failure), chunk),
        },
        Err(failure) => over(&in_doubt(failure), chunk),
    }
}

/// What it was accepted for may be done still.
fn in_doubt(failure: Failure) -> Failure {
    Failure { unread: true, ..failure }
}

/// The operation's id, and how it ended. Whoever writes the same next knows of it until then, also where
/// this process is killed meanwhile.
async fn followed(api: &Api<'_>, response: &Response) -> Result<(String, Value), Failure> {
    let Some(id) = named(response) else {
        let detail = "Oro has put the changes off and does not say by which operation";
        return Err(Failure::new(FailureKind::Unavailable, detail).with_response(response));
    };
    api.conversation.put_off(&id).await;
    let (deadline, mut pause) = (Instant::now() + PATIENCE, LOOK_FIRST);
    loop {
        match stand(api, &id).await? {
            Stand::Ended(row) => {
                api.conversation.has_ended(&id).await;
                return Ok((id, row));
            }
            Stand::Gone => {
                api.conversation.has_ended(&id).await;
                let detail =
                    format!("operation {id} of the shop is gone, and with it what it has done");
                return Err(Failure::new(FailureKind::Unavailable, detail));
            }
            Stand::Runs => {}
        }
        if Instant::now() + pause > deadline {
            let detail = format!(
                "operation {id} of the shop has not ended within {} s: do its message consumers run?",
                PATIENCE.as_secs()
            );
            return Err(Failure::new(FailureKind::Timeout, detail));
        }
        sleep(pause).await;
        pause = pause.mul_f64(1.5).min(LOOK_LAST);
    }
}

fn named(response: &Response) -> Option<String> {
    let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let id = document::rows(&document).first().and_then(document::id);
    let header =
        || response.header("content-location").and_then(|location| location.rsplit('/').next());
    id.or_else(header).map(str::to_owned)
}

/// Where an operation of the shop stands.
pub(in crate::oro) enum Stand {
    /// It may still write.
    Runs,
    /// Its row.
    Ended(Value),
    /// Nobody knows what it has done: it writes no more.
    Gone,
}

pub(in crate::oro) async fn stand(api: &Api<'_>, id: &str) -> Result<Stand, Failure> {
    let call = Call { id: Some(id.to_owned()), ..Call::read("follow changes", OPERATIONS) };
    let Some(found) = api.find(&call).await? else { return Ok(Stand::Gone) };
    let row = document::rows(&found).first().cloned().unwrap_or_default();
    Ok(match document::text(&row, "status") {
        Some("success" | "failed" | "cancelled") => Stand::Ended(row),
        Some(_) | None => Stand::Runs,
    })
}

fn count(ended: &Value, name: &str) -> Option<u64> {
    document::attribute(ended, "summary")?.get(name)?.as_u64()
}

async fn errors(api: &Api<'_>, id: &str, ended: &Value) -> Result<Vec<Value>, No> {
    let mut errors = Vec::new();
    if count(ended, "errorCount") == Some(0) {
        return Ok(errors);
    }
    for number in 1..=ERROR_PAGES_MAX {
        let query =
            vec![("page[size]", ERRORS_PAGE.to_string()), ("page[number]", number.to_string())];
        let (id, of_it) = (Some(id.to_owned()), Some("errors"));
        let call = Call { id, of_it, query, ..Call::read("read what failed", OPERATIONS) };
        let page = api.ask(&call).await?.document;
        let rows = document::rows(&page);
        errors.extend(rows.iter().filter_map(|row| row.get("attributes")).cloned());
        if rows.len() < ERRORS_PAGE {
            break;
        }
    }
    Ok(errors)
}

/// Named items were refused. The rest was written if the operation counts as many; else nobody knows.
fn said(
    api: &Api<'_>,
    operation: &'static str,
    (ended, errors): (&Value, &[Value]),
    chunk: &[&Item],
) -> Ended {
    let named = blame::named(errors, chunk);
    let written = count(ended, "createCount").zip(count(ended, "updateCount"));
    let written = written.and_then(|(created, updated)| created.checked_add(updated));
    let is_all = written.is_some() && written == u64::try_from(chunk.len() - named.len()).ok();
    let refused = Response { status: 400, headers: Vec::new(), body: bytes::Bytes::new() };
    let answer = |(place, item): (usize, &&Item)| match named.get(&place) {
        Some(errors) => Came::Refused(blame::no_of(api, &refused, errors, &item.call(operation))),
        None if is_all => Came::Taken(None),
        None => {
            let status = document::text(ended, "status").unwrap_or_default();
            let detail = format!(
                "an operation of the shop ended as `{status}`, and does not say what became of this: it \
                 is read before the next try"
            );
            Came::Failed(in_doubt(Failure::new(FailureKind::Unavailable, detail)))
        }
    };
    Ended::All(chunk.iter().enumerate().map(answer).collect())
}
