//! Promises of the store, kept by every backend: it is built once for each, beside the backend it
//! is about.

mod alerts;
mod care;
mod claims;
mod echoes;
mod exported;
mod exports;
mod journal;
mod keeping;
mod letters;
mod links;
mod meetings;
mod put_off;
mod random;
mod recalls;
mod roles;
mod scans;
mod schedules;
mod settlements;
mod steps;
mod storable;
mod unknown;

use std::{cell::Cell, time::Duration};

use ferry_canonical::{Clock, Facet, Outcome, Sequence, Steps, Subject};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    Amending, Claimed, Grant, Group, GroupClaim, Ledger, Member, Overview, Overviews, Settle,
    Settled, Settlement, Verdict,
};

pub(crate) use super::backend::{Backend, CASES, number, store, texts, wait};

pub(crate) const LEASE: Duration = Duration::from_mins(1);
pub(crate) const SETTLE_AFTER: Duration = Duration::from_secs(100);

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(1_000_000) };
}

/// Every test has a thread and thereby a clock of its own.
pub(crate) fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap()
}

pub(crate) fn pass(duration: Duration) {
    NOW.set(NOW.get() + i64::try_from(duration.as_secs()).unwrap());
}

/// A customer of the ERP; `fields` stands for the content.
pub(crate) fn customer(event: u128, sequence: u128, fields: &str) -> Member {
    Member {
        event_id: Uuid::from_u128(event),
        route: "customers".to_owned(),
        generation: 0,
        source: "erp".to_owned(),
        subject: Subject { facet: Facet::Profile, id: "C1".to_owned(), part: None },
        source_id: None,
        clock: Clock::named("updated-at"),
        sequence: Sequence(sequence),
        observed_at: clock(),
        fingerprint: format!("#{fields}"),
        document: format!("{{\"fields\":\"{fields}\"}}"),
        two_way: false,
    }
}

pub(crate) fn of_part(facet: Facet, part: &str, member: Member) -> Member {
    let id = member.subject.id.clone();
    let part = facet.has_parts().then(|| part.to_owned());
    Member { subject: Subject { facet, id, part }, ..member }
}

pub(crate) fn shipment(event: u128, sequence: u128, part: &str, fields: &str) -> Member {
    of_part(Facet::Shipment, part, customer(event, sequence, fields))
}

pub(crate) fn group(members: Vec<Member>) -> Group {
    Group {
        target: "shop".to_owned(),
        members,
        composed: false,
        amends: None,
        recalls: false,
        lease: LEASE,
        settle_after: SETTLE_AFTER,
    }
}

pub(crate) fn composed(members: Vec<Member>) -> Group {
    Group { composed: true, ..group(members) }
}

pub(crate) fn claim(store: &impl Ledger, group: Group) -> GroupClaim {
    wait(store.claim(vec![group])).unwrap().remove(0)
}

pub(crate) fn granted(claim: &GroupClaim) -> Grant {
    let Claimed::Granted(grant) = &claim.claimed else { panic!("not granted: {claim:?}") };
    (**grant).clone()
}

pub(crate) fn grant(store: &impl Ledger, group: Group) -> Grant {
    granted(&claim(store, group))
}

pub(crate) fn settle(store: &impl Ledger, grant: &Grant, verdict: Settle) -> Settled {
    let target = "shop".to_owned();
    let settlement = Settlement { token: grant.token, target, verdict, steps: Steps::default() };
    wait(store.settle(vec![settlement], Vec::new())).unwrap().remove(0)
}

pub(crate) fn delivered() -> Settle {
    Settle::Done { outcome: Outcome::Delivered, because: None, target_id: None }
}

pub(crate) fn failed(unread: bool) -> Settle {
    Settle::Failed {
        unread,
        dead: Vec::new(),
        because: "timeout: no answer".to_owned(),
        target_id: None,
    }
}

/// Claims and delivers all of a group.
pub(crate) fn deliver(store: &impl Ledger, group: Group) {
    let target = group.target.clone();
    let token = grant(store, group).token;
    let settlement = Settlement { token, target, verdict: delivered(), steps: Steps::default() };
    assert_eq!(wait(store.settle(vec![settlement], Vec::new())).unwrap(), [Settled::Done]);
}

pub(crate) fn outcome(verdict: &Verdict) -> Option<Outcome> {
    match verdict {
        Verdict::Closed { outcome, .. } | Verdict::Ended { outcome, .. } => Some(*outcome),
        Verdict::Lead | Verdict::Rider { .. } | Verdict::Waits => None,
    }
}

pub(crate) fn overview(store: &impl Overviews) -> Overview {
    wait(store.overview()).unwrap()
}

/// How many deliveries ended so, by the tally.
pub(crate) fn tally(store: &impl Overviews, outcome: Outcome) -> u64 {
    let routes = overview(store).routes;
    routes.iter().filter_map(|route| route.outcomes.get(outcome.as_str())).sum()
}
