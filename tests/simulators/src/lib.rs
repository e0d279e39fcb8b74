//! OrderFlow, OroCommerce and a legacy ERP, simulated to the status code. Knows nothing of shared/.
//!
//! Each simulator is a system with its own interface, an actor that does what the sample world says,
//! and the control API of [`control`] (see README.md). All in memory: a simulator that ends forgets.

pub mod control;
pub mod erp;
pub mod orderflow;
pub mod oro;
