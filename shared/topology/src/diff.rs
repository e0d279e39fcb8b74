//! What differs between the topology we declare and the one a broker has.

use std::{collections::BTreeSet, fmt};

use crate::{Argument, Arguments, Topology};

/// One thing that is not as declared. Displays as a sentence for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    ExchangeMissing(String),
    QueueMissing(String),
    BindingMissing { exchange: String, queue: String, key: String },
    ExchangeNotOurs(String),
    QueueNotOurs(String),
    BindingNotOurs { exchange: String, queue: String, key: String },
    KindDiffers { exchange: String, declared: &'static str, found: &'static str },
    ArgumentDiffers(ArgumentDifference),
}

/// An argument of an exchange or queue; `None` where one side does not set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentDifference {
    /// The exchange's or queue's name in the broker.
    pub of: String,
    pub argument: String,
    pub declared: Option<Argument>,
    pub found: Option<Argument>,
}

/// All differences, in the order of the declaration, then what is found but not declared. Of what
/// is found, only names with our prefix are looked at.
pub fn diff(declared: &Topology, found: &Topology) -> Vec<Difference> {
    let mut differences = Vec::new();
    diff_exchanges(declared, found, &mut differences);
    diff_queues(declared, found, &mut differences);
    diff_bindings(declared, found, &mut differences);
    differences
}

fn diff_exchanges(declared: &Topology, found: &Topology, differences: &mut Vec<Difference>) {
    for ours in &declared.exchanges {
        let Some(theirs) = found.exchanges.iter().find(|theirs| theirs.name == ours.name) else {
            differences.push(Difference::ExchangeMissing(ours.name.clone()));
            continue;
        };
        if ours.kind != theirs.kind {
            differences.push(Difference::KindDiffers {
                exchange: ours.name.clone(),
                declared: ours.kind.as_str(),
                found: theirs.kind.as_str(),
            });
        }
        differences.extend(diff_arguments(&ours.name, &ours.arguments, &theirs.arguments));
    }
    let known: BTreeSet<_> = declared.exchanges.iter().map(|ours| &ours.name).collect();
    let strangers = found.exchanges.iter().map(|theirs| &theirs.name);
    let strangers = strangers.filter(|name| declared.name(name).is_some() && !known.contains(name));
    differences.extend(strangers.cloned().map(Difference::ExchangeNotOurs));
}

fn diff_queues(declared: &Topology, found: &Topology, differences: &mut Vec<Difference>) {
    for ours in &declared.queues {
        match found.queues.iter().find(|theirs| theirs.name == ours.name) {
            None => differences.push(Difference::QueueMissing(ours.name.clone())),
            Some(theirs) => {
                differences.extend(diff_arguments(&ours.name, &ours.arguments, &theirs.arguments));
            }
        }
    }
    let known: BTreeSet<_> = declared.queues.iter().map(|ours| &ours.name).collect();
    let strangers = found.queues.iter().map(|theirs| &theirs.name);
    let strangers = strangers.filter(|name| declared.name(name).is_some() && !known.contains(name));
    differences.extend(strangers.cloned().map(Difference::QueueNotOurs));
}

/// A foreign binding counts only where our exchange feeds our queue: anybody may bind a queue of
/// their own to our events.
fn diff_bindings(declared: &Topology, found: &Topology, differences: &mut Vec<Difference>) {
    let ours: BTreeSet<_> = declared.bindings.iter().cloned().collect();
    let theirs: BTreeSet<_> = found.bindings.iter().cloned().collect();
    for missing in ours.difference(&theirs).cloned() {
        let (exchange, queue, key) = (missing.exchange, missing.queue, missing.key);
        differences.push(Difference::BindingMissing { exchange, queue, key });
    }
    for extra in theirs.difference(&ours).cloned() {
        let (exchange, queue, key) = (extra.exchange, extra.queue, extra.key);
        if declared.name(&exchange).is_some() && declared.name(&queue).is_some() {
            differences.push(Difference::BindingNotOurs { exchange, queue, key });
        }
    }
}

fn diff_arguments(of: &str, declared: &Arguments, found: &Arguments) -> Vec<Difference> {
    let names: BTreeSet<_> = declared.keys().chain(found.keys()).collect();
    let differing = names.into_iter().filter(|name| declared.get(*name) != found.get(*name));
    let difference = |argument: &String| ArgumentDifference {
        of: of.to_owned(),
        argument: argument.clone(),
        declared: declared.get(argument).cloned(),
        found: found.get(argument).cloned(),
    };
    differing.map(|argument| Difference::ArgumentDiffers(difference(argument))).collect()
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExchangeMissing(name) => write!(f, "exchange {name} is missing"),
            Self::QueueMissing(name) => write!(f, "queue {name} is missing"),
            Self::BindingMissing { exchange, queue, key } => {
                write!(f, "queue {queue} is not bound to {exchange} with key `{key}`")
            }
            Self::ExchangeNotOurs(name) => write!(f, "exchange {name} is not declared by Ferry"),
            Self::QueueNotOurs(name) => write!(f, "queue {name} is not declared by Ferry"),
            Self::BindingNotOurs { exchange, queue, key } => {
                write!(f, "queue {queue} is bound to {exchange} with key `{key}`, by somebody else")
            }
            Self::KindDiffers { exchange, declared, found } => {
                write!(f, "exchange {exchange} is {found}, not {declared}")
            }
            Self::ArgumentDiffers(difference) => difference.fmt(f),
        }
    }
}

impl fmt::Display for ArgumentDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, argument, declared, found } = self;
        match (declared, found) {
            (Some(declared), Some(found)) => {
                write!(f, "{of} has {argument}={found}, not {declared}")
            }
            (Some(declared), None) => write!(f, "{of} lacks {argument}={declared}"),
            (None, Some(found)) => write!(f, "{of} has {argument}={found}, which is not declared"),
            (None, None) => write!(f, "{of} agrees about {argument}"),
        }
    }
}
