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
    // One request of so many fails, each time in another way: failures in a row are an outage, and
    // the loaders leave the target alone.
    let requests = |prefix: &str, method: &str, apart: u64| {
        let kinds = [
            ("refuse", None, 8),
            ("apply_then_drop", None, 8),
            ("status", Some(503), 8),
            ("status", Some(429), 3),
            ("stall", None, 2),
            ("garbage", None, 6),
            ("apply_then_stall", None, 2),
        ];
        let every = apart * u64::try_from(kinds.len()).unwrap_or(1);
        let fault = |(n, (kind, status, count)): (u64, (&str, Option<u16>, u32))| {
            json!({"kind": kind, "status": status, "count": count, "stall_ms": 4000,
                   "retry_after": (status == Some(429)).then_some("1"),
                   "method": method, "path_prefix": prefix, "first": n * apart, "every": every})
        };
        (1..).zip(kinds).map(fault).collect::<Vec<_>>()
    };
    stage.shop.script(&requests("/admin/api/", "POST", 11))?;
    stage.shop.script(&requests("/admin/api/", "PATCH", 11))?;
    stage.warehouse.script(&requests("/web/remotewarehouse/imports/", "POST", 4))?;
    stage.warehouse.script(&requests("/web/remoteorder/imports/", "POST", 4))?;
    stage.warehouse.script(&requests("/web/remoteorder/order/", "POST", 4))?;
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
