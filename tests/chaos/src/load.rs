//! How much the world changes, and how fast, so that a run has the events it was asked for.

use std::time::Duration;

use ferry_stage::WorldOptions;
use ferry_world::{Fulfilment, World};

use crate::arguments::Arguments;

/// Of the run's time, the part in which the world changes; then what is left over drains under
/// misfortune.
const CHANGING: f64 = 0.92;

pub(crate) struct Load {
    pub(crate) world: World,
    pub(crate) options: WorldOptions,
    pub(crate) orders_per_second: u32,
    /// Changes in the world: everything that is new once, and everything a tick changes.
    pub(crate) events: u64,
}

impl Load {
    pub(crate) fn of(arguments: &Arguments) -> Self {
        let world = World::new(arguments.seed, arguments.entities);
        let at_first = at_first(&world);
        let per_tick = in_tick(&world, 1).max(1);
        let wanted = u64::from(arguments.events).saturating_sub(at_first);
        let ticks = u32::try_from(wanted.div_ceil(per_tick)).unwrap_or(u32::MAX).max(1);
        let length = arguments.duration().mul_f64(CHANGING);
        let events = at_first + (1..=ticks).map(|tick| in_tick(&world, tick)).sum::<u64>();
        let tick_ms = u64::try_from((length / ticks).as_millis()).unwrap_or(u64::MAX).max(1);
        let options =
            WorldOptions { seed: arguments.seed, records: arguments.entities, ticks, tick_ms };
        // Orders come over most of the run; what is left of it they need to be shipped.
        let pace = f64::from(world.plan().orders) / (length / 4 * 3).as_secs_f64().max(1.0);
        let orders_per_second = whole(pace);
        Self { world, options, orders_per_second, events }
    }

    /// How long the world changes.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_millis(self.options.tick_ms) * self.options.ticks
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive pace; the cast saturates"
)]
fn whole(pace: f64) -> u32 {
    pace.ceil().max(1.0) as u32
}

/// What is new: customers, products, stock, orders and what becomes of them.
fn at_first(world: &World) -> u64 {
    let plan = world.plan();
    let sites = |product| (0..ferry_world::SITES.len()).filter(move |s| world.holds(product, *s));
    let stocks: usize = (0..plan.products).map(|product| sites(product).count()).sum();
    let ends: usize = (0..plan.orders)
        .map(|order| match world.fulfilment(order) {
            Fulfilment::Shipments(shipments) => shipments.len(),
            Fulfilment::Cancelled => 1,
            Fulfilment::Open => 0,
        })
        .sum();
    u64::from(plan.customers + plan.products + plan.orders) + count(stocks) + count(ends)
}

fn in_tick(world: &World, tick: u32) -> u64 {
    let changes = world.changes(tick);
    count(changes.customers.len() + changes.products.len() + changes.stock.len())
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_run_has_the_events_it_was_asked_for_within_its_time() {
        let arguments = Arguments::parse_from(["chaos", "--minutes", "2"]);
        let load = Load::of(&arguments);
        assert!((20_000..20_100).contains(&load.events), "{}", load.events);
        assert!(load.length() < arguments.duration(), "{:?}", load.length());
    }
}
