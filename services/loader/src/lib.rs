//! The loader: applies an event to a target exactly when it should be, with one effect.
//!
//! A delivery's life is decode → resolve → claim → decide → act → settle → ack. Each target has one
//! [`desk::Desk`] that runs it for every queue of that target; the ledger decides who may write, the
//! system writes, and [`decide`] alone says what follows a failure. Nothing is acknowledged before
//! what must come before it is confirmed: the ledger's commit, a retry's or a dead letter's confirm.
//!
//! It does not order entities among each other, and it holds no state that a restart would miss.

mod act;
mod alone;
mod care;
mod cause;
pub mod decide;
pub mod delivery;
pub mod desk;
mod export;
mod gate;
mod half;
mod journal;
mod lease;
mod look;
mod meeting;
pub mod metrics;
mod reader;
mod signs;
pub mod target;
mod waiting;

pub use alone::StoreLedger;
pub use desk::{Desk, DeskDied, Seams};
pub use export::{ExportMetrics, Flusher};
pub use gate::Gate;
pub use metrics::LoaderMetrics;
pub use target::{Route, Shows, Target, TwoWay};

use std::time::Duration;

/// Where calls, claims and held deliveries have their limits.
pub mod limits {
    use super::Duration;

    /// A store that has answered nobody's attendance for so long is gone: nothing is held for it.
    pub const STORE_GONE: Duration = Duration::from_secs(10);
    /// Deliveries taken from a bulk queue and not yet acknowledged; live queues have the configured
    /// prefetch.
    pub const PREFETCH_BULK: u16 = 16;
    /// Deliveries handed over in one go by a queue's reader.
    pub const TAKE: usize = 64;
    /// A busy entity is looked at again after this, growing to [`BUSY_MAX`].
    pub const BUSY_MIN: Duration = Duration::from_millis(50);
    pub const BUSY_MAX: Duration = Duration::from_millis(500);
    /// A delivery that has waited this long goes to the smallest delay level instead.
    pub const HOLD: Duration = Duration::from_secs(5);
    /// Between two attendances at the store, and while a share is lacking.
    pub const ATTEND: Duration = Duration::from_millis(500);
    pub const ATTEND_IDLE: Duration = Duration::from_secs(5);
    /// What the store said holds for so long.
    pub const VIEW_FRESH: Duration = Duration::from_millis(1_250);
    pub const ATTEND_STARVED: Duration = Duration::from_millis(250);
    /// Attendances that something gave reason for come no faster than this.
    pub const ATTEND_MIN: Duration = Duration::from_millis(50);
    /// Signs kept for a store that cannot be used.
    pub const SIGNS: usize = 64;
    /// A probe that takes longer has failed.
    pub const PROBE_PATIENCE: Duration = Duration::from_secs(10);
    /// A request of a call under way waits for its turn under a rate limit at most this long.
    pub const TURN_MAX: Duration = Duration::from_secs(30);
    /// How long a target is left alone that asks for fewer requests and does not say for how long.
    pub const RATE_LIMITED_HOLD: Duration = Duration::from_secs(1);
    /// What is held for a target that is left alone goes back to its queue after this.
    pub const GIVE_BACK_AFTER: Duration = Duration::from_mins(1);
    /// Subscriptions of one queue whose deliveries may be in hand at the same time.
    pub const SUBSCRIPTIONS_HELD: usize = 2;
    /// A confirm that has not come after this is waited for no longer.
    pub const PUBLISH_PATIENCE: Duration = Duration::from_mins(1);
    /// Between two tries of a store that cannot be used.
    pub const STORE_PAUSE: Duration = Duration::from_millis(500);
    /// A delivery with which this many consumers died is processed alone in its process.
    pub const SUSPECT_DEATHS: u32 = 5;
    /// With this many, some of them inside its call, it is not tried any more. The broker, which counts
    /// less than we do, gives up one later.
    pub const DEATHS: u32 = 100;
    /// `internal` failures in a row are tried this often in all.
    pub const INTERNAL_ATTEMPTS: u32 = 3;
    /// Of four calls, one is kept for the bulk lane while it has work.
    pub const BULK_SHARE: usize = 4;

    /// Between two looks at what waits for an export.
    pub const EXPORT_LOOK: Duration = Duration::from_secs(1);
    /// An export's lease lasts for longer than a delivery of a document: what the store takes, and this.
    pub const EXPORT_SLACK: Duration = Duration::from_secs(30);
    /// Between two tries of one document, growing.
    pub const EXPORT_AGAIN_MIN: Duration = Duration::from_secs(1);
    pub const EXPORT_AGAIN_MAX: Duration = Duration::from_mins(10);
    /// The longest `Retry-After` of a receiver that is respected.
    pub const EXPORT_HOLD_MAX: Duration = Duration::from_hours(6);
    /// A document that has arrived is marked so often, [`STORE_PAUSE`] apart, before it is left to be
    /// sent again.
    pub const EXPORT_SETTLE_TRIES: u32 = 40;
    /// Waiting parts that are read at once.
    pub const EXPORT_PAGE: u32 = 100;
    /// A document that has grown to this takes no more parts. The last may be as large as an event.
    pub const EXPORT_BYTES: usize = 32 * 1024 * 1024;
    /// Parts of a document that are written into the journal at once.
    pub const EXPORT_TOLD: usize = 200;

    // While a document that has arrived is being marked, nobody else sends it.
    const _: () = assert!(
        STORE_PAUSE.saturating_mul(EXPORT_SETTLE_TRIES).as_millis() < EXPORT_SLACK.as_millis()
    );
    // An idle desk that attends in time never takes its store for gone.
    const _: () = assert!(ATTEND_IDLE.as_secs() + HOLD.as_secs() <= STORE_GONE.as_secs());
    const _: () = assert!(BUSY_MAX.as_millis() < HOLD.as_millis());
    // A probe that hangs has been given up before another loader is told to probe.
    const _: () = assert!(PROBE_PATIENCE.as_secs() < ferry_store::care::PROBE_LEASE.as_secs());
    // A loader that attends in time never loses its share.
    const _: () = assert!(ATTEND.as_millis() * 2 < ferry_store::care::SHARE_LEASE.as_millis());
    const _: () = assert!(ATTEND_IDLE.as_millis() * 2 < ferry_store::care::IDLE_LEASE.as_millis());
    const _: () = assert!(ATTEND.as_millis() < VIEW_FRESH.as_millis());
}
