//! The broker as one process has it: what happens to the process happens here.

use std::{sync::Arc, time::Duration};

use ferry_broker::{
    Broker, Delivery, Depth, Health, Intake, IntakeError, Message, PublishError, Publisher,
    Receipt, Stale,
};
use ferry_sim::{Moment, SimBroker, SimIntake, SimPublisher};
use ferry_topology::name;
use tokio::time::{Instant, sleep_until};

use crate::{
    agenda::{Act, Agenda},
    chance::Chance,
    fault::{Fault, Hop},
    mix::Mix,
    sabotage::Sabotage,
    sim::{Sim, Trace},
};

/// The hop a publish to this exchange is on.
fn published_on(exchange: &str) -> Hop {
    match exchange {
        name::RECORDS => Hop::ProducerToRecords,
        name::EVENTS | name::FACTS => Hop::TransformerToEvents,
        name::DEAD => Hop::DeadToConsole,
        _ => Hop::LoaderToDelay,
    }
}

/// The hop a delivery from this queue is on.
fn delivered_on(queue: &str) -> Hop {
    if queue.rsplit('.').next() == Some(name::DEAD) || queue == name::FACTS {
        Hop::DeadToConsole
    } else if queue.starts_with("transform") {
        Hop::RecordsToTransformer
    } else {
        Hop::EventsToLoader
    }
}

/// What a message meets on its way into a queue.
pub(crate) fn misfortune(
    moment: Moment<'_>,
    (chance, mix, agenda, trace): (&Chance, &Mix, &Agenda, &Trace),
) -> ferry_sim::Fault {
    const INTO: [Fault; 7] = [
        Fault::Refuse,
        Fault::LoseConfirm,
        Fault::Duplicate,
        Fault::Hold,
        Fault::Delay,
        Fault::Sever,
        Fault::Reorder,
    ];
    let (hop, among, message) = match moment {
        Moment::Published(message) => (published_on(&message.exchange), &INTO[..], message),
        Moment::Expired { message, .. } => (
            Hop::DelayToRequeue,
            &[Fault::Duplicate, Fault::Delay, Fault::Reorder, Fault::Restart][..],
            message,
        ),
    };
    let struck = mix.strike(hop, among);
    let shown = struck.map(|fault| format!(" {fault:?}")).unwrap_or_default();
    trace.say(format!("{hop} {} {} {}{shown}", message.exchange, message.key, message.id));
    match struck {
        Some(Fault::Refuse) => ferry_sim::Fault::Refuse,
        Some(Fault::LoseConfirm) => ferry_sim::Fault::LoseConfirm,
        Some(Fault::Duplicate) => ferry_sim::Fault::Duplicate,
        Some(Fault::Hold) => {
            agenda.add(Instant::now() + chance.millis(100..20_000), Act::Release);
            ferry_sim::Fault::Hold
        }
        Some(Fault::Delay) => ferry_sim::Fault::Delay(chance.millis(10..15_000)),
        Some(Fault::Sever) => ferry_sim::Fault::Sever,
        Some(Fault::Reorder) => ferry_sim::Fault::Overtake,
        Some(Fault::Restart) => {
            agenda.add(Instant::now(), Act::RestartBroker);
            ferry_sim::Fault::Pass
        }
        Some(_) | None => ferry_sim::Fault::Pass,
    }
}

/// One process's connection.
#[derive(Clone, Debug)]
pub(crate) struct Tap {
    pub(crate) sim: Arc<Sim>,
    pub(crate) process: String,
}

impl Tap {
    fn inner(&self) -> &SimBroker {
        &self.sim.broker
    }

    /// The process dies here; this never goes on.
    async fn die<T>(&self) -> T {
        self.sim.kill(&self.process);
        std::future::pending().await
    }
}

#[derive(Clone, Debug)]
pub(crate) struct TapPublisher {
    tap: Tap,
    inner: SimPublisher,
}

impl TapPublisher {
    /// What strikes the publishing process before its messages leave.
    async fn strike(&self, messages: &[Message]) -> Option<Fault> {
        let hop = published_on(&messages.first()?.exchange);
        let fate = self.tap.sim.mix.strike(hop, &[Fault::Kill, Fault::Restart])?;
        if fate == Fault::Restart {
            self.tap.sim.restart_broker();
            return None;
        }
        // Before or after the broker has them.
        if self.tap.sim.chance.coin() { Some(fate) } else { self.tap.die().await }
    }
}

impl Publisher for TapPublisher {
    async fn publish_all(&self, messages: Vec<Message>) -> Vec<Result<(), PublishError>> {
        let fate = self.strike(&messages).await;
        let mut answers = self.inner.publish_all(messages).await;
        if self.tap.sim.sabotage == Some(Sabotage::DropTheConfirm) {
            answers.fill(Ok(()));
        }
        if fate.is_some() { self.tap.die().await } else { answers }
    }

    async fn publish_until_confirmed(
        &self,
        messages: Vec<Message>,
        patience: Duration,
    ) -> Result<(), PublishError> {
        if self.tap.sim.sabotage == Some(Sabotage::DropTheConfirm) {
            drop(self.publish_all(messages).await);
            return Ok(());
        }
        let fate = self.strike(&messages).await;
        let answer = self.inner.publish_until_confirmed(messages, patience).await;
        if fate.is_some() { self.tap.die().await } else { answer }
    }
}

#[derive(Debug)]
pub(crate) struct TapIntake {
    tap: Tap,
    inner: SimIntake,
    queue: String,
    /// Nothing is handed over before.
    slow_until: Instant,
}

impl Intake for TapIntake {
    async fn take(&mut self, max: usize) -> Result<Vec<Delivery>, IntakeError> {
        sleep_until(self.slow_until).await;
        let taken = self.inner.take(max).await?;
        if self.tap.sim.sabotage == Some(Sabotage::AckEarly) {
            let receipts = taken.iter().map(|delivery| delivery.receipt).collect();
            drop(self.inner.ack(receipts).await);
        }
        let among = [Fault::Sever, Fault::Kill, Fault::Restart, Fault::Delay];
        let hop = delivered_on(&self.queue);
        let sim = &self.tap.sim;
        let struck = sim.mix.strike(hop, &among);
        if let Some(fault) = struck {
            sim.say(format!("{hop} {} {} {fault:?}", self.tap.process, self.queue));
        }
        match struck {
            Some(Fault::Sever) => sim.broker.sever(&self.queue),
            Some(Fault::Restart) => sim.restart_broker(),
            Some(Fault::Kill) => return self.tap.die().await,
            Some(_) => self.slow_until = Instant::now() + sim.chance.millis(10..8_000),
            None => {}
        }
        Ok(taken)
    }

    async fn cancel(&mut self) -> Result<Vec<Delivery>, IntakeError> {
        self.inner.cancel().await
    }

    async fn reject(&self, receipts: Vec<Receipt>) -> Result<(), Stale> {
        self.inner.reject(receipts).await
    }

    async fn ack(&self, receipts: Vec<Receipt>) -> Result<(), Stale> {
        let hop = delivered_on(&self.queue);
        let sim = &self.tap.sim;
        if sim.mix.strike(hop, &[Fault::LoseConfirm]).is_some() {
            sim.say(format!("{hop} {} {} loses its ack", self.tap.process, self.queue));
            sim.broker.sever(&self.queue);
        }
        self.inner.ack(receipts).await
    }
}

impl Broker for Tap {
    type Publisher = TapPublisher;
    type Intake = TapIntake;

    fn publisher(&self) -> TapPublisher {
        TapPublisher { tap: self.clone(), inner: self.inner().publisher() }
    }

    async fn subscribe(&self, queue: &str, prefetch: u16) -> Result<TapIntake, IntakeError> {
        let inner = self.inner().subscribe(queue, prefetch).await?;
        let queue = queue.to_owned();
        Ok(TapIntake { tap: self.clone(), inner, queue, slow_until: Instant::now() })
    }

    fn health(&self) -> Health {
        self.inner().health()
    }

    async fn depth(&self, queue: &str) -> Result<Depth, IntakeError> {
        self.inner().depth(queue).await
    }
}
