//! The HTTP API: JSON for the CLI, the pages and scripts. Errors are RFC 9457 problems.

mod act;
mod alerts;
mod command;
mod exports;
mod removals;
mod schedules;
mod targets;

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use ferry_broker::Broker;
use ferry_config::Config;
use ferry_store::{
    Alert, Alerts, Care, DeadFilter, DeadLetters, Exports, Journal, JournalFilter, Overview,
    Overviews, RouteTally, Scans, Schedules, StoreError,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    alerts::Channel,
    explain, page,
    sample::Samples,
    targets::{TargetRow, rows as target_rows},
};

/// What the API reads from.
#[derive(Debug)]
pub struct Console<B, S> {
    pub config: Arc<Config>,
    pub broker: B,
    pub store: S,
    pub samples: Samples,
    pub clock: fn() -> Timestamp,
    /// Whom alerts are told.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Whether only this host is to reach the API: it listens on loopback, with no proxy in front.
    pub local: bool,
}

/// Open alerts that the overview shows; the list has them all.
const ALERTS: u32 = 100;

type Shared<B, S> = Arc<Console<B, S>>;

pub fn router<B, S>(console: Console<B, S>) -> Router
where
    B: Broker,
    S: Alerts + Care + DeadLetters + Exports + Journal + Overviews + Scans + Schedules + 'static,
{
    Router::new()
        .route("/", get(page::overview))
        .route("/journal", get(page::journal))
        .route("/dead", get(page::dead))
        .route("/api/v1/alerts", get(alerts::list::<B, S>))
        .route("/api/v1/alerts/test", post(alerts::test::<B, S>))
        .route("/api/v1/overview", get(overview::<B, S>))
        .route("/api/v1/journal", get(journal::<B, S>))
        .route("/api/v1/dead", get(dead::<B, S>))
        .route("/api/v1/dead/{id}", get(dead_letter::<B, S>))
        .route("/api/v1/targets", get(targets::list::<B, S>))
        .route("/api/v1/targets/{name}/pause", post(targets::pause::<B, S>))
        .route("/api/v1/targets/{name}/resume", post(targets::resume::<B, S>))
        .route("/api/v1/schedules", get(schedules::list::<B, S>))
        .route("/api/v1/schedules/{source}/{endpoint}", get(schedules::one::<B, S>))
        .route("/api/v1/schedules/{source}/{endpoint}/pause", post(schedules::pause::<B, S>))
        .route("/api/v1/schedules/{source}/{endpoint}/resume", post(schedules::resume::<B, S>))
        .route("/api/v1/schedules/{source}/{endpoint}/run", post(schedules::run::<B, S>))
        .merge(removals())
        .route("/api/v1/exports", get(exports::list::<B, S>))
        .route("/api/v1/exports/{name}", get(exports::one::<B, S>))
        .route("/api/v1/exports/{name}/run", post(exports::run::<B, S>))
        .route("/api/v1/exports/{name}/documents/{number}", get(exports::document::<B, S>))
        .route(
            "/api/v1/exports/{name}/documents/{number}/dissolve",
            post(exports::dissolve::<B, S>),
        )
        .route("/api/v1/explain/{entity}/{id}", get(entity::<B, S>))
        .layer(from_fn_with_state(console.local, command::by_a_name_of_this_host))
        .with_state(Arc::new(console))
}

fn removals<B: Broker, S: Journal + Scans + Schedules + 'static>() -> Router<Shared<B, S>> {
    let of = |verb: &str| format!("/api/v1/schedules/{{source}}/{{endpoint}}/removals{verb}");
    Router::new()
        .route(&of(""), get(removals::list::<B, S>))
        .route(&of("/approve"), post(removals::approve::<B, S>))
        .route(&of("/dismiss"), post(removals::dismiss::<B, S>))
}

/// What `GET /api/v1/overview` answers. Counts are deliveries unless named otherwise.
#[derive(Debug, Serialize)]
struct OverviewAnswer {
    at: Timestamp,
    routes: Vec<RouteRow>,
    targets: Vec<TargetRow>,
    /// Those that are open.
    alerts: Vec<Alert>,
    /// Records made durable, by system.
    records: BTreeMap<String, u64>,
    /// Items the transformer skipped, by system.
    skipped_items: BTreeMap<String, u64>,
    /// Dead letters by the queue they died in, by failure kind.
    dead: BTreeMap<String, BTreeMap<String, u64>>,
    dead_oldest_at: Option<Timestamp>,
    claimed: BTreeMap<String, u64>,
    unknown: BTreeMap<String, u64>,
    /// Messages ready, as the broker says at this moment; none where it did not answer.
    queues: BTreeMap<String, Option<u32>>,
}

/// One route at one target.
#[derive(Debug, Serialize)]
struct RouteRow {
    route: String,
    source: String,
    target: String,
    entity: &'static str,
    facet: &'static str,
    /// Ended, waiting for a retry, or in hand.
    received: u64,
    outcomes: BTreeMap<String, u64>,
    retrying: u64,
    /// Ready in the target's queue of this entity, which routes may share.
    waiting: Option<u32>,
    /// Of what is being retried, since its first failure.
    oldest_seconds: Option<i64>,
    /// Ended per second, over the last ten seconds.
    rate: f64,
}

/// The queues whose depths the overview shows.
fn queues(config: &Config) -> Vec<String> {
    let mut queues = vec![
        ferry_topology::transform_queue("live"),
        ferry_topology::transform_queue("bulk"),
        ferry_topology::name::UNROUTED.to_owned(),
    ];
    for route in &config.routes {
        for target in &route.to {
            for lane in ["live", "bulk"] {
                queues.push(ferry_topology::load_queue(target, route.entity.as_str(), lane));
            }
        }
    }
    queues.extend(config.broker.levels.iter().map(|level| ferry_topology::delay_exchange(level.0)));
    queues.sort();
    queues.dedup();
    queues
}

async fn overview<B: Broker, S: Alerts + Care + Overviews>(
    State(console): State<Shared<B, S>>,
) -> Result<Json<OverviewAnswer>, Problem> {
    let overview = console.store.overview().await?;
    let (cares, mut alerts) = (console.store.cares().await?, console.store.alerts(ALERTS).await?);
    alerts.retain(|alert| alert.resolved_at.is_none());
    let mut depths = BTreeMap::new();
    for queue in queues(&console.config) {
        let depth = console.broker.depth(&queue).await.ok().map(|depth| depth.ready);
        depths.insert(queue, depth);
    }
    let now = (console.clock)();
    let routes = rows(&console.config, &console.samples, &overview, &depths, now);
    Ok(Json(OverviewAnswer {
        at: now,
        routes,
        targets: target_rows(&console.config, &cares, now),
        alerts,
        records: overview.records,
        skipped_items: overview.skipped_items,
        dead: overview.dead,
        dead_oldest_at: overview.dead_oldest_at,
        claimed: overview.claimed,
        unknown: overview.unknown,
        queues: depths,
    }))
}

fn rows(
    config: &Config,
    samples: &Samples,
    overview: &Overview,
    depths: &BTreeMap<String, Option<u32>>,
    now: Timestamp,
) -> Vec<RouteRow> {
    let mut rows = Vec::new();
    for route in &config.routes {
        for target in &route.to {
            let found =
                overview.routes.iter().find(|t| t.route == route.name && &t.target == target);
            let tally = found.cloned().unwrap_or_else(|| RouteTally::none(&route.name, target));
            let entity = route.entity.as_str();
            let ready = ["live", "bulk"].map(|lane| {
                depths.get(&ferry_topology::load_queue(target, entity, lane)).copied().flatten()
            });
            let ended: u64 = tally.outcomes.values().sum();
            rows.push(RouteRow {
                route: route.name.clone(),
                source: route.from.clone(),
                target: target.clone(),
                entity,
                facet: route.facet.as_str(),
                received: ended + tally.retrying,
                outcomes: tally.outcomes,
                retrying: tally.retrying,
                waiting: ready.into_iter().flatten().reduce(u32::saturating_add),
                oldest_seconds: tally
                    .retrying_since
                    .map(|since| now.duration_since(since).as_secs().max(0)),
                rate: samples.rate(&route.name, target),
            });
        }
    }
    rows
}

async fn journal<B: Broker, S: Journal>(
    State(console): State<Shared<B, S>>,
    Query(filter): Query<JournalFilter>,
) -> Result<Response, Problem> {
    Ok(Json(console.store.search(filter).await?).into_response())
}

async fn dead<B: Broker, S: DeadLetters>(
    State(console): State<Shared<B, S>>,
    Query(filter): Query<DeadFilter>,
) -> Result<Response, Problem> {
    Ok(Json(console.store.dead(filter).await?).into_response())
}

/// A dead letter with everything that is known of it.
#[derive(Serialize)]
struct DeadAnswer {
    summary: ferry_store::DeadSummary,
    headers: serde_json::Value,
    response: Option<String>,
    rule: Option<String>,
    first_failed_at: Option<Timestamp>,
    message_id: Option<String>,
    content_type: Option<String>,
    /// The body as text; bytes that are no UTF-8 are replaced.
    body: String,
    /// Whether `body` is the body exactly.
    body_is_text: bool,
}

async fn dead_letter<B: Broker, S: DeadLetters>(
    State(console): State<Shared<B, S>>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let Some((summary, letter)) = console.store.dead_letter(id).await? else {
        return Err(Problem::not_found(format!("there is no dead letter {id}")));
    };
    Ok(Json(DeadAnswer {
        summary,
        headers: serde_json::from_str(&letter.headers).unwrap_or_default(),
        response: letter.response,
        rule: letter.rule,
        first_failed_at: letter.first_failed_at,
        message_id: letter.message_id,
        content_type: letter.content_type,
        body_is_text: std::str::from_utf8(&letter.body).is_ok(),
        body: String::from_utf8_lossy(&letter.body).into_owned(),
    })
    .into_response())
}

async fn entity<B: Broker, S: Care + Overviews>(
    State(console): State<Shared<B, S>>,
    Path((entity, id)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let view = console.store.entity(&entity, &id).await?;
    if view.parts.is_empty() && view.journal.is_empty() && view.dead.is_empty() {
        return Err(Problem::not_found(format!("nothing is known of {entity} {id}")));
    }
    let cares = console.store.cares().await?;
    let goes_to = |target: &str| {
        console.config.routes_to(target).any(|route| route.entity.as_str() == entity)
    };
    let waits: Vec<TargetRow> = target_rows(&console.config, &cares, (console.clock)())
        .into_iter()
        .filter(|row| goes_to(&row.target))
        .collect();
    Ok(Json(explain::Answer::new(&entity, &id, view, &waits)).into_response())
}

/// An RFC 9457 problem.
#[derive(Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
}

impl Problem {
    fn new(status: u16, title: &'static str, detail: String) -> Self {
        Self { kind: "about:blank", title, status, detail }
    }

    fn bad_request(detail: String) -> Self {
        Self::new(400, "Bad Request", detail)
    }

    fn forbidden(detail: String) -> Self {
        Self::new(403, "Forbidden", detail)
    }

    fn not_found(detail: String) -> Self {
        Self::new(404, "Not Found", detail)
    }

    fn conflict(detail: String) -> Self {
        Self::new(409, "Conflict", detail)
    }

    fn unsupported_media(detail: String) -> Self {
        Self::new(415, "Unsupported Media Type", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(503, "The store cannot be used", error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let body = serde_json::to_string(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}
