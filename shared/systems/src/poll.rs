//! What a poll is asked, what it brings, and the time on the clock of who was asked.

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use crate::Failure;

/// One page is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    pub endpoint: &'a str,
    /// Where the last page ended.
    pub cursor: Option<&'a str>,
    /// Only what has these keys; empty for whatever there is. An empty key stands for all there is.
    pub keys: &'a [String],
    /// Under which they are asked for, as the wake said; empty for the configured scope.
    pub scope: &'a str,
    pub now: Timestamp,
    /// The highest of the source's own message ids that was heard before, where it has such.
    pub heard: Option<u64>,
}

/// Something that is to be read, by what was just heard: this endpoint, by this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wakeup {
    pub endpoint: String,
    /// Under which it is asked for, in the system's own form; empty for the configured one.
    pub scope: String,
    /// Empty for all there is.
    pub key: String,
}

/// An endpoint that is woken.
#[derive(Clone, Copy, Debug)]
pub struct WokenEndpoint {
    pub endpoint: &'static str,
    /// How many keys one read takes.
    pub at_once: usize,
    /// Pushes name keys of it.
    pub by_push: bool,
    pub anew: Anew,
}

/// When what pushes said may have been missed, so that an endpoint is read as for the first time: at
/// all there is, or as far back as a first read goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anew {
    /// What was heard last may have died with the process before this one.
    Started,
    /// Only once it is known that something was missed.
    Missed,
    Never,
}

/// A page of a source, as records to be made durable before the cursor moves.
#[derive(Clone, Debug)]
pub struct Page {
    pub records: Vec<NewRecord>,
    /// Where the next poll starts, once these records are durable. Opaque to everybody else.
    pub cursor: Option<String>,
    /// The next page can be asked for at once.
    pub more: bool,
    /// The newest time on it, where the source dates that well ahead of its own clock. Cursors stay
    /// behind such rows, so they are read again by every poll until their time has come.
    pub ahead: Option<Timestamp>,
    /// What the page says should be read as well.
    pub wakes: Vec<Wakeup>,
    /// A part of it that was refused. The rest goes on, and the cursor over it.
    pub trouble: Option<Failure>,
}

impl Page {
    /// Nothing but these records.
    pub(crate) fn of(records: Vec<NewRecord>) -> Self {
        Self { records, cursor: None, more: false, ahead: None, wakes: Vec::new(), trouble: None }
    }
}

/// Clocks of one system differ by so much without anybody being told.
const AHEAD: SignedDuration = SignedDuration::from_mins(1);

/// When a request was made, on the clock of the system that answered it; on ours, where its answer
/// has no date. Not later than the system took the request up: an answer is dated at its end.
pub(crate) fn asked_at(date: Option<&str>, sent: Timestamp, answered: Timestamp) -> Timestamp {
    let dated = date.and_then(|text| rfc2822::parse(text).ok()).map(|date| date.timestamp());
    let took = answered.duration_since(sent).max(SignedDuration::ZERO);
    dated.and_then(|dated| dated.checked_sub(took).ok()).unwrap_or(sent)
}

/// The newest of a page's times, where it is well ahead of when the page was asked for.
pub(crate) fn ahead(times: impl Iterator<Item = Timestamp>, asked: Timestamp) -> Option<Timestamp> {
    times.max().filter(|newest| newest.duration_since(asked) > AHEAD)
}

/// A raw record: body and the headers that let it be read without its source.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub content_type: &'static str,
    /// Beyond source, endpoint, receipt time and lane, which the producer sets.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Items in it, where known: for progress.
    pub items: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_was_made_before_its_answer_was_dated() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let date = Some("Sun, 22 Nov 2026 09:15:30 GMT");
        let dated: Timestamp = "2026-11-22T09:15:30Z".parse().unwrap();
        assert_eq!(asked_at(date, at(100), at(100)), dated);
        assert_eq!(asked_at(date, at(100), at(120)), dated - SignedDuration::from_secs(20));
        // A clock that was set back meanwhile.
        assert_eq!(asked_at(date, at(100), at(90)), dated);
        for date in [None, Some(""), Some("yesterday")] {
            assert_eq!(asked_at(date, at(100), at(120)), at(100));
        }
    }
}
