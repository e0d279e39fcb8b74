//! What the transformer counts.

use ferry_service::{Metrics, metrics::MetricsError};
use prometheus::IntCounterVec;

use crate::transform::Transformed;

#[derive(Clone, Debug)]
pub struct TransformerMetrics {
    records: IntCounterVec,
    items: IntCounterVec,
}

impl TransformerMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        Ok(Self {
            records: metrics.counter(
                "ferry_records_transformed_total",
                "Records read, by source.",
                &["source"],
            )?,
            items: metrics.counter(
                "ferry_items_transformed_total",
                "Items of records, by what became of them: event, skipped or dead.",
                &["source", "result"],
            )?,
        })
    }

    pub(crate) fn count(&self, source: &str, transformed: &Transformed) {
        self.records.with_label_values(&[source]).inc();
        for (result, count) in [
            ("event", transformed.events),
            ("skipped", transformed.skipped),
            ("dead", transformed.dead),
        ] {
            self.items.with_label_values(&[source, result]).inc_by(u64::from(count));
        }
    }
}
