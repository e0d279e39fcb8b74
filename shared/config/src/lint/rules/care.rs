//! Limits, care and maintenance windows of one target.

use super::Findings;
use crate::{
    care::time_of_day,
    raw::{RawCare, RawLimits, RawMaintenance},
};

pub(super) fn limits(key: &str, raw: &RawLimits, findings: &mut Findings<'_>) {
    if raw.concurrency_min > raw.concurrency {
        findings.error(
            &format!("{key}.limits.concurrency_min"),
            format!("it is more than `concurrency`, which is {}", raw.concurrency),
        );
    }
    for (name, number) in [("rate", raw.rate), ("burst", raw.burst)] {
        if number == Some(0) {
            findings.error(&format!("{key}.limits.{name}"), "it must be at least 1");
        }
    }
    if raw.rate.is_none() && raw.burst.is_some() {
        findings.error(&format!("{key}.limits.burst"), "it means nothing without `rate`");
    }
}

pub(super) fn care(
    key: &str,
    raw: &RawCare,
    windows: &[RawMaintenance],
    findings: &mut Findings<'_>,
) {
    for (name, duration) in
        [("probe_every", raw.probe_every), ("refused_probe_every", raw.refused_probe_every)]
    {
        if duration.0.is_zero() {
            findings.error(&format!("{key}.care.{name}"), "it would be probed without a pause");
        }
    }
    if raw.probe_at_most < raw.probe_every {
        findings.error(
            &format!("{key}.care.probe_at_most"),
            format!("it is shorter than `probe_every`, which is {}", raw.probe_every),
        );
    }
    for (index, window) in windows.iter().enumerate() {
        maintenance(&format!("{key}.maintenance[{index}]"), window, findings);
    }
}

fn maintenance(key: &str, raw: &RawMaintenance, findings: &mut Findings<'_>) {
    for (name, text) in [("from", &raw.from), ("to", &raw.to)] {
        if time_of_day(text).is_none() {
            let message = "it is not a time of day such as 02:00";
            findings.error(&format!("{key}.{name}"), message);
        }
    }
    if raw.from == raw.to {
        let message = "it would last a whole day; pause the target instead";
        findings.error(&format!("{key}.to"), message);
    }
    if jiff::tz::TimeZone::get(&raw.time_zone).is_err() {
        let message = "it is not an IANA time zone such as Europe/London";
        findings.error(&format!("{key}.time_zone"), message);
    }
}
