//! The sample world: what the ERP, the catalogue, the warehouse and the shoppers will say, and what
//! must have become of it in the end.
//!
//! Promises that everything is a pure function of a seed and a size: the same seed gives the same
//! bytes, and asking in another order changes nothing. Content only: when something is said is the
//! simulators' business. Knows nothing of Ferry, so generator, simulators and checker share no error
//! with it.

pub mod account;
mod amendment;
mod catalogue;
mod chance;
mod change;
mod customer;
mod flaw;
mod fulfilment;
mod manifest;
mod names;
mod order;
mod places;
mod product;
mod stock;
#[cfg(test)]
mod tests;
mod world;

pub use catalogue::Catalogue;
pub use change::{Changes, Versions};
pub use customer::{Address, AddressKind, Contact, Customer};
pub use flaw::Flaw;
pub use fulfilment::{Fulfilment, PlannedShipment, ShippedLine};
pub use manifest::{ExpectedDead, ROUTES, Route};
pub use order::{Order, OrderAddress, OrderLine};
pub use product::{Product, Unit};
pub use stock::{SITES, Stock};
pub use world::{Plan, World};
