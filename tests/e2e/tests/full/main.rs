//! End-to-end tests that take too long for every change: `cargo x test --full`.

mod cluster;
mod lanes;

use std::time::Duration;

/// No state of a healthy installation takes longer to come about, on a busy machine.
const SOON: Duration = Duration::from_mins(2);
