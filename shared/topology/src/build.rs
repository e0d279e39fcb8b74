//! The topology of DESIGN §6, from its inputs.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    Argument, Arguments, Binding, Exchange, ExchangeKind, Inputs, KEPT_DELIVERY_LIMIT, Queue,
    QueueRole, Topology, WORK_DELIVERY_LIMIT, name,
};

impl Topology {
    /// Everything that the inputs call for. The same inputs, in any order, give the same topology.
    pub fn new(inputs: &Inputs) -> Self {
        let mut topology = Self { prefix: inputs.prefix.clone(), ..Self::default() };
        topology.add_unrouted();
        topology.add_exchange(name::RECORDS, ExchangeKind::Topic);
        topology.add_exchange(name::EVENTS, ExchangeKind::Topic);
        topology.add_exchange(name::REQUEUE, ExchangeKind::Direct);
        topology.add_exchange(name::DEAD, ExchangeKind::Topic);
        topology.add_facts();
        topology.add_delays(&inputs.levels);
        for lane in &inputs.lanes {
            let queue = name::transform_queue(lane);
            topology.add_work(&queue);
            topology.bind(name::RECORDS, &queue, &name::record_key("*", "*", lane));
        }
        topology.add_loads(inputs);
        topology
    }

    /// The end of the line: without an alternate exchange of its own, being a fanout with a queue.
    fn add_unrouted(&mut self) {
        self.exchanges.push(Exchange {
            name: self.broker_name(name::UNROUTED),
            kind: ExchangeKind::Fanout,
            arguments: Arguments::new(),
        });
        self.add_kept(name::UNROUTED, QueueRole::Unrouted);
        self.bind(name::UNROUTED, name::UNROUTED, "");
    }

    fn add_facts(&mut self) {
        self.add_exchange(name::FACTS, ExchangeKind::Topic);
        self.add_kept(name::FACTS, QueueRole::Facts);
        self.bind(name::FACTS, name::FACTS, "#");
    }

    fn add_delays(&mut self, levels: &[Duration]) {
        let levels: BTreeSet<u32> = levels.iter().copied().map(name::level_millis).collect();
        for millis in levels {
            let level = name::delay_exchange(Duration::from_millis(millis.into()));
            self.add_exchange(&level, ExchangeKind::Fanout);
            self.add_delay_queue(&level, millis);
            self.bind(&level, &level, "");
        }
    }

    /// Dead-letters without a routing key of its own, so the key the message came with, its queue's
    /// name, brings it back: one level serves every queue.
    fn add_delay_queue(&mut self, level: &str, millis: u32) {
        let requeue = self.broker_name(name::REQUEUE);
        let arguments = [
            quorum(),
            ("x-message-ttl", Argument::Number(millis.into())),
            ("x-dead-letter-exchange", Argument::Text(requeue)),
            at_least_once(),
            reject_publish(),
        ];
        self.add_queue(level, QueueRole::Delay, arguments);
    }

    fn add_loads(&mut self, inputs: &Inputs) {
        let wanted: BTreeSet<_> = inputs.bindings.iter().collect();
        let others = wanted.into_iter().filter(|wish| wish.target != wish.source);
        for wish in others {
            for lane in &inputs.lanes {
                let queue = name::load_queue(&wish.target, &wish.entity, lane);
                self.add_work(&queue);
                let key = name::event_key(&wish.entity, &wish.facet, &wish.source, lane);
                self.bind(name::EVENTS, &queue, &key);
            }
        }
    }

    fn add_exchange(&mut self, name: &str, kind: ExchangeKind) {
        let unrouted = Argument::Text(self.broker_name(name::UNROUTED));
        let arguments = Arguments::from([("alternate-exchange".to_owned(), unrouted)]);
        self.exchanges.push(Exchange { name: self.broker_name(name), kind, arguments });
    }

    /// A work queue, its way back and its dead letters; once, however many routes share it.
    fn add_work(&mut self, queue: &str) {
        let broker_name = self.broker_name(queue);
        if self.queues.iter().any(|known| known.name == broker_name) {
            return;
        }
        let dead_exchange = self.broker_name(name::DEAD);
        let arguments = [
            quorum(),
            ("x-delivery-limit", Argument::Number(WORK_DELIVERY_LIMIT)),
            ("x-dead-letter-exchange", Argument::Text(dead_exchange)),
            ("x-dead-letter-routing-key", Argument::Text(queue.to_owned())),
            at_least_once(),
            reject_publish(),
        ];
        self.add_queue(queue, QueueRole::Work, arguments);
        self.bind(name::REQUEUE, queue, queue);
        let dead = name::dead_queue(queue);
        self.add_kept(&dead, QueueRole::Dead);
        self.bind(name::DEAD, &dead, queue);
    }

    fn add_kept(&mut self, queue: &str, role: QueueRole) {
        let limit = ("x-delivery-limit", Argument::Number(KEPT_DELIVERY_LIMIT));
        self.add_queue(queue, role, [quorum(), limit]);
    }

    fn add_queue<const N: usize>(
        &mut self,
        queue: &str,
        role: QueueRole,
        arguments: [(&str, Argument); N],
    ) {
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value));
        let name = self.broker_name(queue);
        self.queues.push(Queue { name, role, arguments: arguments.collect() });
    }

    fn bind(&mut self, exchange: &str, queue: &str, key: &str) {
        self.bindings.push(Binding {
            exchange: self.broker_name(exchange),
            queue: self.broker_name(queue),
            key: key.to_owned(),
        });
    }
}

fn quorum() -> (&'static str, Argument) {
    ("x-queue-type", Argument::Text("quorum".to_owned()))
}

fn at_least_once() -> (&'static str, Argument) {
    ("x-dead-letter-strategy", Argument::Text("at-least-once".to_owned()))
}

/// At-least-once dead-lettering needs it: with `drop-head` the broker falls back to at-most-once
/// without a word (RabbitMQ reference §1.2).
fn reject_publish() -> (&'static str, Argument) {
    ("x-overflow", Argument::Text("reject-publish".to_owned()))
}
