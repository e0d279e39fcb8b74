//! Messages that go on: retries, returns to the own queue, dead letters.
//!
//! Every one of them carries the body unchanged, and the headers without what a broker or an
//! earlier failure wrote: a repeated `x-death` would have the broker drop or pin it
//! (RabbitMQ reference §0.4, §0.5).

use std::time::Duration;

use bytes::Bytes;
use ferry_canonical::{FailureKind, Reference, header, limits};
use ferry_retry::Levels;
use ferry_topology::name;
use jiff::Timestamp;

use crate::{Delivery, HeaderValue, Headers, Message};

/// What stands in a delivery's headers about its past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The try this is, 1-based.
    pub attempt: u32,
    pub first_failed_at: Option<Timestamp>,
    pub last_failed_at: Option<Timestamp>,
    /// How long it has been tried, up to its last failure.
    pub tried_for: Duration,
    pub not_before: Option<Timestamp>,
    pub generation: u32,
    /// Why the try before failed.
    pub failure_kind: Option<FailureKind>,
    /// How many tries in a row have failed so.
    pub kind_attempts: u32,
    /// How often its consumers died with it in hand, since it was retried last: the broker's count,
    /// and what a postponement carried on of an earlier one.
    pub deaths: u32,
}

impl History {
    pub fn of(delivery: &Delivery) -> Self {
        let number = |name| delivery.headers.number(name).and_then(|n| u32::try_from(n).ok());
        let time = |name| delivery.headers.text(name).and_then(|text| text.parse().ok());
        let tried_for = delivery.headers.number(header::TRIED_FOR_MS);
        let tried_for = tried_for.and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0);
        Self {
            attempt: number(header::ATTEMPT).unwrap_or(1).max(1),
            first_failed_at: time(header::FIRST_FAILED_AT),
            last_failed_at: time(header::LAST_FAILED_AT),
            tried_for: Duration::from_millis(tried_for),
            not_before: time(header::NOT_BEFORE),
            generation: number(header::GENERATION).unwrap_or(0),
            failure_kind: delivery
                .headers
                .text(header::FAILURE_KIND)
                .and_then(|kind| kind.parse().ok()),
            kind_attempts: number(header::KIND_ATTEMPTS).unwrap_or(0),
            deaths: number(header::DEATHS).unwrap_or(0).saturating_add(delivery.delivery_count),
        }
    }

    /// How long ago it failed last, by the clock of this host.
    pub fn since_last_failure(&self, now: Timestamp) -> Duration {
        self.last_failed_at
            .or(self.first_failed_at)
            .and_then(|last| Duration::try_from(now.duration_since(last)).ok())
            .unwrap_or(Duration::ZERO)
    }

    /// How many tries in a row have failed so, where the present one has failed with `kind` too.
    pub fn attempts_of(&self, kind: FailureKind) -> u32 {
        let before = if self.failure_kind == Some(kind) { self.kind_attempts } else { 0 };
        before.saturating_add(1)
    }
}

/// Why and when a delivery failed.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    pub kind: FailureKind,
    pub detail: &'a str,
    pub status: Option<u16>,
    pub response: Option<&'a str>,
    pub rule: Option<&'a str>,
    pub route: Option<&'a str>,
    /// What the target lacks, where that is known.
    pub missing: Option<&'a Reference>,
    /// How long it has been tried by now.
    pub tried_for: Duration,
    pub at: Timestamp,
}

impl<'a> Failed<'a> {
    pub fn new(kind: FailureKind, detail: &'a str, at: Timestamp) -> Self {
        Self {
            kind,
            detail,
            status: None,
            response: None,
            rule: None,
            route: None,
            missing: None,
            tried_for: Duration::ZERO,
            at,
        }
    }
}

/// The same message again after `delay`, as the next attempt.
pub fn retry(delivery: &Delivery, failed: Failed<'_>, delay: Duration, levels: &Levels) -> Message {
    let history = History::of(delivery);
    let mut headers = carried(delivery);
    // Its try has come to an end, and so it did not take the process along.
    headers.remove(header::DEATHS);
    headers.insert_number(header::ATTEMPT, i64::from(history.attempt) + 1);
    let first = history.first_failed_at.unwrap_or(failed.at);
    headers.insert(header::FIRST_FAILED_AT, first.to_string());
    headers.insert(header::LAST_FAILED_AT, failed.at.to_string());
    let tried_for = i64::try_from(failed.tried_for.as_millis()).unwrap_or(i64::MAX);
    headers.insert_number(header::TRIED_FOR_MS, tried_for);
    headers.insert(header::FAILURE_KIND, failed.kind.as_str());
    headers.insert_number(header::KIND_ATTEMPTS, i64::from(history.attempts_of(failed.kind)));
    delayed(delivery, headers, failed.at, delay, levels)
}

/// The same message again after `delay`, the attempt unchanged. To the broker it is a new one, whose
/// count begins anew: what has died with it so far goes along. It is the rule for a delivery whose
/// loader dies inside its call, because until the dead loader's lease has ended its entity is busy.
pub fn postpone(delivery: &Delivery, now: Timestamp, delay: Duration, levels: &Levels) -> Message {
    let mut headers = carried(delivery);
    let deaths = History::of(delivery).deaths;
    if deaths > 0 {
        headers.insert_number(header::DEATHS, i64::from(deaths));
    }
    delayed(delivery, headers, now, delay, levels)
}

fn delayed(
    delivery: &Delivery,
    mut headers: Headers,
    now: Timestamp,
    delay: Duration,
    levels: &Levels,
) -> Message {
    let wait = levels.wait(delay, None);
    headers.remove(header::NOT_BEFORE);
    // Longer than the longest level: it comes back, sees this and goes round again.
    if let Some(until) = wait.not_before.and_then(|wait| now.checked_add(wait).ok()) {
        headers.insert(header::NOT_BEFORE, until.to_string());
    }
    let exchange = ferry_topology::delay_exchange(wait.level.delay);
    message(delivery, exchange, headers, delivery.body.clone())
}

/// Back to its own queue at once, the attempt unchanged: for a pause or the end of the process. Who
/// gives it back lives, so the deaths before do not count on.
pub fn give_back(delivery: &Delivery) -> Message {
    let mut headers = carried(delivery);
    headers.remove(header::DEATHS);
    message(delivery, name::REQUEUE.to_owned(), headers, delivery.body.clone())
}

/// The dead letter of a whole delivery: body byte-identical, the failure in bounded headers.
pub fn dead(delivery: &Delivery, failed: Failed<'_>, host: &str) -> Message {
    dead_item(delivery, failed, host, None)
}

/// The dead letter of a delivery, or of one item cut from it: (pointer, fragment).
pub fn dead_item(
    delivery: &Delivery,
    failed: Failed<'_>,
    host: &str,
    item: Option<(&str, Bytes)>,
) -> Message {
    let history = History::of(delivery);
    let mut headers = carried(delivery);
    headers.remove(header::NOT_BEFORE);
    headers.insert_number(header::ATTEMPT, i64::from(history.attempt));
    headers.insert_number(header::GENERATION, i64::from(history.generation));
    headers.insert(header::FAILURE_KIND, failed.kind.as_str());
    headers.insert(header::SENTENCE, failed.kind.sentence());
    headers.insert(header::DETAIL, cut(failed.detail, limits::DETAIL_BYTES));
    if let Some(status) = failed.status {
        headers.insert_number(header::STATUS, i64::from(status));
    }
    if let Some(response) = failed.response {
        headers.insert(header::RESPONSE, cut(response, limits::EXCERPT_BYTES));
    }
    if let Some(rule) = failed.rule {
        headers.insert(header::RULE, rule);
    }
    if let Some(route) = failed.route {
        headers.insert(header::ROUTE, route);
    }
    headers.remove(header::MISSING);
    if let Some(missing) = failed.missing {
        headers.insert(header::MISSING, missing.to_string());
    }
    let first = history.first_failed_at.unwrap_or(failed.at);
    headers.insert(header::FIRST_FAILED_AT, first.to_string());
    headers.insert(header::LAST_FAILED_AT, failed.at.to_string());
    headers.insert(header::ORIGIN, delivery.queue.as_str());
    headers.insert(header::HOST, host);
    headers.insert(header::VERSION, env!("CARGO_PKG_VERSION"));
    let body = match item {
        Some((pointer, fragment)) => {
            headers.insert(header::POINTER, cut(pointer, limits::EXCERPT_BYTES));
            fragment
        }
        None => delivery.body.clone(),
    };
    message(delivery, name::DEAD.to_owned(), headers, body)
}

/// A dead letter, as it is kept.
#[derive(Clone, Debug)]
pub struct Dead {
    /// The queue it died in.
    pub origin: String,
    pub id: String,
    pub content_type: String,
    pub headers: Headers,
    pub body: Bytes,
}

/// Back to the queue it died in, byte for byte and as if it had never failed. The next generation
/// makes it a delivery of its own; two copies of this message are one delivery.
pub fn send_again(dead: Dead) -> Message {
    let generation = dead.headers.number(header::GENERATION).unwrap_or(0).max(0);
    let mut headers = dead.headers.without(header::STRIPPED).without(header::OF_FAILURES);
    headers.insert_number(header::GENERATION, generation.saturating_add(1));
    Message {
        exchange: name::REQUEUE.to_owned(),
        key: dead.origin,
        id: dead.id,
        content_type: dead.content_type,
        headers,
        body: dead.body,
    }
}

/// What a republish carries on: at most [`limits::CARRIED_BYTES`], our own headers first. A foreign
/// hand may have filled a whole frame with headers, and then ours would not fit beside them.
fn carried(delivery: &Delivery) -> Headers {
    let found = delivery.headers.clone().without(header::STRIPPED);
    let own = |name: &str| name.starts_with("ferry-") || name == header::TRACEPARENT;
    let mut carried = Headers::default();
    let mut room = limits::CARRIED_BYTES;
    for (name, value) in found.iter().filter(|(name, _)| own(name)).chain(
        // Two passes over one list: there are few headers.
        found.iter().filter(|(name, _)| !own(name)),
    ) {
        let value = match value {
            HeaderValue::Text(text) => {
                HeaderValue::Text(cut(text, limits::DETAIL_BYTES).to_owned())
            }
            HeaderValue::Other(text) => {
                HeaderValue::Other(cut(text, limits::DETAIL_BYTES).to_owned())
            }
            HeaderValue::Number(number) => HeaderValue::Number(*number),
        };
        let bytes = name.len() + value.bytes();
        if bytes <= room {
            room -= bytes;
            carried.insert_value(name, value);
        }
    }
    carried
}

fn message(delivery: &Delivery, exchange: String, headers: Headers, body: Bytes) -> Message {
    Message {
        exchange,
        // The queue's own name: where it comes back to, or where it died.
        key: delivery.queue.clone(),
        id: delivery.id.clone().unwrap_or_default(),
        content_type: delivery.content_type.clone().unwrap_or_default(),
        headers,
        body,
    }
}

/// At most `bytes` bytes of `text`, cut between characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Receipt;

    const AT: &str = "2026-11-22T09:15:00Z";

    fn delivery() -> Delivery {
        let mut headers = Headers::default();
        headers.insert("x-death", "whatever the broker wrote");
        headers.insert(header::LANE, "bulk");
        headers.insert_number(header::ATTEMPT, 2);
        headers.insert(header::FIRST_FAILED_AT, "2026-11-22T09:00:00Z");
        Delivery {
            queue: "load.shop.order.bulk".to_owned(),
            exchange: "events".to_owned(),
            key: "order.placed.erp.bulk".to_owned(),
            id: Some("id-1".to_owned()),
            content_type: Some("application/cloudevents+json".to_owned()),
            headers,
            body: Bytes::from_static(b"\xff{}"),
            delivery_count: 0,
            receipt: Receipt { epoch: 1, tag: 1 },
        }
    }

    fn levels() -> Levels {
        Levels::new([5, 30].map(Duration::from_secs)).unwrap()
    }

    fn failed() -> Failed<'static> {
        Failed::new(FailureKind::Unavailable, "maintenance", AT.parse().unwrap())
    }

    #[test]
    fn a_retry_counts_keeps_its_first_failure_and_loses_the_brokers_headers() {
        let message = retry(&delivery(), failed(), Duration::from_secs(6), &levels());
        assert_eq!(
            (message.exchange.as_str(), message.key.as_str()),
            ("delay.30s", "load.shop.order.bulk")
        );
        assert_eq!(message.headers.number(header::ATTEMPT), Some(3));
        assert_eq!(message.headers.text(header::FIRST_FAILED_AT), Some("2026-11-22T09:00:00Z"));
        assert_eq!(message.headers.text("x-death"), None);
        assert_eq!(message.headers.text(header::LANE), Some("bulk"));
    }

    #[test]
    fn a_retry_says_how_long_it_was_tried_and_how_often_it_failed_so() {
        let mut tried = delivery();
        let mut failed = failed();
        for (kind, seconds, in_a_row) in [
            (FailureKind::Unavailable, 0, 1),
            (FailureKind::Unavailable, 30, 2),
            (FailureKind::Internal, 45, 1),
        ] {
            (failed.kind, failed.tried_for) = (kind, Duration::from_secs(seconds));
            tried.headers = retry(&tried, failed, Duration::ZERO, &levels()).headers;
            let history = History::of(&tried);
            assert_eq!((history.failure_kind, history.kind_attempts), (Some(kind), in_a_row));
            assert_eq!(history.tried_for, Duration::from_secs(seconds));
            assert_eq!(history.last_failed_at, Some(failed.at));
        }
    }

    #[test]
    fn a_wait_beyond_the_longest_level_says_until_when() {
        let at = AT.parse().unwrap();
        let message = postpone(&delivery(), at, Duration::from_mins(5), &levels());
        assert_eq!(message.exchange, "delay.30s");
        assert_eq!(message.headers.number(header::ATTEMPT), Some(2));
        assert_eq!(message.headers.text(header::NOT_BEFORE), Some("2026-11-22T09:20:00Z"));
    }

    #[test]
    fn deaths_are_counted_over_postponements_and_forgotten_by_a_retry_and_a_return() {
        let levels = levels();
        let mut fatal = delivery();
        for died in [5, 10] {
            fatal.delivery_count = 5;
            let postponed = postpone(&fatal, failed().at, Duration::ZERO, &levels);
            assert_eq!(postponed.headers.number(header::DEATHS), Some(died));
            fatal.headers = postponed.headers;
        }
        assert_eq!(History::of(&fatal).deaths, 15);
        let retried = retry(&fatal, failed(), Duration::ZERO, &levels);
        for forgetful in [retried, give_back(&fatal)] {
            assert_eq!(forgetful.headers.number(header::DEATHS), None);
        }
        let unharmed = postpone(&delivery(), failed().at, Duration::ZERO, &levels);
        assert_eq!(unharmed.headers.number(header::DEATHS), None);
    }

    #[test]
    fn headers_that_fill_a_frame_leave_room_for_the_failure() {
        let mut full = delivery();
        for n in 0..200 {
            full.headers.insert(&format!("x-{n}"), "v".repeat(600));
        }
        let message = dead(&full, failed(), "host");
        let bytes: usize = message.headers.iter().map(|(name, v)| name.len() + v.bytes()).sum();
        assert!(bytes < 2 * limits::CARRIED_BYTES, "{bytes}");
        assert_eq!(message.headers.text(header::LANE), Some("bulk"));
        assert_eq!(message.headers.text(header::FAILURE_KIND), Some("unavailable"));
    }

    #[test]
    fn a_dead_letter_that_is_sent_again_is_the_message_that_died_in_its_next_generation() {
        let missing = "product/MUG".parse().unwrap();
        let failed = Failed { missing: Some(&missing), route: Some("orders"), ..failed() };
        let letter = dead(&delivery(), failed, "host");
        assert_eq!(letter.headers.text(header::MISSING), Some("product/MUG"));
        let again = send_again(Dead {
            origin: letter.key,
            id: letter.id,
            content_type: letter.content_type,
            headers: letter.headers,
            body: letter.body,
        });
        let mut expected = Headers::default();
        expected.insert(header::LANE, "bulk");
        expected.insert_number(header::GENERATION, 1);
        assert_eq!(again.headers, expected);
        assert_eq!(
            (again.exchange.as_str(), again.key.as_str()),
            ("requeue", "load.shop.order.bulk")
        );
        assert_eq!((again.id.as_str(), again.body), ("id-1", delivery().body));
    }

    #[test]
    fn a_dead_letter_is_byte_identical_and_its_headers_are_bounded() {
        let long = "ä".repeat(limits::DETAIL_BYTES);
        let message = dead(&delivery(), Failed { detail: &long, ..failed() }, "host");
        assert_eq!(message.body, delivery().body);
        assert_eq!(message.key, "load.shop.order.bulk");
        assert_eq!(message.headers.text(header::DETAIL).unwrap().len(), limits::DETAIL_BYTES);
        assert_eq!(message.headers.text(header::FAILURE_KIND), Some("unavailable"));
    }
}
