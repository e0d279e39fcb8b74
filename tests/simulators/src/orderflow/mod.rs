//! A simulated OrderFlow instance (OrderFlow reference §1 to §6).
//!
//! Promises what a client sees of it: imports as properties in XML with a verdict per item, queries,
//! cancellation, notifications, refusals in each of the documented ways; and what a receiver gets from it: inventory
//! and event pushes with one growing message id, tried until they are answered 200. One organisation,
//! one channel, one user, all in memory. Deliberately leaves out that stock moves because of returns,
//! purchase orders or stock moves that were imported.

mod access;
mod actor;
mod desk;
mod documents;
mod effect;
mod imports;
mod instance;
mod order;
mod outbox;
mod papers;
mod person;
mod plan;
mod product;
mod properties;
mod pusher;
mod queries;
mod report;
#[cfg(test)]
mod samples;
mod sender;
mod serve;
mod stock;
#[cfg(test)]
mod tests;
mod values;
mod warehouse;
mod xml;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::Uri;
use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep};

use crate::control::{self, Control, SimOptions};

use access::Credentials;
use actor::Actor;
use desk::Identity;
use instance::Instance;
use outbox::Outbox;
use plan::WorldPlan;
use pusher::Overseen;
use sender::Sender;

/// How often the actor looks what is due, at least.
const BEAT_MAX: Duration = Duration::from_millis(100);

/// The simulated warehouse.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub sim: SimOptions,
    /// The organisation products and stock belong to.
    #[arg(long, default_value = "acme")]
    pub organisation: String,
    /// The channel orders come by.
    #[arg(long, default_value = "web")]
    pub channel: String,
    /// Who may ask.
    #[arg(long, default_value = "ferry")]
    pub user: String,
    #[arg(long, default_value = "ferry")]
    pub password: String,
    /// Where inventory and events are pushed to; nowhere without.
    #[arg(long)]
    pub push_url: Option<Uri>,
    #[arg(long, requires = "push_password")]
    pub push_user: Option<String>,
    #[arg(long, requires = "push_user")]
    pub push_password: Option<String>,
    /// Wait before a push is tried a second time, in milliseconds; later waits are multiples.
    #[arg(long, default_value_t = 1000)]
    pub push_retry_ms: u64,
    /// Whether notifications make it fetch from the store; it ignores them without.
    #[arg(long)]
    pub fetches: bool,
    /// Makes a second one of a return, purchase order, campaign or stock move that is inserted twice
    /// under one reference; it is a duplicate without.
    #[arg(long)]
    pub takes_repeats: bool,
    /// Tries before a push is given up.
    #[arg(long, default_value_t = 50)]
    pub push_tries: u32,
    /// Zone of the instance's local time: UTC or a name such as Europe/London.
    #[arg(long, default_value = "UTC")]
    pub time_zone: String,
}

/// Runs an instance until the process ends.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let app = start(&options)?;
    let listener = control::bind(options.sim.listen).await?;
    control::serve(listener, app).await
}

/// The whole interface of an instance whose actor and pushes are at work.
fn start(options: &Options) -> anyhow::Result<Router> {
    let control = Control::new();
    let instance = Arc::new(instance(options, control.clone())?);
    control::start(act(
        Arc::clone(&instance),
        control.clone(),
        BEAT_MAX.min(options.sim.tick_length()),
    ));
    if let Some(url) = &options.push_url {
        let sender = Sender::new(url.clone(), push_credentials(options).as_ref());
        let rng = fastrand::Rng::with_seed(options.sim.seed);
        control::start(push(Arc::clone(&instance), control.clone(), sender, rng));
    }
    Ok(control::app(control, serve::router(Arc::clone(&instance)), instance))
}

fn instance(options: &Options, control: Control) -> anyhow::Result<Instance> {
    let zone = TimeZone::get(&options.time_zone)
        .with_context(|| format!("time zone {} is not known here", options.time_zone))?;
    let identity = Identity {
        organisation: options.organisation.clone(),
        channel: options.channel.clone(),
        credentials: Credentials { user: options.user.clone(), password: options.password.clone() },
        fetches: options.fetches,
        takes_repeats: options.takes_repeats,
    };
    let plan = Box::new(WorldPlan::new(options.sim.world()));
    let actor = Actor::new(plan, options.sim.ticks, options.sim.tick_length(), Instant::now());
    let outbox = Outbox::new(Duration::from_millis(options.push_retry_ms), options.push_tries);
    let pushing = options.push_url.is_some();
    Ok(Instance::new(control, (identity, zone), actor, outbox, pushing))
}

fn push_credentials(options: &Options) -> Option<Credentials> {
    let user = options.push_user.clone()?;
    let password = options.push_password.clone()?;
    Some(Credentials { user, password })
}

async fn act(instance: Arc<Instance>, control: Control, beat: Duration) {
    loop {
        control.until_resumed().await;
        let effects = instance.step(Instant::now(), control::now());
        if !effects.is_empty() {
            control.acted("work", 0, effects);
        }
        sleep(beat).await;
    }
}

async fn push(instance: Arc<Instance>, control: Control, sender: Sender, rng: fastrand::Rng) {
    let overseen = Overseen { control: &control, instance: &instance };
    pusher::run(&instance, &sender, &overseen, rng).await;
}
