//! The account: what the simulators saw against what the world says must have become of everything.
//!
//! Promises that every entity of the manifest is looked at once per target, and that its verdict
//! rests on the simulators' words alone. It does not read Ferry's own counters.

mod seen;

pub use seen::{
    Effect, EffectKind, Entry, HistoryPage, OrderflowSeen, OroSeen, Progress, SeenAddress,
    SeenCustomer, SeenImportedOrder, SeenImportedProduct, SeenLevel, SeenOrder, SeenProduct,
    SeenPushFailure, SeenShipment, SeenTracking, SeenUser,
};
