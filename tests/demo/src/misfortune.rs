//! Misfortune: what the simulators do wrong on purpose, and a loader that is killed.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{config::free_port, http, stage::Stage, told::Overview};

/// Deliveries that must have ended before the loader is killed: it is then in the middle of work.
const KILL_AFTER: u64 = 150;

/// What was done by the demo itself.
#[derive(Debug, Default)]
pub(crate) struct Misfortune {
    pub(crate) killed: bool,
}

/// A fault as a simulator shows it.
#[derive(Debug, Deserialize)]
struct Shown {
    kind: String,
    #[serde(default)]
    status: Option<u16>,
    fired: u64,
}

/// Scripts every kind of fault at every simulator that can have it.
pub(crate) fn script(stage: &Stage) -> anyhow::Result<()> {
    let requests = |prefix: &str, method: &str, rare: u64| {
        vec![
            json!({"kind": "refuse", "method": method, "path_prefix": prefix, "every": rare, "count": 8}),
            json!({"kind": "stall", "method": method, "path_prefix": prefix, "stall_ms": 4000, "every": rare + 7, "count": 3}),
            json!({"kind": "status", "status": 503, "method": method, "path_prefix": prefix, "every": rare + 3, "count": 8}),
            json!({"kind": "status", "status": 429, "retry_after": "1", "method": method, "path_prefix": prefix, "every": rare + 5, "count": 6}),
            json!({"kind": "garbage", "method": method, "path_prefix": prefix, "every": rare + 9, "count": 6}),
            json!({"kind": "apply_then_drop", "method": method, "path_prefix": prefix, "every": rare + 1, "count": 8}),
            json!({"kind": "apply_then_stall", "method": method, "path_prefix": prefix, "stall_ms": 4000, "every": rare + 11, "count": 3}),
        ]
    };
    install(&stage.shop, &requests("/admin/api/", "POST", 23))?;
    install(&stage.shop, &requests("/admin/api/", "PATCH", 19))?;
    install(&stage.warehouse, &requests("/web/remotewarehouse/imports/", "POST", 3))?;
    install(&stage.warehouse, &requests("/web/remoteorder/imports/", "POST", 4))?;
    install(
        &stage.warehouse,
        &[
            json!({"kind": "push_twice", "every": 9, "count": 12}),
            json!({"kind": "push_shuffled", "every": 7, "count": 12}),
        ],
    )?;
    install(
        &stage.erp,
        &[
            json!({"kind": "refuse", "every": 5, "count": 2}),
            json!({"kind": "status", "status": 503, "every": 7, "count": 2}),
            json!({"kind": "garbage", "every": 11, "count": 2}),
        ],
    )
}

fn install(simulator: &str, faults: &[Value]) -> anyhow::Result<()> {
    for fault in faults {
        let url = format!("{simulator}/_sim/faults");
        let answer = http::post(&url, &fault.to_string()).context("scripting a fault")?;
        anyhow::ensure!(
            (200..300).contains(&answer.status),
            "{url} refused {fault}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    Ok(())
}

impl Misfortune {
    /// Kills a loader once it has enough work in hand, and starts another.
    pub(crate) fn strike(&mut self, stage: &mut Stage, view: &Overview) -> anyhow::Result<()> {
        let ended: u64 = view.routes.iter().flat_map(|route| route.outcomes.values()).sum();
        let working = view.claimed.values().sum::<u64>() > 0;
        if self.killed || ended < KILL_AFTER || !working {
            return Ok(());
        }
        stage.kill("loader")?;
        self.killed = true;
        eprintln!("misfortune: a loader was killed with SIGKILL; another one starts");
        let port = free_port()?;
        stage.start_service("loader", port)?;
        stage.wait_ready("loader", port)
    }
}

/// How often every kind of misfortune happened, and which never did.
pub(crate) fn fired(
    stage: &Stage,
    misfortune: &Misfortune,
) -> anyhow::Result<(BTreeMap<String, u64>, Vec<String>)> {
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for simulator in [&stage.shop, &stage.warehouse, &stage.erp] {
        let shown: Vec<Shown> = http::json(&format!("{simulator}/_sim/faults"))?;
        for fault in shown {
            let name = match fault.status {
                Some(status) if fault.kind == "status" => format!("status_{status}"),
                _ => fault.kind,
            };
            *kinds.entry(name).or_default() += fault.fired;
        }
    }
    kinds.insert("loader_killed".to_owned(), u64::from(misfortune.killed));
    let never = kinds.iter().filter(|(_, count)| **count == 0).map(|(kind, _)| kind.clone());
    let never = never.collect();
    Ok((kinds, never))
}
