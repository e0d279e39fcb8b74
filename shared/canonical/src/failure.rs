//! Why a delivery did not succeed, and what that means: one enum, one table, no wildcard.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::entity::UnknownWord;

/// What went wrong. Sites name it; [`FailureKind::disposition`] alone decides what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The way to the target is broken: refused, reset, no such host.
    Connection,
    /// No answer was read before the deadline.
    Timeout,
    /// The target says it cannot serve at the moment: 502, 503, 504, maintenance.
    Unavailable,
    /// The target asks for fewer requests: 429.
    RateLimited,
    /// The read after an unread answer could not decide.
    Ambiguous,
    /// The customer or product it names is not at the target yet.
    MissingReference,
    /// The target says it exists already or has changed.
    Conflict,
    /// Credentials are refused even after a fresh token.
    Auth,
    /// A well-formed no.
    Rejected,
    /// A field does not have the form or the value it needs.
    Validation,
    /// It is not the format it claims to be.
    Parse,
    /// It is well-formed, but nothing here can carry it.
    Unsupported,
    /// It is larger than a stated limit.
    TooLarge,
    /// It took processes down again and again, or was lost with them as often.
    Crashed,
    /// Our own fault.
    Internal,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Try again along the route's schedule.
    Retry,
    /// Try again along the schedule for missing references, which starts small.
    RetryReference,
    /// Read again, decide again, then try again.
    RetryAfterRead,
    /// Stop the target and tell someone; the event waits and burns no attempt.
    PauseTarget,
    /// Try again a few times only.
    RetryFew,
    DeadLetter,
}

impl FailureKind {
    pub const ALL: [Self; 15] = [
        Self::Connection,
        Self::Timeout,
        Self::Unavailable,
        Self::RateLimited,
        Self::Ambiguous,
        Self::MissingReference,
        Self::Conflict,
        Self::Auth,
        Self::Rejected,
        Self::Validation,
        Self::Parse,
        Self::Unsupported,
        Self::TooLarge,
        Self::Crashed,
        Self::Internal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::Ambiguous => "ambiguous",
            Self::MissingReference => "missing_reference",
            Self::Conflict => "conflict",
            Self::Auth => "auth",
            Self::Rejected => "rejected",
            Self::Validation => "validation",
            Self::Parse => "parse",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::Crashed => "crashed",
            Self::Internal => "internal",
        }
    }

    /// Whether it says that the target as a whole may not serve: such failures open its breaker. A
    /// target that asks for fewer requests serves.
    pub const fn breaks(self) -> bool {
        matches!(self, Self::Connection | Self::Timeout | Self::Unavailable)
    }

    /// The one place where it is decided what a failure leads to. A 403 is [`Self::Rejected`] and
    /// ends here as a dead letter; it never pauses a target.
    pub const fn disposition(self) -> Disposition {
        match self {
            Self::Connection | Self::Timeout | Self::Unavailable | Self::RateLimited => {
                Disposition::Retry
            }
            Self::MissingReference => Disposition::RetryReference,
            Self::Conflict => Disposition::RetryAfterRead,
            Self::Auth => Disposition::PauseTarget,
            Self::Internal => Disposition::RetryFew,
            Self::Ambiguous
            | Self::Rejected
            | Self::Validation
            | Self::Parse
            | Self::Unsupported
            | Self::TooLarge
            | Self::Crashed => Disposition::DeadLetter,
        }
    }

    /// Whether it is evidence that the target as a whole is sick. A rate limit is not.
    pub const fn counts_for_breaker(self) -> bool {
        matches!(self, Self::Connection | Self::Timeout | Self::Unavailable)
    }

    /// What a person is told: what happened and what to do next.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Connection => {
                "The target could not be reached. Check that it runs and that the network lets us \
                 through; Ferry tries again by itself."
            }
            Self::Timeout => {
                "The target did not answer in time. It may have applied the change; Ferry reads \
                 before it writes again."
            }
            Self::Unavailable => {
                "The target says it is unavailable at the moment. Ferry waits and tries again."
            }
            Self::RateLimited => {
                "The target asks for fewer requests. Lower the target's limits if this persists."
            }
            Self::Ambiguous => {
                "An earlier answer was lost and the target holds no single record that is clearly \
                 ours. Look for it there, link or remove it, then send this again."
            }
            Self::MissingReference => {
                "It names a customer, order or product that is not at the target yet. Bring that \
                 one across, then send this again."
            }
            Self::Conflict => {
                "The target says the record exists or has changed. Compare both sides, then send \
                 this again."
            }
            Self::Auth => "The target refuses our credentials. Renew them, then resume the target.",
            Self::Rejected => {
                "The target understood the request and refused it. Its reason is below; correct the \
                 record at its source or at the target."
            }
            Self::Validation => {
                "A field is missing or has a value that cannot be used. Correct it at the source, or \
                 in the mapping, then send this again."
            }
            Self::Parse => {
                "It could not be read as the format it claims to be. Correct it at the source."
            }
            Self::Unsupported => {
                "Nothing in Ferry can carry this yet. Switch the message off at its source, or route \
                 it elsewhere."
            }
            Self::TooLarge => {
                "It is larger than the configured limit. Raise the limit or split it at the source."
            }
            Self::Crashed => {
                "It took a service down several times. Keep it and report it; it is not sent again by \
                 itself."
            }
            Self::Internal => {
                "Ferry failed on its own account. The detail below is for a developer; sending it \
                 again later is safe."
            }
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FailureKind {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownWord {
            found: text.chars().take(40).collect(),
            expected: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}
