//! What SQLite's errors mean to the store's callers. No error text holds a value that was stored.

use rusqlite::{Error, ErrorCode};

use crate::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        if is_form(&error) {
            return Self::Corrupt(error.to_string());
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.to_string())
            }
            Some(ErrorCode::TooBig) => {
                Self::Unstorable("it is larger than SQLite takes".to_owned())
            }
            _ => Self::Unusable(error.to_string()),
        }
    }
}

/// Whether a stored value does not have the type or the form that was expected.
const fn is_form(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::InvalidColumnType(..)
            | Error::IntegralValueOutOfRange(..)
    )
}
