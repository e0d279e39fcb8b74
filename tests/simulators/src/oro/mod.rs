//! A simulated OroCommerce back office, of any version from 5.1 on (OroCommerce reference).
//!
//! Promises what a client sees of the JSON:API: token, media types, documents, errors, ids as
//! strings. All in memory. Deliberately leaves out what no route needs: the storefront, the plain JSON
//! API.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each rule concerns a few of the resources and leaves all others alone"
)]

mod answer;
mod batch;
mod calls;
mod changes;
mod document;
mod find;
mod lists;
mod media;
mod naming;
mod operations;
mod page;
mod permissions;
mod plan;
mod problem;
mod query;
mod record;
mod render;
mod rows;
mod rules;
mod schema;
mod seen;
mod serve;
mod settle;
mod shop;
mod shopper;
mod store;
#[cfg(test)]
mod tests;
mod token;
mod values;
mod version;
mod webhooks;
mod write;

pub use version::Version;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::control::{self, Control, SimOptions};
use operations::Work;
use serve::Front;
use shop::{Installed, Shop};
use shopper::Shopper;
use token::Client;
use version::Keyed;
use webhooks::Sender;

/// How a shop is started.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub sim: SimOptions,
    #[arg(long, default_value = "ferry-demo")]
    pub client_id: String,
    #[arg(long, default_value = "ferry-demo-secret")]
    pub client_secret: String,
    /// Seconds a token lives.
    #[arg(long, default_value_t = 3600)]
    pub expires_in: u32,
    /// Which OroCommerce it is: a branch (5.1, 6.0, 6.1, 7.0) or a patch of one (6.1.9).
    #[arg(long, default_value_t)]
    pub oro_version: Version,
    /// Whether the order's `status` may be written through the API; a shop as installed says no.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub external_status_management: bool,
    /// Resources that are on the site's `ext_id_entities` beside products: customers, customerusers,
    /// orders, inventorylevels. They go by `externalId` where a client asks for EXT ID.
    #[arg(long, value_delimiter = ',')]
    pub ext_id_entities: Vec<String>,
    /// Entities whose changes webhooks may listen to: customer, order, product. As installed: none.
    #[arg(long, value_delimiter = ',')]
    pub webhooks: Vec<String>,
    /// A checkout takes what it sells from the stock level, as a shop does that manages its inventory.
    #[arg(long)]
    pub checkout_stock: bool,
    /// Batches worked on at one time; 0 is a shop whose workers are all down.
    #[arg(long, default_value_t = 1)]
    pub workers: usize,
    /// Milliseconds a worker takes for a chunk of a batch.
    #[arg(long, default_value_t = 0)]
    pub worker_ms: u32,
    /// Milliseconds a synchronous batch waits for a worker before it is answered 202.
    #[arg(long, default_value_t = 25_000)]
    pub sync_wait_ms: u64,
    /// Seconds an operation can be asked for.
    #[arg(long, default_value_t = 2_592_000)]
    pub retention: u32,
    /// The shopper's speed at most; 0 is a shop nobody buys in.
    #[arg(long, default_value_t = 400)]
    pub orders_per_second: u32,
    /// Seconds an order waits for its buyer's account before he buys as a guest of his company.
    #[arg(long, default_value_t = 3)]
    pub buyer_patience: u32,
}

/// How often the shopper looks, unless its speed is lower.
const LOOKS_PER_SECOND: u32 = 40;

/// How often the workers are looked after.
const WORK_EACH: Duration = Duration::from_millis(10);

/// Serves until the process ends.
///
/// # Errors
/// The address cannot be listened on, or the listener fails.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let control = Control::new();
    let front = open(&options, &control)?;
    control::start(work(front.clone()));
    control::start(notify(front.clone()));
    if options.orders_per_second > 0 {
        let shopping = shop_on(front.clone(), control.clone(), options.orders_per_second);
        control::start(shopping);
    }
    let listener = control::bind(options.sim.listen).await?;
    let view = Arc::new(front.clone());
    control::serve(listener, control::app(control, serve::router(front), view)).await
}

fn open(options: &Options, control: &Control) -> anyhow::Result<Front> {
    let client = Client {
        id: options.client_id.clone(),
        secret: options.client_secret.clone(),
        expires_in: options.expires_in,
    };
    let mut keyed = Keyed::default();
    for kind in &options.ext_id_entities {
        anyhow::ensure!(keyed.add(kind), "--ext-id-entities {kind}: it has no externalId");
    }
    let installed = Installed {
        version: options.oro_version,
        external_status: options.external_status_management,
        keyed,
        checkout_stock: options.checkout_stock,
        work: Work {
            workers: options.workers,
            chunk: SignedDuration::from_millis(options.worker_ms.into()),
            kept: SignedDuration::from_secs(options.retention.into()),
        },
    };
    let mut shop = Shop::new(client, installed);
    for entity in &options.webhooks {
        let known = webhooks::announce(&mut shop.store, entity);
        anyhow::ensure!(known, "--webhooks {entity}: customer, order or product was expected");
    }
    let buys = options.orders_per_second > 0;
    let patience = SignedDuration::from_secs(i64::from(options.buyer_patience));
    let shopper = buys.then(|| Shopper::new(options.sim.world(), patience, &shop, control::now()));
    let front = Front::new(shop, shopper, control.clone());
    Ok(front.patient(Duration::from_millis(options.sync_wait_ms)))
}

/// Tells whoever listens, for ever.
async fn notify(front: Front) {
    let sender = Sender::new();
    let mut ticks = tokio::time::interval(WORK_EACH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for notice in front.notices(control::now()) {
            control::start(front.clone().notify(sender.clone(), notice));
        }
    }
}

/// Keeps the workers at work for ever.
async fn work(front: Front) {
    let mut ticks = tokio::time::interval(WORK_EACH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        front.work(control::now());
    }
}

/// Places orders for ever, in small portions.
async fn shop_on(front: Front, control: Control, per_second: u32) {
    let looks = LOOKS_PER_SECOND.min(per_second).max(1);
    let portion = usize::try_from(per_second / looks).unwrap_or(usize::MAX);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / looks);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        control.until_resumed().await;
        front.place(portion, control::now());
    }
}
