//! How a delivery ends.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::entity::UnknownWord;

/// The final outcomes: every delivery ends in exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The target has it, by our write.
    Delivered,
    /// The same state of the same part had been seen: equal sequence, equal content.
    Duplicate,
    /// A newer state of the part was applied before this one.
    Superseded,
    /// The declared fields equal what the target was last known to hold.
    Unchanged,
    /// It is our own write, coming back from the system it went to.
    Echo,
    /// There is nothing to do for this target or nothing canonical in it; the reason is recorded.
    Skipped,
    /// It cannot succeed as it is; it lies in a dead-letter queue.
    Dead,
}

impl Outcome {
    pub const ALL: [Self; 7] = [
        Self::Delivered,
        Self::Duplicate,
        Self::Superseded,
        Self::Unchanged,
        Self::Echo,
        Self::Skipped,
        Self::Dead,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Duplicate => "duplicate",
            Self::Superseded => "superseded",
            Self::Unchanged => "unchanged",
            Self::Echo => "echo",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text).ok_or_else(|| UnknownWord {
            found: text.chars().take(40).collect(),
            expected: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}
