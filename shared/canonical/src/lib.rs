//! Canonical events: what the services exchange and what any AMQP client may read.
//!
//! An [`Event`] is a CloudEvents 1.0 envelope in structured mode that carries the full state of one
//! *part* of one *entity*. This crate promises that what it encodes it decodes, in this version and
//! in later ones, and that the committed JSON Schemas describe exactly these types. It does no
//! input or output, knows no system's format and takes no time from a clock.

mod brief;
pub mod brought;
pub mod customer;
pub mod entity;
pub mod event;
pub mod fact;
pub mod failure;
#[cfg(test)]
mod golden;
pub mod header;
pub mod limits;
pub mod order;
pub mod outcome;
pub mod part;
pub mod price;
pub mod product;
pub mod reference;
pub mod removal;
pub mod schema;
pub mod sequence;
pub mod step;
pub mod value;

pub use brought::{Brought, Doubt};
pub use entity::{Entity, Facet, Lane, Subject, SubjectError};
pub use event::{Event, EventError, event_id};
pub use failure::{Disposition, FailureKind};
pub use outcome::Outcome;
pub use part::{Part, PartError};
pub use reference::{NoReference, Reference};
pub use removal::Removal;
pub use sequence::{Clock, Sequence};
pub use step::{Stands, Step, Steps};
