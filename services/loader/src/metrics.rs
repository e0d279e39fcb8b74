//! What the loader counts. Names follow the Prometheus conventions, prefix `ferry_`.

use ferry_canonical::FailureKind;
use ferry_service::{Metrics, metrics::MetricsError};
use ferry_store::BreakerState;
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec};

#[derive(Clone, Debug)]
pub struct LoaderMetrics {
    /// Deliveries that ended, by outcome.
    pub processed: IntCounterVec,
    /// Calls' results, by failure kind or `ok`.
    pub attempts: IntCounterVec,
    pub retries: IntCounterVec,
    /// Writes whose answer a response rule decided.
    pub rules: IntCounterVec,
    /// Source time → applied.
    pub critical_time: HistogramVec,
    pub call_duration: HistogramVec,
    pub in_hand: IntGaugeVec,
    paused: IntGaugeVec,
    breaker: IntGaugeVec,
    probes: IntCounterVec,
    pub concurrency: IntGaugeVec,
    pub waits: IntGaugeVec,
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
            rules: metrics.counter(
                "ferry_response_rules_total",
                "Writes whose answer a response rule decided, by the rule.",
                &["target", "rule"],
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
                "1 while the target is paused: by an operator, a maintenance window or refused credentials.",
                &["target"],
            )?,
            breaker: metrics.gauge(
                "ferry_target_breaker",
                "0 closed, 1 half-open, 2 open.",
                &["target"],
            )?,
            probes: metrics.counter(
                "ferry_target_probes_total",
                "Probes this loader made of a stopped target, by failure kind or `ok`.",
                &["target", "result"],
            )?,
            concurrency: metrics.gauge(
                "ferry_target_concurrency",
                "Calls this loader may make at one time: its share of the limit, or what the target bears.",
                &["target"],
            )?,
            waits: metrics.gauge(
                "ferry_target_waiting",
                "Deliveries in hand that could be written, by what keeps them from it.",
                &["target", "reason"],
            )?,
        })
    }

    pub(crate) fn paused(&self, target: &str, paused: bool) {
        self.paused.with_label_values(&[target]).set(i64::from(paused));
    }

    pub(crate) fn breaker(&self, target: &str, state: BreakerState) {
        let number = match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        self.breaker.with_label_values(&[target]).set(number);
    }

    pub(crate) fn probed(&self, target: &str, failure: Option<FailureKind>) {
        let result = failure.map_or("ok", FailureKind::as_str);
        self.probes.with_label_values(&[target, result]).inc();
    }
}
