//! The broker's handle: what services use, and what tests script and look at.

use std::sync::{Arc, Mutex, PoisonError};

use ferry_broker::{Broker, Depth, Health, IntakeError, Message};
use ferry_topology::Topology;
use tokio::{
    sync::{Notify, futures::Notified},
    time::{Instant, sleep_until},
};

use crate::{
    Fault, Moment, SimIntake, SimPublisher, WAIT_MAX,
    state::{Chance, State, Subscription},
};

/// A broker in memory. Clones share it. Queues and exchanges are named without the prefix.
#[derive(Clone, Debug)]
pub struct SimBroker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Wakes everybody who waits, in the order in which they came: one run is like another.
    changes: Notify,
}

impl SimBroker {
    /// With everything in `topology` declared.
    pub fn new(topology: Topology) -> Self {
        let state = Mutex::new(State::new(topology));
        Self { shared: Arc::new(Shared { state, changes: Notify::new() }) }
    }

    /// The next messages published to `exchange` meet these, one each, in order.
    pub fn script(&self, exchange: &str, faults: impl IntoIterator<Item = Fault>) {
        self.change(|state| {
            state.faults.entry(exchange.to_owned()).or_default().extend(faults);
        });
    }

    /// Asks `chance` about every message for whose exchange nothing is scripted, when it is published
    /// and when it leaves a delay queue.
    pub fn meet(&self, chance: impl FnMut(Moment<'_>) -> Fault + Send + 'static) {
        self.change(|state| state.chance = Some(Chance(Box::new(chance))));
    }

    /// The broker is down: publishes fail, subscriptions break, nothing expires. What is stored
    /// stays.
    pub fn stop(&self) {
        self.change(State::stop);
    }

    /// The broker is up again.
    pub fn start(&self) {
        self.change(|state| state.down = false);
    }

    /// Confirms what [`Fault::Hold`] holds.
    pub fn release(&self) {
        self.change(|state| state.held.clear());
    }

    /// Breaks every subscription to `queue`: what it had in hand is delivered again.
    pub fn sever(&self, queue: &str) {
        self.change(|state| {
            let name = state.topology.broker_name(queue);
            let hit = state.subscriptions.iter().filter(|(_, found)| found.queue == name);
            let epochs: Vec<u64> = hit.map(|(epoch, _)| *epoch).collect();
            for epoch in epochs {
                state.lose(epoch, "it was severed");
            }
        });
    }

    /// Everything in `queue` that is not acknowledged, in order, delivered or not.
    ///
    /// # Panics
    /// Where the topology has no such queue.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.look(|state| {
            let name = state.topology.broker_name(queue);
            let Some(found) = state.queues.get(&name) else { panic!("no queue `{queue}`") };
            let takers = state.subscriptions.values().filter(|taker| taker.queue == name);
            let held = takers.flat_map(|taker| taker.unacknowledged.values());
            let mut stored: Vec<_> = found.ready.iter().chain(held).collect();
            stored.sort_by_key(|stored| stored.place);
            stored.into_iter().map(|stored| stored.message.clone()).collect()
        })
    }

    /// How many deliveries of `queue` its subscribers have not acknowledged.
    pub fn in_hand(&self, queue: &str) -> usize {
        self.look(|state| {
            let name = state.topology.broker_name(queue);
            let takers = state.subscriptions.values().filter(|taker| taker.queue == name);
            takers.map(|taker| taker.unacknowledged.len()).sum()
        })
    }

    /// Every message whose publish to `exchange` was tried, in order, whatever became of it.
    pub fn tried(&self, exchange: &str) -> Vec<Message> {
        self.look(|state| {
            let tried = state.tried.iter().filter(|message| message.exchange == exchange);
            tried.cloned().collect()
        })
    }

    /// Waits until `holds`, looking again after every change.
    ///
    /// # Panics
    /// After [`WAIT_MAX`].
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let change = self.change_to_come();
            if holds(self) {
                return;
            }
            assert!(Instant::now() < deadline, "waited in vain; {}", self.contents());
            tokio::select! {
                biased;
                () = self.next_change(change) => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// How many messages lie in all queues, or are on their way into one, by queue; empty ones are
    /// left out.
    pub fn depths(&self) -> std::collections::BTreeMap<String, usize> {
        self.look(|state| state.depths())
    }

    fn contents(&self) -> String {
        let filled = self.look(|state| {
            let queues = state.queues.iter().filter(|(_, queue)| !queue.ready.is_empty());
            queues.map(|(name, queue)| format!("{name}: {}", queue.ready.len())).collect::<Vec<_>>()
        });
        format!("ready messages: [{}]", filled.join(", "))
    }

    /// To be taken before a look, so that no change between the look and the wait is missed.
    pub(crate) fn change_to_come(&self) -> Notified<'_> {
        self.shared.changes.notified()
    }

    /// Until something is different, by an act or by the time.
    pub(crate) async fn next_change(&self, change: Notified<'_>) {
        let due = self.look(|state| state.next_due());
        let due = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = change => {}
            () = due => {}
        }
    }

    /// Brings the state up to date and looks at it; announces only what time has done.
    pub(crate) fn look<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let happened = state.advance(Instant::now());
        let seen = work(&mut state);
        drop(state);
        if happened {
            self.shared.changes.notify_waiters();
        }
        seen
    }

    pub(crate) fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = self.look(|state| {
            let done = work(state);
            state.advance(Instant::now());
            state.deliver();
            done
        });
        self.shared.changes.notify_waiters();
        done
    }
}

impl Broker for SimBroker {
    type Publisher = SimPublisher;
    type Intake = SimIntake;

    fn publisher(&self) -> SimPublisher {
        SimPublisher { broker: self.clone() }
    }

    async fn subscribe(&self, queue: &str, prefetch: u16) -> Result<SimIntake, IntakeError> {
        self.until(|broker| !broker.look(|state| state.down)).await;
        self.change(|state| {
            let name = state.topology.broker_name(queue);
            if !state.queues.contains_key(&name) {
                return Err(IntakeError::Lost(format!("no queue `{name}`")));
            }
            let epoch = state.number();
            let subscription = Subscription {
                queue: name,
                prefetch,
                takes: true,
                lost: None,
                next_tag: 0,
                unacknowledged: std::collections::BTreeMap::new(),
                untaken: std::collections::VecDeque::new(),
            };
            state.subscriptions.insert(epoch, subscription);
            Ok(SimIntake { broker: self.clone(), epoch })
        })
    }

    fn health(&self) -> Health {
        let up = self.look(|state| !state.down);
        Health { publishing: up, consuming: up, blocked: false }
    }

    async fn depth(&self, queue: &str) -> Result<Depth, IntakeError> {
        self.look(|state| {
            let name = state.topology.broker_name(queue);
            let Some(found) = state.queues.get(&name) else {
                return Err(IntakeError::Lost(format!("no queue `{name}`")));
            };
            let takers = state.subscriptions.values();
            let takers = takers.filter(|taker| taker.queue == name && taker.takes).count();
            let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
            Ok(Depth { ready: count(found.ready.len()), consumers: count(takers) })
        })
    }
}
