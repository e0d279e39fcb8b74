//! What a call says about the target as a whole.

use ferry_canonical::FailureKind;
use ferry_store::Sign;
use ferry_systems::Failure;

use crate::{act::Called, limits};

/// In the order they count: an answer to any of its writes shows that the target serves.
pub(crate) fn of(called: &Called) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut unserved: Option<(FailureKind, Vec<String>)> = None;
    let mut answered = false;
    for (work, result) in called.works.iter().zip(&called.results) {
        let Err(failure) = result else {
            answered = true;
            continue;
        };
        signs.extend(asked(failure));
        if failure.served {
            answered = true;
        } else if failure.kind.breaks() {
            unserved.get_or_insert((failure.kind, Vec::new())).1.push(work.name());
        } else if failure.kind == FailureKind::Auth {
            signs.push(Sign::Refused { because: failure.detail.clone() });
        } else {
            let served = failure.status.is_some() || work.met.is_some();
            answered |= served && failure.kind != FailureKind::RateLimited;
        }
    }
    if answered {
        signs.insert(0, Sign::Answered);
    } else if let Some((kind, entities)) = unserved {
        signs.insert(0, Sign::Failed { kind, entities });
    }
    signs.dedup();
    signs
}

/// What the target wants to be left alone for.
fn asked(failure: &Failure) -> Option<Sign> {
    let kind = failure.kind;
    match (kind, failure.retry_after) {
        (FailureKind::RateLimited | FailureKind::Unavailable, Some(wait)) => {
            Some(Sign::Asked { kind, wait })
        }
        (FailureKind::RateLimited, None) => {
            Some(Sign::Asked { kind, wait: limits::RATE_LIMITED_HOLD })
        }
        _ => None,
    }
}
