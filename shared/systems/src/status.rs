//! What an HTTP status means by itself, where a system says no more.

use ferry_canonical::FailureKind;
use ferry_http::Method;

pub(crate) const fn kind(status: u16, method: Method) -> FailureKind {
    match status {
        401 => FailureKind::Auth,
        404 => match method {
            Method::Patch | Method::Delete => FailureKind::Conflict,
            Method::Get | Method::Post | Method::Put => FailureKind::Internal,
        },
        405 | 406 | 415 | 501 | 505 => FailureKind::Internal,
        409 => FailureKind::Conflict,
        413 => FailureKind::TooLarge,
        429 => FailureKind::RateLimited,
        // A redirect is never followed: something else answers at base_url at the moment.
        // A 500 may be a defect that this record meets each time; it may as well be a target in trouble,
        // whose records must not die of it. It is tried until the route gives up.
        300..=399 | 408 | 423 | 425 | 500 | 502..=504 | 506..=599 => FailureKind::Unavailable,
        _ => FailureKind::Rejected,
    }
}

/// Whether a write that was answered so may be done all the same. A gateway that gave up does not
/// know whether the system behind it goes on; a system that broke does not say how far it had come;
/// of 408 and of statuses that nobody has defined, nothing is known.
pub(crate) const fn leaves_open(status: u16) -> bool {
    matches!(status, 408 | 500 | 502 | 504 | 506..=599)
}
