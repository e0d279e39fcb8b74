//! How the store's values are written in PostgreSQL: as in SQLite, but for text, which must not
//! hold the character 0 here.

use ferry_canonical::Entity;
use tokio_postgres::{Row, types::FromSql};
use uuid::Uuid;

use super::error::Trouble;
pub(super) use crate::value::{
    duration, narrow, narrow_option, sequence, sequence_text, time, wide,
};
use crate::{
    StoreError,
    page::{At, Key, Place},
};

/// Stands for the character 0.
const NOTHING: &str = "\u{fffd}";
/// A key that is longer does not fit into an index.
const KEY_BYTES: usize = 512;

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

/// Text without the character 0.
pub(super) fn scrub(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', NOTHING);
    }
}

/// A key of any length as one that an index takes.
pub(super) fn short_key(key: &str) -> String {
    if key.len() <= KEY_BYTES {
        return key.to_owned();
    }
    let whole = Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes());
    let start = key.get(..key.floor_char_boundary(KEY_BYTES / 2)).unwrap_or_default();
    format!("{start}…{whole}")
}
