//! What every simulator is told on its command line.

use std::net::SocketAddr;
use std::time::Duration;

use ferry_world::World;

/// Flatten it into a simulator's own options.
#[derive(Clone, Debug, clap::Args)]
pub struct SimOptions {
    /// Where to listen; port 0 takes a free port, printed when ready.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The seed of the sample world; the same in all simulators of one run.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The size of the sample world; the same in all simulators of one run.
    #[arg(long, default_value_t = 1000)]
    pub records: u32,
    /// How many times the world changes; after that the simulator only answers.
    #[arg(long, default_value_t = 20)]
    pub ticks: u32,
    /// Milliseconds from one change to the next.
    #[arg(long, default_value_t = 500)]
    pub tick_ms: u64,
}

impl SimOptions {
    pub fn world(&self) -> World {
        World::new(self.seed, self.records)
    }

    pub const fn tick_length(&self) -> Duration {
        Duration::from_millis(self.tick_ms)
    }
}
