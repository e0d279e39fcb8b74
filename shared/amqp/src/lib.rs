//! RabbitMQ behind Ferry's own broker traits; the only crate that names lapin.
//!
//! It promises what `ferry-broker` states: a publish is `Ok` only after its confirm was read, a lost
//! intake is reported, nothing is buffered without a bound (500 publishes in flight, 64 waiting
//! calls, the prefetch of each intake). It reconnects for ever, declares the topology again after
//! each reconnect, and says once per outage what it waits for. lapin's own recovery is off: it
//! leaves consumers that never end (RabbitMQ reference §0.9).
//!
//! What a broker delivers is looked through before lapin reads it (the module `clean`): strings that
//! are no UTF-8 and tables without an end would cost the connection, or the process.
//!
//! Publishing and consuming have a connection each, because a broker in alarm stops reading from
//! publishers, acknowledgements included. It deliberately does not retry a publish by itself (but
//! see `publish_until_confirmed`), decide about deliveries, or repair a topology that differs.

mod acknowledge;
mod broker;
mod clean;
mod consuming;
mod declare;
mod intake;
mod link;
mod options;
mod publisher;
mod publishing;
mod received;
mod sent;
mod state;
mod wire;

pub use broker::AmqpBroker;
pub use intake::AmqpIntake;
pub use options::{Options, OptionsError};
pub use publisher::AmqpPublisher;
