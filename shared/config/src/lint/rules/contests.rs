//! Where two systems have a say in one facet: somebody has to have meant it, and said whose word
//! stands.

use ferry_canonical::Facet;

use super::Findings;
use crate::{
    ConflictPolicy,
    raw::{RawConfig, RawRoute, RawSystem},
};

/// Whether one part of a facet can be read back from it as its own events say it.
fn shows(system: &RawSystem, facet: Facet) -> bool {
    match system {
        RawSystem::Oro(_) => matches!(facet, Facet::Profile),
        RawSystem::Rest(rest) => {
            let mut written = rest.targets.values().filter(|target| target.facet == facet);
            let read = rest.endpoints.values().any(|endpoint| endpoint.facet == facet);
            read && written.any(|target| target.look_up.is_some())
        }
        RawSystem::Orderflow(_) | RawSystem::Files(_) | RawSystem::Export(_) => false,
    }
}

pub(super) fn check(raw: &RawConfig, findings: &mut Findings<'_>) {
    for (index, route) in raw.routes.iter().enumerate() {
        let at = format!("routes[{index}].conflict");
        let backs: Vec<(usize, &RawRoute)> = backs(raw, route).collect();
        if backs.is_empty() {
            contested(raw, (index, route), &at, findings);
        }
        for (other, back) in backs {
            match &route.conflict {
                Some(policy) if policy.is_two_way() => {
                    decided((route, policy), back, &at, findings);
                    if index < other {
                        shown(raw, index, [&route.from, &back.from], route.facet, findings);
                    }
                }
                Some(_) | None => findings.error(&at, undecided(route, back)),
            }
        }
    }
}

/// The routes that bring the facet back from a target of this one.
fn backs<'a>(
    raw: &'a RawConfig,
    route: &'a RawRoute,
) -> impl Iterator<Item = (usize, &'a RawRoute)> {
    raw.routes.iter().enumerate().filter(|(_, back)| {
        back.facet == route.facet && route.to.contains(&back.from) && back.to.contains(&route.from)
    })
}

fn undecided(route: &RawRoute, back: &RawRoute) -> String {
    format!(
        "`{}` brings {} back from {}: say how two changes at one time are decided, the same on both: \
         `latest`, `prefer:{}`, `prefer:{}` or `dead-letter`",
        back.name, route.facet, back.from, route.from, back.from
    )
}

fn decided(
    (route, policy): (&RawRoute, &ConflictPolicy),
    back: &RawRoute,
    at: &str,
    findings: &mut Findings<'_>,
) {
    let other = back.conflict.as_ref().filter(|other| other.is_two_way() && *other != policy);
    if let Some(other) = other {
        let message = format!("`{}`, which brings {} back, says `{other}`", back.name, route.facet);
        findings.error(at, message);
    }
    if let ConflictPolicy::Prefer(system) = policy
        && ![&route.from, &back.from].contains(&system)
    {
        let message =
            format!("it prefers {system}, which is neither {} nor {}", route.from, back.from);
        findings.error(at, message);
    }
}

fn shown(
    raw: &RawConfig,
    index: usize,
    pair: [&String; 2],
    facet: Facet,
    findings: &mut Findings<'_>,
) {
    for name in pair {
        if raw.systems.get(name).is_some_and(|system| !shows(system, facet)) {
            let message = format!(
                "{facet} goes both ways, and {name} cannot be asked what it holds: nobody would see \
                 that two changes meet"
            );
            findings.error(&format!("routes[{index}].to"), message);
        }
    }
}

/// Two sources of one facet for one target.
fn contested(
    raw: &RawConfig,
    (index, route): (usize, &RawRoute),
    at: &str,
    findings: &mut Findings<'_>,
) {
    let rival = raw.routes.iter().enumerate().find(|(other, rival)| {
        *other != index
            && rival.facet == route.facet
            && rival.from != route.from
            && rival.to.iter().any(|target| route.to.contains(target))
    });
    match (rival, &route.conflict) {
        (Some((_, rival)), None) => {
            let message = format!(
                "`{}` brings {} to the same target: say `conflict = \"last-write\"` on both if that \
                 is meant",
                rival.name, route.facet
            );
            findings.error(at, message);
        }
        (Some(_), Some(policy)) if policy.is_two_way() => {
            let message = format!(
                "`{policy}` is for a facet that two systems bring to each other; of two sources of \
                 one target there is only `last-write`"
            );
            findings.error(at, message);
        }
        (None, Some(_)) => {
            let message = "no other source brings this facet to these targets";
            findings.warning(at, message);
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
}
