//! Promises of the store, kept by SQLite.

mod claims;
mod echoes;
mod journal;
mod keeping;
mod processes;
mod random;
mod roles;
mod settlements;
mod unknown;

use std::{cell::Cell, time::Duration};

use ferry_canonical::{Clock, Facet, Outcome, Sequence, Subject};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Claimed, Grant, Group, GroupClaim, Ledger, Member, Overview, Overviews, Settle, Settled,
    Settlement, SqliteStore, Verdict,
};

pub(super) const LEASE: Duration = Duration::from_mins(1);
pub(super) const SETTLE_AFTER: Duration = Duration::from_secs(100);

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(1_000_000) };
}

/// Every test has a thread and thereby a clock of its own.
pub(super) fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap()
}

pub(super) fn pass(duration: Duration) {
    NOW.set(NOW.get() + i64::try_from(duration.as_secs()).unwrap());
}

pub(super) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(super) fn store() -> SqliteStore {
    SqliteStore::in_memory(clock).unwrap()
}

/// A customer of the ERP; `fields` stands for the content.
pub(super) fn customer(event: u128, sequence: u128, fields: &str) -> Member {
    Member {
        event_id: Uuid::from_u128(event),
        generation: 0,
        source: "erp".to_owned(),
        subject: Subject { facet: Facet::Profile, id: "C1".to_owned(), part: None },
        source_id: None,
        clock: Clock::named("updated-at"),
        sequence: Sequence(sequence),
        observed_at: clock(),
        fingerprint: format!("#{fields}"),
        document: format!("{{\"fields\":\"{fields}\"}}"),
    }
}

pub(super) fn of_part(facet: Facet, part: &str, member: Member) -> Member {
    let id = member.subject.id.clone();
    let part = facet.has_parts().then(|| part.to_owned());
    Member { subject: Subject { facet, id, part }, ..member }
}

pub(super) fn shipment(event: u128, sequence: u128, part: &str, fields: &str) -> Member {
    of_part(Facet::Shipment, part, customer(event, sequence, fields))
}

pub(super) fn group(members: Vec<Member>) -> Group {
    Group {
        target: "shop".to_owned(),
        route: "customers".to_owned(),
        members,
        composed: false,
        lease: LEASE,
        settle_after: SETTLE_AFTER,
    }
}

pub(super) fn composed(members: Vec<Member>) -> Group {
    Group { composed: true, ..group(members) }
}

pub(super) fn claim(store: &SqliteStore, group: Group) -> GroupClaim {
    wait(store.claim(vec![group])).unwrap().remove(0)
}

pub(super) fn granted(claim: &GroupClaim) -> Grant {
    let Claimed::Granted(grant) = &claim.claimed else { panic!("not granted: {claim:?}") };
    (**grant).clone()
}

pub(super) fn grant(store: &SqliteStore, group: Group) -> Grant {
    granted(&claim(store, group))
}

pub(super) fn settle(store: &SqliteStore, grant: &Grant, verdict: Settle) -> Settled {
    let target = "shop".to_owned();
    let settlement = Settlement { token: grant.token, target, verdict };
    wait(store.settle(vec![settlement], Vec::new())).unwrap().remove(0)
}

pub(super) fn delivered() -> Settle {
    Settle::Done { outcome: Outcome::Delivered, because: None, target_id: None }
}

pub(super) fn failed(unread: bool) -> Settle {
    Settle::Failed { unread, dead: Vec::new(), because: "timeout: no answer".to_owned() }
}

/// Claims and delivers all of a group.
pub(super) fn deliver(store: &SqliteStore, group: Group) {
    let target = group.target.clone();
    let token = grant(store, group).token;
    let settlement = Settlement { token, target, verdict: delivered() };
    assert_eq!(wait(store.settle(vec![settlement], Vec::new())).unwrap(), [Settled::Done]);
}

pub(super) fn outcome(verdict: &Verdict) -> Option<Outcome> {
    match verdict {
        Verdict::Closed { outcome, .. } | Verdict::Ended { outcome, .. } => Some(*outcome),
        Verdict::Lead | Verdict::Rider { .. } | Verdict::Waits => None,
    }
}

pub(super) fn overview(store: &SqliteStore) -> Overview {
    wait(store.overview()).unwrap()
}

/// How many deliveries ended so, by the tally.
pub(super) fn tally(store: &SqliteStore, outcome: Outcome) -> u64 {
    let routes = overview(store).routes;
    routes.iter().filter_map(|route| route.outcomes.get(outcome.as_str())).sum()
}
