//! What the producer counts.

use ferry_service::{Metrics, metrics::MetricsError};
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec};

#[derive(Clone, Debug)]
pub struct ProducerMetrics {
    /// Records made durable.
    pub records: IntCounterVec,
    /// Rows of files, by what they are.
    pub rows: IntCounterVec,
    /// Pushes, by HTTP status.
    pub pushes: IntCounterVec,
    pub push_duration: HistogramVec,
    /// Runs of polls and folders, by result.
    pub runs: IntCounterVec,
    pub last_success: IntGaugeVec,
    pub notes_lost: IntCounter,
    /// Of what pushes said beside their content.
    pub heard_lost: IntCounter,
}

impl ProducerMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        let lost = "ferry_journal_entries_lost_total";
        Ok(Self {
            records: metrics.counter(
                "ferry_records_received_total",
                "Records that are durable in the broker.",
                &["source", "endpoint"],
            )?,
            rows: metrics.counter(
                "ferry_file_rows_total",
                "Rows of files that were read: good, skipped by the mapping, or bad.",
                &["source", "endpoint", "result"],
            )?,
            pushes: metrics.counter(
                "ferry_pushes_total",
                "Pushes by the status they were answered with.",
                &["source", "status"],
            )?,
            push_duration: metrics.seconds(
                "ferry_push_duration_seconds",
                "From a push's last byte to its answer.",
                &["source"],
            )?,
            runs: metrics.counter(
                "ferry_schedule_runs_total",
                "Runs of polls and drop folders, by result.",
                &["source", "endpoint", "result"],
            )?,
            last_success: metrics.gauge(
                "ferry_last_success_timestamp_seconds",
                "When a schedule last ran to its end, in seconds since the epoch.",
                &["source", "endpoint"],
            )?,
            notes_lost: {
                let counter = metrics.counter(lost, "Journal entries that found no room.", &[])?;
                counter.with_label_values::<&str>(&[])
            },
            heard_lost: {
                let help = "Pushes of which it is not known what they said should be read.";
                let counter = metrics.counter("ferry_wakes_lost_total", help, &[])?;
                counter.with_label_values::<&str>(&[])
            },
        })
    }
}
