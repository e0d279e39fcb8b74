//! The life of a process: telemetry, signals, health, metrics.
