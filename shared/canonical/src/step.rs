//! Steps of our own: what a write does at its target besides what it is for, and what the target is
//! going to tell of as if somebody had done it. An order that changes is cancelled, to be imported
//! again.

use std::{fmt, str::FromStr};

use crate::entity::UnknownWord;

/// What is known of one step. In order: the later ones leave more to be expected of the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It was not taken.
    #[default]
    None,
    /// It was asked for and no answer was read; nothing that follows it was tried.
    Unread,
    /// The write was begun, and nobody knows how far it came.
    Begun,
    /// It was taken.
    Taken,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::None, Self::Unread, Self::Begun, Self::Taken];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unread => "unread",
            Self::Begun => "begun",
            Self::Taken => "taken",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Step {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|step| step.as_str() == text).ok_or_else(|| UnknownWord {
            found: text.chars().take(40).collect(),
            expected: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// What a write says of steps when it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// Its own.
    pub own: Step,
    /// A read showed that no earlier write in doubt had taken its step.
    pub refuted: bool,
}

impl Steps {
    pub const fn own(own: Step) -> Self {
        Self { own, refuted: false }
    }
}

/// What stands at a target, if anything does, seen from a write that would change it by a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// Not what is to be written.
    Earlier,
    /// What is to be written, by an earlier try.
    Written,
    /// One or the other.
    Either,
}
