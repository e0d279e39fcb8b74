//! Sequences and the clocks they are read from.

use std::{fmt, str::FromStr};

/// A position on a source's clock: a zero-padded decimal of [`Sequence::DIGITS`] digits, so that
/// its text compares as it does. Comparable only within one (source, clock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u128);

impl Sequence {
    /// Wide enough for a file's as-of time in milliseconds followed by nine digits of line number.
    pub const DIGITS: usize = 24;
    /// The largest sequence that fits in [`Self::DIGITS`] digits.
    pub const MAX: Self = Self(999_999_999_999_999_999_999_999);

    /// Milliseconds since the epoch, then the line: how files order what they say.
    pub fn of_line(as_of: jiff::Timestamp, line: u32) -> Self {
        let millis = u128::try_from(as_of.as_millisecond()).unwrap_or(0);
        Self(millis * 1_000_000_000 + u128::from(line))
    }

    /// Microseconds since the epoch: how a source's `updatedAt` becomes a sequence.
    pub fn of_time(time: jiff::Timestamp) -> Self {
        Self(u128::try_from(time.as_microsecond()).unwrap_or(0))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.0, width = Self::DIGITS)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sequence `{0}` is not a decimal of at most {digits} digits", digits = Sequence::DIGITS)]
pub struct SequenceError(String);

impl FromStr for Sequence {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, SequenceError> {
        let error = || SequenceError(text.chars().take(40).collect());
        if text.is_empty() || text.len() > Self::DIGITS || !text.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(error());
        }
        text.parse().map(Self).map_err(|_| error())
    }
}

/// Names the clock a sequence was read from: `message-id`, `updated-at`, `stock-change`, `as-of`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Clock(pub String);

impl Clock {
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
