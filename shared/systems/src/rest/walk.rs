//! How a poll walks from page to page, and where the next one starts.
//!
//! It walks by key, not by page number: after a full page it goes on from the last item's time, so
//! that rows which move while it reads are read twice rather than never. Only inside one identical
//! time, or where it cannot tell the order, does it count pages, and then it walks back over them:
//! of rows that move away while pages are counted, later ones slip to pages that were read, never to
//! later pages, so that each that stays is met on one of the two ways. Rows that come in meanwhile
//! have times that the next poll asks for. A source that cannot filter by time is read whole, page
//! by page, by every poll.
//!
//! However far ahead a source dates its rows, the next poll starts no later than this one did: what
//! changes after a page was read gets a time after that.

use ferry_config::system::RestEndpoint;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::url;

/// Where a poll stands: JSON, opaque to everybody else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The newest time of all whole runs, but none that was ahead of its run.
    seen: Option<Timestamp>,
    /// Inside a run: when its first page was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began: Option<Timestamp>,
    /// Inside a run: the newest time so far. `seen` moves when the run is whole, so that every page
    /// of a run is asked for under one condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<Timestamp>,
    /// Inside a run: the time to go on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// Inside a run: the page to ask for, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    /// Inside a run, on the way back over pages that were counted: what comes behind them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    then: Option<Then>,
}

/// What comes behind a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Then {
    /// Nothing more.
    End,
    /// Page 1 from this time on.
    From(Timestamp),
}

pub(super) fn query(endpoint: &RestEndpoint, cursor: &Cursor) -> String {
    let mut parameters = Vec::new();
    if let Some(name) = &endpoint.page_param {
        parameters.push(format!("{name}={}", cursor.page.unwrap_or(1)));
    }
    if let Some(name) = &endpoint.size_param {
        parameters.push(format!("{name}={}", endpoint.page_size));
    }
    let overlapped = cursor.seen.and_then(|seen| seen.checked_sub(endpoint.overlap.0).ok());
    if let (Some(name), Some(since)) = (&endpoint.since_param, cursor.from.or(overlapped)) {
        parameters.push(format!("{name}={}", url::encode(&since.to_string())));
    }
    if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) }
}

/// What a page says about the walk.
#[derive(Debug)]
pub(super) struct Answer {
    /// On the source's clock.
    pub(super) asked_at: Timestamp,
    pub(super) items: usize,
    /// Of the items that have one.
    pub(super) times: Vec<Timestamp>,
    /// How many pages there are, where the source says it.
    pub(super) pages: Option<u32>,
}

/// Where to go on, and whether there is more at once.
pub(super) fn advance(endpoint: &RestEndpoint, cursor: &Cursor, answer: &Answer) -> (Cursor, bool) {
    let page = cursor.page.unwrap_or(1);
    let began = cursor.began.unwrap_or(answer.asked_at);
    let newest = cursor.newest.into_iter().chain(answer.times.iter().copied()).max();
    let run = Cursor { began: Some(began), newest, ..cursor.clone() };
    let Some(then) = cursor.then.or_else(|| behind(endpoint, cursor, answer)) else {
        return (Cursor { page: Some(page + 1), ..run }, true);
    };
    // Whoever is asked for everything by every poll need not be asked twice by one.
    if page > 1 && endpoint.since_param.is_some() {
        return (Cursor { page: Some(page - 1), then: Some(then), ..run }, true);
    }
    match then {
        Then::From(time) => (Cursor { from: Some(time), page: Some(1), then: None, ..run }, true),
        Then::End => {
            let seen = cursor.seen.max(newest).map(|newest| newest.min(began));
            (Cursor { seen, ..Cursor::default() }, false)
        }
    }
}

/// What comes behind a page on the way up; none: the page of the next number.
fn behind(endpoint: &RestEndpoint, cursor: &Cursor, answer: &Answer) -> Option<Then> {
    let Answer { items, times, pages, .. } = answer;
    let full = match pages {
        Some(pages) => cursor.page.unwrap_or(1) < *pages,
        None => *items >= usize::from(endpoint.page_size),
    };
    if !full || *items == 0 || endpoint.page_param.is_none() {
        return Some(Then::End);
    }
    // Going on from a time is right only where the source sorts by it, and every item has one.
    let sorted = times.is_sorted() && times.len() == *items && endpoint.since_param.is_some();
    let last = times.last().copied().filter(|_| sorted)?;
    cursor.from.is_none_or(|from| last > from).then_some(Then::From(last))
}
