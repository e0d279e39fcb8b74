//! Delays and levels that cannot work.

use std::time::Duration;

use ferry_retry::Levels;

use super::Findings;
use crate::{
    HumanDuration, RetryConfig,
    raw::RawConfig,
    resolve::{overridden, retry_of},
};

pub(super) fn check(raw: &RawConfig, findings: &mut Findings<'_>) {
    let levels = &raw.broker.levels;
    if let Err(error) = Levels::new(levels.iter().map(|level| level.0)) {
        findings.error("broker.levels", error.to_string());
    } else if !levels.is_sorted_by(|one, next| one < next) {
        findings.error("broker.levels", "levels must grow from one to the next");
    }
    let least = levels.iter().min().copied().unwrap_or_default();
    let general = retry_of(&raw.retry);
    policy("retry", &general, least, findings);
    for (index, route) in raw.routes.iter().enumerate() {
        if route.retry.is_some() {
            let own = overridden(&general, route.retry.as_ref());
            policy(&format!("routes[{index}].retry"), &own, least, findings);
        }
    }
}

fn policy(key: &str, retry: &RetryConfig, least: HumanDuration, findings: &mut Findings<'_>) {
    schedule(key, (&retry.schedule, retry.give_up_after), least, findings);
    let references = (&*retry.reference_schedule, retry.reference_give_up_after);
    schedule(&format!("{key}.missing_reference"), references, least, findings);
}

fn schedule(
    key: &str,
    (delays, give_up_after): (&[Duration], Duration),
    least: HumanDuration,
    findings: &mut Findings<'_>,
) {
    let at = format!("{key}.schedule");
    let Some(first) = delays.first() else {
        findings.warning(&at, "it is empty: the first failure is a dead letter");
        return;
    };
    if delays.iter().any(Duration::is_zero) {
        findings.error(&at, "a delay of zero would repeat without rest");
    } else if !delays.is_sorted() {
        findings.error(&at, "delays must not shrink from one attempt to the next");
    } else if *first < least.0 {
        let first = HumanDuration(*first);
        findings.warning(&at, format!("{first} waits {least}, the smallest of broker.levels"));
    }
    if give_up_after < *first {
        let (give_up_after, first) = (HumanDuration(give_up_after), HumanDuration(*first));
        let message = format!("{give_up_after} ends before the first delay of {first} is over");
        findings.error(&format!("{key}.give_up_after"), message);
    }
}
