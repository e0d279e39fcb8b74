//! Misfortune: what the simulators do wrong on purpose, and a loader that is killed.

use std::collections::BTreeMap;

use ferry_stage::told::Overview;
use serde_json::json;

use crate::stage::Stage;

/// Deliveries that must have ended before the loader is killed: it is then in the middle of work.
const KILL_AFTER: u64 = 150;

/// What was done by the demo itself.
#[derive(Debug, Default)]
pub(crate) struct Misfortune {
    pub(crate) killed: bool,
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
    stage.shop.script(&requests("/admin/api/", "POST", 23))?;
    stage.shop.script(&requests("/admin/api/", "PATCH", 19))?;
    stage.warehouse.script(&requests("/web/remotewarehouse/imports/", "POST", 3))?;
    stage.warehouse.script(&requests("/web/remoteorder/imports/", "POST", 4))?;
    stage.warehouse.script(&requests("/web/remoteorder/order/", "POST", 3))?;
    stage.warehouse.script(&[
        json!({"kind": "push_twice", "every": 9, "count": 12}),
        json!({"kind": "push_shuffled", "every": 7, "count": 12}),
    ])?;
    stage.erp.script(&[
        json!({"kind": "refuse", "every": 5, "count": 2}),
        json!({"kind": "status", "status": 503, "every": 7, "count": 2}),
        json!({"kind": "garbage", "every": 11, "count": 2}),
    ])
}

impl Misfortune {
    /// Kills a loader once it has enough work in hand, and starts another.
    pub(crate) fn strike(&mut self, stage: &mut Stage, view: &Overview) -> anyhow::Result<()> {
        let ended: u64 = view.routes.iter().flat_map(|route| route.outcomes.values()).sum();
        let working = view.claimed.values().sum::<u64>() > 0;
        if self.killed || ended < KILL_AFTER || !working {
            return Ok(());
        }
        self.killed = true;
        stage.replace_loader()
    }
}

/// How often every kind of misfortune happened, and which never did.
pub(crate) fn fired(
    stage: &Stage,
    misfortune: &Misfortune,
) -> anyhow::Result<(BTreeMap<String, u64>, Vec<String>)> {
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for simulator in [&stage.shop, &stage.warehouse, &stage.erp] {
        simulator.count_fired(&mut kinds)?;
    }
    kinds.insert("loader_killed".to_owned(), u64::from(misfortune.killed));
    let never = kinds.iter().filter(|(_, count)| **count == 0).map(|(kind, _)| kind.clone());
    let never = never.collect();
    Ok((kinds, never))
}
