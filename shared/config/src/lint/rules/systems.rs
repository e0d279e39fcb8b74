//! Systems by themselves.

use std::{collections::BTreeMap, path::Path};

use ferry_canonical::Facet;

use super::{
    Findings, bad_name, care, exports, files, imports, is_name, responses, rest, scans, schedules,
    webhooks,
};
use crate::{
    HumanDuration,
    raw::{
        RawConfig, RawOrderflow, RawOro, RawProductDefault, RawPull, RawPush, RawRoute,
        RawSchedule, RawSystem,
    },
    secret::SecretRef,
};

pub(super) fn check(raw: &RawConfig, base_dir: &Path, findings: &mut Findings<'_>) {
    for (name, system) in &raw.systems {
        let key = format!("systems.{name}");
        if !is_name(name) {
            findings.error(&key, bad_name(name));
        }
        if !raw.routes.iter().any(|route| route.from == *name || route.to.contains(name)) {
            findings.warning(&key, "no route names it");
        }
        match system {
            RawSystem::Orderflow(system) => {
                orderflow(&key, system, findings);
                imports::check(&key, system, base_dir, findings);
                pull(&format!("{key}.pull"), &system.pull, base_dir, findings);
                asked_for(&key, system, raw.routes.iter().filter(|r| r.from == *name), findings);
            }
            RawSystem::Oro(system) => {
                oro(&key, system, findings);
                scans::check(name, system, raw, findings);
                webhooks::check(name, system, raw, findings);
            }
            RawSystem::Rest(system) => rest::check(&key, system, base_dir, findings),
            RawSystem::Files(system) => files::check(&key, system, base_dir, findings),
            RawSystem::Export(system) => {
                exports::check((name, system), raw, base_dir, findings);
            }
        }
        responses::check(&key, system, findings);
    }
}

pub(super) const fn takes_pushes(system: &RawSystem) -> bool {
    match system {
        RawSystem::Orderflow(orderflow) => orderflow.push.is_some(),
        RawSystem::Oro(oro) => oro.webhook.is_some(),
        RawSystem::Rest(_) | RawSystem::Files(_) | RawSystem::Export(_) => false,
    }
}

fn orderflow(key: &str, raw: &RawOrderflow, findings: &mut Findings<'_>) {
    base_url(key, &raw.base_url, raw.allow_plain_http, findings);
    secret(&format!("{key}.user"), &raw.user, findings);
    secret(&format!("{key}.password"), &raw.password, findings);
    if let Some(raw) = &raw.push {
        push(&format!("{key}.push"), raw, findings);
    }
    if jiff::tz::TimeZone::get(&raw.time_zone).is_err() {
        let message = "it is not an IANA time zone such as Europe/London";
        findings.error(&format!("{key}.time_zone"), message);
    }
    deadlines(key, raw.timeout, raw.settle_after, findings);
    care::limits(key, &raw.limits, findings);
    care::care(key, &raw.care, &raw.maintenance, findings);
}

fn pull(key: &str, raw: &RawPull, base_dir: &Path, findings: &mut Findings<'_>) {
    for (field, span) in [("window", raw.window), ("first", raw.first)] {
        if span.0.is_zero() {
            findings.error(&format!("{key}.{field}"), "nothing fits into no time");
        }
    }
    for (index, site) in raw.sites.iter().enumerate() {
        if site.is_empty() || raw.sites.iter().take(index).any(|other| other == site) {
            findings.error(&format!("{key}.sites[{index}]"), "it must be a site, named once");
        }
    }
    if let Some(pending) = &raw.pending {
        timed(&format!("{key}.pending"), pending, findings);
    }
    for (name, report) in &raw.reports {
        let key = format!("{key}.reports.{name}");
        if !is_name(name) {
            findings.error(&key, bad_name(name));
        }
        timed(&format!("{key}.schedule"), &report.schedule, findings);
        if report.facet.is_some() != report.mapping.is_some() {
            findings.error(&key, "`facet` and `mapping` are given together, or not at all");
        } else if report.mapping.is_none() && !report.group.is_empty() {
            findings.error(&format!("{key}.group"), "without a `mapping` nothing is made of rows");
        }
        if report.facet == Some(Facet::Stock) {
            let message = "a report has not the counters by which levels have their order: \
                           pull the inventory instead";
            findings.error(&format!("{key}.facet"), message);
        }
        if let Some(file) = &report.mapping {
            mapping(&key, file, base_dir, findings);
        }
    }
}

/// What is said of pulls that are not made, or not for everybody who pushes.
fn asked_for<'r>(
    key: &str,
    raw: &RawOrderflow,
    routes: impl Iterator<Item = &'r RawRoute>,
    findings: &mut Findings<'_>,
) {
    let timed = |route: &&RawRoute| route.every.is_some() || route.cron.is_some();
    let timed: Vec<Facet> = routes.filter(timed).map(|route| route.facet).collect();
    if !timed.contains(&Facet::Shipment) {
        let (said, usual) = (&raw.pull, RawPull::default());
        for (field, said, usual) in [
            ("overlap", said.overlap, usual.overlap),
            ("first", said.first, usual.first),
            ("window", said.window, usual.window),
        ] {
            if said != usual && !said.0.is_zero() {
                let message = "despatches are not pulled: no route of its shipments says when";
                findings.warning(&format!("{key}.pull.{field}"), message);
            }
        }
    }
    let scopes = raw.push.as_ref().map_or(&[][..], |push| &push.scopes);
    for (index, scope) in scopes.iter().enumerate() {
        let other =
            |said: &Option<String>, own: &str| said.as_ref().is_some_and(|said| said != own);
        let foreign =
            other(&scope.channel, &raw.channel) || other(&scope.organisation, &raw.organisation);
        if foreign && (!timed.is_empty() || raw.pull.pending.is_some()) {
            let message = "it pushes, but lists are pulled for the system's own channel and \
                           organisation only: what it pushes in vain is not found";
            findings.warning(&format!("{key}.push.scopes[{index}]"), message);
        }
    }
}

pub(super) fn timed(key: &str, raw: &RawSchedule, findings: &mut Findings<'_>) {
    if !schedules::check(key, raw, findings) {
        findings.error(key, "it must say `every` or `cron`");
    }
}

fn push(key: &str, raw: &RawPush, findings: &mut Findings<'_>) {
    for (field, found) in [("user", &raw.user), ("password", &raw.password)] {
        if let Some(found) = found {
            secret(&format!("{key}.{field}"), found, findings);
        }
    }
    if raw.user.is_some() != raw.password.is_some() {
        findings.error(key, "`user` and `password` are given together, or not at all");
    } else if raw.user.is_none() && raw.scopes.is_empty() {
        findings.error(key, "nobody could push: say `user` and `password`, or `scopes`");
    }
    for (index, scope) in raw.scopes.iter().enumerate() {
        let key = format!("{key}.scopes[{index}]");
        secret(&format!("{key}.user"), &scope.user, findings);
        secret(&format!("{key}.password"), &scope.password, findings);
        let named = (&scope.channel, &scope.organisation);
        if [named.0, named.1].into_iter().flatten().all(String::is_empty) {
            findings.error(&key, "it must name a `channel`, an `organisation` or both");
        }
        let earlier = raw.scopes.iter().take(index);
        if earlier.into_iter().any(|other| (&other.channel, &other.organisation) == named) {
            findings.error(&key, "another scope names the same channel and organisation");
        }
    }
}

fn oro(key: &str, raw: &RawOro, findings: &mut Findings<'_>) {
    base_url(key, &raw.base_url, raw.allow_plain_http, findings);
    secret(&format!("{key}.client_id"), &raw.client_id, findings);
    secret(&format!("{key}.client_secret"), &raw.client_secret, findings);
    deadlines(key, raw.timeout, raw.settle_after, findings);
    batch(key, raw, findings);
    named(key, raw, findings);
    care::limits(key, &raw.limits, findings);
    care::care(key, &raw.care, &raw.maintenance, findings);
}

fn batch(key: &str, raw: &RawOro, findings: &mut Findings<'_>) {
    if raw.batch.most == 1 {
        return;
    }
    let timeout = raw.batch.timeout;
    if timeout.0.is_zero() {
        findings.error(&format!("{key}.batch.timeout"), "no call can end in no time");
    }
    if let Some(settle_after) = raw.settle_after
        && settle_after < timeout
    {
        let message = format!(
            "{settle_after} is shorter than the timeout of {timeout} that a request with many \
             changes has (batch.timeout), in which it acts"
        );
        findings.error(&format!("{key}.settle_after"), message);
    }
}

/// What the shop calls by numbers, and the source by names.
fn named(key: &str, raw: &RawOro, findings: &mut Findings<'_>) {
    for (field, names) in [("price_lists", &raw.price_lists), ("categories", &raw.categories)] {
        for (name, id) in names {
            if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                let message = "it must be an id of the shop, which is a number: \"1\"";
                findings.error(&format!("{key}.{field}.{name}"), message);
            }
        }
    }
    for (name, RawProductDefault { fallback, value, values }) in &raw.product_defaults {
        let key = format!("{key}.product_defaults.{name}");
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            findings.error(&key, "it must be a field of a product, such as manageInventory");
        }
        let said = [fallback.is_some(), value.is_some(), values.is_some()];
        if said.into_iter().filter(|said| *said).count() != 1 {
            findings.error(&key, "it must say exactly one of `fallback`, `value` and `values`");
        }
    }
    let mut lists: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, id) in &raw.price_lists {
        if let Some(other) = lists.insert(id, name) {
            let message = format!(
                "`{other}` is the shop's list {id} already: each would take away what the other brings"
            );
            findings.error(&format!("{key}.price_lists.{name}"), message);
        }
    }
}

pub(super) fn mapping(key: &str, file: &Path, base_dir: &Path, findings: &mut Findings<'_>) {
    if !base_dir.join(file).is_file() {
        let message = format!("there is no file {} beside the configuration", file.display());
        findings.error(&format!("{key}.mapping"), message);
    }
}

pub(super) fn secret(key: &str, secret: &SecretRef, findings: &mut Findings<'_>) {
    if let Some(fault) = secret.fault() {
        findings.error(key, fault);
    }
}

pub(super) fn deadlines(
    key: &str,
    timeout: HumanDuration,
    settle_after: Option<HumanDuration>,
    findings: &mut Findings<'_>,
) {
    if timeout.0.is_zero() {
        findings.error(&format!("{key}.timeout"), "no call can end in no time");
    }
    if let Some(settle_after) = settle_after
        && settle_after < timeout
    {
        findings.error(
            &format!("{key}.settle_after"),
            format!(
                "{settle_after} is shorter than the timeout of {timeout}, in which a call acts"
            ),
        );
    }
}

pub(super) fn base_url(key: &str, url: &str, allow_plain_http: bool, findings: &mut Findings<'_>) {
    let key = format!("{key}.base_url");
    if let Some(fault) = fault_of(url, allow_plain_http) {
        findings.error(&key, fault);
    }
}

/// Where credentials go that nothing allows over plain HTTP.
pub(super) fn address(key: &str, url: &str, findings: &mut Findings<'_>) {
    match fault_of(url, false) {
        Some(NEEDS_TLS) => {
            findings.error(key, "credentials would go over plain HTTP: use https://");
        }
        Some(fault) => findings.error(key, fault),
        None => {}
    }
}

const NEEDS_TLS: &str =
    "credentials would go over plain HTTP: use https://, or say `allow_plain_http = true`";

pub(super) fn fault_of(url: &str, allow_plain_http: bool) -> Option<&'static str> {
    let (plain, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Some("it must start with https:// (or http:// on this host)"),
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = host_of(authority);
    if authority.contains('@') {
        Some("credentials do not belong in an address; name them as secrets")
    } else if host.is_empty() || url.contains(['?', '#', ' ']) {
        Some("it must be an address such as https://shop.example/path")
    } else {
        (plain && !allow_plain_http && !is_loopback(host)).then_some(NEEDS_TLS)
    }
}

/// Without its port: `host`, `10.0.0.1`, `::1`.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
