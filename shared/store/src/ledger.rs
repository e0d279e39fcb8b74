//! The ledger: who may write what, what was intended, what is settled.
//!
//! Deliveries for one target are grouped by entity and facet; one [`Group`] is claimed as a whole.
//! A claim commits the intent (token, sequence, hash, start) before any call is made; a settlement
//! works only with the claim's token. See DESIGN §7 and §8.

use std::{future::Future, time::Duration};

use ferry_canonical::{
    Brought, Clock, Doubt, Facet, Outcome, Sequence, Stands, Step, Steps, Subject,
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{StoreError, journal::JournalEntry};

/// What several deliveries of one entity and one facet ask of one target.
#[derive(Clone, Debug)]
pub struct Group {
    pub target: String,
    pub members: Vec<Member>,
    /// The target composes this facet: all parts join one call, and the grant carries the known
    /// siblings.
    pub composed: bool,
    /// The target changes what it holds of this facet by a step, and tells of the step in this one.
    pub amends: Option<Facet>,
    /// The target takes away what it was brought before and is not in what it is brought now.
    pub recalls: bool,
    /// How long the claim holds: longer than the call's hard deadline.
    pub lease: Duration,
    /// How long a write may still take effect after its answer was lost: at the latest, when the
    /// claim's lease ends.
    pub settle_after: Duration,
}

/// One delivery in a group. All members of a group share entity, id and facet.
#[derive(Clone, Debug)]
pub struct Member {
    pub event_id: Uuid,
    /// By which it came: two sources of one facet have a route each.
    pub route: String,
    /// Retries by hand, from 0: each has an outcome of its own.
    pub generation: u32,
    pub source: String,
    /// With the id the event carries; the ledger resolves it to the canonical id.
    pub subject: Subject,
    /// The source's own id, where it differs.
    pub source_id: Option<String>,
    pub clock: Clock,
    pub sequence: Sequence,
    pub observed_at: Timestamp,
    /// Hash of the declared content.
    pub fingerprint: String,
    /// The part as JSON.
    pub document: String,
    /// The target says this facet to the source as well: the claim holds the entity at both, and
    /// the grant tells what they agreed on last.
    pub two_way: bool,
}

/// The answer to one group.
#[derive(Clone, Debug)]
pub struct GroupClaim {
    /// One verdict per member, in order.
    pub members: Vec<Verdict>,
    pub claimed: Claimed,
}

/// What one member may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its state is in the grant: it is applied by this claim.
    Lead,
    /// An older state of a lead's part and clock: superseded once the lead is applied, and handed
    /// in with the lead's settlement. If the lead fails, it is claimed again.
    Rider { lead: usize },
    /// It ended now, in this transaction. The sentence says by what it was superseded and so on.
    Closed { outcome: Outcome, because: String },
    /// It had ended before, as [`Settle::Failed::because`] or its like said then: acknowledge it. A
    /// dead one is published to the dead letters again first.
    Ended { outcome: Outcome, because: Option<String> },
    /// Not now: claim it again later. See [`GroupClaim::claimed`] for how much later.
    Waits,
}

#[derive(Clone, Debug)]
pub enum Claimed {
    /// At least one member leads.
    Granted(Box<Grant>),
    /// Another claim holds the entity.
    Busy,
    /// An answer was lost; what it did shows only after `wait`.
    Unknown { wait: Duration },
    /// No member is left that wants anything.
    Nothing,
}

/// The right to write one entity at one target, until the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub token: Uuid,
    /// The canonical id.
    pub entity_id: String,
    /// The target's own id, where known.
    pub target_id: Option<String>,
    /// The entity is unknown at the target: read by key before writing.
    pub read_first: bool,
    /// A call of one of its leads may have been made before, and nobody knows what came of it.
    pub is_again: bool,
    /// Whether an earlier write of the very part may be there.
    pub doubt: Doubt,
    /// What was written there before.
    pub brought: Brought,
    /// For composed facets: the last settled state of every *other* part of the facet.
    pub siblings: Vec<PartState>,
    /// Where the target changes this facet by a step: what an import before this one has left there.
    pub amending: Option<Amending>,
    /// Where the target takes away what it was brought before: every content of the part that may
    /// stand there, but for the one to be written.
    pub recalled: Vec<String>,
    /// For a facet that goes both ways: what the lead's source and the target agreed on last.
    pub base: Option<Base>,
    /// Of leads that were said where there is no room for all of them: what is to be written, by their
    /// index in the group.
    pub contents: Vec<(usize, String)>,
}

/// Against what the state that a target holds is judged, where it changes the facet itself as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// Absent before first contact.
    pub agreed: Option<Agreed>,
    /// What the lead's source said that may be there by our own hand without being agreed on: writes
    /// whose answer was lost, and what was settled before the facet went both ways.
    pub ours: Vec<String>,
    /// What the source says may be a part of what we wrote there for the target, by a delivery that is
    /// dead: a call may be of several requests, of which only the first were taken.
    pub half_said: bool,
    /// The same of what the target holds.
    pub half_held: bool,
}

/// The content that two systems had in common when one's change was settled at the other last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub document: String,
    pub fingerprint: String,
}

/// What is known of the place that a write may have to change by a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amending {
    /// Every content that may stand there, but for the one to be written.
    pub earlier: Vec<String>,
    /// What it is, if something stands there.
    pub stands: Stands,
    /// How far a write whose content was not settled has come: if it may have taken the step, that
    /// nothing stands there is our own doing.
    pub begun: Step,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartState {
    pub part: Option<String>,
    pub document: String,
}

/// What became of a claim.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub token: Uuid,
    pub target: String,
    pub verdict: Settle,
    /// What it says of steps. A claim that is never settled counts as one whose step was taken.
    pub steps: Steps,
}

#[derive(Clone, Debug)]
pub enum Settle {
    /// The leads are so at the target (`Delivered`), or need not be (`Skipped`); riders become
    /// superseded.
    Done { outcome: Outcome, because: Option<String>, target_id: Option<String> },
    /// As `Done` with `Delivered`, at an export: what the leads say is settled, and waits from now on
    /// for a document that brings it ([`Exports`](crate::Exports)).
    Kept { because: Option<String> },
    /// It failed and will be tried again, or waits: the lease ends. `unread` makes the entity
    /// unknown. The indexes are of members that became dead letters; the rest has no outcome yet. The
    /// target's own id is kept, if it became known: of what was made in part, the target speaks too.
    Failed { unread: bool, dead: Vec<usize>, because: String, target_id: Option<String> },
    /// As `Done`, on a facet that goes both ways, after a look at the target.
    Met(Box<Met>),
    /// Nothing was tried.
    Released,
}

/// What came of holding a change of one system against what the other holds.
#[derive(Clone, Debug)]
pub struct Met {
    /// The lead's content, with what its source cannot say as the target has it: either the target
    /// holds it now, or the target's own change is to come over it.
    pub agreed: Agreed,
    /// `Delivered` or `Echo`: the target holds the lead's content. `Superseded`: it keeps its own.
    pub outcome: Outcome,
    pub because: Option<String>,
    pub target_id: Option<String>,
    /// What the look showed, before anything was written.
    pub seen: Option<Seen>,
}

/// One part as it stood at a target, and where that stands on the target's own clock.
#[derive(Clone, Debug)]
pub struct Seen {
    /// How long before the settlement the target answered last, the write included that followed.
    /// What its source reads there afterwards may be a change, whatever its clock says.
    pub ago: Duration,
    pub clock: Clock,
    pub sequence: Sequence,
    pub fingerprint: String,
    pub document: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Done,
    /// The token is no longer the entity's: the lease had ended and somebody else holds it, or a
    /// reader has marked it unknown. Nothing was written.
    Lost,
}

/// In the place of a route's name, where a delivery ends whose route nobody knows.
pub const NO_ROUTE: &str = "-";

pub trait Ledger: Send + Sync {
    /// Claims every group it can, in one transaction. One answer per group, in order. Within a
    /// call, an entity is granted once.
    fn claim(
        &self,
        groups: Vec<Group>,
    ) -> impl Future<Output = Result<Vec<GroupClaim>, StoreError>> + Send;

    /// Settles claims and appends to the journal, in one round trip. One answer per settlement.
    fn settle(
        &self,
        settlements: Vec<Settlement>,
        journal: Vec<JournalEntry>,
    ) -> impl Future<Output = Result<Vec<Settled>, StoreError>> + Send;

    /// Extends leases that are still ours by `lease` from now; returns the tokens that are not.
    fn renew(
        &self,
        target: &str,
        tokens: Vec<Uuid>,
        lease: Duration,
    ) -> impl Future<Output = Result<Vec<Uuid>, StoreError>> + Send;

    /// Ends deliveries that never claimed anything (undecodable, unroutable), idempotently.
    fn end(
        &self,
        target: &str,
        route: &str,
        ended: Vec<(Uuid, u32, Outcome, String)>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}
