//! The end: the account, a table for people, JSON for machines.

use std::{collections::BTreeMap, fmt::Write as _};

use anyhow::Context as _;
use ferry_stage::{
    account::{counts, disagreements, explain, seen},
    told,
};
use ferry_world::account::{Account, audit};
use serde_json::{Value, json};

use crate::{
    arguments::{Arguments, Plan, StoreKind},
    audit,
    load::Load,
    misfortune::{Counts, KINDS, STORE_KINDS},
    stage::Stage,
};

/// Kinds of answers a run of plan `all` must meet.
const ANSWERS: [&str; 11] = [
    "refuse",
    "status_500",
    "status_503",
    "status_429",
    "garbage",
    "apply_then_drop",
    "apply_then_stall",
    "stall",
    "slow",
    "push_twice",
    "push_shuffled",
];

pub(crate) struct Report {
    pub(crate) kept: bool,
    pub(crate) table: String,
    pub(crate) json: Value,
}

/// How long the parts of a run took, in seconds, and whether all came to its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) load: u64,
    pub(crate) drain: u64,
    pub(crate) quiet: bool,
}

pub(crate) fn settle(
    stage: &Stage,
    (arguments, load): (&Arguments, &Load),
    faults: &Counts,
    took: Took,
) -> anyhow::Result<Report> {
    let (shop, warehouse) = seen(&stage.shop.url, &stage.warehouse.url)?;
    let account = audit(&load.world, load.options.ticks, &shop, &warehouse);
    let view = stage.overview().context("asking the console")?;
    let letters = |closed| {
        told::dead(&stage.console, closed).context("asking the console for its dead letters")
    };
    let (dead, closed) = (letters(false)?, letters(true)?);
    let events = audit::events(&stage.broker.url);
    let mut findings = explain(&account);
    let sent_again = u64::try_from(closed.len()).unwrap_or(u64::MAX);
    let mut disagreements = disagreements(&account, &view, &dead, &closed);
    disagreements.extend(audit::disagreements(&events, &view, sent_again));
    findings.extend(disagreements.iter().map(|text| format!("counters: {text}")));
    if !took.quiet {
        findings.push("drain: something was still waiting, and nothing moved any more".to_owned());
    }
    findings.extend(stage.ended.iter().map(|text| format!("ended: {text}")));
    let gave_up = warehouse.push_failures.len();
    if gave_up > 0 {
        findings.push(format!("pushes: the warehouse gave up on {gave_up}"));
    }
    let missing = missing(arguments, faults);
    findings.extend(missing.iter().map(|kind| format!("misfortune: {kind} never happened")));
    let kept = account.is_clean() && findings.is_empty();
    let requests = shop.history.len() + warehouse.history.len();
    let mut outcomes = counts(&view);
    // Whoever uses the counts puts these two in; here they stand apart.
    outcomes.retain(|name, _| !["unaccounted", "seconds"].contains(&name.as_str()));
    let json = json!({
        "command": arguments.in_words(),
        "seed": arguments.seed,
        "minutes": arguments.minutes,
        "plan": arguments.plan.name(),
        "store": arguments.store.name(),
        "entities": arguments.entities,
        "changes": load.events,
        "ticks": load.options.ticks,
        "seconds": {"load": took.load, "drain": took.drain},
        "faults": faults,
        "events": events,
        "requests_seen": requests,
        "expected": account.expected,
        "accounted": account.accounted,
        "lost": account.unaccounted.count,
        "stale": account.stale.count,
        "double": account.doubled.count,
        "dead_expected": account.dead_expected.len(),
        "dead_letters": dead.len(),
        "dead_letters_closed": closed.len(),
        "ended_by_themselves": stage.ended.len(),
        "outcomes": outcomes,
        "resident_peak_bytes": stage.resident,
        "findings": findings,
        "promises_kept": kept,
    });
    Ok(Report { kept, table: table(&json, &account), json })
}

/// Kinds that should have happened and did not.
fn missing(arguments: &Arguments, faults: &Counts) -> Vec<&'static str> {
    let expected: Vec<&'static str> = match arguments.plan {
        Plan::All if arguments.store == StoreKind::Postgres => {
            KINDS.into_iter().chain(STORE_KINDS).chain(ANSWERS).collect()
        }
        Plan::All => KINDS.into_iter().chain(ANSWERS).collect(),
        Plan::None => Vec::new(),
        Plan::BrokerStopped => vec!["broker_stopped"],
        Plan::TargetDown => vec!["target_down"],
        Plan::LoadersKilled => vec!["loader_killed_in_loop"],
    };
    let happened = |kind: &&'static str| faults.get(*kind).is_some_and(|count| *count > 0);
    expected.into_iter().filter(|kind| !happened(kind)).collect()
}

fn table(json: &Value, account: &Account) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "\nfaults injected");
    rows(&mut out, json.get("faults"));
    let _ = writeln!(out, "outcomes of deliveries");
    let outcomes = json.get("outcomes").cloned().unwrap_or_default();
    let plain: BTreeMap<&str, &Value> = outcomes
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.is_u64())
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    for (name, value) in plain {
        let _ = writeln!(out, "  {name:<28}{value:>10}");
    }
    let _ = writeln!(out, "promises");
    for (name, count) in [
        ("expected ends", account.expected),
        ("accounted for", account.accounted),
        ("lost", account.unaccounted.count),
        ("stale", account.stale.count),
        ("double", account.doubled.count),
    ] {
        let _ = writeln!(out, "  {name:<28}{count:>10}");
    }
    for finding in json.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(out, "! {}", finding.as_str().unwrap_or_default());
    }
    out
}

fn rows(out: &mut String, counts: Option<&Value>) {
    for (name, count) in counts.and_then(Value::as_object).into_iter().flatten() {
        let _ = writeln!(out, "  {name:<28}{count:>10}");
    }
}
