//! The store on SQLite: a folder with `ledger.db` and `journal.db`, shared by the processes of one
//! host.
//!
//! What it answers is on disk: the ledger survives a power cut (`synchronous = FULL`), the journal
//! may lose its last moments to one, but to nothing less. Every decision about time is taken by
//! the one clock it is given. It does not work over a network file system.

mod agreed;
mod alerts;
mod care;
mod cursor;
mod dead;
mod error;
mod exports;
mod file;
mod journal;
mod links;
mod overview;
mod put_off;
mod read;
mod scan;
mod schedule;
mod steps;
#[cfg(test)]
mod tests;
mod turn;

mod write;

use std::{path::Path, sync::Arc, time::Duration};

use ferry_canonical::{Entity, Outcome};
use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use self::file::{File, Schema};
use crate::{
    Alert, Alerts, Attendance, Attended, Care, CareState, Cursors, DeadFilter, DeadLetter,
    DeadLetters, DeadSummary, Dying, EntityView, Group, GroupClaim, Journal, JournalEntry,
    JournalFilter, JournalRow, Known, Lease, Leases, Ledger, Look, Notice, Observed, Overview,
    Overviews, Settled, Settlement, StoreError, Telling, storable, value,
};

const LEDGER: Schema = Schema {
    synchronous: "full",
    migrations: &[
        include_str!("sqlite/ledger.sql"),
        include_str!("sqlite/care.sql"),
        include_str!("sqlite/alerts.sql"),
        include_str!("sqlite/letters.sql"),
        include_str!("sqlite/dead_entity.sql"),
        include_str!("sqlite/steps.sql"),
        include_str!("sqlite/agreed.sql"),
        include_str!("sqlite/schedule.sql"),
        include_str!("sqlite/wakes.sql"),
        include_str!("sqlite/exports.sql"),
        include_str!("sqlite/put_off.sql"),
        include_str!("sqlite/scan.sql"),
    ],
};
const JOURNAL: Schema =
    Schema { synchronous: "normal", migrations: &[include_str!("sqlite/journal.sql")] };

/// Where a call's work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On tokio's threads for blocking work. A call whose future is dropped is still carried out.
    Blocking,
    /// In place, before the future first waits: for the simulation and tests.
    Inline,
}

#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub mode: Mode,
    /// The store's clock. All processes of one store read the same one: their host's.
    pub clock: fn() -> Timestamp,
}

/// A handle on one store; clones share its connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    files: Arc<Files>,
    options: Options,
}

#[derive(Debug)]
struct Files {
    ledger: File,
    journal: File,
}

/// One transaction that holds the ledger's write lock, and the time by which it decides.
#[derive(Clone, Copy, Debug)]
struct Turn<'a> {
    ledger: &'a Connection,
    now: Timestamp,
}

impl Files {
    /// The time is read once the lock is held: a wait for it must not make leases look longer.
    fn turn<T>(
        &self,
        clock: fn() -> Timestamp,
        work: impl FnOnce(Turn<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.ledger.write(|ledger| work(Turn { ledger, now: clock() }))
    }
}

impl SqliteStore {
    /// Opens the store of a service: [`Mode::Blocking`], see [`Self::open_with`].
    pub fn open(folder: impl AsRef<Path>, clock: fn() -> Timestamp) -> Result<Self, StoreError> {
        Self::open_with(folder, Options { mode: Mode::Blocking, clock })
    }

    /// Opens the store in `folder`, creating or migrating it where needed. Blocks.
    pub fn open_with(folder: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(|error| {
            StoreError::Unusable(format!("its folder cannot be created: {}", error.kind()))
        })?;
        let ledger = File::open(&folder.join("ledger.db"), LEDGER)?;
        let journal = File::open(&folder.join("journal.db"), JOURNAL)?;
        Ok(Self { files: Arc::new(Files { ledger, journal }), options })
    }

    /// A store that lives as long as its last clone, called inline.
    pub fn in_memory(clock: fn() -> Timestamp) -> Result<Self, StoreError> {
        let ledger = File::in_memory(LEDGER)?;
        let journal = File::in_memory(JOURNAL)?;
        let options = Options { mode: Mode::Inline, clock };
        Ok(Self { files: Arc::new(Files { ledger, journal }), options })
    }

    #[cfg(test)]
    pub(crate) fn read_ledger<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.files.ledger.read(work)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Files) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match self.options.mode {
            Mode::Inline => work(&self.files),
            Mode::Blocking => {
                let files = Arc::clone(&self.files);
                tokio::task::spawn_blocking(move || work(&files)).await.map_err(|_| {
                    StoreError::Unusable("its work was cut short by a panic or the end".to_owned())
                })?
            }
        }
    }
}

impl Ledger for SqliteStore {
    async fn claim(&self, groups: Vec<Group>) -> Result<Vec<GroupClaim>, StoreError> {
        let (clock, groups) = (self.options.clock, storable::groups(groups));
        self.run(move |files| files.turn(clock, |turn| turn::claim(turn, &groups))).await
    }

    /// The ledger is written first. When the journal then fails, the error is returned although
    /// the settlements stand: repeated, they are [`Settled::Lost`], and a delivery that comes again
    /// finds its outcome.
    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        entries: Vec<JournalEntry>,
    ) -> Result<Vec<Settled>, StoreError> {
        let clock = self.options.clock;
        let settlements = storable::settlements(settlements);
        let entries = storable::entries(entries);
        self.run(move |files| {
            let settled = if settlements.is_empty() {
                Vec::new()
            } else {
                files.turn(clock, |turn| turn::settle(turn, &settlements))?
            };
            append(files, &entries)?;
            Ok(settled)
        })
        .await
    }

    async fn renew(
        &self,
        target: &str,
        tokens: Vec<Uuid>,
        lease: Duration,
    ) -> Result<Vec<Uuid>, StoreError> {
        let clock = self.options.clock;
        let target = target.to_owned();
        self.run(move |files| files.turn(clock, |turn| turn::renew(turn, &target, &tokens, lease)))
            .await
    }

    async fn end(
        &self,
        target: &str,
        route: &str,
        ended: Vec<(Uuid, u32, Outcome, String)>,
    ) -> Result<(), StoreError> {
        let clock = self.options.clock;
        let (target, route) = (target.to_owned(), route.to_owned());
        self.run(move |files| files.turn(clock, |turn| turn::end(turn, &target, &route, &ended)))
            .await
    }
}

fn append(files: &Files, entries: &[JournalEntry]) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    files.journal.write(|journal| journal::append(journal, entries))
}

impl Journal for SqliteStore {
    async fn append(&self, entries: Vec<JournalEntry>) -> Result<(), StoreError> {
        let entries = storable::entries(entries);
        self.run(move |files| append(files, &entries)).await
    }

    async fn search(&self, filter: JournalFilter) -> Result<Vec<JournalRow>, StoreError> {
        self.run(move |files| files.journal.read(|journal| journal::search(journal, &filter))).await
    }
}

impl DeadLetters for SqliteStore {
    async fn bury(&self, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
        let (clock, letters) = (self.options.clock, storable::letters(letters));
        self.run(move |files| files.turn(clock, |turn| dead::bury(turn, &letters))).await
    }

    async fn dead(&self, filter: DeadFilter) -> Result<Vec<DeadSummary>, StoreError> {
        self.run(move |files| files.ledger.read(|ledger| dead::list(ledger, &filter))).await
    }

    async fn close_overtaken(&self, limit: u32) -> Result<u64, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| {
            // Looked for without the write lock: there may be very many open letters.
            let found = files.ledger.read(|ledger| dead::overtaken(ledger, limit))?;
            if found.is_empty() {
                return Ok(0);
            }
            let by = "the same state or a later one of this part was brought to the target";
            files.turn(clock, |turn| dead::close(turn, &found, by))?;
            Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn awaited(&self, limit: u32) -> Result<Vec<(i64, DeadLetter)>, StoreError> {
        self.run(move |files| files.ledger.read(|ledger| dead::awaited(ledger, limit))).await
    }

    async fn close(&self, ids: Vec<i64>, by: &str) -> Result<(), StoreError> {
        let (clock, by) = (self.options.clock, by.to_owned());
        self.run(move |files| files.turn(clock, |turn| dead::close(turn, &ids, &by))).await
    }

    async fn dead_letter(&self, id: i64) -> Result<Option<(DeadSummary, DeadLetter)>, StoreError> {
        self.run(move |files| files.ledger.read(|ledger| dead::letter(ledger, id))).await
    }
}

impl Leases for SqliteStore {
    async fn lease(&self, lease: Lease, ttl: Duration) -> Result<bool, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| files.turn(clock, |turn| cursor::lease(turn, &lease, ttl))).await
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.run(move |files| files.ledger.write(|ledger| cursor::release(ledger, &lease))).await
    }
}

impl Known for SqliteStore {
    async fn known(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let system = system.to_owned();
        self.run(move |files| {
            files.ledger.read(|ledger| read::known(ledger, entity, &system, &ids))
        })
        .await
    }

    async fn owner(
        &self,
        entity: Entity,
        system: &str,
        own_id: &str,
    ) -> Result<Option<String>, StoreError> {
        let name = crate::page::OwnId { entity, system: system.to_owned(), id: own_id.to_owned() };
        self.run(move |files| files.ledger.read(|ledger| read::canonical_id(ledger, &name))).await
    }
}

impl Cursors for SqliteStore {
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        let name = name.to_owned();
        self.run(move |files| files.ledger.read(|ledger| cursor::position(ledger, &name))).await
    }

    async fn move_cursor(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<bool, StoreError> {
        let (name, from, to) = (name.to_owned(), from.map(str::to_owned), to.to_owned());
        self.run(move |files| {
            files.ledger.write(|ledger| cursor::step(ledger, &name, from.as_deref(), &to))
        })
        .await
    }
}

impl Care for SqliteStore {
    async fn cares(&self) -> Result<Vec<CareState>, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| files.ledger.read(|ledger| care::all(ledger, clock()))).await
    }

    async fn attend(&self, attendance: Attendance) -> Result<Attended, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| {
            let glance = files.ledger.read(|ledger| care::glance(ledger, &attendance, clock()))?;
            match glance {
                Some(attended) => Ok(attended),
                None => files.turn(clock, |turn| care::attend(turn, &attendance)),
            }
        })
        .await
    }

    async fn pause(
        &self,
        target: &str,
        by: &str,
        reason: &str,
        lasting: Option<Duration>,
    ) -> Result<CareState, StoreError> {
        let clock = self.options.clock;
        let (target, by, reason) = (target.to_owned(), by.to_owned(), reason.to_owned());
        self.run(move |files| {
            files.turn(clock, |turn| care::pause(turn, &target, (&by, &reason), lasting))
        })
        .await
    }

    async fn resume(&self, target: &str) -> Result<CareState, StoreError> {
        let (clock, target) = (self.options.clock, target.to_owned());
        self.run(move |files| files.turn(clock, |turn| care::resume(turn, &target))).await
    }
}

impl Alerts for SqliteStore {
    async fn observe(&self, look: Look) -> Result<Observed, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| files.turn(clock, |turn| alerts::observe(turn, &look))).await
    }

    async fn take_notice(
        &self,
        channel: &str,
        lease: Duration,
    ) -> Result<Option<Notice>, StoreError> {
        let (clock, channel) = (self.options.clock, channel.to_owned());
        self.run(move |files| files.turn(clock, |turn| alerts::take(turn, &channel, lease))).await
    }

    async fn settle_notice(
        &self,
        id: Uuid,
        attempt: u32,
        telling: Telling,
    ) -> Result<bool, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| files.turn(clock, |turn| alerts::settle(turn, id, attempt, &telling)))
            .await
    }

    async fn alerts(&self, limit: u32) -> Result<Vec<Alert>, StoreError> {
        self.run(move |files| files.ledger.read(|ledger| alerts::list(ledger, limit))).await
    }

    async fn dying(&self, within: Duration) -> Result<Vec<Dying>, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| {
            files.ledger.read(|ledger| alerts::dying(Turn { ledger, now: clock() }, within))
        })
        .await
    }
}

impl Overviews for SqliteStore {
    async fn overview(&self) -> Result<Overview, StoreError> {
        let clock = self.options.clock;
        self.run(move |files| {
            let mut overview = files.ledger.read(|ledger| overview::overview(ledger, clock()))?;
            overview.skipped_items = files.journal.read(journal::skipped_items)?;
            Ok(overview)
        })
        .await
    }

    async fn entity(&self, entity: &str, id: &str) -> Result<EntityView, StoreError> {
        let (entity, id) = (entity.to_owned(), id.to_owned());
        self.run(move |files| {
            let (id, mut view) =
                files.ledger.read(|ledger| overview::entity(ledger, &entity, &id))?;
            let filter = JournalFilter {
                entity: Some(entity),
                entity_id: Some(id),
                ..JournalFilter::default()
            };
            view.journal = files.journal.read(|journal| journal::search(journal, &filter))?;
            Ok(view)
        })
        .await
    }

    async fn count_records(&self, system: &str, records: u64) -> Result<(), StoreError> {
        let system = system.to_owned();
        self.run(move |files| {
            files.ledger.write(|ledger| overview::count_records(ledger, &system, records))
        })
        .await
    }
}
