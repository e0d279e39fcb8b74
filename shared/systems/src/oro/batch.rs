//! One request for many resources (OroCommerce reference §5): a list of them, written in order, all or
//! none.
//!
//! Whatever comes, every item gets one answer, and nothing that may have been written is sent again:
//! - of a refused list nothing was written: the items that Oro names are refused, and the rest is sent
//!   again without them; where it names none, the halves are sent;
//! - after a silence, or an answer that leaves open what was done, the items of that request are in
//!   doubt, and nothing more is sent;
//! - what Oro puts off (202) is followed to its end, and remembered until then.
//!
//! Of a backfill, what would be many requests because of what is written with it is put off on purpose:
//! the shop then takes a list of any size, and each of its items by itself.

mod blame;
pub(super) mod follow;
mod pack;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use ferry_canonical::FailureKind;
use ferry_http::{Method, Response};
use serde_json::Value;

use super::{
    client::{Api, Call},
    customer::CUSTOMERS,
    document::{self, Resource},
    problem::{self, No},
};
use crate::target::Failure;

/// Requests for one list, at most: each that refuses some has shown at least one of them, or cut the
/// list in two.
const REQUESTS_MAX: usize = 60;
/// A request that is put off takes two or three looks at what has become of it, and one at what it has made:
/// it has to stand for so many.
const PUT_OFF_FROM: usize = 6;

/// One of many that are written together.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The write of the call that it is for, by its place.
    pub(super) of: usize,
    /// With an id: what changes in the resource of that id; else a new one.
    pub(super) resource: Resource,
    /// What is written with it, new ones under ids that only the item knows.
    pub(super) included: Vec<Resource>,
    /// The place in the canonical part: `addresses[BILL-1]`.
    pub(super) at: Option<String>,
}

/// What became of an item.
#[derive(Debug)]
pub(super) enum Came {
    /// It was written. The row as the shop has it; none where the shop did not show it.
    Taken(Option<Value>),
    /// It was not.
    Refused(No),
    /// It was not sent, or nobody knows whether it was written.
    Failed(Failure),
}

impl Item {
    /// An item by itself.
    pub(super) const fn new(of: usize, resource: Resource) -> Self {
        Self { of, resource, included: Vec::new(), at: None }
    }

    /// Whether a list takes it.
    pub(super) fn fits(&self) -> bool {
        self.included.len() <= pack::INCLUDED_MAX
    }

    /// As if it were the only one of its request.
    pub(super) fn call(&self, operation: &'static str) -> Call {
        let body = Some(self.resource.clone().document(self.included.clone()));
        let method = if self.resource.id.is_some() { Method::Patch } else { Method::Post };
        let call = Call::read(operation, self.resource.kind);
        Call { method, id: self.resource.id.clone(), body, at: self.at.clone(), ..call }
    }
}

/// How a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// The shop answers when it is written.
    AtOnce,
    /// The shop puts it off, and is asked until it has ended.
    Later,
}

/// How one request ended.
enum Ended {
    /// What became of each of its items.
    All(Vec<Came>),
    /// Of some; those without an answer were not written.
    Some(Vec<Option<Came>>),
    /// Nothing was written, and nobody knows by whose fault.
    Cut,
    /// The shop takes no lists of these: nothing was written.
    Unknown,
    /// What became of each, after which nothing more is to be sent.
    Over(Vec<Came>),
}

/// Writes items of one kind. None: this shop takes no lists of these, and nothing was written.
pub(super) async fn write(
    api: &Api<'_>,
    what: (&'static str, &'static str),
    items: &[Item],
    how: How,
) -> Option<Vec<Came>> {
    let mut came: Vec<Option<Came>> = items.iter().map(|_| None).collect();
    let (how, chunks) = planned(api, what.1, items, how);
    let mut waiting: VecDeque<Vec<usize>> = chunks.into();
    let mut requests: usize = 0;
    while let Some(places) = waiting.pop_front() {
        if requests == REQUESTS_MAX {
            waiting.clear();
            break;
        }
        let chunk: Vec<&Item> = places.iter().filter_map(|place| items.get(*place)).collect();
        let ended = send(api, what, &chunk, (how, requests == 0)).await;
        requests += 1;
        match ended {
            Ended::Unknown => return None,
            Ended::All(answers) => keep(&mut came, &places, answers.into_iter().map(Some)),
            Ended::Some(answers) => {
                keep(&mut came, &places, answers);
                let unanswered = |place: &usize| matches!(came.get(*place), Some(None));
                let rest: Vec<usize> = places.into_iter().filter(unanswered).collect();
                if !rest.is_empty() {
                    waiting.push_front(rest);
                }
            }
            Ended::Cut => {
                let (first, second) = places.split_at(places.len() / 2);
                waiting.push_front(second.to_vec());
                waiting.push_front(first.to_vec());
            }
            Ended::Over(answers) => {
                keep(&mut came, &places, answers.into_iter().map(Some));
                break;
            }
        }
    }
    Some(came.into_iter().map(|came| came.unwrap_or_else(|| Came::Failed(unsent()))).collect())
}

fn keep(
    came: &mut [Option<Came>],
    places: &[usize],
    answers: impl IntoIterator<Item = Option<Came>>,
) {
    for (place, answer) in places.iter().zip(answers) {
        if let Some(kept) = came.get_mut(*place) {
            *kept = answer;
        }
    }
}

/// In which requests, and whether they are put off. What a customer without a number has become could
/// not be found by any key.
fn planned(api: &Api<'_>, kind: &'static str, items: &[Item], how: How) -> (How, Vec<Vec<usize>>) {
    let most = usize::from(api.oro.config.batch.most);
    let chunks = pack::chunks(items, most, pack::INCLUDED_MAX);
    let later = pack::chunks(items, most, usize::MAX);
    let has_keys = kind != CUSTOMERS || api.oro.capability.has_numbers();
    let saves = chunks.len() >= later.len() * PUT_OFF_FROM;
    if how == How::Later || (api.conversation.is_in_bulk() && has_keys && saves) {
        return (How::Later, later);
    }
    (how, chunks)
}

async fn send(
    api: &Api<'_>,
    (operation, kind): (&'static str, &'static str),
    chunk: &[&Item],
    (how, is_first): (How, bool),
) -> Ended {
    let conversation = api.conversation.about(writes_of(chunk));
    let api = Api { oro: api.oro, conversation: &conversation };
    let call = Call {
        method: Method::Patch,
        body: Some(pack::document(chunk)),
        list: Some(how),
        ..Call::read(operation, kind)
    };
    let response = match api.send(&call).await {
        Ok(response) => response,
        Err(failure) => return over(&failure, chunk),
    };
    match response.status {
        202 => follow::to_its_end(&api, operation, &response, chunk).await,
        200..=299 => taken(&api, &call, &response, chunk),
        403..=405 if is_first && !blame::names_any(&response, chunk) => Ended::Unknown,
        400 | 403..=405 | 409 | 413 | 422 => blame::refused(&api, operation, &response, chunk),
        _ => over(&problem::refused(&response, &call).failure, chunk),
    }
}

/// The writes that the items are for.
fn writes_of(chunk: &[&Item]) -> Vec<usize> {
    let mut writes: Vec<usize> = chunk.iter().map(|item| item.of).collect();
    writes.sort_unstable();
    writes.dedup();
    writes
}

/// The same for each of them.
fn over(failure: &Failure, chunk: &[&Item]) -> Ended {
    Ended::Over(chunk.iter().map(|_| Came::Failed(failure.clone())).collect())
}

/// What the shop shows of the items that it took.
fn taken(api: &Api<'_>, call: &Call, response: &Response, chunk: &[&Item]) -> Ended {
    if let Some(no) = problem::by_rule(&api.oro.rules, response, call) {
        return over(&no.failure, chunk);
    }
    let document: Option<Value> = serde_json::from_slice(&response.body).ok();
    let rows = document.as_ref().map(document::rows).unwrap_or_default();
    if let Some(rows) = pack::answered(rows, chunk) {
        return Ended::All(rows.into_iter().map(|row| Came::Taken(Some(row))).collect());
    }
    let operation = call.operation;
    let detail = format!(
        "the answer to `{operation}` does not say what became of each: it is read before the next try"
    );
    let failure = Failure::new(FailureKind::Unavailable, detail).with_response(response);
    over(&Failure { unread: true, ..failure }, chunk)
}

/// A request before it left open what was done.
fn unsent() -> Failure {
    let detail = "it was not sent: a request before it in the same call had no end";
    Failure { withheld: true, ..Failure::new(FailureKind::Unavailable, detail) }
}

/// An answer of the shop that stands for its own.
fn as_response(response: &Response, errors: &[Value]) -> Response {
    let body = serde_json::json!({ "errors": errors }).to_string();
    let headers = response.headers.clone();
    Response { status: response.status, headers, body: body.into() }
}
