//! What two systems agreed on: read onto a page, and written from it.

use rusqlite::{Connection, OptionalExtension as _};

use crate::{
    StoreError,
    page::{Agreement, Meeting, Page},
};

pub(super) fn read(
    ledger: &Connection,
    page: &mut Page,
    meeting: Meeting,
) -> Result<(), StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT document, fingerprint, at FROM agreed
         WHERE entity = ?1 AND id = ?2 AND facet = ?3 AND part = ?4 AND one = ?5 AND other = ?6",
    )?;
    let found = select.query_row(names(&meeting), |row| {
        let (document, fingerprint) = (row.get("document")?, row.get("fingerprint")?);
        Ok(Agreement { document, fingerprint, at: row.get("at")? })
    });
    if let Some(agreement) = found.optional()? {
        page.agreements.read(meeting, agreement);
    }
    Ok(())
}

pub(super) fn write(
    ledger: &Connection,
    meeting: &Meeting,
    agreement: &Agreement,
) -> Result<(), StoreError> {
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO agreed (entity, id, facet, part, one, other, document, fingerprint, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (entity, id, facet, part, one, other)
         DO UPDATE SET document = excluded.document, fingerprint = excluded.fingerprint,
                       at = excluded.at",
    )?;
    let (entity, id, facet, part, one, other) = names(meeting);
    let Agreement { document, fingerprint, at } = agreement;
    upsert.execute((entity, id, facet, part, one, other, document, fingerprint, at))?;
    Ok(())
}

type Names<'a> = (&'static str, &'a str, &'static str, &'a str, &'a str, &'a str);

fn names(meeting: &Meeting) -> Names<'_> {
    let Meeting { key, facet, part, pair: [one, other] } = meeting;
    (key.entity.as_str(), &key.id, facet.as_str(), part, one, other)
}
