//! What alerts count.

use ferry_service::{Metrics, metrics::MetricsError};
use prometheus::{IntCounterVec, IntGaugeVec};

use super::AlertKind;

#[derive(Clone, Debug)]
pub struct AlertMetrics {
    /// As the last look of this console found them.
    pub(crate) open: IntGaugeVec,
    pub(crate) notices: IntCounterVec,
}

impl AlertMetrics {
    pub fn new(metrics: &Metrics) -> Result<Self, MetricsError> {
        let open = metrics.gauge(
            "ferry_alerts_open",
            "Alerts that are open, as this console's last look found them; a console that does not look says 0.",
            &["alert"],
        )?;
        for kind in AlertKind::ALL {
            open.with_label_values(&[kind.as_str()]).set(0);
        }
        let notices = metrics.counter(
            "ferry_alert_notices_total",
            "Attempts to tell a person, by what came of them: told, failed or given_up.",
            &["channel", "result"],
        )?;
        Ok(Self { open, notices })
    }
}
