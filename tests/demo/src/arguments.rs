//! The command line.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) once: bool,
    pub(crate) misfortune: bool,
    /// Of the shop; none: the latest that is simulated.
    pub(crate) oro_version: Option<String>,
    pub(crate) records: u32,
    pub(crate) seed: u64,
    /// Live changes: one tick every [`Self::tick_ms`]; `u32::MAX` without `--once`.
    pub(crate) ticks: u32,
    pub(crate) tick_ms: u64,
    /// How long nothing may move before the account is settled as it is.
    pub(crate) patience: Duration,
}

const USAGE: &str = "\
usage: cargo x demo [--once] [--records N] [--misfortune] [--seed N] [--ticks N] [--oro-version V]

Runs customers, products, stock, orders, shipments and cancellations between a legacy ERP, a drop
folder, an OrderFlow warehouse and an OroCommerce shop (simulated) through the real services.

--once         until all input is accounted for; the last line of standard output is one JSON object
--records N    entities in the sample world (default 1000)
--misfortune   the simulators refuse, stall, answer 503, 429 and garbage, apply and then drop the
               connection, push twice and out of order; a loader is killed in the middle
--seed N       another world (default 1)
--ticks N      live changes after the start (default 20 with --once, without end otherwise)
--oro-version V  of the simulated shop, from 5.1 on: 6.0 or 6.1.9, for example (default the latest)

The broker is the one at FERRY_DEMO_AMQP_URL, or a private RabbitMQ node.";

impl Arguments {
    pub(crate) fn parse(given: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = Self {
            once: false,
            misfortune: false,
            oro_version: None,
            records: 1_000,
            seed: 1,
            ticks: 0,
            tick_ms: 500,
            patience: Duration::from_secs(90),
        };
        let mut ticks = None;
        let mut given = given;
        while let Some(word) = given.next() {
            match word.as_str() {
                "--once" => arguments.once = true,
                "--misfortune" => arguments.misfortune = true,
                "--records" => arguments.records = number(&word, given.next())?,
                "--seed" => arguments.seed = number(&word, given.next())?,
                "--oro-version" => {
                    let version = given.next().ok_or("--oro-version needs a version")?;
                    arguments.oro_version = Some(version);
                }
                "--ticks" => ticks = Some(number(&word, given.next())?),
                "--help" | "-h" => return Err(USAGE.to_owned()),
                _ => return Err(format!("unknown argument `{word}`\n\n{USAGE}")),
            }
        }
        arguments.ticks = ticks.unwrap_or(if arguments.once { 20 } else { u32::MAX });
        Ok(arguments)
    }
}

fn number<T: std::str::FromStr>(name: &str, given: Option<String>) -> Result<T, String> {
    let given = given.ok_or_else(|| format!("{name} needs a number"))?;
    given.parse().map_err(|_| format!("{name}: `{given}` is not a number that fits"))
}
