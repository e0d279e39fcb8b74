//! Names of the AMQP headers that travel with records, events and dead letters.

/// 1-based count of failed tries; absent on a first delivery.
pub const ATTEMPT: &str = "ferry-attempt";
/// RFC 3339.
pub const FIRST_FAILED_AT: &str = "ferry-first-failed-at";
/// RFC 3339.
pub const LAST_FAILED_AT: &str = "ferry-last-failed-at";
/// Milliseconds between failed tries in which the target could be asked; absent before the second.
pub const TRIED_FOR_MS: &str = "ferry-tried-for-ms";
/// A [`crate::FailureKind`]'s word.
pub const FAILURE_KIND: &str = "ferry-failure-kind";
/// How many tries in a row have failed with that kind.
pub const KIND_ATTEMPTS: &str = "ferry-kind-attempts";
/// How often its consumers died with it in hand, up to its last postponement; absent for 0.
pub const DEATHS: &str = "ferry-deaths";
/// RFC 3339: the delivery waits for this time without burning attempts.
pub const NOT_BEFORE: &str = "ferry-not-before";
/// Counts retries by hand, from 0.
pub const GENERATION: &str = "ferry-generation";
pub const LANE: &str = "ferry-lane";
/// W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// The system a record came from, as configured.
pub const SOURCE: &str = "ferry-source";
/// What of that system said it: `customers`, `orders`, `push`, a file's kind.
pub const ENDPOINT: &str = "ferry-endpoint";
/// Channel or organisation.
pub const SCOPE: &str = "ferry-scope";
/// RFC 3339: when the copy was received or the page was requested.
pub const RECEIVED_AT: &str = "ferry-received-at";
/// The source's own message id.
pub const SOURCE_MESSAGE_ID: &str = "ferry-message-id";
/// A file's declared as-of time (RFC 3339).
pub const AS_OF: &str = "ferry-as-of";
/// The line of the file on which a chunk's first row stands, 1-based.
pub const FIRST_LINE: &str = "ferry-first-line";
/// The file a chunk was cut from; its name only.
pub const FILE: &str = "ferry-file";

/// The key of the entity a bad item is about, where it could be read.
pub const KEY: &str = "ferry-key";
/// Where in its record a bad item stood (RFC 6901 pointer, or `line N`).
pub const POINTER: &str = "ferry-pointer";
/// The operator's sentence.
pub const SENTENCE: &str = "ferry-sentence";
/// At most [`crate::limits::DETAIL_BYTES`].
pub const DETAIL: &str = "ferry-detail";
/// The target's HTTP status.
pub const STATUS: &str = "ferry-status";
/// At most [`crate::limits::EXCERPT_BYTES`] of the target's answer.
pub const RESPONSE: &str = "ferry-response";
/// The response rule that matched.
pub const RULE: &str = "ferry-rule";
/// What is missing at the target, as far as that is known: a [`crate::Reference`].
pub const MISSING: &str = "ferry-missing";
/// The queue it died in.
pub const ORIGIN: &str = "ferry-origin";
pub const HOST: &str = "ferry-host";
pub const VERSION: &str = "ferry-version";
pub const ROUTE: &str = "ferry-route";

/// What a failure wrote about itself. A message that is sent again as if it had never failed carries
/// none of it.
pub const OF_FAILURES: &[&str] = &[
    ATTEMPT,
    FIRST_FAILED_AT,
    LAST_FAILED_AT,
    TRIED_FOR_MS,
    FAILURE_KIND,
    KIND_ATTEMPTS,
    DEATHS,
    NOT_BEFORE,
    KEY,
    SENTENCE,
    DETAIL,
    STATUS,
    RESPONSE,
    RULE,
    MISSING,
    ORIGIN,
    HOST,
    VERSION,
    ROUTE,
];

/// Everything a broker or an earlier failure wrote, which no republish may carry on:
/// see the RabbitMQ reference §0.4, §0.5.
pub const STRIPPED: &[&str] = &[
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-delivery-count",
    "x-acquired-count",
];
