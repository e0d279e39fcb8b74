//! What the loader counts. Names follow the Prometheus conventions, prefix `ferry_`.

use ferry_service::{Metrics, metrics::MetricsError};
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

#[derive(Clone, Debug)]
pub struct LoaderMetrics {
    /// Deliveries that ended, by outcome.
    pub processed: IntCounterVec,
    /// Calls' results, by failure kind or `ok`.
    pub attempts: IntCounterVec,
    pub retries: IntCounterVec,
    /// Source time → applied.
    pub critical_time: HistogramVec,
    pub call_duration: HistogramVec,
    pub in_hand: IntGaugeVec,
    pub paused: IntGaugeVec,
}

impl LoaderMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            processed: metrics.counter(
                "ferry_messages_processed_total",
                "Deliveries that ended, by route, target and outcome.",
                &["route", "target", "outcome"],
            )?,
            attempts: metrics.counter(
                "ferry_delivery_attempts_total",
                "Writes to a target, by what became of them.",
                &["target", "result"],
            )?,
            retries: metrics.counter(
                "ferry_retries_scheduled_total",
                "Retries sent to a delay level, by failure kind.",
                &["target", "kind"],
            )?,
            critical_time: metrics.seconds(
                "ferry_critical_time_seconds",
                "From the time at the source to the effect at the target.",
                &["route"],
            )?,
            call_duration: metrics.seconds(
                "ferry_call_duration_seconds",
                "Calls to a target, every exchange of the call included.",
                &["target"],
            )?,
            in_hand: metrics.gauge(
                "ferry_deliveries_in_hand",
                "Deliveries taken and not settled yet.",
                &["target"],
            )?,
            paused: metrics.gauge(
                "ferry_target_paused",
                "1 while the target is paused.",
                &["target"],
            )?,
        })
    }
}
