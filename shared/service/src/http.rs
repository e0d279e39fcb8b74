//! The HTTP side that every service has: `/healthz`, `/readyz`, `/metrics`, and its own routes.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tracing::info;

use crate::{Lifecycle, Metrics, Readiness};

/// What the pages show.
#[derive(Clone, Debug)]
struct Pages {
    life: Lifecycle,
    readiness: Readiness,
    metrics: Metrics,
}

/// The pages every service answers.
///
/// `/healthz` is 200 while the process runs; `/readyz` is 200 while every condition is met and the
/// process is not draining, otherwise 503, with the reasons either way; `/metrics` is Prometheus'
/// text.
pub fn pages(life: &Lifecycle, readiness: &Readiness, metrics: &Metrics) -> Router {
    let pages =
        Pages { life: life.clone(), readiness: readiness.clone(), metrics: metrics.clone() };
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_page))
        .with_state(pages)
}

async fn readyz(State(pages): State<Pages>) -> Response {
    if pages.life.draining().is_cancelled() {
        pages.readiness.condition("process").not_ready("draining");
    }
    let report = pages.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn metrics_page(State(pages): State<Pages>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], pages.metrics.render())
}

/// Serves `router` on `address` until draining; requests in hand are finished. Returns the address
/// that was bound, which is also logged as `listening`: port 0 takes a free one.
pub async fn serve(
    life: &Lifecycle,
    address: SocketAddr,
    router: Router,
) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr().context("cannot tell the bound address")?;
    info!(address = %bound, "listening");
    let draining = life.draining();
    life.spawn("http", async move {
        axum::serve(listener, router)
            .with_graceful_shutdown(draining.cancelled_owned())
            .await
            .context("the HTTP side ended")
    });
    Ok(bound)
}
