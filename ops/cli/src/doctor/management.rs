//! The management plugin's view of a virtual host.

use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use ferry_config::Config;
use ferry_http::{Client, HttpPort as _, Method, Request};
use ferry_topology::{
    Argument, Arguments, Binding, Exchange, ExchangeKind, Queue, QueueRole, Topology,
    doctor::{Found, QueueState},
};
use serde_json::{Map, Value};

use super::address::Address;
use crate::{Stop, console::encode};

/// Said where the user may not see the nodes.
pub(super) const NO_NODES: &str =
    "whether queues have members enough: the user needs the tag `monitoring` to see the nodes";

const DEADLINE: Duration = Duration::from_secs(30);
const NOT_ALLOWED: [u16; 2] = [401, 403];

/// One management plugin, in one virtual host.
struct Plugin<'a> {
    client: Client,
    url: &'a str,
    authorization: String,
}

pub(super) async fn look(config: &Config, url: &str) -> Result<Found, Stop> {
    let Address { user, password, vhost } = Address::of(config.broker.url.reveal());
    let credentials = format!("{user}:{password}");
    let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
    let plugin = Plugin {
        client: Client::new().map_err(|error| Stop::failed(error.to_string()))?,
        url: url.trim_end_matches('/'),
        authorization: format!("Basic {encoded}"),
    };
    let of_vhost = encode(&vhost);
    let queues = plugin.list(&format!("/api/queues/{of_vhost}")).await?;
    let exchanges = plugin.list(&format!("/api/exchanges/{of_vhost}")).await?;
    let bindings = plugin.list(&format!("/api/bindings/{of_vhost}")).await?;
    // Read last: this one right may be missing.
    let nodes = plugin.get("/api/nodes").await?.map(|nodes| list(&nodes).len());
    Ok(Found {
        vhost,
        topology: Topology {
            prefix: config.broker.prefix.clone(),
            exchanges: exchanges.iter().filter_map(exchange).collect(),
            queues: queues.iter().map(queue).collect(),
            bindings: bindings.iter().filter_map(binding).collect(),
        },
        chains: bindings.iter().filter_map(chain).collect(),
        states: queues.iter().map(|queue| (word(queue, "name"), state(queue))).collect(),
        nodes,
    })
}

impl Plugin<'_> {
    async fn list(&self, path: &str) -> Result<Vec<Value>, Stop> {
        let answer = self.get(path).await?.ok_or_else(|| {
            let advice = "give the broker's user the tag `monitoring`: \
                          `rabbitmqctl set_user_tags USER monitoring`";
            Stop::failed(format!("{} does not let us look at {path}; {advice}", self.url))
        })?;
        Ok(list(&answer).to_vec())
    }

    /// None: we are not allowed to.
    async fn get(&self, path: &str) -> Result<Option<Value>, Stop> {
        let request = Request {
            operation: "management",
            method: Method::Get,
            url: format!("{}{path}", self.url),
            headers: vec![("authorization".to_owned(), self.authorization.clone())],
            body: Bytes::new(),
            deadline: DEADLINE,
            secret: true,
            carries: 1,
        };
        let response = self.client.send(request).await.map_err(|error| {
            let advice = "does broker.management_url say where the management plugin listens?";
            Stop::unreachable(format!("{}: {error}; {advice}", self.url))
        })?;
        if NOT_ALLOWED.contains(&response.status) {
            return Ok(None);
        }
        let answer = serde_json::from_slice(&response.body).ok();
        let answer = answer.filter(|_| response.status == 200).ok_or_else(|| {
            let status = response.status;
            Stop::failed(format!("{}{path} answered {status}, not with a list", self.url))
        })?;
        Ok(Some(answer))
    }
}

fn list(answer: &Value) -> &[Value] {
    answer.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word(of: &Value, name: &str) -> String {
    of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn count(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn arguments(of: &Value, name: &str) -> Arguments {
    let entries = of.get(name).and_then(Value::as_object).into_iter().flat_map(Map::iter);
    let argument = |value: &Value| match (value.as_str(), value.as_i64()) {
        (Some(text), _) => Argument::Text(text.to_owned()),
        (None, Some(number)) => Argument::Number(number),
        (None, None) => Argument::Text(value.to_string()),
    };
    entries.map(|(name, value)| (name.clone(), argument(value))).collect()
}

/// Of a kind that we use; the others are nobody's of ours.
fn exchange(found: &Value) -> Option<Exchange> {
    let kinds = [ExchangeKind::Direct, ExchangeKind::Fanout, ExchangeKind::Topic];
    let word_of_it = word(found, "type");
    let kind = kinds.into_iter().find(|kind| kind.as_str() == word_of_it)?;
    Some(Exchange { name: word(found, "name"), kind, arguments: arguments(found, "arguments") })
}

fn queue(found: &Value) -> Queue {
    let (name, arguments) = (word(found, "name"), arguments(found, "arguments"));
    Queue { name, role: QueueRole::Work, arguments }
}

fn state(found: &Value) -> QueueState {
    let names = ["policy", "operator_policy"].map(|kind| word(found, kind));
    let nodes = |name: &str| found.get(name).and_then(Value::as_array).map(Vec::len);
    QueueState {
        rules: arguments(found, "effective_policy_definition"),
        policies: names.into_iter().filter(|name| !name.is_empty()).collect(),
        consumers: count(found, "consumers"),
        messages: count(found, "messages"),
        members: nodes("members"),
        online: nodes("online"),
    }
}

fn binding(found: &Value) -> Option<Binding> {
    let (exchange, queue) = fed(found, "queue")?;
    Some(Binding { exchange, queue, key: word(found, "routing_key") })
}

fn chain(found: &Value) -> Option<(String, String)> {
    fed(found, "exchange")
}

/// Every queue is bound to the exchange without a name, by its own.
fn fed(found: &Value, kind: &str) -> Option<(String, String)> {
    let (from, to) = (word(found, "source"), word(found, "destination"));
    (word(found, "destination_type") == kind && !from.is_empty()).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_queue_is_read_with_its_policies_and_members() {
        let found = json!({
            "name": "ferry.transform", "messages": 3, "consumers": 1,
            "arguments": {"x-queue-type": "quorum", "x-delivery-limit": 100, "x-odd": true},
            "policy": "small", "operator_policy": null,
            "effective_policy_definition": {"max-length": 7},
            "members": ["a@x", "b@x", "c@x"], "online": ["a@x"],
        });
        let state = state(&found);
        assert_eq!(state.rules["max-length"], Argument::Number(7));
        assert_eq!(state.policies, ["small"]);
        assert_eq!((state.consumers, state.messages), (1, 3));
        assert_eq!((state.members, state.online), (Some(3), Some(1)));
        let queue = queue(&found);
        assert_eq!(queue.arguments["x-odd"], Argument::Text("true".to_owned()));
        assert_eq!(queue.arguments["x-delivery-limit"], Argument::Number(100));
    }

    #[test]
    fn bindings_of_queues_and_of_exchanges_are_told_apart() {
        let bound = |source: &str, kind: &str| {
            json!({"source": source, "destination": "d", "destination_type": kind,
                "routing_key": "k"})
        };
        assert!(binding(&bound("", "queue")).is_none(), "every queue has that one");
        assert_eq!(binding(&bound("e", "queue")).map(|found| found.key), Some("k".to_owned()));
        assert!(binding(&bound("e", "exchange")).is_none());
        assert_eq!(chain(&bound("e", "exchange")), Some(("e".to_owned(), "d".to_owned())));
    }
}
