//! The store a configuration names, whichever it is.
//!
//! Nothing is opened before it is needed, and what cannot be opened is tried again with the next
//! call: a service starts without its store, says so, and goes on once it is there.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ferry_canonical::{Entity, Outcome, Subject};
use ferry_config::StoreConfig;
use jiff::Timestamp;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    Alert, Alerts, Attendance, Attended, Care, CareState, Cursors, DeadFilter, DeadLetter,
    DeadLetters, DeadSummary, Decision, DocumentEnd, DocumentState, Dying, EntityView, ExportState,
    Exports, Gone, GoneRow, Group, GroupClaim, HeldRemovals, Journal, JournalEntry, JournalFilter,
    JournalRow, KeptPart, Known, Lease, Leases, Ledger, Link, Linked, Links, Look, NewDocument,
    Notice, Observed, OpenDocument, Overview, Overviews, PostgresStore, PutOff, Said, ScannedPage,
    Scans, ScheduleChange, ScheduleState, Schedules, Settled, Settlement, SqliteStore, StoreError,
    Telling, Waiting, Wake, Wakes, Woken,
};

/// A handle on one store; clones are the same.
#[derive(Clone, Debug)]
pub struct Store(Arc<Backend>);

#[derive(Debug)]
enum Backend {
    Sqlite(File),
    Postgres(PostgresStore),
}

/// A store of files, from its first use on.
#[derive(Debug)]
struct File {
    folder: PathBuf,
    clock: fn() -> Timestamp,
    opened: OnceCell<SqliteStore>,
}

impl File {
    async fn open(&self) -> Result<&SqliteStore, StoreError> {
        let open = || async {
            let (folder, clock) = (self.folder.clone(), self.clock);
            let opened = tokio::task::spawn_blocking(move || SqliteStore::open(folder, clock));
            opened.await.unwrap_or_else(|_| {
                Err(StoreError::Unusable("it was not opened to the end".to_owned()))
            })
        };
        self.opened.get_or_try_init(open).await
    }
}

/// Does the same on either store.
macro_rules! on {
    ($handle:expr, $store:ident => $call:expr) => {
        match &*$handle.0 {
            Backend::Sqlite(file) => {
                let $store = file.open().await?;
                $call.await
            }
            Backend::Postgres($store) => $call.await,
        }
    };
}

impl Store {
    /// The store of a configuration. `clock` is the time of a store of files; a database has its own.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when a database's url is none. Nothing is opened yet.
    pub fn of(config: &StoreConfig, clock: fn() -> Timestamp) -> Result<Self, StoreError> {
        let backend = match config {
            StoreConfig::Sqlite { folder } => {
                Backend::Sqlite(File { folder: folder.clone(), clock, opened: OnceCell::new() })
            }
            StoreConfig::Postgres { url } => Backend::Postgres(PostgresStore::new(url.reveal())?),
        };
        Ok(Self(Arc::new(backend)))
    }

    /// Whether it can be used at this moment, which takes a write: a full disk and a server that
    /// follows another one can still be read.
    pub async fn ready(&self) -> Result<(), StoreError> {
        const TRACE: &str = "readiness";
        let trace = Lease { name: TRACE.to_owned(), owner: TRACE.to_owned() };
        self.lease(trace, Duration::ZERO).await.map(drop)
    }
}

impl Ledger for Store {
    async fn claim(&self, groups: Vec<Group>) -> Result<Vec<GroupClaim>, StoreError> {
        on!(self, store => store.claim(groups))
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        journal: Vec<JournalEntry>,
    ) -> Result<Vec<Settled>, StoreError> {
        on!(self, store => store.settle(settlements, journal))
    }

    async fn renew(
        &self,
        target: &str,
        tokens: Vec<Uuid>,
        lease: Duration,
    ) -> Result<Vec<Uuid>, StoreError> {
        on!(self, store => store.renew(target, tokens, lease))
    }

    async fn end(
        &self,
        target: &str,
        route: &str,
        ended: Vec<(Uuid, u32, Outcome, String)>,
    ) -> Result<(), StoreError> {
        on!(self, store => store.end(target, route, ended))
    }
}

impl Journal for Store {
    async fn append(&self, entries: Vec<JournalEntry>) -> Result<(), StoreError> {
        on!(self, store => store.append(entries))
    }

    async fn search(&self, filter: JournalFilter) -> Result<Vec<JournalRow>, StoreError> {
        on!(self, store => store.search(filter))
    }
}

impl DeadLetters for Store {
    async fn bury(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        on!(self, store => store.bury(letters))
    }

    async fn dead(&self, filter: DeadFilter) -> Result<Vec<DeadSummary>, StoreError> {
        on!(self, store => store.dead(filter))
    }

    async fn dead_letter(&self, id: i64) -> Result<Option<(DeadSummary, DeadLetter)>, StoreError> {
        on!(self, store => store.dead_letter(id))
    }

    async fn close_overtaken(&self, limit: u32) -> Result<u64, StoreError> {
        on!(self, store => store.close_overtaken(limit))
    }

    async fn awaited(&self, limit: u32) -> Result<Vec<(i64, DeadLetter)>, StoreError> {
        on!(self, store => store.awaited(limit))
    }

    async fn close(&self, ids: Vec<i64>, by: &str) -> Result<(), StoreError> {
        on!(self, store => store.close(ids, by))
    }
}

impl Leases for Store {
    async fn lease(&self, lease: Lease, ttl: Duration) -> Result<bool, StoreError> {
        on!(self, store => store.lease(lease, ttl))
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        on!(self, store => store.release(lease))
    }
}

impl PutOff for Store {
    async fn put_off(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> Result<(), StoreError> {
        on!(self, store => store.put_off(entity, system, ids, operation))
    }

    async fn has_ended(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> Result<(), StoreError> {
        on!(self, store => store.has_ended(entity, system, ids, operation))
    }

    async fn operations(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Vec<String>>, StoreError> {
        on!(self, store => store.operations(entity, system, ids))
    }
}

impl Known for Store {
    async fn known(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        on!(self, store => store.known(entity, system, ids))
    }

    async fn owner(
        &self,
        entity: Entity,
        system: &str,
        own_id: &str,
    ) -> Result<Option<String>, StoreError> {
        on!(self, store => store.owner(entity, system, own_id))
    }
}

impl Cursors for Store {
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        on!(self, store => store.cursor(name))
    }

    async fn move_cursor(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<bool, StoreError> {
        on!(self, store => store.move_cursor(name, from, to))
    }
}

impl Scans for Store {
    async fn scanned(&self, scan: &str, ids: Vec<String>) -> Result<Vec<Option<Said>>, StoreError> {
        on!(self, store => store.scanned(scan, ids))
    }

    async fn keep_page(&self, scan: &str, page: ScannedPage) -> Result<bool, StoreError> {
        on!(self, store => store.keep_page(scan, page))
    }

    async fn gone(
        &self,
        scan: &str,
        walk: u64,
        which: Gone,
        limit: u32,
    ) -> Result<Vec<GoneRow>, StoreError> {
        on!(self, store => store.gone(scan, walk, which, limit))
    }

    async fn hold_gone(&self, scan: &str, walk: u64) -> Result<(), StoreError> {
        on!(self, store => store.hold_gone(scan, walk))
    }

    async fn held(&self, scan: &str, limit: u32) -> Result<HeldRemovals, StoreError> {
        on!(self, store => store.held(scan, limit))
    }

    async fn decide(&self, scan: &str, count: u64, decision: Decision) -> Result<bool, StoreError> {
        on!(self, store => store.decide(scan, count, decision))
    }

    async fn forget_gone(&self, scan: &str, walk: u64, ids: Vec<String>) -> Result<(), StoreError> {
        on!(self, store => store.forget_gone(scan, walk, ids))
    }

    async fn forget_unseen(&self, scan: &str, since_walk: u64) -> Result<u64, StoreError> {
        on!(self, store => store.forget_unseen(scan, since_walk))
    }
}

impl Links for Store {
    async fn links(&self, system: &str, entity: Entity) -> Result<Vec<Link>, StoreError> {
        on!(self, store => store.links(system, entity))
    }

    async fn link(&self, system: &str, links: Vec<Link>) -> Result<Vec<Linked>, StoreError> {
        on!(self, store => store.link(system, links))
    }
}

impl Schedules for Store {
    async fn schedules(&self) -> Result<Vec<ScheduleState>, StoreError> {
        on!(self, store => store.schedules())
    }

    async fn schedule(&self, name: &str) -> Result<ScheduleState, StoreError> {
        on!(self, store => store.schedule(name))
    }

    async fn change_schedule(
        &self,
        name: &str,
        change: ScheduleChange,
    ) -> Result<ScheduleState, StoreError> {
        on!(self, store => store.change_schedule(name, change))
    }
}

impl Wakes for Store {
    async fn hear(
        &self,
        source: &str,
        message_id: Option<u64>,
        wakes: Vec<Wake>,
    ) -> Result<(), StoreError> {
        on!(self, store => store.hear(source, message_id, wakes))
    }

    async fn heard(&self, source: &str) -> Result<Option<u64>, StoreError> {
        on!(self, store => store.heard(source))
    }

    async fn woken(
        &self,
        source: &str,
        endpoint: &str,
        limit: u32,
    ) -> Result<Vec<Woken>, StoreError> {
        on!(self, store => store.woken(source, endpoint, limit))
    }

    async fn rest(&self, done: Vec<Woken>) -> Result<(), StoreError> {
        on!(self, store => store.rest(done))
    }
}

impl Exports for Store {
    async fn export(&self, target: &str, count_max: u32) -> Result<ExportState, StoreError> {
        on!(self, store => store.export(target, count_max))
    }

    async fn waiting(
        &self,
        target: &str,
        after: Option<&Waiting>,
        limit: u32,
    ) -> Result<Vec<Waiting>, StoreError> {
        on!(self, store => store.waiting(target, after, limit))
    }

    async fn pass_over(&self, target: &str, parts: Vec<KeptPart>) -> Result<(), StoreError> {
        on!(self, store => store.pass_over(target, parts))
    }

    async fn freeze(&self, document: NewDocument) -> Result<bool, StoreError> {
        on!(self, store => store.freeze(document))
    }

    async fn open_document(&self, target: &str) -> Result<Option<OpenDocument>, StoreError> {
        on!(self, store => store.open_document(target))
    }

    async fn settle_document(
        &self,
        target: &str,
        number: u64,
        end: DocumentEnd,
    ) -> Result<bool, StoreError> {
        on!(self, store => store.settle_document(target, number, end))
    }

    async fn dissolve(&self, target: &str, number: u64, because: &str) -> Result<bool, StoreError> {
        on!(self, store => store.dissolve(target, number, because))
    }

    async fn documents(&self, target: &str, limit: u32) -> Result<Vec<DocumentState>, StoreError> {
        on!(self, store => store.documents(target, limit))
    }

    async fn document(
        &self,
        target: &str,
        number: u64,
    ) -> Result<Option<(DocumentState, Vec<Subject>)>, StoreError> {
        on!(self, store => store.document(target, number))
    }
}

impl Care for Store {
    async fn cares(&self) -> Result<Vec<CareState>, StoreError> {
        on!(self, store => store.cares())
    }

    async fn attend(&self, attendance: Attendance) -> Result<Attended, StoreError> {
        on!(self, store => store.attend(attendance))
    }

    async fn pause(
        &self,
        target: &str,
        by: &str,
        reason: &str,
        lasting: Option<Duration>,
    ) -> Result<CareState, StoreError> {
        on!(self, store => store.pause(target, by, reason, lasting))
    }

    async fn resume(&self, target: &str) -> Result<CareState, StoreError> {
        on!(self, store => store.resume(target))
    }
}

impl Alerts for Store {
    async fn observe(&self, look: Look) -> Result<Observed, StoreError> {
        on!(self, store => store.observe(look))
    }

    async fn take_notice(
        &self,
        channel: &str,
        lease: Duration,
    ) -> Result<Option<Notice>, StoreError> {
        on!(self, store => store.take_notice(channel, lease))
    }

    async fn settle_notice(
        &self,
        id: Uuid,
        attempt: u32,
        telling: Telling,
    ) -> Result<bool, StoreError> {
        on!(self, store => store.settle_notice(id, attempt, telling))
    }

    async fn alerts(&self, limit: u32) -> Result<Vec<Alert>, StoreError> {
        on!(self, store => store.alerts(limit))
    }

    async fn dying(&self, within: Duration) -> Result<Vec<Dying>, StoreError> {
        on!(self, store => store.dying(within))
    }
}

impl Overviews for Store {
    async fn overview(&self) -> Result<Overview, StoreError> {
        on!(self, store => store.overview())
    }

    async fn entity(&self, entity: &str, id: &str) -> Result<EntityView, StoreError> {
        on!(self, store => store.entity(entity, id))
    }

    async fn count_records(&self, system: &str, records: u64) -> Result<(), StoreError> {
        on!(self, store => store.count_records(system, records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::on_sqlite::tests::clock;

    #[tokio::test]
    async fn a_store_that_cannot_be_opened_is_tried_again_with_the_next_call() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("state");
        std::fs::write(&folder, "in the way").unwrap();
        let config = StoreConfig::Sqlite { folder: folder.clone() };
        let store = Store::of(&config, clock).unwrap();

        assert!(matches!(store.ready().await, Err(StoreError::Unusable(_))));
        assert!(store.cursor("orders").await.is_err());
        std::fs::remove_file(folder).unwrap();
        assert_eq!(store.cursor("orders").await.unwrap(), None);
        store.ready().await.unwrap();
    }

    #[tokio::test]
    async fn a_store_that_can_only_be_read_is_not_ready() {
        let place = tempfile::tempdir().unwrap();
        let config = StoreConfig::Sqlite { folder: place.path().to_owned() };
        let store = Store::of(&config, clock).unwrap();
        store.ready().await.unwrap();

        // As a full disk has it: what is there can be read.
        let ledger = rusqlite::Connection::open(place.path().join("ledger.db")).unwrap();
        let refuse = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
        for verb in ["INSERT", "UPDATE"] {
            let full = format!("CREATE TRIGGER full_{verb} BEFORE {verb} ON lease {refuse}");
            ledger.execute(&full, ()).unwrap();
        }

        assert!(store.cursor("orders").await.is_ok());
        assert!(matches!(store.ready().await, Err(StoreError::Unusable(_))));
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_is_no_reason_not_to_start() {
        let url = ferry_config::Secret::new("postgres://ferry:secret@127.0.0.1:1/ferry");
        let store = Store::of(&StoreConfig::Postgres { url }, clock).unwrap();

        assert!(matches!(store.ready().await, Err(StoreError::Unusable(_))));
    }
}
