//! What everybody in one run shares.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ferry_config::Config;
use ferry_sim::SimBroker;
use ferry_store::SqliteStore;
use ferry_systems::System;
use ferry_transformer::Transformer;
use tokio::{sync::mpsc, task::AbortHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    agenda::{Act, Agenda},
    chance::Chance,
    mix::Mix,
    model::{Asked, Said, erp::Erp, people::People, shop::Shop, warehouse::Warehouse},
    push::Push,
    sabotage::Sabotage,
};

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Alive {
    pub(crate) abort: AbortHandle,
    pub(crate) draining: CancellationToken,
}

#[derive(Debug, Default)]
pub(crate) struct Models {
    pub(crate) erp: Erp,
    pub(crate) warehouse: Warehouse,
    pub(crate) shop: Shop,
    /// Customers, whom the ERP and the CRM share.
    pub(crate) people: People,
}

#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) started: Instant,
    pub(crate) chance: Chance,
    pub(crate) mix: Arc<Mix>,
    pub(crate) agenda: Arc<Agenda>,
    pub(crate) config: Config,
    pub(crate) broker: SimBroker,
    pub(crate) store: SqliteStore,
    pub(crate) systems: Arc<BTreeMap<String, System>>,
    pub(crate) transformer: Transformer,
    pub(crate) models: Mutex<Models>,
    pub(crate) alive: Mutex<BTreeMap<String, Alive>>,
    /// Where producers take pushes in, by their names.
    pub(crate) doors: Mutex<BTreeMap<String, mpsc::Sender<Push>>>,
    pub(crate) sabotage: Option<Sabotage>,
    trace: Arc<Trace>,
}

/// What happened, one line each.
#[derive(Debug)]
pub(crate) struct Trace {
    started: Instant,
    lines: Mutex<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(started: Instant) -> Self {
        Self { started, lines: Mutex::default() }
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        let at = self.started.elapsed().as_secs_f64();
        lock(&self.lines).push(format!("{at:>9.3} {}", line.as_ref()));
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }
}

pub(crate) struct Parts {
    pub(crate) chance: Chance,
    pub(crate) mix: Arc<Mix>,
    pub(crate) agenda: Arc<Agenda>,
    pub(crate) config: Config,
    pub(crate) broker: SimBroker,
    pub(crate) store: SqliteStore,
    pub(crate) systems: BTreeMap<String, System>,
    pub(crate) transformer: Transformer,
    pub(crate) trace: Arc<Trace>,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Sim {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            started: Instant::now(),
            chance: parts.chance,
            mix: parts.mix,
            agenda: parts.agenda,
            config: parts.config,
            broker: parts.broker,
            store: parts.store,
            systems: Arc::new(parts.systems),
            transformer: parts.transformer,
            models: Mutex::default(),
            alive: Mutex::default(),
            doors: Mutex::default(),
            sabotage: parts.sabotage,
            trace: parts.trace,
        }
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        self.trace.say(line);
    }

    pub(crate) fn later(&self, after: Duration, act: Act) {
        self.agenda.add(Instant::now() + after, act);
    }

    pub(crate) fn models(&self) -> MutexGuard<'_, Models> {
        lock(&self.models)
    }

    /// A system acts on what it was asked, at once.
    pub(crate) fn act(&self, host: &str, asked: &Asked) -> Said {
        let mut models = self.models();
        match host {
            "erp.test" | "crm.test" if asked.path.starts_with("/customers") => {
                models.people.answer(host, asked, ferry_sim::now())
            }
            "erp.test" => models.erp.answer(asked),
            "warehouse.test" => models.warehouse.answer(asked),
            _ => models.shop.answer(asked),
        }
    }

    /// A process is gone, wherever it was; another of its name starts later.
    pub(crate) fn kill(&self, name: &str) {
        let Some(alive) = lock(&self.alive).remove(name) else { return };
        self.say(format!("{name} is killed"));
        lock(&self.doors).remove(name);
        alive.abort.abort();
        let after = self.chance.millis(50..4_000);
        self.later(after, Act::Start(name.to_owned()));
    }

    pub(crate) fn restart_broker(&self) {
        self.say("the broker stops");
        self.broker.stop();
        let after = self.chance.millis(50..5_000);
        self.later(after, Act::BrokerStarts);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
