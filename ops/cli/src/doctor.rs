//! `ferry topology doctor`: what the broker holds against what the configuration declares.
//!
//! With `broker.management_url` it sees everything; over AMQP alone only which queues there are and
//! whether somebody consumes them, and it says what it did not see. It changes nothing.

mod address;
mod management;

use ferry_broker::Broker as _;
use ferry_config::Config;
use ferry_service::exit;
use ferry_topology::{
    Topology,
    doctor::{self, Finding, Found, QueueState},
};

use crate::{Done, Stop, broker, terminal};

/// What AMQP itself does not tell.
const UNSEEN: &str = "exchanges, arguments, bindings, policies, members, and what else lies in the \
                      broker: set broker.management_url, and let it run the management plugin";

pub(crate) async fn doctor(config: &Config, as_json: bool) -> Done {
    let declared = ferry_service::topology(config);
    let (findings, unseen) = match &config.broker.management_url {
        Some(url) => {
            let found = management::look(config, url).await?;
            let unseen = found.nodes.is_none().then_some(management::NO_NODES);
            (doctor::examine(&declared, &found), unseen)
        }
        None => (over_amqp(config, &declared).await?, Some(UNSEEN)),
    };
    if as_json {
        let unseen: Vec<&str> = unseen.into_iter().collect();
        println!("{}", serde_json::json!({ "findings": findings, "unseen": unseen }));
    } else {
        for Finding { problem, remedy, .. } in &findings {
            println!("BAD {}\n    {}", terminal::line(problem), terminal::line(remedy));
        }
        if let Some(unseen) = unseen {
            println!("not looked at: {unseen}");
        }
        if findings.is_empty() {
            println!("ok  nothing is wrong with what was looked at");
        }
    }
    Ok(if findings.is_empty() { exit::OK } else { exit::FOUND_PROBLEMS })
}

/// Only what a passive declare answers: the rest is taken to be as declared.
async fn over_amqp(config: &Config, declared: &Topology) -> Result<Vec<Finding>, Stop> {
    let broker = broker::connect(config, &declared.prefix).await.map_err(Stop::unreachable)?;
    let mut found = Found { topology: declared.clone(), ..Found::default() };
    found.topology.queues.clear();
    for queue in &declared.queues {
        let name = declared.name(&queue.name).unwrap_or(&queue.name);
        if let Ok(depth) = broker.depth(name).await {
            let state = QueueState {
                consumers: depth.consumers.into(),
                messages: depth.ready.into(),
                ..QueueState::default()
            };
            found.states.insert(queue.name.clone(), state);
            found.topology.queues.push(queue.clone());
        }
    }
    broker.close().await;
    Ok(doctor::examine(declared, &found))
}
