//! A legacy ERP: customers over a paged REST API, which others may read and write.
//!
//! Promises that a reader who asks for `updated_since` the largest `updated_at` it has seen misses
//! nothing: the bound is inclusive, times only grow, and a page is sorted by `updated_at`, then
//! `number`. Many customers share an `updated_at`, and pages shift while customers change, as they do
//! in such systems.

mod api;
mod customers;
mod writing;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ferry_world::account::EffectKind;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval_at};

use crate::control::{self, Control, SimOptions};
use customers::Customers;

#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[command(flatten)]
    pub sim: SimOptions,
    /// The Bearer token readers must show.
    #[arg(long, default_value = "demo")]
    pub token: String,
}

/// Runs the ERP until the process ends.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let customers =
        Arc::new(Customers::new(options.sim.world(), options.sim.ticks, control::now()));
    let control = Control::new();
    let system = api::router(Arc::clone(&customers), control.clone(), options.token);
    let app = control::app(control.clone(), system, Arc::clone(&customers) as _);
    let listener = control::bind(options.sim.listen).await?;
    control::start(act(customers, control, options.sim.tick_length()));
    control::serve(listener, app).await
}

/// Releases what each tick changes.
async fn act(customers: Arc<Customers>, control: Control, tick: std::time::Duration) {
    let tick = tick.max(std::time::Duration::from_millis(1));
    let mut ticks = interval_at(tokio::time::Instant::now() + tick, tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !customers.is_done() {
        ticks.tick().await;
        control.until_resumed().await;
        let released = customers.release(control::now());
        let effects = released.iter().map(|(number, revision)| {
            let fields = json!({ "revision": revision });
            control.effect("customer", number, EffectKind::Released, fields)
        });
        control.acted("release", 0, effects.collect());
    }
}
