//! The producer: makes what a source said durable, then tells the source so; runs schedules.
//!
//! A push is answered 200 only after the broker's confirm; a poll's cursor moves, and a file leaves
//! its folder, only after every record of it is confirmed. It never suppresses a push as a
//! duplicate: that is the ledger's work. A push needs only the broker; schedules and the drop
//! folder also need the store, whose leases make sure that one producer of several runs each.

mod as_of;
pub mod folder;
mod import;
pub mod journal;
mod lease;
pub mod metrics;
mod outage;
pub mod poll;
pub mod reading;
pub mod receive;
pub mod record;
mod report;
mod upload;
pub mod woken;
mod word;

pub use journal::Notes;
pub use metrics::ProducerMetrics;

use std::time::Duration;

/// Where the producer has its limits.
pub mod limits {
    use super::Duration;

    /// How long a sender waits for its answer before it hears 503. Senders usually give up at 30 s.
    pub const PUSH_PATIENCE: Duration = Duration::from_secs(10);
    /// A body that has not come whole by then is not waited for.
    pub const BODY_PATIENCE: Duration = Duration::from_secs(30);
    /// What a refused sender is told to wait.
    pub const RETRY_AFTER_SECONDS: u32 = 5;
    /// A confirm of a poll or a file is waited for this long; then the run is tried again.
    pub const PUBLISH_PATIENCE: Duration = Duration::from_mins(1);
    /// A schedule's lease, extended while its holder lives: so long after the holder was killed,
    /// another producer goes on.
    pub const LEASE: Duration = Duration::from_secs(15);
    /// After a failed run, growing to [`FAILED_MAX`].
    pub const FAILED_MIN: Duration = Duration::from_millis(500);
    pub const FAILED_MAX: Duration = Duration::from_mins(1);
    /// Journal entries that wait to be written.
    pub const NOTES: usize = 2_048;
    /// What pushes said should be read, while the store does not take it.
    pub const HEARSAY: usize = 16_384;
    /// So long the sender of a push waits for the store to take that, and no longer: a push needs only
    /// the broker.
    pub const HEAR_PATIENCE: Duration = Duration::from_secs(1);
    /// Words of pushes that are remembered, so that one that comes again wakes nothing.
    pub const WORDS: usize = 1_024;
    /// Between two tries to write what the journal is to hold while the store is away.
    pub const STORE_AGAIN: Duration = Duration::from_secs(1);
    /// Between two looks at what an operator wants of a schedule, and at what was woken.
    pub const LOOK: Duration = Duration::from_secs(1);
    /// A schedule that another producer runs is left to it for so long.
    pub const ELSEWHERE: Duration = Duration::from_secs(10);
    /// Wakes of one endpoint that are taken up together.
    pub const WAKES: u32 = 200;
    /// So many in a row that cannot be read, and it is the source rather than what was asked for.
    pub const WAKES_FAILED: u32 = 3;
    /// Tries of a wake that cannot be read, while others can.
    pub const WAKE_TRIES: u32 = 10;
    /// Chunks of a file that are published together.
    pub const CHUNKS: usize = 4;
    /// The largest file that is taken over HTTP, where it is held in memory; larger ones are dropped in
    /// the folder.
    pub const UPLOAD_BYTES: usize = 32 * 1024 * 1024;
    /// Files that are taken over HTTP at one time.
    pub const UPLOADS: usize = 2;
    /// Bad rows that the answer to an upload lists.
    pub const UPLOAD_ERRORS: usize = 1_000;
    /// Rows that may be gone in one run without a person's approval; of more than a hundred times as many,
    /// one of a hundred.
    pub const REMOVED_AT_ONCE: u32 = 20;
    /// Removals that were approved are told so many in one run.
    pub const APPROVED_AT_ONCE: u32 = 1_000;
    /// Tries to give an upload its as-of time while other producers give theirs.
    pub const GIVE_TRIES: u32 = 10;

    const _: () = assert!(UPLOAD_BYTES > ferry_canonical::limits::RECORD_BYTES);
}
