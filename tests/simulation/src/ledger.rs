//! The store as one process has it.

use std::{sync::Arc, time::Duration};

use ferry_canonical::Outcome;
use ferry_store::{
    Attendance, Attended, Care, CareState, Cursors, Decision, Gone, GoneRow, Group, GroupClaim,
    HeldRemovals, JournalEntry, Lease, Leases, Ledger, Said, ScannedPage, Scans, ScheduleChange,
    ScheduleState, Schedules, Settled, Settlement, StoreError, Wake, Wakes, Woken,
};
use tokio::time::sleep;
use uuid::Uuid;

use crate::{
    fault::{Fault, Hop},
    sim::Sim,
};

#[derive(Clone, Debug)]
pub(crate) struct Ledgers {
    pub(crate) sim: Arc<Sim>,
    pub(crate) process: String,
    pub(crate) hop: Hop,
}

impl Ledgers {
    /// One transaction, as far as luck lets it.
    async fn transact<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let among = [Fault::Delay, Fault::Busy, Fault::ApplyThenFail, Fault::Kill];
        // What the producer's HTTP meets has the same names and is struck there.
        let among = if self.hop == Hop::LoaderToStore { &among[..] } else { &[Fault::Busy][..] };
        let struck = self.sim.mix.strike(self.hop, among);
        let shown = struck.map(|fault| format!(" {fault:?}")).unwrap_or_default();
        self.sim.say(format!("{} {what}{shown}", self.process));
        match struck {
            Some(Fault::Delay) => sleep(self.sim.chance.millis(5..3_000)).await,
            Some(Fault::Busy) if self.sim.chance.coin() => return Err(StoreError::Busy),
            Some(Fault::Busy) => return Err(StoreError::Unusable("the disk is full".to_owned())),
            Some(Fault::ApplyThenFail) => {
                work.await?;
                return Err(StoreError::Unusable("the journal cannot be written".to_owned()));
            }
            Some(_) => {
                if self.sim.chance.coin() {
                    work.await?;
                }
                self.sim.kill(&self.process);
                return std::future::pending().await;
            }
            None => {}
        }
        work.await
    }
}

impl Ledger for Ledgers {
    async fn claim(&self, mut groups: Vec<Group>) -> Result<Vec<GroupClaim>, StoreError> {
        let what = format!("claims {}", groups.len());
        let Some(sabotage) = self.sim.sabotage else {
            return self.transact(&what, self.sim.store.claim(groups)).await;
        };
        sabotage.asked(&mut groups, self.sim.started.elapsed().as_millis());
        let mut claims = self.transact(&what, self.sim.store.claim(groups)).await?;
        sabotage.answered(&mut claims);
        Ok(claims)
    }

    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        journal: Vec<JournalEntry>,
    ) -> Result<Vec<Settled>, StoreError> {
        let what = format!("settles {}", settlements.len());
        self.transact(&what, self.sim.store.settle(settlements, journal)).await
    }

    async fn renew(
        &self,
        target: &str,
        tokens: Vec<Uuid>,
        lease: Duration,
    ) -> Result<Vec<Uuid>, StoreError> {
        self.transact("renews", self.sim.store.renew(target, tokens, lease)).await
    }

    async fn end(
        &self,
        target: &str,
        route: &str,
        ended: Vec<(Uuid, u32, Outcome, String)>,
    ) -> Result<(), StoreError> {
        self.transact("ends", self.sim.store.end(target, route, ended)).await
    }
}

impl Leases for Ledgers {
    async fn lease(&self, lease: Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.transact("leases", self.sim.store.lease(lease, ttl)).await
    }

    async fn release(&self, lease: Lease) -> Result<(), StoreError> {
        self.transact("releases", self.sim.store.release(lease)).await
    }
}

impl Cursors for Ledgers {
    async fn cursor(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.transact("reads a cursor", self.sim.store.cursor(name)).await
    }

    async fn move_cursor(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<bool, StoreError> {
        self.transact("moves a cursor", self.sim.store.move_cursor(name, from, to)).await
    }
}

/// What an operator sees: too frequent to be told of, and nothing hangs on it.
impl Schedules for Ledgers {
    async fn schedules(&self) -> Result<Vec<ScheduleState>, StoreError> {
        self.sim.store.schedules().await
    }

    async fn schedule(&self, name: &str) -> Result<ScheduleState, StoreError> {
        self.sim.store.schedule(name).await
    }

    async fn change_schedule(
        &self,
        name: &str,
        change: ScheduleChange,
    ) -> Result<ScheduleState, StoreError> {
        self.sim.store.change_schedule(name, change).await
    }
}

impl Scans for Ledgers {
    async fn scanned(&self, scan: &str, ids: Vec<String>) -> Result<Vec<Option<Said>>, StoreError> {
        self.transact("asks what was scanned", self.sim.store.scanned(scan, ids)).await
    }

    async fn keep_page(&self, scan: &str, page: ScannedPage) -> Result<bool, StoreError> {
        self.transact("keeps what was scanned", self.sim.store.keep_page(scan, page)).await
    }

    async fn gone(
        &self,
        scan: &str,
        walk: u64,
        which: Gone,
        limit: u32,
    ) -> Result<Vec<GoneRow>, StoreError> {
        self.transact("asks what is gone", self.sim.store.gone(scan, walk, which, limit)).await
    }

    async fn hold_gone(&self, scan: &str, walk: u64) -> Result<(), StoreError> {
        self.transact("holds what is gone", self.sim.store.hold_gone(scan, walk)).await
    }

    async fn held(&self, scan: &str, limit: u32) -> Result<HeldRemovals, StoreError> {
        self.sim.store.held(scan, limit).await
    }

    async fn decide(&self, scan: &str, count: u64, decision: Decision) -> Result<bool, StoreError> {
        self.sim.store.decide(scan, count, decision).await
    }

    async fn forget_gone(&self, scan: &str, walk: u64, ids: Vec<String>) -> Result<(), StoreError> {
        self.transact("forgets what is gone", self.sim.store.forget_gone(scan, walk, ids)).await
    }

    async fn forget_unseen(&self, scan: &str, since_walk: u64) -> Result<u64, StoreError> {
        self.transact("forgets", self.sim.store.forget_unseen(scan, since_walk)).await
    }
}

impl Wakes for Ledgers {
    async fn hear(
        &self,
        source: &str,
        message_id: Option<u64>,
        wakes: Vec<Wake>,
    ) -> Result<(), StoreError> {
        let what = format!("hears {}", message_id.unwrap_or_default());
        self.transact(&what, self.sim.store.hear(source, message_id, wakes)).await
    }

    async fn heard(&self, source: &str) -> Result<Option<u64>, StoreError> {
        self.transact("asks what was heard", self.sim.store.heard(source)).await
    }

    /// Too frequent to be told of.
    async fn woken(
        &self,
        source: &str,
        endpoint: &str,
        limit: u32,
    ) -> Result<Vec<Woken>, StoreError> {
        self.sim.store.woken(source, endpoint, limit).await
    }

    async fn rest(&self, done: Vec<Woken>) -> Result<(), StoreError> {
        self.transact("rests", self.sim.store.rest(done)).await
    }
}

impl Care for Ledgers {
    async fn cares(&self) -> Result<Vec<CareState>, StoreError> {
        self.sim.store.cares().await
    }

    /// One that says nothing is too frequent to be told of, and too harmless to be struck.
    async fn attend(&self, attendance: Attendance) -> Result<Attended, StoreError> {
        if attendance.signs.is_empty() {
            return self.sim.store.attend(attendance).await;
        }
        self.transact("attends", self.sim.store.attend(attendance)).await
    }

    async fn pause(
        &self,
        target: &str,
        by: &str,
        reason: &str,
        lasting: Option<Duration>,
    ) -> Result<CareState, StoreError> {
        self.transact("pauses", self.sim.store.pause(target, by, reason, lasting)).await
    }

    async fn resume(&self, target: &str) -> Result<CareState, StoreError> {
        self.transact("resumes", self.sim.store.resume(target)).await
    }
}
