//! What PostgreSQL's errors mean to the store's callers. No error text holds a value that was
//! stored, nor where the database is and who may use it.

use deadpool_postgres::PoolError;
use tokio_postgres::error::SqlState;

use crate::StoreError;

/// What ends a try of a transaction.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Another transaction stood in the way and everything is undone: the next try may succeed.
    Collision,
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        if is_collision(&error) { Self::Collision } else { Self::Store(meaning(&error)) }
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        Self::Store(match error {
            PoolError::Backend(error) => meaning(&error),
            PoolError::Timeout(deadpool_postgres::TimeoutType::Wait) => StoreError::Busy,
            PoolError::Timeout(_) => {
                StoreError::Unusable("the database does not answer in time".to_owned())
            }
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                StoreError::Unusable("its connections are closed".to_owned())
            }
        })
    }
}

/// Two that meet: whoever is undone tries again. A unique violation is one, because rows are only
/// inserted where none was read.
fn is_collision(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::T_R_SERIALIZATION_FAILURE
            || *code == SqlState::T_R_DEADLOCK_DETECTED
            || *code == SqlState::UNIQUE_VIOLATION
    })
}

pub(super) fn meaning(error: &tokio_postgres::Error) -> StoreError {
    let Some(database) = error.as_db_error() else {
        let word = if error.is_closed() {
            "the connection to the database was lost"
        } else {
            "the database cannot be reached"
        };
        return StoreError::Unusable(match cause(error) {
            Some(cause) => format!("{word}: {cause}"),
            None => word.to_owned(),
        });
    };
    let code = database.code();
    let waited =
        [SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE, SqlState::TOO_MANY_CONNECTIONS];
    if waited.contains(code) {
        return StoreError::Busy;
    }
    // A value that is none of its type, or that an index or the server has no room for.
    if ["22", "54"].iter().any(|class| code.code().starts_with(class)) {
        return StoreError::Unstorable(format!("the database says {}", code.code()));
    }
    // The server's own sentences would name the user, the database or the host.
    let own = [("28", "it does not let us in"), ("3D", "there is no such database")];
    if let Some((_, sentence)) = own.iter().find(|(class, _)| code.code().starts_with(class)) {
        return StoreError::Unusable(format!("the database says {}: {sentence}", code.code()));
    }
    // Of these classes the server's sentence names no stored value.
    let speaks = ["08", "42", "53", "57", "58"];
    let sentence = if speaks.iter().any(|class| code.code().starts_with(class)) {
        database.message()
    } else {
        database.constraint().unwrap_or("no more is said, for it could hold a value")
    };
    StoreError::Unusable(format!("the database says {}: {sentence}", code.code()))
}

/// The last cause in the chain, which is the operating system's or TLS's own sentence.
fn cause(error: &tokio_postgres::Error) -> Option<String> {
    let mut cause = std::error::Error::source(error)?;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Some(cause.to_string())
}
