//! Standing: what the desk does while its target is left alone, and what it may use while it is not.

use std::{collections::HashMap, time::Duration};

use ferry_broker::Broker;
use ferry_canonical::{Facet, Lane};
use ferry_store::{Ask, BreakerState, Care, Ledger, Stop};
use tokio::time::Instant;
use tracing::{error, info};

use super::{Desk, sending::Sending};
use crate::{
    care::Reason,
    limits,
    waiting::{Open, Room},
};

impl<B: Broker, L: Ledger + Care + Clone + 'static> Desk<B, L> {
    /// Cancels or makes the consumers as the view says. What is held goes back to its queue after a
    /// minute, confirmed and then acknowledged: a channel that is closed on it instead would bring it
    /// nearer to the broker's delivery limit.
    pub(super) async fn heed_the_view(&mut self) {
        let alone = self.is_left_alone();
        if alone && self.left_alone_since.is_none() {
            if self.store_is_gone() {
                error!(target = %self.target.name, "the store does not answer; its queues are left");
            }
            self.left_alone_since = Some(Instant::now());
        } else if !alone {
            self.left_alone_since = None;
        }
        for open in &self.open {
            open.send_if_modified(|open| std::mem::replace(open, !alone) == alone);
        }
        if self.give_back_at().is_some_and(|at| at <= Instant::now()) {
            let held = self.take_held();
            info!(target = %self.target.name, count = held.len(), "what was held goes back to its queue");
            self.send(held).await;
        }
    }

    /// Everything that has not started, on its way back to its queue.
    pub(super) fn take_held(&mut self) -> Vec<Sending> {
        let held = self.waiting.take_all().into_iter().map(|in_hand| {
            let delivery = in_hand.delivery.clone();
            Self::returning(&delivery, Some(in_hand))
        });
        let unwanted = std::mem::take(&mut self.unwanted);
        held.chain(unwanted.iter().map(|unwanted| Self::returning(&unwanted.delivery, None)))
            .collect()
    }

    /// When the store will have been silent for so long that deliveries are not held for it.
    pub(super) fn store_gone_at(&self) -> Option<Instant> {
        self.view.borrow().attended_at.checked_add(limits::STORE_GONE)
    }

    fn store_is_gone(&self) -> bool {
        self.store_gone_at().is_some_and(|at| at <= Instant::now())
    }

    /// Whether nothing will be written for longer than a moment.
    fn is_left_alone(&self) -> bool {
        if self.store_is_gone() {
            return true;
        }
        let view = self.view.borrow();
        match view.reason {
            // It attends in a moment: consumers are not cancelled for that.
            None | Some(Reason::Unattended) => false,
            Some(Reason::Stop(Stop::Held)) => {
                view.lasts((self.seams.clock)()).is_none_or(|wait| wait > limits::HOLD)
            }
            Some(
                Reason::Maintenance | Reason::Stop(Stop::Paused | Stop::Refused | Stop::Broken),
            ) => true,
        }
    }

    pub(super) fn give_back_at(&self) -> Option<Instant> {
        let since = self
            .left_alone_since
            .filter(|_| self.waiting.len() > 0 || !self.unwanted.is_empty())?;
        Some(since + limits::GIVE_BACK_AFTER)
    }

    /// Calls this desk may start.
    pub(super) fn free_slots(&self) -> usize {
        let slots = self.view.borrow().slots(Instant::now()).min(self.attendant.pace.calls());
        usize::try_from(slots).unwrap_or(usize::MAX).saturating_sub(self.calls.len())
    }

    /// How many calls start now, and how many entities go into one. While the breaker is half-open
    /// every write is alone: it shows more, and costs fewer attempts.
    pub(super) fn room(&self, slots: usize, paid: u32, open: Open) -> Room {
        let facets = Facet::ALL.into_iter().filter(|_| !self.is_half_open());
        let batch = |facet| self.target.system.together(facet).most;
        Room {
            calls: slots.min(usize::try_from(paid).unwrap_or(usize::MAX)),
            batches: facets.map(|facet| (facet, batch(facet))).collect(),
            open,
        }
    }

    fn is_half_open(&self) -> bool {
        self.view.borrow().breaker == BreakerState::HalfOpen
    }

    /// How many calls of several may start, of what has only so many at one time.
    pub(super) fn open_calls(&self) -> Open {
        let mut open = HashMap::new();
        for facet in Facet::ALL.into_iter().filter(|_| !self.is_half_open()) {
            if let Some(most) = self.target.system.together(facet).at_once {
                open.extend(Lane::ALL.map(|lane| ((facet, lane), most)));
            }
        }
        if !open.is_empty() {
            for call in self.running().values() {
                if let Some(left) = call.shared.and_then(|shared| open.get_mut(&shared)) {
                    *left = left.saturating_sub(1);
                }
            }
        }
        Open(open)
    }

    /// Says what this desk could use, and shows what it may.
    pub(super) fn ask_for_a_share(&self) {
        let most = u32::from(self.target.limits.concurrency);
        let in_use = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        let idle = in_use == 0 && waiting == 0;
        // One more than it needs: what comes next need not wait for the store.
        let wants =
            if idle { 0 } else { in_use.saturating_add(waiting).saturating_add(1).min(most) };
        self.attendant.ask(Ask { wants, in_use });
        self.show_waits();
    }

    fn show_waits(&self) {
        const REASONS: [&str; 8] = [
            "unattended",
            "maintenance",
            "paused",
            "refused",
            "broken",
            "held",
            "rate",
            "concurrency",
        ];
        let (name, metrics) = (&self.target.name, &self.seams.metrics);
        let now = Instant::now();
        let may = self.view.borrow().slots(now).min(self.attendant.pace.calls());
        metrics.concurrency.with_label_values(&[name]).set(i64::from(may));
        let kept_by = match self.view.borrow().reason {
            Some(reason) => reason.as_str(),
            None if self.store_is_gone() => Reason::Unattended.as_str(),
            None if self.free_slots() == 0 => "concurrency",
            None => "rate",
        };
        let ready = i64::try_from(self.waiting.ready(now)).unwrap_or(i64::MAX);
        for reason in REASONS {
            let count = if reason == kept_by { ready } else { 0 };
            metrics.waits.with_label_values(&[name, reason]).set(count);
        }
    }

    /// For how much of the time since a delivery failed last its target could be asked: nothing is
    /// given up for the time in which it was left alone. A target that asked for time was asked, and
    /// said no.
    pub(super) fn could_be_asked(&self, since: Duration) -> Duration {
        let view = self.view.borrow();
        if view.breaker != BreakerState::Closed {
            return Duration::ZERO;
        }
        let usable_for = view.recovered_at.map(|at| (self.seams.clock)().duration_since(at));
        let usable_for = usable_for.map(|usable| Duration::try_from(usable).unwrap_or_default());
        usable_for.map_or(since, |usable| usable.min(since))
    }
}
