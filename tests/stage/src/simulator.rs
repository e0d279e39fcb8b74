//! A simulated system and its control API.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};
use ferry_world::account::Progress;
use serde::Deserialize;
use serde_json::Value;

use crate::{Program, beside_this, http};

/// What every simulator of one run is told of the world.
#[derive(Clone, Copy, Debug)]
pub struct WorldOptions {
    pub seed: u64,
    pub records: u32,
    pub ticks: u32,
    pub tick_ms: u64,
}

/// One simulator as a process of its own.
#[derive(Debug)]
pub struct Simulator {
    pub program: Program,
    pub url: String,
}

/// A fault as a simulator shows it.
#[derive(Debug, Deserialize)]
pub struct Scripted {
    pub kind: String,
    #[serde(default)]
    pub status: Option<u16>,
    pub fired: u64,
}

impl Simulator {
    /// Starts `orderflow`, `oro` or `erp` on a free port, with options of its own.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(
        folder: &Path,
        system: &str,
        world: &WorldOptions,
        more: &[String],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(beside_this("ferry-simulator")?);
        command.arg(system).args(["--listen", "127.0.0.1:0"]);
        for (name, value) in [
            ("--seed", world.seed.to_string()),
            ("--records", world.records.to_string()),
            ("--ticks", world.ticks.to_string()),
            ("--tick-ms", world.tick_ms.to_string()),
        ] {
            command.args([name, &value]);
        }
        command.args(more);
        let mut program =
            Program::start(folder, &format!("sim-{system}"), command, Stdio::piped())?;
        let out = program.take_output().context("a simulator without output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).context("reading a simulator's address")?;
        let url = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let url = url.with_context(|| {
            format!("the {system} simulator did not start:\n{}", program.tail())
        })?;
        Ok(Self { program, url })
    }

    /// Starts `orderflow`, which pushes to the sample installation's producer at `push`.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn warehouse(folder: &Path, world: &WorldOptions, push: &str) -> anyhow::Result<Self> {
        let push = format!("{push}/push/warehouse");
        let pushing = [
            ("--push-url", push.as_str()),
            ("--push-user", "orderflow"),
            ("--push-password", "push-demo"),
            ("--password", "ferry-demo"),
            ("--time-zone", "Europe/London"),
        ];
        let more: Vec<String> =
            pushing.iter().flat_map(|(name, value)| [*name, *value]).map(str::to_owned).collect();
        Self::start(folder, "orderflow", world, &more)
    }

    /// # Errors
    /// When it does not answer.
    pub fn progress(&self) -> anyhow::Result<Progress> {
        http::json(&format!("{}/_sim/progress", self.url))
    }

    /// Scripts faults as the simulators' README describes them.
    ///
    /// # Errors
    /// When it does not take one.
    pub fn script(&self, faults: &[Value]) -> anyhow::Result<()> {
        let url = format!("{}/_sim/faults", self.url);
        for fault in faults {
            let answer = http::post(&url, &fault.to_string()).context("scripting a fault")?;
            let taken = (200..300).contains(&answer.status);
            ensure!(taken, "{url} refused {fault}: {}", answer.text());
        }
        Ok(())
    }

    /// Takes all scripted faults away.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn forgive(&self) -> anyhow::Result<()> {
        let url = format!("{}/_sim/faults", self.url);
        let answer = http::send("DELETE", &url, &[], b"").context("taking the faults away")?;
        ensure!(answer.status == 204, "{url} answered {}", answer.status);
        Ok(())
    }

    /// Adds how often each kind of scripted fault fired; a status by its number.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn count_fired(&self, kinds: &mut BTreeMap<String, u64>) -> anyhow::Result<()> {
        let scripted: Vec<Scripted> = http::json(&format!("{}/_sim/faults", self.url))?;
        for fault in scripted {
            let name = match fault.status {
                Some(status) if fault.kind == "status" => format!("status_{status}"),
                _ => fault.kind,
            };
            *kinds.entry(name).or_default() += fault.fired;
        }
        Ok(())
    }
}
