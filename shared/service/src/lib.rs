//! The life of a process: arguments, configuration, telemetry, signals, health, metrics, exit code.
//!
//! Every service's `main` is one call of [`main`]. It promises that a signal drains the process in
//! two stages, that every end of a task is seen, logged and counted, and that one failed task takes
//! the whole process down in order: a service that cannot do its work must not look healthy. It
//! knows no broker, no store and no system.

pub mod arguments;
mod chain;
mod clock;
mod deployment;
mod entry;
pub mod http;
pub mod lifecycle;
pub mod metrics;
pub mod readiness;
pub mod signals;
pub mod telemetry;
mod tls;

pub use arguments::{Arguments, ServiceName};
pub use chain::Chain;
pub use clock::now;
pub use deployment::{host, topology};
pub use entry::{BadConfiguration, Service, main, run};
pub use lifecycle::{Ended, Lifecycle};
pub use metrics::Metrics;
pub use readiness::{Condition, Readiness};
pub use signals::Signals;

/// Exit codes, the same for every binary.
pub mod exit {
    /// Drained.
    pub const OK: u8 = 0;
    /// A task failed, or work was cut short.
    pub const FAILED: u8 = 1;
    pub const USAGE: u8 = 2;
    /// A check found problems.
    pub const FOUND_PROBLEMS: u8 = 3;
    pub const UNREACHABLE: u8 = 4;
    pub const BAD_CONFIGURATION: u8 = 64;
}

/// The version that logs, metrics and dead letters name.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
