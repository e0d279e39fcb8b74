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

use crate::{
    Lifecycle, Metrics, Readiness,
    tls::{Identity, TlsListener},
};

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

/// Serves `router` on `address` until draining, over TLS where there is an identity; requests in hand
/// are finished. Returns the address that was bound, which is also logged as `listening`: port 0 takes
/// a free one.
pub(crate) async fn serve(
    life: &Lifecycle,
    address: SocketAddr,
    router: Router,
    identity: Option<Identity>,
) -> anyhow::Result<SocketAddr> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let bound = listener.local_addr().context("cannot tell the bound address")?;
    info!(address = %bound, tls = identity.is_some(), "listening");
    let draining = life.draining().cancelled_owned();
    let ended = "the HTTP side ended";
    let Some(identity) = identity else {
        let serving = axum::serve(listener, router).with_graceful_shutdown(draining);
        life.spawn("http", async move { serving.await.context(ended) });
        return Ok(bound);
    };
    let following = identity.clone().follow(life.draining());
    life.spawn("certificate", async move {
        following.await;
        Ok(())
    });
    let listener = TlsListener::new(listener, identity);
    let serving = axum::serve(listener, router).with_graceful_shutdown(draining);
    life.spawn("http", async move { serving.await.context(ended) });
    Ok(bound)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::Signals;

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn a_service_answers_for_its_health_beside_its_own_pages() {
        let (life, readiness) = (Lifecycle::default(), Readiness::default());
        let metrics = Metrics::new("loader").unwrap();
        let broker = readiness.condition("broker");
        let own = Router::new().route("/own", get_route());
        let router = pages(&life, &readiness, &metrics).merge(own);
        let address = serve(&life, "127.0.0.1:0".parse().unwrap(), router, None).await.unwrap();
        assert_ne!(address.port(), 0);

        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/own").await.ends_with("mine"));
        let waiting = get(address, "/readyz").await;
        assert!(waiting.starts_with("HTTP/1.1 503"), "{waiting}");
        let reason =
            r#"{"ready":false,"conditions":{"broker":{"ready":false,"reason":"starting"}}}"#;
        assert!(waiting.ends_with(reason), "{waiting}");
        broker.ready();
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        broker.not_ready("connection refused");
        assert!(get(address, "/readyz").await.contains("connection refused"));
        let text = get(address, "/metrics").await;
        assert!(text.contains("text/plain; version=0.0.4"), "{text}");
        assert!(text.contains(r#"ferry_build_info{service="loader",version=""#), "{text}");

        let (sender, signals) = Signals::by_hand();
        sender.send("SIGTERM").await.unwrap();
        let ended = life.run(signals, Duration::from_secs(5)).await;
        assert_eq!((ended.code, ended.cut_short), (0, 0));
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }

    fn get_route() -> axum::routing::MethodRouter {
        axum::routing::get(async || "mine")
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told() {
        let life = Lifecycle::default();
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = serve(&life, address, Router::new(), None).await.unwrap_err();
        assert_eq!(error.to_string(), format!("cannot listen on {address}"));
    }
}
