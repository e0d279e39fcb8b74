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

    /// Milliseconds since the epoch, then the line: how files order what they say. Lines beyond
    /// 999,999,999 share the last one's place.
    pub fn of_line(as_of: jiff::Timestamp, line: u32) -> Self {
        const LINES: u32 = 1_000_000_000;
        let millis = u128::try_from(as_of.as_millisecond()).unwrap_or(0);
        Self(millis * u128::from(LINES) + u128::from(line.min(LINES - 1)))
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_later_file_is_newer_than_any_line_of_an_earlier_one() {
        let time = |millis| Timestamp::from_millisecond(millis).unwrap();
        assert!(Sequence::of_line(time(1_001), 1) > Sequence::of_line(time(1_000), u32::MAX));
        assert!(Sequence::of_line(time(1_000), 3) > Sequence::of_line(time(1_000), 2));
        assert!(Sequence::of_line(Timestamp::MAX, u32::MAX) <= Sequence::MAX);
        assert!(Sequence::of_time(Timestamp::MAX) <= Sequence::MAX);
        assert_eq!(Sequence::of_time(Timestamp::MIN), Sequence(0));
    }

    #[test]
    fn what_is_no_sequence_is_refused() {
        for text in ["", "-1", "+1", "1e3", "1.0", " 1", "१", "1000000000000000000000000"] {
            assert!(text.parse::<Sequence>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_as_text_is_order_as_a_number(one in 0..=Sequence::MAX.0, other in 0..=Sequence::MAX.0) {
            let (one, other) = (Sequence(one), Sequence(other));
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
            prop_assert_eq!(one.to_string().parse(), Ok(one));
        }
    }
}
