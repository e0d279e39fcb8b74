//! What is wrong with a broker's topology, and what to do about it: pure, from what was found there.
//!
//! It judges what services declare, what policies do to it, and what somebody else has bound to it.
//! It does not know whether a queue is deep: that is an alert's business.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Argument, ArgumentDifference, Arguments, Difference, Queue, QueueRole, Topology, diff, name,
};

/// Members that a quorum queue has where there are nodes enough.
const MEMBERS: usize = 3;

/// What one virtual host of a broker holds.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub vhost: String,
    /// All of it, with our prefix or not. The roles of the queues mean nothing here.
    pub topology: Topology,
    /// Exchanges that feed other exchanges: from, to.
    pub chains: Vec<(String, String)>,
    /// By the queue's name.
    pub states: BTreeMap<String, QueueState>,
    /// Of the cluster; none: the broker does not say.
    pub nodes: Option<usize>,
}

/// A queue, beyond its arguments.
#[derive(Clone, Debug, Default)]
pub struct QueueState {
    /// What policies make of it: `max-length`, `message-ttl` and so on.
    pub rules: Arguments,
    /// Of the policies, for people.
    pub policies: Vec<String>,
    pub consumers: u64,
    pub messages: u64,
    /// None where it is no quorum queue.
    pub members: Option<usize>,
    pub online: Option<usize>,
}

/// Something to be mended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    pub kind: FindingKind,
    /// The exchange or queue, by its name in the broker.
    pub of: String,
    pub problem: String,
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Declared, and not there.
    Missing,
    /// There with other arguments, or of another kind.
    Differs,
    /// What an exchange can't route is dropped.
    AlternateExchange,
    /// A full queue refuses every publish of the fan-out, or drops what is oldest.
    LengthLimit,
    /// Messages, or the queue, vanish by time.
    Expiry,
    Overflow,
    DeliveryLimit,
    /// Of a route or level that was taken out, or of somebody else.
    NotDeclared,
    Unconsumed,
    TooFewMembers,
}

/// Everything that is wrong, by kind and name.
pub fn examine(declared: &Topology, found: &Found) -> Vec<Finding> {
    let mut findings: Vec<Finding> = diff(declared, &found.topology)
        .into_iter()
        .map(|difference| differs(difference, found))
        .collect();
    let reachable = reachable(declared, found);
    for (queue, state) in &found.states {
        let ours = declared.queues.iter().find(|ours| ours.name == *queue);
        if let Some(ours) = ours {
            findings.extend(policies(ours, state));
            findings.extend(unconsumed(declared, ours, state));
            findings.extend(members(ours, state, found.nodes));
        } else if reachable.contains(queue.as_str()) {
            findings.extend(refuses(queue, state, found));
        }
    }
    findings.sort_by(|a, b| (a.kind, &a.of).cmp(&(b.kind, &b.of)));
    findings
}

fn finding(kind: FindingKind, of: &str, problem: String, remedy: impl Into<String>) -> Finding {
    Finding { kind, of: of.to_owned(), problem, remedy: remedy.into() }
}

/// Queues that a publish to `events` or `requeue` may end in, by whatever way.
fn reachable<'a>(declared: &Topology, found: &'a Found) -> BTreeSet<&'a str> {
    let exchanges = &found.topology.exchanges;
    let starts = [name::EVENTS, name::REQUEUE].map(|name| declared.broker_name(name));
    let mut open: Vec<&str> = exchanges
        .iter()
        .map(|exchange| exchange.name.as_str())
        .filter(|name| starts.iter().any(|start| start == name))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(exchange) = open.pop() {
        if !seen.insert(exchange) {
            continue;
        }
        let chained = found.chains.iter().filter(|(from, _)| from == exchange);
        open.extend(chained.map(|(_, to)| to.as_str()));
        let of_it = exchanges.iter().filter(|found| found.name == exchange);
        let alternates = of_it.filter_map(|found| found.arguments.get("alternate-exchange"));
        open.extend(alternates.filter_map(|alternate| match alternate {
            Argument::Text(name) => Some(name.as_str()),
            Argument::Number(_) => None,
        }));
    }
    let bindings = found.topology.bindings.iter();
    let fed = bindings.filter(|binding| seen.contains(binding.exchange.as_str()));
    fed.map(|binding| binding.queue.as_str()).collect()
}

fn differs(difference: Difference, found: &Found) -> Finding {
    let problem = difference.to_string();
    let declare = "Start any service with `broker.declare = true`, which declares what is missing.";
    match difference {
        Difference::ExchangeMissing(of)
        | Difference::QueueMissing(of)
        | Difference::BindingMissing { queue: of, .. } => {
            finding(FindingKind::Missing, &of, problem, declare)
        }
        Difference::KindDiffers { exchange, .. } => {
            finding(FindingKind::Differs, &exchange, problem, anew("exchange"))
        }
        Difference::ExchangeNotOurs(of) => finding(
            FindingKind::NotDeclared,
            &of,
            problem,
            "If a level or an older version left it, delete it in the management pages once its \
             queues are gone.",
        ),
        Difference::QueueNotOurs(of) => {
            let remedy = taken_out(&of, found);
            finding(FindingKind::NotDeclared, &of, problem, remedy)
        }
        Difference::BindingNotOurs { exchange, queue, key } => {
            let remedy = format!(
                "If its route was taken out: `rabbitmqadmin --vhost={} delete binding \
                 source={exchange} destination_type=queue destination={queue} \
                 properties_key={key}`. Until then, what comes that way ends as skipped.",
                found.vhost
            );
            finding(FindingKind::NotDeclared, &queue, problem, remedy)
        }
        Difference::ArgumentDiffers(difference) => argument(&difference, problem),
    }
}

fn taken_out(queue: &str, found: &Found) -> String {
    let messages = found.states.get(queue).map_or(0, |state| state.messages);
    let delete = format!("`rabbitmqctl --vhost {} delete_queue {queue}`", found.vhost);
    if messages == 0 {
        return format!("If its route was taken out: {delete}. It is empty.");
    }
    format!(
        "{messages} messages lie in it. Put the route back until they are gone, or give them up; \
         then {delete}."
    )
}

/// Arguments can't be changed where they stand.
fn anew(what: &str) -> String {
    format!(
        "It can't be changed: once it is empty, delete the {what} and start any service with \
         `broker.declare = true`; or set another `broker.prefix`."
    )
}

fn argument(difference: &ArgumentDifference, problem: String) -> Finding {
    let (kind, what) = match difference.argument.as_str() {
        "alternate-exchange" => (FindingKind::AlternateExchange, "exchange"),
        "x-max-length" | "x-max-length-bytes" => (FindingKind::LengthLimit, "queue"),
        "x-message-ttl" | "x-expires" => (FindingKind::Expiry, "queue"),
        "x-overflow" => (FindingKind::Overflow, "queue"),
        "x-delivery-limit" => (FindingKind::DeliveryLimit, "queue"),
        _ => (FindingKind::Differs, "exchange or queue"),
    };
    finding(kind, &difference.of, problem, anew(what))
}

/// What policies do to a queue of ours. A number in a policy counts where it is lower than ours, a
/// word of ours stands.
fn policies(ours: &Queue, state: &QueueState) -> Vec<Finding> {
    let of = ours.name.as_str();
    let remedy = format!(
        "Take it out of {}, or let that policy match other queues: `rabbitmqctl list_policies`, \
         `rabbitmqctl list_operator_policies`.",
        by(&state.policies)
    );
    let rule = |(rule, value): (&String, &Argument)| {
        let declared = ours.arguments.get(&format!("x-{rule}"));
        let (kind, then) = match rule.as_str() {
            "max-length" | "max-length-bytes" => (
                FindingKind::LengthLimit,
                "once it is full, it refuses every publish of the fan-out and holds up every delay \
                 level, or drops what is oldest",
            ),
            "message-ttl" | "expires" => (FindingKind::Expiry, "what waits in it vanishes by time"),
            "overflow" if declared != Some(value) => {
                (FindingKind::Overflow, "with a limit, it drops or refuses messages")
            }
            "delivery-limit" if lower(value, declared) => {
                (FindingKind::DeliveryLimit, "messages leave it sooner than they may")
            }
            _ => return None,
        };
        let problem = format!("a policy gives {of} {rule}={value}: {then}");
        Some(finding(kind, of, problem, remedy.clone()))
    };
    state.rules.iter().filter_map(rule).collect()
}

fn lower(value: &Argument, declared: Option<&Argument>) -> bool {
    match (value, declared) {
        (Argument::Number(value), Some(Argument::Number(declared))) => value < declared,
        _ => false,
    }
}

fn by(policies: &[String]) -> String {
    match policies {
        [] => "the policy".to_owned(),
        names => format!("the policy {}", names.join(" or ")),
    }
}

/// A queue of somebody else that refuses publishes once it is full: the fan-out is refused as a whole.
fn refuses(queue: &str, state: &QueueState, found: &Found) -> Option<Finding> {
    let arguments = found.topology.queues.iter().find(|known| known.name == queue);
    let argument = |name: &str| arguments.and_then(|known| known.arguments.get(name));
    let says = |rule: &str| argument(&format!("x-{rule}")).or_else(|| state.rules.get(rule));
    let limit = says("max-length").or_else(|| says("max-length-bytes"))?;
    let overflow = match says("overflow") {
        Some(Argument::Text(word)) if word.starts_with("reject-publish") => word,
        Some(_) | None => return None,
    };
    let problem = format!(
        "{queue}, which is not ours, gets our events and refuses them beyond {limit} ({overflow}): \
         then every publish with its key is refused"
    );
    let remedy = "Let its owner take the limit out, or drop what is oldest (overflow drop-head).";
    Some(finding(FindingKind::LengthLimit, queue, problem, remedy))
}

fn unconsumed(declared: &Topology, ours: &Queue, state: &QueueState) -> Option<Finding> {
    if state.consumers > 0 {
        return None;
    }
    let own = declared.name(&ours.name).unwrap_or_default();
    let remedy = match ours.role {
        QueueRole::Delay | QueueRole::Unrouted => return None,
        QueueRole::Work if own.starts_with(name::TRANSFORM) => "Start a transformer.",
        QueueRole::Work => {
            "Start a loader, unless its target is left alone: `ferry targets ls` says so."
        }
        QueueRole::Dead | QueueRole::Facts => "Start a console.",
    };
    let problem = format!("nobody consumes {}; {} messages wait", ours.name, state.messages);
    Some(finding(FindingKind::Unconsumed, &ours.name, problem, remedy))
}

fn members(ours: &Queue, state: &QueueState, nodes: Option<usize>) -> Option<Finding> {
    let (members, nodes) = (state.members?, nodes?);
    let online = state.online.unwrap_or(members);
    let wanted = nodes.min(MEMBERS);
    let (problem, remedy) = if members < wanted {
        let problem = format!("{} has {members} of {wanted} members", ours.name);
        (problem, "Add some: `rabbitmq-queues grow NODE all` for each node that lacks them.")
    } else if online < members {
        let problem = format!("{online} of {members} members of {} answer", ours.name);
        (problem, "Bring their nodes back: without a majority the queue stands still.")
    } else {
        return None;
    };
    Some(finding(FindingKind::TooFewMembers, &ours.name, problem, remedy))
}

#[cfg(test)]
mod tests;
