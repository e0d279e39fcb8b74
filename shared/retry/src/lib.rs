//! When to try again: sequences of delays as data, and the delay levels they are rounded to.
//!
//! Two kinds of waiting. A [`Policy`] spaces what one process repeats by itself (reconnecting,
//! polling, a repeat in place): it grows, is capped, and is spread by a seed that the caller gives,
//! so that a run is its inputs. A [`Schedule`] spaces the attempts of a delivery over hours, whose
//! count travels with the delivery; its delays are rounded up to [`Levels`], which are queues.
//!
//! It promises bounds that the tests pin. It does not sleep, read a clock or log. It is the only
//! crate that names `backoff` (ADR 0001).

mod levels;
mod policy;
mod schedule;

pub use levels::{Level, Levels, LevelsError, Wait};
pub use policy::{DELAY_LONGEST, Delays, Policy};
pub use schedule::{Schedule, ScheduleError};
