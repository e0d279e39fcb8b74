//! What becomes of an order in the warehouse.

use serde::Serialize;

use crate::chance::{self, Topic, pick};
use crate::flaw::Flaw;
use crate::names::CARRIERS;
use crate::order::OrderLine;
use crate::world::World;

/// The end of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Fulfilment {
    /// One or two, in the order they leave. Together they carry every line of the order whole.
    Shipments(Vec<PlannedShipment>),
    Cancelled,
    /// Stays as it is.
    Open,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedShipment {
    /// Appended to the order identifier: empty for an only shipment, else `_S1`, `_S2`.
    pub suffix: String,
    /// What it carries.
    pub lines: Vec<ShippedLine>,
    pub carrier: &'static str,
    pub service: &'static str,
    /// The tracking number; no two shipments share one.
    pub tracking: String,
    /// How many turns later than an ordinary shipment it leaves. Grows along the list.
    pub rank: u32,
    /// How its pushes are wrong: only ever the last of two.
    pub flaw: Option<Flaw>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShippedLine {
    /// Index into the order's lines.
    pub line: usize,
    pub sku: String,
    pub quantity: String,
}

impl PlannedShipment {
    /// The warehouse's reference of the shipment.
    pub fn reference(&self, order: &str) -> String {
        format!("{order}{}", self.suffix)
    }

    /// What the pushes say as `externalReference`; `None` is a flaw.
    pub fn told_reference(&self, order: &str) -> Option<String> {
        self.flaw.is_none().then(|| self.reference(order))
    }
}

/// Whether an order leaves in several shipments.
pub(crate) const fn splits(fulfilment: &Fulfilment) -> bool {
    matches!(fulfilment, Fulfilment::Shipments(shipments) if shipments.len() > 1)
}

/// An order the warehouse refused stays as it is.
pub(crate) fn of(world: &World, order: u32) -> Fulfilment {
    if world.order_flaw(order).is_some() {
        return Fulfilment::Open;
    }
    let mut rng = chance::of(world.seed(), Topic::Fulfilment, u64::from(order), 0);
    match rng.u8(..100) {
        0..9 => Fulfilment::Cancelled,
        9..18 => Fulfilment::Open,
        _ => Fulfilment::Shipments(shipments(world, order, &mut rng)),
    }
}

fn shipments(world: &World, order: u32, rng: &mut fastrand::Rng) -> Vec<PlannedShipment> {
    let lines = world.order(order).lines;
    let split = if lines.len() > 1 && rng.u8(..100) < 35 { rng.usize(1..lines.len()) } else { 0 };
    let mut parts: Vec<Vec<ShippedLine>> = Vec::new();
    for (line, ordered) in lines.iter().enumerate() {
        if line == 0 || line == split {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.push(shipped(line, ordered));
        }
    }
    let count = parts.len();
    let base = rng.u32(0..3);
    let shipment = |(n, lines): (usize, Vec<ShippedLine>)| {
        let (carrier, service) = pick(rng, &CARRIERS);
        let turn = u32::try_from(n).unwrap_or(u32::MAX);
        PlannedShipment {
            suffix: if count == 1 { String::new() } else { format!("_S{}", n + 1) },
            lines,
            carrier,
            service,
            tracking: format!("FB{:07}{:02}GB", order + 1, n + 1),
            rank: base + turn * 2,
            flaw: world.shipment_flaw(order).filter(|_| count > 1 && n + 1 == count),
        }
    };
    parts.into_iter().enumerate().map(shipment).collect()
}

fn shipped(line: usize, ordered: &OrderLine) -> ShippedLine {
    ShippedLine { line, sku: ordered.sku.clone(), quantity: ordered.quantity.clone() }
}
