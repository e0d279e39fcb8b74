//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, ValueEnum};

/// Real processes, a real broker and simulated systems under seeded misfortune; at the end the
/// account of what the simulators saw. Exits 0 when every promise held, 3 when one broke (its
/// folder is kept), 1 when the run itself failed.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo x chaos")]
pub(crate) struct Arguments {
    /// How long load and misfortune last, in minutes; fractions are fine. Draining comes after.
    #[arg(long, default_value_t = 2.0)]
    pub(crate) minutes: f64,
    /// Makes the world, its changes and the misfortune.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Changes in the world, paced over the minutes.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) events: u32,
    /// Customers, products and orders in the world.
    #[arg(long, default_value_t = 2_000)]
    pub(crate) entities: u32,
    /// Which misfortune.
    #[arg(long, value_enum, default_value_t = Plan::All)]
    pub(crate) plan: Plan,
    /// How long the broker or the target is away, in seconds; unless said, a minute for the broker
    /// and ten for a target, and always within the middle half of the run.
    #[arg(long)]
    pub(crate) outage: Option<u64>,
    /// Where ledger and journal are.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    pub(crate) store: StoreKind,
    /// Writes the result as JSON, besides standard output.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Keeps logs, store and histories of a run in which every promise held.
    #[arg(long)]
    pub(crate) keep: bool,
}

/// What goes wrong in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Plan {
    /// Everything that can.
    All,
    /// Nothing: the same load in good weather.
    None,
    /// The broker is stopped for a minute in the middle.
    BrokerStopped,
    /// The shop is down for ten minutes.
    TargetDown,
    /// Two of four loaders are killed in a loop.
    LoadersKilled,
}

/// The stores Ferry runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StoreKind {
    Sqlite,
    /// A private cluster, with a link of its own to each service.
    Postgres,
}

impl StoreKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Plan {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::None => "none",
            Self::BrokerStopped => "broker-stopped",
            Self::TargetDown => "target-down",
            Self::LoadersKilled => "loaders-killed",
        }
    }
}

impl Arguments {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.minutes.clamp(0.1, 24.0 * 60.0) * 60.0)
    }

    /// How long the one long outage of a plan lasts.
    pub(crate) fn outage(&self) -> Duration {
        let unless_said = match self.plan {
            Plan::TargetDown => 600,
            Plan::All | Plan::None | Plan::BrokerStopped | Plan::LoadersKilled => 60,
        };
        Duration::from_secs(self.outage.unwrap_or(unless_said)).min(self.duration() / 2)
    }

    /// The run again, as a person would type it.
    pub(crate) fn in_words(&self) -> String {
        let Self { minutes, seed, events, entities, .. } = self;
        let (plan, store) = (self.plan.name(), self.store.name());
        let words = format!(
            "cargo x chaos --minutes {minutes} --seed {seed} --events {events} \
             --entities {entities} --plan {plan} --store {store}"
        );
        self.outage.map_or(words.clone(), |outage| format!("{words} --outage {outage}"))
    }
}
