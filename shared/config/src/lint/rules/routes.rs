//! Routes: from whom, what, to whom, and how they meet.

use std::collections::BTreeMap;

use ferry_canonical::Facet;

use super::{Findings, exports, imports, schedules};
use crate::{
    lint::shape::unknown,
    raw::{RawConfig, RawRoute, RawSystem},
};

/// A name is a metric's label and a heading.
const NAME_CHARS_MAX: usize = 80;

/// How a source says a facet.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It tells by itself: by pushes, or by files that are dropped.
    Unasked,
    /// It is asked every so often.
    Polled,
    /// It tells by itself, and is asked as well where the route says when.
    Both,
    Never,
}

fn says(system: &RawSystem, facet: Facet) -> Said {
    let said = |when, said| if when { said } else { Said::Never };
    match system {
        RawSystem::Orderflow(_) => {
            let asked = matches!(facet, Facet::Shipment | Facet::Stock);
            let told = matches!(facet, Facet::Cancellation | Facet::Return);
            let reported = reports(system, facet);
            said(asked || told || reported, if asked { Said::Both } else { Said::Unasked })
        }
        RawSystem::Oro(_) => {
            let asked =
                matches!(facet, Facet::Placed | Facet::Profile | Facet::Stock | Facet::Price);
            said(asked, Said::Polled)
        }
        RawSystem::Rest(rest) => {
            said(rest.endpoints.values().any(|endpoint| endpoint.facet == facet), Said::Polled)
        }
        RawSystem::Files(files) => {
            said(files.files.values().any(|kind| kind.facet == facet), Said::Unasked)
        }
        RawSystem::Export(_) => Said::Never,
    }
}

/// Whether a report of it is mapped to this facet, which has a schedule of its own.
fn reports(system: &RawSystem, facet: Facet) -> bool {
    let RawSystem::Orderflow(orderflow) = system else { return false };
    orderflow.pull.reports.values().any(|report| report.facet == Some(facet))
}

fn takes(raw: &RawConfig, system: &RawSystem, facet: Facet) -> bool {
    match system {
        RawSystem::Orderflow(orderflow) => imports::takes(orderflow, facet),
        RawSystem::Oro(_) => facet != Facet::Return,
        RawSystem::Rest(rest) => rest.targets.values().any(|target| target.facet == facet),
        RawSystem::Files(_) => false,
        RawSystem::Export(export) => exports::takes(export, facet, raw),
    }
}

pub(super) fn check(raw: &RawConfig, findings: &mut Findings<'_>) {
    if raw.routes.is_empty() {
        findings.warning("routes", "there is no route, so nothing moves");
    }
    for (index, route) in raw.routes.iter().enumerate() {
        let key = format!("routes[{index}]");
        name(&key, raw, index, route, findings);
        if route.facet.entity() != route.entity {
            let owner = route.facet.entity();
            let message =
                format!("the facet {} belongs to {owner}, not to {}", route.facet, route.entity);
            findings.error(&format!("{key}.facet"), message);
            continue;
        }
        source(&key, raw, route, findings);
        targets(&key, raw, route, findings);
    }
    twice(raw, findings);
}

fn name(key: &str, raw: &RawConfig, index: usize, route: &RawRoute, findings: &mut Findings<'_>) {
    let key = format!("{key}.name");
    if route.name.trim().is_empty() || route.name.chars().count() > NAME_CHARS_MAX {
        findings.error(&key, format!("it must have 1 to {NAME_CHARS_MAX} characters"));
    }
    if raw.routes.iter().take(index).any(|other| other.name == route.name) {
        findings.error(&key, "another route has this name");
    }
}

fn source(key: &str, raw: &RawConfig, route: &RawRoute, findings: &mut Findings<'_>) {
    let at = format!("{key}.from");
    let Some(system) = raw.systems.get(&route.from) else {
        findings.error(&at, unknown_system(raw, &route.from));
        return;
    };
    let said = says(system, route.facet);
    if said == Said::Never {
        findings.error(&at, format!("{} cannot say {}", route.from, route.facet));
        return;
    }
    let timed = schedules::check(key, &route.schedule(), findings);
    if matches!(system, RawSystem::Files(_)) && route.cron.is_some() {
        let message = "a drop folder is looked at in intervals: say `every`";
        findings.error(&format!("{key}.cron"), message);
    }
    if matches!(system, RawSystem::Orderflow(_)) && said == Said::Unasked && timed {
        let own = reports(system, route.facet);
        let by = if own { "a report with a schedule of its own" } else { "pushes alone" };
        let message = format!("{} says {} by {by}: this would do nothing", route.from, route.facet);
        let field = if route.cron.is_some() { "cron" } else { "every" };
        findings.error(&format!("{key}.{field}"), message);
    }
    if let RawSystem::Orderflow(orderflow) = system
        && orderflow.push.is_none()
        && !reports(system, route.facet)
        && !(timed && said == Said::Both)
    {
        let message = format!("{} has no `push`, so what it pushes is refused", route.from);
        findings.warning(&at, message);
    }
    if said == Said::Polled && !timed {
        let message =
            format!("{} is polled for {}: say `every` or `cron`", route.from, route.facet);
        findings.error(&format!("{key}.every"), message);
    }
}

fn targets(key: &str, raw: &RawConfig, route: &RawRoute, findings: &mut Findings<'_>) {
    let key = format!("{key}.to");
    if route.to.is_empty() {
        findings.error(&key, "the route has no target");
    }
    for (index, target) in route.to.iter().enumerate() {
        let at = format!("{key}[{index}]");
        if route.to.iter().take(index).any(|other| other == target) {
            findings.error(&at, format!("{target} is named twice"));
        }
        if *target == route.from {
            findings.error(&at, format!("{target} would be told what it said itself"));
            continue;
        }
        match raw.systems.get(target) {
            None => findings.error(&at, unknown_system(raw, target)),
            Some(system) if !takes(raw, system, route.facet) => {
                findings.error(&at, format!("{target} cannot take {}", route.facet));
            }
            Some(_) => {}
        }
    }
}

fn unknown_system(raw: &RawConfig, name: &str) -> String {
    if raw.systems.is_empty() {
        return "there is no section under `systems`".to_owned();
    }
    unknown("system", name, raw.systems.keys().map(String::as_str))
}

/// (source, facet) names one route: events are bound by it, and a retry finds its policy by it.
fn twice(raw: &RawConfig, findings: &mut Findings<'_>) {
    let mut seen = BTreeMap::new();
    for (index, route) in raw.routes.iter().enumerate() {
        if let Some(other) = seen.insert((&route.from, route.facet), &route.name) {
            let (from, facet) = (&route.from, route.facet);
            let message = format!(
                "`{other}` routes {facet} of {from} already; name all its targets in one route"
            );
            findings.error(&format!("routes[{index}].from"), message);
        }
    }
}
