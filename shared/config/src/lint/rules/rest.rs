//! A REST system: what is read there and what is written there.

use std::path::Path;

use super::{
    Findings, care,
    systems::{base_url, deadlines, mapping, secret},
};
use crate::raw::{RawRest, RawRestEndpoint, RawRestTarget};

pub(super) fn check(key: &str, raw: &RawRest, base_dir: &Path, findings: &mut Findings<'_>) {
    base_url(key, &raw.base_url, raw.allow_plain_http, findings);
    if let Some(bearer) = &raw.bearer {
        secret(&format!("{key}.bearer"), bearer, findings);
    }
    deadlines(key, raw.timeout, raw.settle_after, findings);
    care::limits(key, &raw.limits, findings);
    care::care(key, &raw.care, &raw.maintenance, findings);
    if raw.endpoints.is_empty() && raw.targets.is_empty() {
        findings.error(key, "it has neither `endpoints` to read nor `targets` to write");
    }
    let mut seen = Vec::new();
    for (name, each) in &raw.endpoints {
        let key = format!("{key}.endpoints.{name}");
        if seen.contains(&each.facet) {
            let message = format!("another endpoint of this system reads {} already", each.facet);
            findings.error(&format!("{key}.facet"), message);
        }
        seen.push(each.facet);
        endpoint(&key, each, base_dir, findings);
    }
    seen.clear();
    for (name, each) in &raw.targets {
        let key = format!("{key}.targets.{name}");
        if seen.contains(&each.facet) {
            let message = format!("another target of this system takes {} already", each.facet);
            findings.error(&format!("{key}.facet"), message);
        }
        seen.push(each.facet);
        target(&key, each, base_dir, findings);
        let beside = raw
            .targets
            .iter()
            .find(|(other, of)| *other != name && of.facet.entity() == each.facet.entity());
        if let Some((other, _)) = beside {
            one_id(&key, each, other, findings);
        }
    }
}

/// The ledger knows one id of an entity at a system, whatever of it is written there.
fn one_id(key: &str, raw: &RawRestTarget, other: &str, findings: &mut Findings<'_>) {
    let (entity, by_id) = (raw.facet.entity(), raw.update.contains("{id}"));
    for (field, wrong) in [("update", by_id), ("id", raw.id.is_some() && !by_id)] {
        if wrong {
            let message = format!(
                "target {other} takes the same {entity}, and a record has one id at a system: \
                 address both by {{key}}, without `id`, or make two systems of them"
            );
            findings.error(&format!("{key}.{field}"), message);
        }
    }
}

fn endpoint(key: &str, raw: &RawRestEndpoint, base_dir: &Path, findings: &mut Findings<'_>) {
    mapping(key, &raw.mapping, base_dir, findings);
    if !raw.path.starts_with('/') {
        findings.error(&format!("{key}.path"), "it must start with `/`");
    }
    pointer(key, "items", Some(&raw.items), findings);
    pointer(key, "sequence", Some(&raw.sequence), findings);
    pointer(key, "pages", raw.pages.as_ref(), findings);
    if raw.sequence.is_empty() {
        findings.error(&format!("{key}.sequence"), "it must name a field of the item");
    }
}

fn target(key: &str, raw: &RawRestTarget, base_dir: &Path, findings: &mut Findings<'_>) {
    mapping(key, &raw.mapping, base_dir, findings);
    if raw.facet.has_parts() {
        let (facet, entity) = (raw.facet, raw.facet.entity());
        let message = format!(
            "one {entity} has several parts of {facet}, and an address knows only the {entity}: each \
             would overwrite the others"
        );
        findings.error(&format!("{key}.facet"), message);
    }
    pointer(key, "found", raw.found.as_ref(), findings);
    pointer(key, "key", raw.key.as_ref(), findings);
    pointer(key, "id", raw.id.as_ref(), findings);
    if let Some(signing) = &raw.signing {
        secret(&format!("{key}.signing"), signing, findings);
    }
    let addresses = [
        ("create", raw.create.as_ref(), &[][..]),
        ("update", Some(&raw.update), &["{key}", "{id}"][..]),
        ("look_up", raw.look_up.as_ref(), &["{key}"][..]),
    ];
    for (field, address, names) in addresses {
        let Some(address) = address else { continue };
        if let Err(message) = self::address(address, names) {
            findings.error(&format!("{key}.{field}"), message);
        }
    }
    if let Some(look_up) = &raw.look_up {
        return found(key, raw, look_up, findings);
    }
    // Without it a repeat after a lost answer could not tell whether there is one.
    if raw.create.is_some() {
        let message = "what is created must be found again, or a lost answer would make two of it: \
                       say how to look one up, such as \"/api/customers/{key}\"";
        findings.error(&format!("{key}.look_up"), message);
    } else if raw.update.contains("{id}") {
        let message = "`update` names {id}, which only a look-up by key can tell";
        findings.error(&format!("{key}.look_up"), message);
    }
}

/// What a look-up answers is the one itself where the address is its own, and a list where not.
fn found(key: &str, raw: &RawRestTarget, look_up: &str, findings: &mut Findings<'_>) {
    let path = look_up.split('?').next().unwrap_or_default();
    if raw.found.is_none() && look_up.contains("{key}") && !path.contains("{key}") {
        let message = "`look_up` searches by {key}: say where its answer has the array of what was \
                       found, such as \"/customers\"";
        findings.error(&format!("{key}.found"), message);
    }
    if raw.found.is_some() && raw.key.is_none() {
        let message = "a search may find what only looks like it: say where each of what was found \
                       has its key, such as \"/number\"";
        findings.error(&format!("{key}.key"), message);
    }
}

/// A path that names what it must: one of `names`, if there are any, and nothing else.
fn address(address: &str, names: &[&str]) -> Result<(), String> {
    if !address.starts_with('/') {
        return Err("it must start with `/`".to_owned());
    }
    let rest = names.iter().fold(address.to_owned(), |rest, name| rest.replace(name, ""));
    if rest.contains(['{', '}', '#', ' ']) {
        let known = if names.is_empty() { "nothing".to_owned() } else { names.join(" or ") };
        return Err(format!("it may name {known} in braces, and is part of an address"));
    }
    if !names.is_empty() && rest.len() == address.len() {
        return Err(format!("it must name {}, or all would be written to one", names.join(" or ")));
    }
    Ok(())
}

fn pointer(key: &str, field: &str, pointer: Option<&String>, findings: &mut Findings<'_>) {
    if pointer.is_some_and(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
        let message = "it must be a JSON pointer such as /customers";
        findings.error(&format!("{key}.{field}"), message);
    }
}
