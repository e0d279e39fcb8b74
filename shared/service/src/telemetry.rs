//! Logs to standard error: JSON lines for machines, text for people.

use std::panic::PanicHookInfo;

use ferry_config::{LogConfig, LogFormat, LogLevel};
use tracing::error;
use tracing_subscriber::{EnvFilter, fmt};

/// Logging cannot start: it runs already, or `RUST_LOG` is not a filter.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the variable RUST_LOG is not a filter such as `info,ferry=debug`")]
    Filter(#[source] tracing_subscriber::filter::FromEnvError),
    #[error("logging has been started before")]
    Started(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Starts logging for the whole process. `RUST_LOG` goes before the configured level.
pub fn start(config: LogConfig) -> Result<(), TelemetryError> {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(error) if std::env::var_os(EnvFilter::DEFAULT_ENV).is_some() => {
            return Err(TelemetryError::Filter(error));
        }
        Err(_) => EnvFilter::new(directives(config.level)),
    };
    let logs = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Json => logs.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => logs.with_ansi(false).try_init(),
    }
    .map_err(TelemetryError::Started)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Libraries are heard from `warn` on; from `trace` on, in everything.
fn directives(level: LogLevel) -> String {
    match level {
        LogLevel::Error => "error".to_owned(),
        LogLevel::Warn | LogLevel::Info | LogLevel::Debug => format!("warn,ferry={level}"),
        LogLevel::Trace => "trace".to_owned(),
    }
}

/// A formatted panic message may show a value that it was given, so only constant ones are logged.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let reason = panic.payload().downcast_ref::<&'static str>().copied();
    let location = panic.location().map(ToString::to_string);
    error!(location, reason, "panicked");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_below_trace() {
        assert_eq!(directives(LogLevel::Info), "warn,ferry=info");
        assert_eq!(directives(LogLevel::Debug), "warn,ferry=debug");
        assert_eq!(directives(LogLevel::Error), "error");
        for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Trace] {
            assert!(EnvFilter::try_new(directives(level)).is_ok());
        }
    }
}
