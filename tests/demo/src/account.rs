//! The end: what the simulators saw against the world, and Ferry's own counters against both.

use std::{collections::BTreeMap, time::Instant};

use anyhow::Context as _;
use ferry_stage::{
    account::{counts, disagreements, explain, seen},
    told,
};
use ferry_world::{World, account::audit};
use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    misfortune::{self, Misfortune},
    stage::Stage,
};

/// The bound on each service's resident memory.
const RESIDENT_MAX: u64 = 100 * 1024 * 1024;

pub(crate) struct Verdict {
    pub(crate) clean: bool,
    pub(crate) json: Value,
    /// For people, on standard error.
    pub(crate) explanations: Vec<String>,
}

pub(crate) fn settle(
    stage: &Stage,
    world: &World,
    arguments: &Arguments,
    started: Instant,
    misfortune: Option<&Misfortune>,
) -> anyhow::Result<Verdict> {
    let (shop, warehouse) = seen(&stage.shop.url, &stage.warehouse.url)?;
    let account = audit(world, arguments.ticks, &shop, &warehouse);
    let view = told::overview(&stage.console).context("asking the console")?;
    let letters = |closed| {
        told::dead(&stage.console, closed).context("asking the console for its dead letters")
    };
    let (dead, closed) = (letters(false)?, letters(true)?);
    let mut explanations = explain(&account);
    let disagreements = disagreements(&account, &view, &dead, &closed);
    explanations.extend(disagreements.iter().map(|text| format!("counters: {text}")));
    let mut end = counts(&view);
    let mut clean = account.is_clean() && disagreements.is_empty();
    let unaccounted = account.unaccounted.count
        + account.doubled.count
        + account.stale.count
        + u64::try_from(disagreements.len()).unwrap_or(u64::MAX);
    let seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let mut put = |name: &str, value: Value| end.insert(name.to_owned(), value);
    put("unaccounted", unaccounted.into());
    put("seconds", seconds.into());
    put("expected", account.expected.into());
    put("doubled", account.doubled.count.into());
    put("stale", account.stale.count.into());
    if let Some(misfortune) = misfortune {
        let (fired, never) = misfortune::fired(stage, misfortune)?;
        put("misfortune", json!(fired));
        for kind in never {
            clean = false;
            explanations.push(format!("misfortune: {kind} never happened"));
        }
    }
    let resident: BTreeMap<&str, u64> = stage
        .services
        .iter()
        .map(|service| (service.name.as_str(), service.resident_peak))
        .collect();
    for (service, bytes) in &resident {
        if *bytes > RESIDENT_MAX {
            clean = false;
            explanations.push(format!("memory: {service} grew to {} MB", bytes / 1_000_000));
        }
    }
    put("resident_peak_bytes", json!(resident));
    Ok(Verdict { clean, json: end.into(), explanations })
}
