//! Deliveries that are not claimed yet, live before bulk.

use std::collections::{HashMap, VecDeque};

use ferry_canonical::{Facet, Lane};
use tokio::time::Instant;

use crate::{delivery::InHand, limits};

/// In the order they came, per lane.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    live: VecDeque<InHand>,
    bulk: VecDeque<InHand>,
}

impl Waiting {
    pub(crate) fn push(&mut self, in_hand: InHand) {
        match in_hand.lane {
            Lane::Live => self.live.push_back(in_hand),
            Lane::Bulk => self.bulk.push_back(in_hand),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.live.len() + self.bulk.len()
    }

    /// When the next one may be looked at.
    pub(crate) fn next_ready(&self) -> Option<Instant> {
        self.live.iter().chain(&self.bulk).map(|in_hand| in_hand.ready_at).min()
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

    /// Takes ready deliveries grouped by entity and facet, at most `groups` groups; of four, one is
    /// kept for the bulk lane while it has work. A suspect is taken alone.
    pub(crate) fn take_groups(&mut self, now: Instant, groups: usize) -> Vec<Vec<InHand>> {
        let bulk_ready = self.bulk.iter().any(|in_hand| in_hand.ready_at <= now);
        let for_bulk = if bulk_ready { (groups / limits::BULK_SHARE).max(1) } else { 0 };
        let mut taken = take_lane(&mut self.live, now, groups.saturating_sub(for_bulk).max(1));
        let room = groups.saturating_sub(taken.len()).max(usize::from(taken.is_empty()));
        taken.extend(take_lane(&mut self.bulk, now, room));
        taken
    }
}

fn take_lane(lane: &mut VecDeque<InHand>, now: Instant, groups: usize) -> Vec<Vec<InHand>> {
    let mut taken: Vec<Vec<InHand>> = Vec::new();
    let mut index: HashMap<(Facet, String), usize> = HashMap::new();
    let mut kept = 0;
    for _ in 0..lane.len() {
        let Some(in_hand) = lane.pop_front() else { break };
        let key = (in_hand.event.subject.facet, in_hand.event.subject.id.clone());
        let suspect = in_hand.delivery.delivery_count >= limits::SUSPECT_DELIVERIES;
        let known = index.get(&key).copied();
        let full = known.is_none() && (taken.len() >= groups || (suspect && !taken.is_empty()));
        if in_hand.ready_at > now || full {
            lane.push_back(in_hand);
            kept += 1;
        } else if let Some(group) = known.and_then(|at| taken.get_mut(at)) {
            group.push(in_hand);
        } else {
            index.insert(key, taken.len());
            taken.push(vec![in_hand]);
            if suspect {
                // Nothing else shares its fate if it takes the process down.
                lane.rotate_right(kept);
                break;
            }
        }
    }
    taken
}
