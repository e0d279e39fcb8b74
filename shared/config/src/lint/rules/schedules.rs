//! Times at which something is done by itself.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Findings;
use crate::{CronTimes, raw::RawSchedule};

/// A source that is polled more often is a burden to it.
const EVERY_LEAST: Duration = Duration::from_secs(1);

/// What can be said about the four keys under `key`; whether they say a time at all.
pub(super) fn check(key: &str, raw: &RawSchedule, findings: &mut Findings<'_>) -> bool {
    if let Some(every) = raw.every {
        let at = format!("{key}.every");
        if every.0.is_zero() {
            findings.error(&at, "it would be asked without rest");
        } else if every.0 < EVERY_LEAST {
            findings.warning(&at, "more than once a second is a burden to the source");
        }
        if raw.cron.is_some() {
            findings.error(&at, "`every` and `cron` exclude each other");
        }
    }
    let zone = raw.time_zone.as_deref().map(TimeZone::get).transpose();
    match (&raw.cron, zone) {
        (_, Err(_)) => {
            let message = "it is not an IANA time zone such as Europe/London";
            findings.error(&format!("{key}.time_zone"), message);
        }
        (None, Ok(Some(_))) => {
            let message = "only `cron` is about a clock";
            findings.error(&format!("{key}.time_zone"), message);
        }
        (Some(cron), Ok(zone)) => {
            if let Err(message) = CronTimes::parse(cron, zone.unwrap_or(TimeZone::UTC)) {
                findings.error(&format!("{key}.cron"), message);
            }
        }
        (None, Ok(None)) => {}
    }
    raw.every.is_some() || raw.cron.is_some()
}
