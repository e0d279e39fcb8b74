//! How the store's values are written in PostgreSQL: as in SQLite.

use ferry_canonical::Entity;
use tokio_postgres::{Row, types::FromSql};

use super::error::Trouble;
pub(super) use crate::value::{
    duration, narrow, narrow_option, sequence, sequence_text, time, wide,
};
use crate::{
    StoreError,
    page::{At, Key, Place},
};

pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &str) -> Result<T, StoreError> {
    row.try_get(column)
        .map_err(|_| StoreError::Corrupt(format!("column {column} does not hold what it should")))
}

/// A column whose word is one of a few.
pub(super) fn word<T: std::str::FromStr>(row: &Row, column: &str) -> Result<T, StoreError> {
    let word: &str = get(row, column)?;
    word.parse()
        .map_err(|_| StoreError::Corrupt(format!("column {column} holds no word that is known")))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &Row,
    column: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(get(row, column)?)
        .map_err(|_| StoreError::Corrupt(format!("column {column} holds no JSON of its form")))
}

pub(super) fn text(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|_| StoreError::Unusable("a value has no form to be stored in".to_owned()))
}

/// Columns `entity`, `id` and the one that names the system.
pub(super) fn at(row: &Row, system: &str) -> Result<At, Trouble> {
    let key = Key { entity: word::<Entity>(row, "entity")?, id: get(row, "id")? };
    Ok(At { key, system: get(row, system)? })
}

/// Columns `entity`, `id`, the one that names the system, `facet` and `part`.
pub(super) fn place(row: &Row, system: &str) -> Result<Place, Trouble> {
    Ok(Place { at: at(row, system)?, facet: word(row, "facet")?, part: get(row, "part")? })
}
