//! Deliveries that are not claimed yet, live before bulk.

use std::collections::{HashMap, VecDeque};

use ferry_canonical::{Facet, FailureKind, Lane};
use tokio::time::Instant;

use crate::{delivery::InHand, limits};

/// In the order they came, per lane.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    live: VecDeque<InHand>,
    bulk: VecDeque<InHand>,
    /// What bulk work was passed over, in parts of a place.
    owed_to_bulk: usize,
}

/// How many calls may start, and how many entities of one facet go into one.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(crate) calls: usize,
    /// Without an entry: one.
    pub(crate) batches: HashMap<Facet, usize>,
    pub(crate) open: Open,
}

/// How many calls of several may start, of facets that have only so many at one time: what comes while
/// they run waits, and goes together. Without an entry: as many as there is room for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Open(pub(crate) HashMap<(Facet, Lane), usize>);

impl Open {
    /// With what it may share a call. Where calls are not limited, both lanes share them.
    pub(crate) fn shares(&self, in_hand: &InHand) -> (Facet, Lane) {
        let (facet, lane) = (in_hand.event.subject.facet, in_hand.lane);
        if self.0.contains_key(&(facet, lane)) { (facet, lane) } else { (facet, Lane::Live) }
    }

    fn calls(&self, facet: Facet, lane: Lane) -> usize {
        self.0.get(&(facet, lane)).copied().unwrap_or(usize::MAX)
    }

    /// Whether it need not wait for a call to end.
    fn is_for(&self, in_hand: &InHand) -> bool {
        goes_alone(in_hand) || self.calls(in_hand.event.subject.facet, in_hand.lane) > 0
    }
}

impl Room {
    pub(crate) fn batch(&self, facet: Facet) -> usize {
        self.batches.get(&facet).copied().unwrap_or(1).max(1)
    }
}

/// What is taken so far, in calls.
struct Plan<'a> {
    room: &'a Room,
    alone: usize,
    /// Entities that share calls.
    together: HashMap<(Facet, Lane), usize>,
}

impl<'a> Plan<'a> {
    fn new(room: &'a Room) -> Self {
        Self { room, alone: 0, together: HashMap::new() }
    }

    fn calls(&self) -> usize {
        let batches = self.together.iter();
        self.alone
            + batches.map(|((facet, _), n)| n.div_ceil(self.room.batch(*facet))).sum::<usize>()
    }

    /// Makes room for one more entity, if there is.
    fn admits(&mut self, in_hand: &InHand) -> bool {
        if is_suspect(in_hand) {
            // Its turn is one of its own.
            return false;
        }
        if goes_alone(in_hand) {
            self.alone += 1;
            let fits = self.calls() <= self.room.calls;
            self.alone -= usize::from(!fits);
            return fits;
        }
        let (facet, lane) = self.room.open.shares(in_hand);
        let n = self.together.entry((facet, lane)).or_default();
        *n += 1;
        let calls = n.div_ceil(self.room.batch(facet));
        let fits = calls <= self.room.open.calls(facet, lane) && self.calls() <= self.room.calls;
        if !fits && let Some(n) = self.together.get_mut(&(facet, lane)) {
            *n -= 1;
        }
        fits
    }
}

fn is_suspect(in_hand: &InHand) -> bool {
    in_hand.history.deaths >= limits::SUSPECT_DEATHS
}

/// Whether its entity is written by a call of its own. A request about several entities that found
/// no answer says of none whether it was to blame: tried alone, the one that is takes no other along.
pub(crate) fn goes_alone(in_hand: &InHand) -> bool {
    is_suspect(in_hand)
        || matches!(
            in_hand.history.failure_kind,
            Some(FailureKind::Connection | FailureKind::Timeout | FailureKind::Unavailable)
        )
}

impl Waiting {
    pub(crate) fn push(&mut self, in_hand: InHand) {
        match in_hand.lane {
            Lane::Live => self.live.push_back(in_hand),
            Lane::Bulk => self.bulk.push_back(in_hand),
        }
    }

    /// What was taken and could not be claimed stands again where it stood.
    pub(crate) fn put_back(&mut self, groups: Vec<Vec<InHand>>) {
        for in_hand in groups.into_iter().flatten().rev() {
            match in_hand.lane {
                Lane::Live => self.live.push_front(in_hand),
                Lane::Bulk => self.bulk.push_front(in_hand),
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len() + self.bulk.len()
    }

    /// When the next one may be looked at that need not wait for a call to end.
    pub(crate) fn next_ready(&self, open: &Open) -> Option<Instant> {
        let all = self.live.iter().chain(&self.bulk);
        all.filter(|in_hand| open.is_for(in_hand)).map(|in_hand| in_hand.ready_at).min()
    }

    /// How many may be looked at.
    pub(crate) fn ready(&self, now: Instant) -> usize {
        self.live.iter().chain(&self.bulk).filter(|in_hand| in_hand.ready_at <= now).count()
    }

    /// What is held back only because its entity is busy, longer than a delivery is held.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> Vec<InHand> {
        self.take_where(|in_hand| {
            in_hand.looks > 0 && now.duration_since(in_hand.held_since) > limits::HOLD
        })
    }

    pub(crate) fn take_queue(&mut self, queue: &str) -> Vec<InHand> {
        self.take_where(|in_hand| in_hand.delivery.queue == queue)
    }

    pub(crate) fn take_all(&mut self) -> Vec<InHand> {
        self.take_where(|_| true)
    }

    fn take_where(&mut self, wanted: impl Fn(&InHand) -> bool) -> Vec<InHand> {
        let mut taken = Vec::new();
        for lane in [&mut self.live, &mut self.bulk] {
            for _ in 0..lane.len() {
                let Some(in_hand) = lane.pop_front() else { break };
                if wanted(&in_hand) {
                    taken.push(in_hand);
                } else {
                    lane.push_back(in_hand);
                }
            }
        }
        taken
    }

    /// Whether it is the turn of a delivery that may take the process down: it is the next of its
    /// lane, and a bulk one has the lane's share of turns while there is live work.
    pub(crate) fn suspect_is_next(&self, now: Instant) -> bool {
        let live_ready = self.live.iter().any(|in_hand| in_hand.ready_at <= now);
        let bulk_turn = !live_ready || self.owed_to_bulk >= limits::BULK_SHARE;
        next_suspect(&self.live, now).is_some()
            || (bulk_turn && next_suspect(&self.bulk, now).is_some())
    }

    /// Takes that one, alone.
    pub(crate) fn take_suspect(&mut self, now: Instant) -> Vec<Vec<InHand>> {
        let live = next_suspect(&self.live, now).and_then(|next| self.live.remove(next));
        let taken = live.or_else(|| {
            self.owed_to_bulk = self.owed_to_bulk.saturating_sub(limits::BULK_SHARE);
            self.bulk.remove(next_suspect(&self.bulk, now)?)
        });
        taken.into_iter().map(|in_hand| vec![in_hand]).collect()
    }

    /// Takes ready deliveries grouped by entity and facet, as many as there is room for; of four
    /// places, one is kept for the bulk lane while it has work. Suspects are not among them.
    pub(crate) fn take_groups(&mut self, now: Instant, room: &Room) -> Vec<Vec<InHand>> {
        let widest = room.batches.values().copied().max().unwrap_or(1).max(1);
        let places = room.calls * widest;
        let bulk_ready = self.bulk.iter().any(|in_hand| in_hand.ready_at <= now);
        let owed = if bulk_ready { self.owed_to_bulk } else { 0 };
        let for_bulk = if bulk_ready { (places / limits::BULK_SHARE).max(1) } else { 0 };
        let mut plan = Plan::new(room);
        // What it was passed over before goes first: there may be room for one call only.
        let mut bulk = take_lane(&mut self.bulk, now, owed / limits::BULK_SHARE, &mut plan);
        let for_live = places.saturating_sub(for_bulk.max(bulk.len())).max(1);
        let mut taken = take_lane(&mut self.live, now, for_live, &mut plan);
        let left = places.saturating_sub(taken.len() + bulk.len());
        bulk.extend(take_lane(&mut self.bulk, now, left, &mut plan));
        let left = places.saturating_sub(taken.len() + bulk.len());
        taken.extend(take_lane(&mut self.live, now, left, &mut plan));
        let passed = owed + if bulk_ready { taken.len() + bulk.len() } else { 0 };
        self.owed_to_bulk =
            passed.saturating_sub(bulk.len() * limits::BULK_SHARE).min(places * limits::BULK_SHARE);
        taken.extend(bulk);
        taken
    }
}

/// Where in its lane the next delivery is, if it is a suspect.
fn next_suspect(lane: &VecDeque<InHand>, now: Instant) -> Option<usize> {
    let next = lane.iter().position(|in_hand| in_hand.ready_at <= now)?;
    lane.get(next).filter(|in_hand| is_suspect(in_hand)).map(|_| next)
}

fn take_lane(
    lane: &mut VecDeque<InHand>,
    now: Instant,
    groups: usize,
    plan: &mut Plan<'_>,
) -> Vec<Vec<InHand>> {
    let mut taken: Vec<Vec<InHand>> = Vec::new();
    let mut index: HashMap<(Facet, String), usize> = HashMap::new();
    for _ in 0..lane.len() {
        let Some(in_hand) = lane.pop_front() else { break };
        let key = (in_hand.event.subject.facet, in_hand.event.subject.id.clone());
        let ready = in_hand.ready_at <= now;
        if let Some(group) = index.get(&key).and_then(|at| taken.get_mut(*at))
            && ready
            && !is_suspect(&in_hand)
        {
            group.push(in_hand);
        } else if ready
            && taken.len() < groups
            && !index.contains_key(&key)
            && plan.admits(&in_hand)
        {
            index.insert(key, taken.len());
            taken.push(vec![in_hand]);
        } else {
            lane.push_back(in_hand);
        }
    }
    taken
}
