//! What can go wrong, and doing it.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use crate::{
    broker::Going,
    link::Link,
    schedule::Planned,
    stage::{Stage, broker_link, store_link},
    store::Store,
};

/// One thing that goes wrong. What lasts says for how long.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// SIGKILL, and a start after a while.
    Kill {
        service: &'static str,
        away: Duration,
    },
    /// The same in the loop of two loaders.
    KillInLoop {
        service: &'static str,
        away: Duration,
    },
    /// The node is told to stop, and started.
    BrokerRestart,
    /// The node is killed, and started.
    BrokerKill,
    /// The node is stopped for a while.
    BrokerStop {
        length: Duration,
    },
    BrokerCut {
        service: &'static str,
    },
    BrokerStall {
        service: &'static str,
        length: Duration,
    },
    BrokerDelay {
        service: &'static str,
        delay: Duration,
        length: Duration,
    },
    TargetCut {
        target: &'static str,
    },
    TargetStall {
        target: &'static str,
        length: Duration,
    },
    TargetDelay {
        target: &'static str,
        delay: Duration,
        length: Duration,
    },
    TargetDown {
        target: &'static str,
        length: Duration,
    },
    /// Between the warehouse's pushes and the producer.
    PushCut,
    PushStall {
        length: Duration,
    },
    /// The database's server is told to stop, and started.
    StoreRestart,
    /// The database's server is killed, and started.
    StoreKill,
    /// The database's server ends all sessions.
    StoreTerminate,
    StoreCut {
        service: &'static str,
    },
    StoreStall {
        service: &'static str,
        length: Duration,
    },
    /// The end of something that lasted, on a link by its name.
    Calm {
        link: String,
    },
    /// A killed service comes back.
    Start {
        service: &'static str,
    },
}

/// Every kind a run of plan `all` must meet, answers aside.
pub(crate) const KINDS: [&str; 17] = [
    "producer_killed",
    "transformer_killed",
    "loader_killed",
    "console_killed",
    "loader_killed_in_loop",
    "broker_restarted",
    "broker_killed",
    "broker_stopped",
    "broker_link_cut",
    "broker_link_stalled",
    "broker_link_slow",
    "target_link_cut",
    "target_link_stalled",
    "target_link_slow",
    "target_down",
    "push_link_cut",
    "push_link_stalled",
];

/// Kinds there are only where the store is a server.
pub(crate) const STORE_KINDS: [&str; 5] = [
    "store_restarted",
    "store_killed",
    "store_sessions_ended",
    "store_link_cut",
    "store_link_stalled",
];

impl Act {
    /// The name under which it is counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Kill { service, .. } if service.starts_with("loader") => "loader_killed",
            Self::Kill { service: "producer", .. } => "producer_killed",
            Self::Kill { service: "transformer", .. } => "transformer_killed",
            Self::Kill { .. } => "console_killed",
            Self::KillInLoop { .. } => "loader_killed_in_loop",
            Self::BrokerRestart => "broker_restarted",
            Self::BrokerKill => "broker_killed",
            Self::BrokerStop { .. } => "broker_stopped",
            Self::BrokerCut { .. } => "broker_link_cut",
            Self::BrokerStall { .. } => "broker_link_stalled",
            Self::BrokerDelay { .. } => "broker_link_slow",
            Self::TargetCut { .. } => "target_link_cut",
            Self::TargetStall { .. } => "target_link_stalled",
            Self::TargetDelay { .. } => "target_link_slow",
            Self::TargetDown { .. } => "target_down",
            Self::PushCut => "push_link_cut",
            Self::PushStall { .. } => "push_link_stalled",
            Self::StoreRestart => "store_restarted",
            Self::StoreKill => "store_killed",
            Self::StoreTerminate => "store_sessions_ended",
            Self::StoreCut { .. } => "store_link_cut",
            Self::StoreStall { .. } => "store_link_stalled",
            Self::Calm { .. } | Self::Start { .. } => "",
        }
    }
}

/// How often each kind happened.
pub(crate) type Counts = BTreeMap<String, u64>;

/// What the simulators do wrong throughout: every so many matching requests, without end.
pub(crate) fn script_answers(stage: &Stage) -> anyhow::Result<()> {
    const ALWAYS: u32 = u32::MAX;
    // `rare` is how many requests lie between two faults of a kind, about; primes, so that kinds
    // meet in ever new orders.
    let requests = |method: &str, prefix: &str, rare: u64| {
        let fault = |kind: &str, every: u64| {
            json!({"kind": kind, "method": method, "path_prefix": prefix, "every": every,
                   "count": ALWAYS, "stall_ms": 3500})
        };
        let status = |status: u16, every: u64| {
            json!({"kind": "status", "status": status, "method": method, "path_prefix": prefix,
                   "every": every, "count": ALWAYS,
                   "retry_after": (status == 429).then_some("1")})
        };
        [
            fault("refuse", rare),
            status(503, rare + 6),
            status(500, rare + 8),
            // Each holds the whole target for a second, and would be all that a run sees.
            status(429, 5 * rare + 14),
            fault("garbage", rare + 18),
            fault("apply_then_drop", rare + 2),
            fault("stall", 3 * rare + 1),
            fault("apply_then_stall", 3 * rare + 5),
            json!({"kind": "slow", "method": method, "path_prefix": prefix, "stall_ms": 700,
                   "every": 2 * rare + 3, "count": ALWAYS}),
        ]
    };
    stage.shop.script(&requests("POST", "/admin/api/", 47))?;
    stage.shop.script(&requests("PATCH", "/admin/api/", 61))?;
    stage.shop.script(&requests("GET", "/admin/api/", 53))?;
    stage.warehouse.script(&requests("POST", "/web/remotewarehouse/imports/", 11))?;
    stage.warehouse.script(&requests("POST", "/web/remoteorder/imports/", 23))?;
    stage.warehouse.script(&requests("POST", "/web/remoteorder/order/", 5))?;
    stage.warehouse.script(&requests("GET", "/web/", 29))?;
    stage.erp.script(&requests("GET", "/api/", 13))?;
    stage.warehouse.script(&[
        json!({"kind": "push_twice", "every": 9, "count": ALWAYS}),
        json!({"kind": "push_shuffled", "every": 7, "count": ALWAYS}),
    ])
}

/// Goes through the schedule, counting what really happened.
pub(crate) struct Misfortune {
    /// Last first.
    planned: Vec<Planned>,
    pub(crate) counts: Counts,
}

/// What could not happen yet is tried again after this.
const AGAIN: Duration = Duration::from_millis(500);

impl Misfortune {
    pub(crate) fn new(mut planned: Vec<Planned>) -> Self {
        let counts = planned.iter().map(|planned| (planned.act.kind().to_owned(), 0)).collect();
        planned.reverse();
        Self { planned, counts }
    }

    /// Does everything that is due.
    pub(crate) fn strike(&mut self, stage: &mut Stage, now: Duration) -> anyhow::Result<()> {
        while self.planned.last().is_some_and(|planned| planned.at <= now) {
            let Some(Planned { act, .. }) = self.planned.pop() else { break };
            let kind = act.kind();
            match suffer(stage, &act)? {
                Happened::Nothing => self.put(now + AGAIN, act),
                Happened::Once => self.count(kind),
                Happened::Until(length, end) => {
                    self.count(kind);
                    self.put(now + length, end);
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, kind: &str) {
        if !kind.is_empty() {
            *self.counts.entry(kind.to_owned()).or_default() += 1;
        }
    }

    fn put(&mut self, at: Duration, act: Act) {
        let before = self.planned.partition_point(|planned| planned.at > at);
        self.planned.insert(before, Planned { at, act });
    }
}

enum Happened {
    /// There was nobody it could happen to.
    Nothing,
    Once,
    /// It lasts, and ends with an act of its own.
    Until(Duration, Act),
}

fn suffer(stage: &mut Stage, act: &Act) -> anyhow::Result<Happened> {
    let to = |service: &str| broker_link(service);
    match act {
        Act::Kill { service, away } | Act::KillInLoop { service, away } => {
            let killed = stage.kill(service);
            let start = Act::Start { service };
            Ok(if killed { Happened::Until(*away, start) } else { Happened::Nothing })
        }
        Act::Start { service } => stage.start(service).map(|()| Happened::Once),
        Act::BrokerRestart => away(stage, Going::Stopped, Duration::ZERO),
        Act::BrokerKill => away(stage, Going::Killed, Duration::ZERO),
        Act::BrokerStop { length } => away(stage, Going::Stopped, *length),
        Act::BrokerCut { service } => on_link(stage, &to(service), None, Link::cut),
        Act::TargetCut { target } => on_link(stage, target, None, Link::cut),
        Act::StoreRestart => store_away(stage, Going::Stopped),
        Act::StoreKill => store_away(stage, Going::Killed),
        Act::StoreTerminate => {
            let ended = stage.store.as_ref().and_then(Store::terminate_sessions).unwrap_or(0);
            Ok(if ended > 0 { Happened::Once } else { Happened::Nothing })
        }
        Act::StoreCut { service } => on_link(stage, &store_link(service), None, Link::cut),
        Act::StoreStall { service, length } => {
            on_link(stage, &store_link(service), Some(*length), |link| link.stall(true))
        }
        Act::PushCut => on_link(stage, "push", None, Link::cut),
        Act::BrokerStall { service, length } => {
            on_link(stage, &to(service), Some(*length), |link| link.stall(true))
        }
        Act::TargetStall { target, length } => {
            on_link(stage, target, Some(*length), |link| link.stall(true))
        }
        Act::PushStall { length } => on_link(stage, "push", Some(*length), |link| link.stall(true)),
        Act::BrokerDelay { service, delay, length } => {
            on_link(stage, &to(service), Some(*length), |link| link.delay(*delay))
        }
        Act::TargetDelay { target, delay, length } => {
            on_link(stage, target, Some(*length), |link| link.delay(*delay))
        }
        // A target is down for its clients also while none of them is connected.
        Act::TargetDown { target, length } => {
            on_link(stage, target, Some(*length), |link| link.take_down(true).max(1))
        }
        Act::Calm { link } => {
            stage.link(link)?.calm();
            Ok(Happened::Once)
        }
    }
}

fn away(stage: &mut Stage, going: Going, away: Duration) -> anyhow::Result<Happened> {
    let gone = stage.broker.take_away(going, away)?;
    Ok(if gone { Happened::Once } else { Happened::Nothing })
}

fn store_away(stage: &mut Stage, going: Going) -> anyhow::Result<Happened> {
    let Some(store) = &mut stage.store else { return Ok(Happened::Once) };
    Ok(if store.take_away(going)? { Happened::Once } else { Happened::Nothing })
}

/// Does something to a link; it happened if a connection was there to feel it.
fn on_link(
    stage: &Stage,
    name: &str,
    length: Option<Duration>,
    act: impl FnOnce(&Link) -> u64,
) -> anyhow::Result<Happened> {
    let link = stage.link(name)?;
    Ok(match (act(link), length) {
        (0, _) => Happened::Nothing,
        (_, None) => Happened::Once,
        (_, Some(length)) => Happened::Until(length, Act::Calm { link: name.to_owned() }),
    })
}
