//! The store: ledger, journal, cursors, leases, schedules, scans, exports, care of targets, dead letters and
//! alerts, as traits, on SQLite for one host and on PostgreSQL for several.
//!
//! The ledger decides, in one transaction per batch, what each delivery may do; the journal keeps
//! every transaction with a system; dead letters are kept until a person has dealt with them. All
//! times in the store come from the store's own clock, so that processes of one store agree. It
//! knows no broker, no HTTP and no system's format.
//!
//! What every backend promises is tested in `tests`, once: a test there takes `store()`, moves its
//! clock with `pass`, and looks at rows through `number` and `texts` in SQL that both backends read.
//! What only one backend has (files, sessions) is tested beside it.

pub mod alerts;
pub mod care;
pub mod cursor;
pub mod dead;
mod decide;
pub mod export;
mod handle;
pub mod journal;
mod known;
pub mod ledger;
pub mod links;
#[cfg(test)]
#[cfg(feature = "postgres")]
mod on_postgres;
#[cfg(test)]
mod on_sqlite;
pub mod overview;
mod page;
mod postgres;
mod put_off;
pub mod scan;
pub mod schedule;
pub mod sqlite;
mod storable;
mod value;

pub use alerts::{Alert, Alerts, Dying, Found, Look, Notice, Observed, Phase, Telling, Told};
pub use care::{
    Ask, Attendance, Attended, BreakerState, Care, CareState, Granted, Pause, Rules, Sign, Stop,
};
pub use cursor::{Cursors, Lease, Leases};
pub use dead::{AWAITED_SLACK, DeadFilter, DeadLetter, DeadLetters, DeadSummary, Position};
pub use export::{
    DOCUMENTS_KEPT, DocumentEnd, DocumentPhase, DocumentState, ExportState, Exports, KeptPart,
    NewDocument, OpenDocument, Waiting,
};
pub use handle::Store;
pub use journal::{Direction, Journal, JournalEntry, JournalFilter, JournalRow};
pub use known::Known;
pub use ledger::{
    Agreed, Amending, Base, Claimed, Grant, Group, GroupClaim, Ledger, Member, Met, NO_ROUTE,
    PartState, Seen, Settle, Settled, Settlement, Verdict,
};
pub use links::{Link, Linked, Links};
pub use overview::{AppliedPart, EntityView, Overview, Overviews, RouteTally};
pub use postgres::PostgresStore;
pub use put_off::PutOff;
pub use scan::{Decision, Gone, GoneRow, HeldRemovals, Said, ScannedPage, ScannedRow, Scans};
pub use schedule::{
    Asked, Because, Run, ScheduleChange, ScheduleState, Schedules, Wake, Wakes, Walk, Woken,
};
pub use sqlite::{Mode, Options, SqliteStore};

/// The store could not do what was asked; nothing of the transaction happened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store is busy: another process has held its lock for too long")]
    Busy,
    #[error("the store cannot be used: {0}")]
    Unusable(String),
    /// Not the store, but what it was to keep is at fault: it will not take it later either.
    #[error("the store does not take a value: {0}")]
    Unstorable(String),
    #[error("the store's content does not have the form this version expects: {0}")]
    Corrupt(String),
    #[error("the store belongs to schema version {found}; this program knows {known}. {advice}")]
    Version { found: u32, known: u32, advice: &'static str },
}
