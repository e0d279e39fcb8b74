//! What is counted of exports.

use ferry_service::{Metrics, metrics::MetricsError};
use ferry_store::ExportState;
use jiff::Timestamp;
use prometheus::{IntCounterVec, IntGaugeVec};

#[derive(Clone, Debug)]
pub struct ExportMetrics {
    runs: IntCounterVec,
    rows: IntCounterVec,
    delivered_at: IntGaugeVec,
    oldest: IntGaugeVec,
}

impl ExportMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            runs: metrics.counter(
                "ferry_export_runs_total",
                "Runs of an export, by what became of them.",
                &["target", "result"],
            )?,
            rows: metrics.counter(
                "ferry_export_rows_total",
                "Rows of an export's documents that were delivered.",
                &["target"],
            )?,
            delivered_at: metrics.gauge(
                "ferry_export_last_success_timestamp_seconds",
                "When a document was delivered last.",
                &["target"],
            )?,
            oldest: metrics.gauge(
                "ferry_export_oldest_seconds",
                "For how long the oldest part has waited, or its document has been on its way.",
                &["target"],
            )?,
        })
    }

    pub(super) fn brought(&self, target: &str, rows: u64) {
        self.rows.with_label_values(&[target]).inc_by(rows);
    }

    pub(super) fn ran(&self, target: &str, ok: bool) {
        let result = if ok { "ok" } else { "failed" };
        self.runs.with_label_values(&[target, result]).inc();
    }

    /// As the store has it.
    pub(super) fn waits(&self, target: &str, now: Timestamp, state: &ExportState) {
        let open = state.open.as_ref().map(|open| open.frozen_at);
        let oldest = open.into_iter().chain(state.waiting_since).min();
        let age = oldest.map_or(0, |since| now.duration_since(since).as_secs().max(0));
        self.oldest.with_label_values(&[target]).set(age);
        if let Some(at) = state.delivered_at {
            self.delivered_at.with_label_values(&[target]).set(at.as_second());
        }
    }
}
