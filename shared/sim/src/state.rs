//! What a broker does: routing, storing, delivering, expiring, dead-lettering.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ferry_broker::{Message, PublishError};
use ferry_topology::{Argument, Exchange, ExchangeKind, Topology};
use tokio::time::Instant;

use crate::{
    Fault, Moment, OVERTAKEN_MAX,
    queues::{QueueState, Stored, died},
};

/// What a publisher has to wait for.
#[derive(Clone, Debug)]
pub(crate) enum Confirm {
    Now(Result<(), PublishError>),
    /// Until the message of this number is released.
    Held(u64),
    At(Instant),
}

#[derive(Debug)]
pub(crate) struct Subscription {
    /// By its name in the broker.
    pub(crate) queue: String,
    /// Unacknowledged deliveries at most; 0 is no bound.
    pub(crate) prefetch: u16,
    pub(crate) takes: bool,
    pub(crate) lost: Option<String>,
    pub(crate) next_tag: u64,
    pub(crate) unacknowledged: BTreeMap<u64, Stored>,
    /// Tags of what was delivered and not taken yet.
    pub(crate) untaken: VecDeque<u64>,
}

impl Subscription {
    fn has_room(&self) -> bool {
        let held = self.unacknowledged.len();
        self.takes && (self.prefetch == 0 || held < usize::from(self.prefetch))
    }
}

/// Who decides about what is not scripted.
pub(crate) struct Chance(pub(crate) Box<dyn FnMut(Moment<'_>) -> Fault + Send>);

impl std::fmt::Debug for Chance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chance")
    }
}

/// A message that was taken and is not stored yet.
#[derive(Debug)]
struct Travelling {
    due: Instant,
    message: Message,
    /// It arrives after the next message of its exchange.
    overtaken: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) topology: Topology,
    /// By their names in the broker.
    pub(crate) queues: BTreeMap<String, QueueState>,
    /// By epoch.
    pub(crate) subscriptions: BTreeMap<u64, Subscription>,
    /// By exchange, without the prefix.
    pub(crate) faults: BTreeMap<String, VecDeque<Fault>>,
    pub(crate) held: BTreeSet<u64>,
    /// Was held when the broker stopped: its confirm never comes.
    pub(crate) broken: BTreeSet<u64>,
    /// Every message whose publish was tried, in order.
    pub(crate) tried: Vec<Message>,
    pub(crate) chance: Option<Chance>,
    /// The broker is stopped.
    pub(crate) down: bool,
    travelling: Vec<Travelling>,
    next: u64,
}

impl State {
    pub(crate) fn new(topology: Topology) -> Self {
        let queues = topology.queues.iter();
        Self {
            queues: queues.map(|queue| (queue.name.clone(), QueueState::new(queue))).collect(),
            topology,
            subscriptions: BTreeMap::new(),
            faults: BTreeMap::new(),
            held: BTreeSet::new(),
            broken: BTreeSet::new(),
            tried: Vec::new(),
            chance: None,
            down: false,
            travelling: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Publishes one message, with the next fault scripted for its exchange, or the one it meets by
    /// chance.
    pub(crate) fn publish(&mut self, message: &Message, now: Instant) -> Confirm {
        self.tried.push(message.clone());
        if self.down {
            return Confirm::Now(Err(PublishError::Disconnected("the broker is down".to_owned())));
        }
        let script = self.faults.get_mut(&message.exchange);
        let fault = match script.and_then(VecDeque::pop_front) {
            Some(fault) => fault,
            None => self
                .chance
                .as_mut()
                .map_or(Fault::Pass, |chance| (chance.0)(Moment::Published(message))),
        };
        let confirm = self.publish_with(fault, message, now);
        let (overtakes, rest) = std::mem::take(&mut self.travelling)
            .into_iter()
            .partition(|waits| waits.overtaken && waits.message.exchange == message.exchange);
        self.travelling = rest;
        if fault == Fault::Overtake {
            let (message, due) = (message.clone(), now + OVERTAKEN_MAX);
            self.travelling.push(Travelling { due, message, overtaken: true });
        }
        self.arrive(overtakes, now);
        confirm
    }

    fn publish_with(&mut self, fault: Fault, message: &Message, now: Instant) -> Confirm {
        match fault {
            Fault::Pass => Confirm::Now(self.store(message, now)),
            Fault::Overtake => Confirm::Now(Ok(())),
            Fault::Refuse => Confirm::Now(Err(PublishError::Refused)),
            Fault::LoseConfirm => {
                let lost = "the confirm was lost".to_owned();
                Confirm::Now(self.store(message, now).and(Err(PublishError::Disconnected(lost))))
            }
            Fault::Duplicate => {
                Confirm::Now(self.store(message, now).and_then(|()| self.store(message, now)))
            }
            Fault::Hold => match self.store(message, now) {
                Ok(()) => {
                    let number = self.number();
                    self.held.insert(number);
                    Confirm::Held(number)
                }
                Err(error) => Confirm::Now(Err(error)),
            },
            Fault::Delay(delay) => {
                let (message, due) = (message.clone(), now + delay);
                self.travelling.push(Travelling { due, message, overtaken: false });
                Confirm::At(due)
            }
            Fault::Sever => {
                self.lose_all("the connection broke");
                Confirm::Now(Err(PublishError::Disconnected("the connection broke".to_owned())))
            }
        }
    }

    /// Stores a message in every queue that takes it. The default exchange (no name) takes a queue's
    /// name as the key.
    fn store(&mut self, message: &Message, now: Instant) -> Result<(), PublishError> {
        let queues = if message.exchange.is_empty() {
            vec![self.topology.broker_name(&message.key)]
        } else {
            let exchange = self.topology.broker_name(&message.exchange);
            self.route(&exchange, &message.key)?
        };
        for name in queues {
            let place = self.number();
            let Some(queue) = self.queues.get_mut(&name) else {
                let (exchange, key) = (message.exchange.clone(), message.key.clone());
                return Err(PublishError::Unroutable { exchange, key });
            };
            queue.store(place, message.clone(), now);
        }
        Ok(())
    }

    /// The queues, by their names in the broker; those of the alternate exchange where no binding
    /// matches.
    fn route(&self, exchange: &str, key: &str) -> Result<Vec<String>, PublishError> {
        let known = self.topology.exchanges.iter().find(|known| known.name == exchange);
        let Some(known) = known else {
            return Err(PublishError::Disconnected(format!("no exchange `{exchange}`")));
        };
        let bound = self.topology.bindings.iter().filter(|binding| binding.exchange == exchange);
        let matching = bound.filter(|binding| takes(known.kind, &binding.key, key));
        let queues: BTreeSet<String> = matching.map(|binding| binding.queue.clone()).collect();
        match (queues.is_empty(), alternate(known)) {
            (false, _) => Ok(queues.into_iter().collect()),
            (true, Some(alternate)) => self.route(alternate, key),
            (true, None) => Err(PublishError::Unroutable {
                exchange: self.topology.name(exchange).unwrap_or(exchange).to_owned(),
                key: key.to_owned(),
            }),
        }
    }

    /// Brings everything up to `now`: what travels arrives, what is old dies, what is ready is
    /// delivered. Answers whether anything happened.
    pub(crate) fn advance(&mut self, now: Instant) -> bool {
        let mut happened = false;
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            happened = true;
            let (here, rest) =
                std::mem::take(&mut self.travelling).into_iter().partition(|t| t.due <= due);
            self.travelling = rest;
            self.arrive(here, due);
            self.expire(due);
        }
        // Nothing else changes what can be delivered: whoever changes the state delivers at once.
        if happened {
            self.deliver();
        }
        happened
    }

    /// A broker that is down lets nothing arrive and nothing expire.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if self.down {
            return None;
        }
        let travelling = self.travelling.iter().map(|travelling| travelling.due);
        travelling.chain(self.queues.values().filter_map(QueueState::next_due)).min()
    }

    fn arrive(&mut self, here: Vec<Travelling>, now: Instant) {
        for Travelling { message, .. } in here {
            if let Err(error) = self.store(&message, now) {
                panic!("a delayed message could not be stored: {error}");
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let mut dead = Vec::new();
        for (name, queue) in &mut self.queues {
            while queue.next_due().is_some_and(|due| due <= now) {
                dead.extend(queue.ready.pop_front().map(|stored| (name.clone(), stored)));
            }
        }
        dead.sort_by_key(|(_, stored)| stored.place);
        for (queue, stored) in dead {
            self.bury(&queue, stored, "expired", now);
        }
    }

    /// What a message meets on its way out of a delay queue.
    fn meets(&mut self, queue: &str, message: &Message) -> Fault {
        let Some(chance) = &mut self.chance else { return Fault::Pass };
        let queue = self.topology.name(queue).unwrap_or(queue);
        (chance.0)(Moment::Expired { queue, message })
    }

    /// Every subscription ends, and everybody who waits for a confirm hears of it.
    pub(crate) fn stop(&mut self) {
        self.down = true;
        self.lose_all("the broker stopped");
        self.broken.append(&mut self.held);
    }

    fn lose_all(&mut self, reason: &str) {
        let epochs: Vec<u64> = self.subscriptions.keys().copied().collect();
        for epoch in epochs {
            self.lose(epoch, reason);
        }
    }

    pub(crate) fn depths(&self) -> BTreeMap<String, usize> {
        let mut depths: BTreeMap<String, usize> = BTreeMap::new();
        let mut count = |name: &str, more: usize| {
            let name = self.topology.name(name).unwrap_or(name).to_owned();
            *depths.entry(name).or_default() += more;
        };
        for (name, queue) in &self.queues {
            count(name, queue.ready.len());
        }
        for taker in self.subscriptions.values() {
            count(&taker.queue, taker.unacknowledged.len());
        }
        count("travelling", self.travelling.len());
        depths.retain(|_, depth| *depth > 0);
        depths
    }

    fn bury(&mut self, queue: &str, stored: Stored, reason: &str, now: Instant) {
        let letters = self.queues.get(queue).and_then(|queue| queue.dead_letters.clone());
        let Some((exchange, key)) = letters else { return };
        let mut message = died(stored.message, queue, reason);
        message.exchange = self.topology.name(&exchange).unwrap_or(&exchange).to_owned();
        message.key = key.unwrap_or(message.key);
        let fault = if reason == "expired" { self.meets(queue, &message) } else { Fault::Pass };
        let later = match fault {
            Fault::Delay(delay) => Some((now + delay, false)),
            Fault::Overtake => Some((now + OVERTAKEN_MAX, true)),
            Fault::Duplicate => Some((now, false)),
            Fault::Pass | Fault::Refuse | Fault::LoseConfirm | Fault::Hold | Fault::Sever => None,
        };
        if let Some((due, overtaken)) = later {
            self.travelling.push(Travelling { due, message: message.clone(), overtaken });
        }
        if matches!(fault, Fault::Delay(_) | Fault::Overtake) {
            return;
        }
        if let Err(error) = self.store(&message, now) {
            panic!("what died in {queue} has nowhere to go: {error}");
        }
    }

    /// Gives up on a delivery; whether there was one.
    pub(crate) fn reject(&mut self, epoch: u64, tag: u64) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(&epoch) else { return false };
        let Some(stored) = subscription.unacknowledged.remove(&tag) else { return false };
        let queue = subscription.queue.clone();
        self.bury(&queue, stored, "rejected", Instant::now());
        true
    }

    /// Fills every subscription up to its prefetch, in turns.
    pub(crate) fn deliver(&mut self) {
        for (name, queue) in &mut self.queues {
            while !queue.ready.is_empty() {
                let served = queue.served;
                let mut open: Vec<_> = self
                    .subscriptions
                    .iter_mut()
                    .filter(|(_, taker)| taker.queue == *name && taker.has_room())
                    .collect();
                open.sort_by_key(|(epoch, _)| (**epoch <= served, **epoch));
                let Some((epoch, taker)) = open.into_iter().next() else { break };
                let Some(stored) = queue.ready.pop_front() else { break };
                queue.served = *epoch;
                taker.next_tag += 1;
                taker.untaken.push_back(taker.next_tag);
                taker.unacknowledged.insert(taker.next_tag, stored);
            }
        }
    }

    /// Ends a subscription against its will: what it held goes back.
    pub(crate) fn lose(&mut self, epoch: u64, reason: &str) {
        let Some(subscription) = self.subscriptions.get_mut(&epoch) else { return };
        subscription.takes = false;
        subscription.lost.get_or_insert_with(|| reason.to_owned());
        subscription.untaken.clear();
        let held = std::mem::take(&mut subscription.unacknowledged);
        let name = subscription.queue.clone();
        for stored in held.into_values() {
            let queue = self.queues.get_mut(&name);
            if let Some(dead) = queue.and_then(|queue| queue.take_back(stored)) {
                self.bury(&name, dead, "delivery_limit", Instant::now());
            }
        }
    }
}

fn alternate(exchange: &Exchange) -> Option<&str> {
    match exchange.arguments.get("alternate-exchange") {
        Some(Argument::Text(name)) => Some(name),
        Some(Argument::Number(_)) | None => None,
    }
}

fn takes(kind: ExchangeKind, pattern: &str, key: &str) -> bool {
    match kind {
        ExchangeKind::Direct => pattern == key,
        ExchangeKind::Fanout => true,
        ExchangeKind::Topic => {
            let pattern: Vec<&str> = pattern.split('.').collect();
            let key: Vec<&str> = key.split('.').collect();
            matches_topic(&pattern, &key)
        }
    }
}

/// `*` is one word, `#` any number of them.
fn matches_topic(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern.split_first(), key.split_first()) {
        (None, None) => true,
        (Some((&"#", rest)), None) => matches_topic(rest, key),
        (Some((&"#", rest)), Some((_, shorter))) => {
            matches_topic(rest, key) || matches_topic(pattern, shorter)
        }
        (None, Some(_)) | (Some(_), None) => false,
        (Some((word, rest)), Some((found, shorter))) => {
            (*word == "*" || word == found) && matches_topic(rest, shorter)
        }
    }
}
