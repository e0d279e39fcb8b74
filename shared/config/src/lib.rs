//! `ferry.toml`: one file for all services, parsed at the edge and linted offline.
//!
//! Holding a [`Config`] is the proof that the file parsed, that every key is known and that every
//! secret it names could be read. It opens no socket and starts nothing.

pub mod duration;
pub mod route;
pub mod secret;
pub mod system;

pub use duration::HumanDuration;
pub use route::RouteConfig;
pub use secret::Secret;
pub use system::SystemConfig;
