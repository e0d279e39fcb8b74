//! The console: shows the truth, and takes in what services without a store have to say.
//!
//! It moves every `.dead` queue into the store and every fact into the journal, acknowledging only
//! what is stored; without a console both wait in RabbitMQ. It answers the HTTP API that the CLI and
//! the pages use, and says with each number where it comes from. It pauses and resumes targets in an
//! operator's name, and tells a person when one is needed. It changes nothing at any system, and
//! publishes one thing: dead letters that are sent again ([`custodian`]).
//!
//! The API carries no credentials: listen on a loopback address, or put a proxy in front.

pub mod alerts;
pub mod api;
pub mod custodian;
mod explain;
pub mod facts;
pub mod intake;
mod letters;
pub mod page;
pub mod sample;
mod targets;

use std::time::Duration;

/// Where the console has its limits.
pub mod limits {
    use super::Duration;

    /// Messages stored in one transaction.
    pub const BATCH: u16 = 200;
    /// Between two looks at the counts, and how many are kept for the rate.
    pub const SAMPLE_EVERY: Duration = Duration::from_secs(1);
    pub const SAMPLES: usize = 11;
    /// Between two looks at the dead letters: at least this, and so many times what a look took.
    pub const CUSTODY_EVERY: Duration = Duration::from_secs(2);
    pub const CUSTODY_REST: u32 = 20;
    /// How long a console has the dead letters to itself after it has looked.
    pub const CUSTODY: Duration = Duration::from_secs(30);
    /// Closed in one look, and sent again in one look. A letter may be as large as an event.
    pub const LETTERS_CLOSED: u32 = 500;
    pub const LETTERS_AGAIN: u32 = 16;
    /// A confirm that has not come after this is waited for no longer.
    pub const PUBLISH_PATIENCE: Duration = Duration::from_secs(20);

    const _: () = assert!(PUBLISH_PATIENCE.as_secs() < CUSTODY.as_secs());
    /// Between two tries of a store that cannot be used.
    pub const STORE_PAUSE: Duration = Duration::from_secs(1);
}
