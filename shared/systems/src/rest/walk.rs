//! How a poll walks from page to page, and where the next one starts.
//!
//! It walks by key, not by page number: after a full page it goes on from the last item's time, so
//! that rows which move while it reads are read twice rather than never. Only inside one identical
//! time does it count pages. A source that cannot filter by time is read whole, page by page; rows
//! that move there while it is read are found by the next poll.
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
    let Answer { asked_at, items, times, pages } = answer;
    let began = cursor.began.unwrap_or(*asked_at);
    let newest = cursor.newest.into_iter().chain(times.iter().copied()).max();
    let page = cursor.page.unwrap_or(1);
    let full = match pages {
        Some(pages) => page < *pages,
        None => *items >= usize::from(endpoint.page_size),
    };
    if !full || *items == 0 || endpoint.page_param.is_none() {
        let seen = cursor.seen.max(newest).map(|newest| newest.min(began));
        return (Cursor { seen, ..Cursor::default() }, false);
    }
    // Going on from a time is right only where the source sorts by it, and every item has one.
    let sorted = times.is_sorted() && times.len() == *items;
    let last = times.last().copied().filter(|_| sorted && endpoint.since_param.is_some());
    let (seen, began) = (cursor.seen, Some(began));
    match last {
        Some(last) if cursor.from.is_none_or(|from| last > from) => {
            (Cursor { seen, began, newest, from: Some(last), page: Some(1) }, true)
        }
        _ => (Cursor { seen, began, newest, from: cursor.from, page: Some(page + 1) }, true),
    }
}
