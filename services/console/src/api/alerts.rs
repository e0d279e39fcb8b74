//! Alerts, and a test of the ways on which they are told.

use axum::{
    Json,
    extract::{Query, State},
};
use ferry_broker::Broker;
use ferry_store::{Alert, Alerts};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Problem, Shared, command::Command};
use crate::alerts::{Channel, Message};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 500;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limit {
    /// At most 500; default 50.
    limit: Option<u32>,
}

/// `GET /api/v1/alerts`: open ones first, then the newest.
pub(super) async fn list<B: Broker, S: Alerts>(
    State(console): State<Shared<B, S>>,
    Query(Limit { limit }): Query<Limit>,
) -> Result<Json<Vec<Alert>>, Problem> {
    let limit = limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
    Ok(Json(console.store.alerts(limit).await?))
}

/// Nothing has to be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {}

/// What came of one channel.
#[derive(Debug, Serialize)]
pub(super) struct Tested {
    channel: &'static str,
    ok: bool,
    detail: String,
}

/// `POST /api/v1/alerts/test`: one message through each channel, from this process.
pub(super) async fn test<B: Broker, S: Alerts>(
    State(console): State<Shared<B, S>>,
    Command(Test {}): Command<Test>,
) -> Json<Vec<Tested>> {
    let installation = &console.config.broker.prefix;
    let message = Message::test(installation, Uuid::new_v4(), (console.clock)());
    Json(join_all(console.channels.iter().map(|channel| tested(channel.as_ref(), &message))).await)
}

async fn tested(channel: &dyn Channel, message: &Message) -> Tested {
    let (ok, detail) = match channel.send(message).await {
        Ok(()) => (true, "it was taken".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Tested { channel: channel.name(), ok, detail }
}
