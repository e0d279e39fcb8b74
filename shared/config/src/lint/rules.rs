//! What the shape cannot say: names, addresses, and whether the parts fit together.

mod alerts;
mod care;
mod contests;
mod exports;
mod files;
mod imports;
mod responses;
mod rest;
mod retries;
mod routes;
mod scans;
mod schedules;
mod systems;
mod webhooks;

use std::path::Path;

use super::Findings;
use crate::raw::{RawConfig, RawStore};

/// Looks at everything, in the order of the file's sections.
pub(super) fn check(raw: &RawConfig, base_dir: &Path, findings: &mut Findings<'_>) {
    if !is_name(&raw.broker.prefix) {
        findings.error("broker.prefix", bad_name(&raw.broker.prefix));
    }
    systems::secret("broker.url", &raw.broker.url, findings);
    if let Some(url) = &raw.broker.management_url {
        systems::address("broker.management_url", url, findings);
    }
    store(&raw.store, findings);
    listeners(raw, findings);
    alerts::check(raw, findings);
    retries::check(raw, findings);
    systems::check(raw, base_dir, findings);
    routes::check(raw, findings);
    contests::check(raw, findings);
    imports::returns(raw, findings);
}

/// Names become parts of AMQP names, whose routing keys are dotted.
fn is_name(name: &str) -> bool {
    (1..=40).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn bad_name(name: &str) -> String {
    let name: String = name.chars().take(60).collect();
    format!("`{name}` is not a name: 1 to 40 of lower-case letters, digits and hyphens")
}

/// Files or a database: with both, nobody could say where a cursor is.
fn store(raw: &RawStore, findings: &mut Findings<'_>) {
    if raw.folder.is_some() && raw.url.is_some() {
        findings.error(
            "store",
            "`folder` and `url` are two stores: keep the folder for SQLite on one host, or the \
             url for PostgreSQL",
        );
    }
    if let Some(url) = &raw.url {
        systems::secret("store.url", url, findings);
    }
}

/// Why a producer that takes pushes listens on loopback only, unless it says otherwise.
pub const PUSHES_ARE_OPEN: &str = "pushes carry credentials, and this address is not loopback: name \
     certificate and key in `producer.tls`, or put a proxy that speaks TLS in front and say \
     `behind_proxy = true`";
/// Why the console does.
pub const CONSOLE_IS_OPEN: &str = "anyone who reaches this address can read and act, without \
     credentials: put a proxy that asks for them in front and say `behind_proxy = true`";

/// No credentials over plain HTTP except on loopback, unless a proxy in front speaks TLS.
fn listeners(raw: &RawConfig, findings: &mut Findings<'_>) {
    let pushed = raw.systems.values().any(systems::takes_pushes);
    let producer = &raw.producer;
    let plain = !producer.behind_proxy && producer.tls.is_none();
    if pushed && !producer.listen.ip().is_loopback() && plain {
        findings.error("producer.listen", PUSHES_ARE_OPEN);
    }
    if producer.listen.ip().is_loopback() && producer.tls.is_some() {
        findings.warning(
            "producer.tls",
            "nobody but this host reaches a loopback address, and `ferry backfill` speaks plain \
             HTTP to it",
        );
    }
    if !raw.console.listen.ip().is_loopback() && !raw.console.behind_proxy {
        findings.error("console.listen", CONSOLE_IS_OPEN);
    }
}
