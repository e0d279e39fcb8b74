//! The metrics of one process, in Prometheus' text format.
//!
//! Names start with `ferry_`, counters end with `_total`, units are in the name. Labels come from
//! configuration and enums, never from records: their number is bounded.

use std::fmt;

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};

/// Seconds, from a local call to an OrderFlow import.
pub const SECONDS_BUCKETS: &[f64] =
    &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// A registry of its own, so that two services in one test do not meet. Clones are the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    resident: IntGauge,
}

/// Two metrics of one name with different labels, or a name that is none.
#[derive(Debug, thiserror::Error)]
#[error("metric {name} cannot be registered")]
pub struct MetricsError {
    name: String,
    source: prometheus::Error,
}

impl Metrics {
    /// With `ferry_build_info{service, version}` and `ferry_process_resident_memory_bytes`.
    pub fn new(service: &str) -> Result<Self, MetricsError> {
        let name = "ferry_process_resident_memory_bytes";
        let resident = IntGauge::new(name, "Memory of this process that is in RAM.")
            .map_err(|source| MetricsError { name: name.to_owned(), source })?;
        let metrics = Self { registry: Registry::new(), resident };
        metrics.register(name, metrics.resident.clone())?;
        metrics
            .gauge("ferry_build_info", "1, with what runs here.", &["service", "version"])?
            .with_label_values(&[service, crate::VERSION])
            .set(1);
        Ok(metrics)
    }

    pub fn counter(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, MetricsError> {
        self.registered(name, IntCounterVec::new(Opts::new(name, help), labels))
    }

    pub fn gauge(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, MetricsError> {
        self.registered(name, IntGaugeVec::new(Opts::new(name, help), labels))
    }

    /// Of durations in seconds, with [`SECONDS_BUCKETS`].
    pub fn seconds(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<HistogramVec, MetricsError> {
        let options = HistogramOpts::new(name, help).buckets(SECONDS_BUCKETS.to_vec());
        self.registered(name, HistogramVec::new(options, labels))
    }

    /// For metrics of another shape.
    pub fn register<C: Collector + 'static>(
        &self,
        name: &str,
        collector: C,
    ) -> Result<(), MetricsError> {
        self.registry
            .register(Box::new(collector))
            .map_err(|source| MetricsError { name: name.to_owned(), source })
    }

    fn registered<C: Collector + Clone + 'static>(
        &self,
        name: &str,
        collector: prometheus::Result<C>,
    ) -> Result<C, MetricsError> {
        let collector =
            collector.map_err(|source| MetricsError { name: name.to_owned(), source })?;
        self.register(name, collector.clone())?;
        Ok(collector)
    }

    /// What `/metrics` answers.
    pub fn render(&self) -> String {
        if let Some(bytes) = resident_bytes() {
            self.resident.set(bytes);
        }
        let mut text = Vec::new();
        // Encoding fails only for a family without metrics, which a registry does not gather.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// From `/proc/self/status`, which counts in kB; `statm` counts in pages of a size it does not say.
/// None where there is no such file.
pub fn resident_bytes() -> Option<i64> {
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_in(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_process() {
        assert_eq!(resident_in("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        for text in ["", "VmRSS: x kB", "VmRSS: 5 pages", "VmRSS: 99999999999999999999 kB"] {
            assert_eq!(resident_in(text), None, "{text}");
        }
        assert!(resident_bytes().is_none_or(|bytes| bytes > 100_000));
    }

    #[test]
    fn one_name_is_registered_once() {
        let metrics = Metrics::new("test").unwrap();
        metrics.counter("ferry_x_total", "X.", &["route"]).unwrap().with_label_values(&["a"]).inc();
        let told = metrics.counter("ferry_x_total", "X.", &["route"]).unwrap_err().to_string();
        assert_eq!(told, "metric ferry_x_total cannot be registered");
        assert!(metrics.gauge("not a name", "X.", &[]).is_err());
        assert!(metrics.render().contains("ferry_x_total{route=\"a\"} 1"));
        metrics.seconds("ferry_y_seconds", "Y.", &[]).unwrap();
    }
}
