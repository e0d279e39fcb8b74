//! A simulated OroCommerce back office, of any version from 5.1 on (OroCommerce reference).
//!
//! Promises what a client sees of the JSON:API: token, media types, documents, errors, ids as
//! strings. All in memory. Deliberately leaves out what no route needs: the storefront, prices,
//! webhooks, asynchronous batches, the plain JSON API.

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
mod plan;
mod problem;
mod query;
mod record;
mod render;
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
mod write;

pub use version::Version;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use crate::control::{self, Control, SimOptions};
use serve::Front;
use shop::{Installed, Shop};
use shopper::Shopper;
use token::Client;

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
    /// The shopper's speed at most; 0 is a shop nobody buys in.
    #[arg(long, default_value_t = 400)]
    pub orders_per_second: u32,
    /// Seconds an order waits for its buyer's account before he buys as a guest of his company.
    #[arg(long, default_value_t = 3)]
    pub buyer_patience: u32,
}

/// How often the shopper looks, unless its speed is lower.
const LOOKS_PER_SECOND: u32 = 40;

/// Serves until the process ends.
///
/// # Errors
/// The address cannot be listened on, or the listener fails.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let control = Control::new();
    let front = open(&options, &control);
    if options.orders_per_second > 0 {
        let shopping = shop_on(front.clone(), control.clone(), options.orders_per_second);
        control::start(shopping);
    }
    let listener = control::bind(options.sim.listen).await?;
    let view = Arc::new(front.clone());
    control::serve(listener, control::app(control, serve::router(front), view)).await
}

fn open(options: &Options, control: &Control) -> Front {
    let client = Client {
        id: options.client_id.clone(),
        secret: options.client_secret.clone(),
        expires_in: options.expires_in,
    };
    let installed = Installed {
        version: options.oro_version,
        external_status: options.external_status_management,
    };
    let shop = Shop::new(client, installed);
    let buys = options.orders_per_second > 0;
    let patience = SignedDuration::from_secs(i64::from(options.buyer_patience));
    let shopper = buys.then(|| Shopper::new(options.sim.world(), patience, &shop, control::now()));
    Front::new(shop, shopper, control.clone())
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
