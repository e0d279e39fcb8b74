//! `ferry.toml`: one file for all services, parsed at the edge and linted offline.
//!
//! Holding a [`Config`] is the proof that the file parsed, that every key is known, that nothing in
//! it is known not to work, and that every secret and mapping it names could be read. It opens no
//! socket, starts nothing and does not compile mappings.

pub mod alerts;
pub mod care;
pub mod config;
mod conflict;
pub mod duration;
pub mod error;
pub mod export;
pub mod lint;
pub mod orderflow;
mod raw;
mod resolve;
pub mod responses;
pub mod route;
pub mod schedule;
mod schema;
pub mod secret;
pub mod system;
pub mod timeline;

pub use alerts::{AlertsConfig, MailConfig, MailLogin, MailTls, WebhookConfig};
pub use care::{CareConfig, MaintenanceWindow, maintained_until};
pub use config::{
    BrokerConfig, Config, LogConfig, LogFormat, LogLevel, ServiceConfig, StoreConfig, TlsConfig,
};
pub use conflict::{ConflictPolicy, ConflictPolicyError};
pub use duration::HumanDuration;
pub use error::ConfigError;
pub use export::ExportConfig;
pub use lint::{Finding, Severity, lint};
pub use orderflow::OrderflowWrites;
pub use responses::ResponseRule;
pub use route::{RetryConfig, RouteConfig};
pub use schedule::{CatchUp, CronTimes, Due, ScheduleConfig, Times};
pub use schema::json_schema;
pub use secret::{Environment, Secret};
pub use system::SystemConfig;
pub use timeline::{TimelineStep, worst_case_timeline};
