//! How the store's values are written in a database: times as microseconds, sequences as padded text.

use std::time::Duration;

use ferry_canonical::Sequence;
use jiff::Timestamp;
use uuid::Uuid;

use crate::StoreError;
pub(crate) use crate::page::{micros, span};

pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

pub(crate) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros)
        .map_err(|_| StoreError::Corrupt("a time lies outside the calendar".to_owned()))
}

/// Any `u128` as text that compares as the number does.
pub(crate) fn sequence_text(sequence: Sequence) -> String {
    format!("{:039}", sequence.0)
}

pub(crate) fn sequence(text: &str) -> Result<Sequence, StoreError> {
    text.parse()
        .map(Sequence)
        .map_err(|_| StoreError::Corrupt("a sequence is not a number".to_owned()))
}

pub(crate) fn uuid(bytes: Option<[u8; 16]>) -> Option<Uuid> {
    bytes.map(Uuid::from_bytes)
}

/// A stored number as an unsigned one of the given width.
pub(crate) fn narrow<T: TryFrom<i64>>(number: i64) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| StoreError::Corrupt("a number is out of its range".to_owned()))
}

pub(crate) fn narrow_option<T: TryFrom<i64>>(number: Option<i64>) -> Result<Option<T>, StoreError> {
    number.map(narrow).transpose()
}

/// A count for a database, which knows no unsigned numbers.
pub(crate) fn wide(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
