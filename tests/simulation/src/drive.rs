//! One run: starts everything, lets the story happen, waits until all is quiet, drains.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use ferry_config::{Config, Environment};
use ferry_service::Metrics;
use ferry_sim::SimBroker;
use ferry_store::SqliteStore;
use ferry_systems::System;
use ferry_transformer::{Transformer, TransformerMetrics};
use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    agenda::{Act, Agenda},
    chance::{Chance, start_ids},
    mix::Mix,
    model::plan::{Plan, STORY, What},
    operator, process, push,
    sabotage::Sabotage,
    sim::{Alive, Parts, Sim, Trace, lock},
    tap::misfortune,
};

/// The last misfortune strikes before this.
const CALM: Duration = Duration::from_secs(75);
/// A run that is not quiet after this never will be.
const QUIET_MAX: Duration = Duration::from_hours(1);
/// Longer than the slowest schedule, so that what was said last has been heard.
const LISTEN: Duration = Duration::from_secs(15);
const DRAIN_MAX: Duration = Duration::from_mins(2);

/// Everything that runs.
pub(crate) struct Run {
    pub(crate) sim: Arc<Sim>,
    pub(crate) plan: Plan,
    /// The events that an operator sent again, and their orders.
    pub(crate) sent_again: BTreeMap<String, String>,
    processes: JoinSet<String>,
    pushes: JoinSet<()>,
}

impl Run {
    pub(crate) fn new(
        seed: u64,
        sabotage: Option<Sabotage>,
        trace: Arc<Trace>,
    ) -> anyhow::Result<Self> {
        start_ids(seed);
        let chance = Chance::of_seed(seed);
        let plan = Plan::new(&chance);
        let mix = Arc::new(Mix::new(&chance, Instant::now() + CALM));
        let agenda = Arc::new(Agenda::default());
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = include_str!("../ferry.toml");
        let config = Config::parse(text, home, &Environment::permissive())?;
        let broker = SimBroker::new(ferry_service::topology(&config));
        let met = (chance.clone(), Arc::clone(&mix), Arc::clone(&agenda), Arc::clone(&trace));
        broker.meet(move |moment| misfortune(moment, (&met.0, &met.1, &met.2, &met.3)));
        let wanted = config.routes.iter().map(|route| (route.from.clone(), route.facet)).collect();
        let metrics = TransformerMetrics::new(&Metrics::new("transformer")?)?;
        let host = "transformer".to_owned();
        let transformer =
            Transformer::new(systems(&config)?, wanted, ferry_sim::now, host, metrics);
        let systems = systems(&config)?;
        let store = SqliteStore::in_memory(ferry_sim::now)?;
        let parts = Parts {
            chance,
            mix,
            agenda,
            config,
            broker,
            store,
            systems,
            transformer,
            trace,
            sabotage,
        };
        let sim = Arc::new(Sim::new(parts));
        let sent_again = BTreeMap::new();
        Ok(Self { sim, plan, sent_again, processes: JoinSet::new(), pushes: JoinSet::new() })
    }

    /// From the first start to the last drain.
    pub(crate) async fn whole(&mut self) -> anyhow::Result<()> {
        self.begin();
        let deadline = self.sim.started + QUIET_MAX;
        let mut look_at = self.sim.mix.calm_at() + LISTEN;
        loop {
            while let Some(act) = self.sim.agenda.take_due(Instant::now()) {
                self.act(act).await?;
            }
            if Instant::now() >= look_at {
                if self.is_quiet() {
                    break;
                }
                if Instant::now() > deadline {
                    bail!("it never becomes quiet: {:?}", self.sim.broker.depths());
                }
                look_at += Duration::from_secs(5);
            }
            let wake = self.sim.agenda.next_at().map_or(look_at, |at| at.min(look_at));
            let agenda = Arc::clone(&self.sim.agenda);
            tokio::select! {
                biased;
                Some(ended) = self.processes.join_next(), if !self.processes.is_empty() => {
                    self.ended(ended)?;
                }
                Some(sent) = self.pushes.join_next(), if !self.pushes.is_empty() => sent?,
                () = agenda.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
        self.drain().await
    }

    fn begin(&self) {
        let sim = &self.sim;
        let services =
            [("producer", 1..3), ("transformer", 1..3), ("loader", 1..4), ("console", 1..2)];
        for (service, many) in services {
            for number in 0..sim.chance.count(many) {
                sim.later(sim.chance.millis(0..200), Act::Start(format!("{service}-{number}")));
            }
        }
        for change in &self.plan.changes {
            sim.later(change.at, Act::Change(change.what.clone()));
        }
        let story = u64::try_from(STORY.as_millis()).unwrap_or(u64::MAX);
        for _ in 0..sim.chance.below(3) {
            let service = sim.chance.pick(&["producer", "transformer", "loader", "console"]);
            let name = format!("{}-0", service.copied().unwrap_or_default());
            let act = if sim.chance.coin() { Act::Drain(name) } else { Act::Kill(name) };
            sim.later(sim.chance.millis(1_000..story), act);
        }
        if sim.chance.permille(200) {
            sim.later(sim.chance.millis(1_000..story), Act::RestartBroker);
        }
    }

    async fn act(&mut self, act: Act) -> anyhow::Result<()> {
        let sim = &self.sim;
        match act {
            Act::Change(What::SendAgain) => {
                let again = operator::send_again(sim, &mut self.sent_again).await?;
                self.pushes.spawn(operator::publish(Arc::clone(sim), again));
            }
            Act::Change(what) => self.change(what),
            Act::ApplyLate { host, asked } => {
                let said = sim.act(&host, &asked);
                sim.say(format!("{host} acts late on {}: {}", asked.path, said.status));
            }
            Act::Release => sim.broker.release(),
            Act::BrokerStarts => {
                sim.say("the broker starts");
                sim.broker.start();
            }
            Act::Start(name) => self.start(name),
            Act::Drain(name) => {
                if let Some(alive) = lock(&sim.alive).get(&name) {
                    sim.say(format!("{name} drains"));
                    alive.draining.cancel();
                }
            }
            Act::Kill(name) => sim.kill(&name),
            Act::RestartBroker => sim.restart_broker(),
        }
        Ok(())
    }

    fn change(&mut self, what: What) {
        let sim = &self.sim;
        sim.say(format!("now {what:?}"));
        let now = ferry_sim::now();
        match what {
            What::Product { sku, name, flawed } => {
                sim.models().erp.product(&sku, name, flawed, now);
            }
            What::Order { reference, sku, whole } => {
                sim.models().erp.order(&reference, &sku, whole, now);
                sim.models().shop.orders.place(&reference);
            }
            What::Person { number, end, name } => {
                sim.models().people.change(&number, end, name, now);
            }
            What::Stock { sku, site, version } => {
                let (number, document) = sim.models().warehouse.tell_stock(&sku, site, version);
                self.pushes.spawn(push::send(Arc::clone(sim), number, document));
            }
            What::Shipment { order, number, despatched } => {
                let (number, document) =
                    sim.models().warehouse.tell_shipment(&order, number, despatched);
                self.pushes.spawn(push::send(Arc::clone(sim), number, document));
            }
            What::Cancellation { order } => {
                let (number, document) = sim.models().warehouse.tell_cancellation(&order);
                self.pushes.spawn(push::send(Arc::clone(sim), number, document));
            }
            What::Mend { order } => sim.models().warehouse.mend(&order),
            What::Backfill => {
                let page = sim.models().erp.products();
                self.pushes.spawn(operator::backfill(Arc::clone(sim), page));
            }
            What::SendAgain => {}
        }
    }

    fn start(&mut self, name: String) {
        let sim = &self.sim;
        sim.say(format!("{name} starts"));
        let draining = CancellationToken::new();
        let (runs, token, process) = (Arc::clone(sim), draining.clone(), name.clone());
        let abort = self.processes.spawn(async move {
            match process::run(runs, process.clone(), token).await {
                Ok(()) => process,
                Err(error) => format!("{process} failed: {error:#}"),
            }
        });
        lock(&sim.alive).insert(name, Alive { abort, draining });
    }

    /// A process has left by itself, or was killed.
    fn ended(&self, ended: Result<String, JoinError>) -> anyhow::Result<()> {
        let name = match ended {
            Ok(name) => name,
            Err(lost) if lost.is_cancelled() => return Ok(()),
            Err(lost) => return Err(lost).context("a process panicked"),
        };
        let known = lock(&self.sim.alive).remove(&name);
        let Some(alive) = known else { bail!("{name}") };
        if !alive.draining.is_cancelled() {
            bail!("{name} left although nobody told it to");
        }
        self.sim.say(format!("{name} has left"));
        self.sim.later(Duration::from_millis(200), Act::Start(name));
        Ok(())
    }

    fn is_quiet(&self) -> bool {
        let told = self.sim.models().warehouse.has_told_all();
        let waits = self.sim.agenda.next_at().is_some() || !self.pushes.is_empty();
        told && !waits && self.sim.broker.depths().is_empty()
    }

    async fn drain(&mut self) -> anyhow::Result<()> {
        self.sim.say("all drain");
        for alive in lock(&self.sim.alive).values() {
            alive.draining.cancel();
        }
        let all = async {
            while let Some(ended) = self.processes.join_next().await {
                ended?;
            }
            Ok::<(), JoinError>(())
        };
        timeout(DRAIN_MAX, all).await.context("a process does not end its drain")??;
        Ok(())
    }
}

fn systems(config: &Config) -> anyhow::Result<BTreeMap<String, System>> {
    let systems = config.systems.iter();
    systems.map(|(name, system)| Ok((name.clone(), System::new(name, system)?))).collect()
}
