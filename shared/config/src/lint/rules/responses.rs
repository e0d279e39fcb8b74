//! Response rules of one system.

use std::collections::BTreeSet;

use super::Findings;
use crate::{
    raw::{RawResponseRule, RawSystem},
    responses::{self, RULES_MAX, Verdict},
};

/// How the names of Ferry's own rules begin.
const BUILT_IN: &str = "orderflow: ";

pub(super) fn check(key: &str, system: &RawSystem, findings: &mut Findings<'_>) {
    let key = format!("{key}.responses");
    let rules = match system {
        RawSystem::Orderflow(system) => &system.responses,
        RawSystem::Oro(system) => {
            understood(&key, &system.responses, findings);
            &system.responses
        }
        RawSystem::Rest(system) => &system.responses,
        RawSystem::Export(system) => {
            if system.http.is_none() && !system.responses.is_empty() {
                findings.error(&key, "only `http` answers");
            }
            &system.responses
        }
        RawSystem::Files(_) => return,
    };
    if rules.len() > RULES_MAX {
        findings.error(&key, format!("a system has at most {RULES_MAX} rules"));
    }
    let mut seen = BTreeSet::new();
    for (index, raw) in rules.iter().enumerate() {
        let key = format!("{key}[{index}]");
        let named = |field: &str, reason: &str, findings: &mut Findings<'_>| {
            let name: String = raw.name.chars().take(60).collect();
            findings.error(&format!("{key}.{field}"), format!("rule `{name}`: {reason}"));
        };
        if !seen.insert(raw.name.as_str()) {
            named("name", "another rule of this system has the name", findings);
        }
        if raw.name.starts_with(BUILT_IN) {
            named("name", "so begin the names of Ferry's own rules", findings);
        }
        for fault in responses::rule(raw).err().into_iter().flatten() {
            named(&fault.field, &fault.reason, findings);
        }
    }
}

/// What Oro has done it answers with a document, which nothing else can take the place of.
fn understood(key: &str, rules: &[RawResponseRule], findings: &mut Findings<'_>) {
    for (index, raw) in rules.iter().enumerate().filter(|(_, raw)| raw.then == Verdict::Ok) {
        let name: String = raw.name.chars().take(60).collect();
        let message = format!(
            "rule `{name}`: an answer of Oro's says by its document that it is ok, which no rule can \
             say in its place"
        );
        findings.error(&format!("{key}[{index}].then"), message);
    }
}
