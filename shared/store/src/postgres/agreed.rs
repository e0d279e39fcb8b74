//! What two systems agreed on: read onto a page, and written from it. A batch without a two-way
//! facet asks for nothing.

use std::collections::BTreeSet;

use deadpool_postgres::Transaction;
use tokio_postgres::{Row, Statement, types::ToSql};

use super::{
    error::Trouble,
    value::{get, word},
};
use crate::page::{Agreement, Key, Meeting, Page};

const AGREED: &str = "SELECT a.entity, a.id, a.facet, a.part, a.one, a.other, a.document,
        a.fingerprint, a.at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
         k (entity, id, facet, part, one, other)
    JOIN agreed a ON a.entity = k.entity AND a.id = k.id AND a.facet = k.facet
                 AND a.part = k.part AND a.one = k.one AND a.other = k.other";

const AGREE: &str =
    "INSERT INTO agreed (entity, id, facet, part, one, other, document, fingerprint,
                                         at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::bigint[])
    ON CONFLICT (entity, id, facet, part, one, other)
    DO UPDATE SET document = excluded.document, fingerprint = excluded.fingerprint,
                  at = excluded.at";

#[derive(Debug, Default)]
struct Meetings<'a> {
    entity: Vec<&'a str>,
    id: Vec<&'a str>,
    facet: Vec<&'a str>,
    part: Vec<&'a str>,
    one: Vec<&'a str>,
    other: Vec<&'a str>,
}

impl<'a> Meetings<'a> {
    fn of(all: impl Iterator<Item = &'a Meeting>) -> Self {
        let mut columns = Self::default();
        for Meeting { key, facet, part, pair: [one, other] } in all {
            columns.entity.push(key.entity.as_str());
            columns.id.push(&key.id);
            columns.facet.push(facet.as_str());
            columns.part.push(part);
            columns.one.push(one);
            columns.other.push(other);
        }
        columns
    }
}

/// The statement, if there is anything to ask.
pub(super) async fn prepared(
    transaction: &Transaction<'_>,
    meetings: &BTreeSet<Meeting>,
) -> Result<Option<Statement>, Trouble> {
    if meetings.is_empty() {
        return Ok(None);
    }
    Ok(Some(transaction.prepare_cached(AGREED).await?))
}

pub(super) async fn rows(
    transaction: &Transaction<'_>,
    statement: Option<&Statement>,
    meetings: &BTreeSet<Meeting>,
) -> Result<Vec<Row>, Trouble> {
    let Some(statement) = statement else { return Ok(Vec::new()) };
    let Meetings { entity, id, facet, part, one, other } = Meetings::of(meetings.iter());
    Ok(transaction.query(statement, &[&entity, &id, &facet, &part, &one, &other]).await?)
}

pub(super) fn read(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let meeting = Meeting {
            key: Key { entity: word(row, "entity")?, id: get(row, "id")? },
            facet: word(row, "facet")?,
            part: get(row, "part")?,
            pair: [get(row, "one")?, get(row, "other")?],
        };
        let agreement = Agreement {
            document: get(row, "document")?,
            fingerprint: get(row, "fingerprint")?,
            at: get(row, "at")?,
        };
        page.agreements.read(meeting, agreement);
    }
    Ok(())
}

/// The statement, if there is anything to write.
pub(super) async fn writing(
    transaction: &Transaction<'_>,
    page: &Page,
) -> Result<Option<Statement>, Trouble> {
    if page.agreements.written().next().is_none() {
        return Ok(None);
    }
    Ok(Some(transaction.prepare_cached(AGREE).await?))
}

pub(super) async fn write(
    transaction: &Transaction<'_>,
    statement: Option<&Statement>,
    page: &Page,
) -> Result<(), Trouble> {
    let Some(statement) = statement else { return Ok(()) };
    let written: Vec<_> = page.agreements.written().collect();
    let Meetings { entity, id, facet, part, one, other } =
        Meetings::of(written.iter().map(|(meeting, _)| *meeting));
    let rows: Vec<&Agreement> = written.iter().map(|(_, agreement)| *agreement).collect();
    let document: Vec<&str> = rows.iter().map(|row| row.document.as_str()).collect();
    let fingerprint: Vec<&str> = rows.iter().map(|row| row.fingerprint.as_str()).collect();
    let at: Vec<i64> = rows.iter().map(|row| row.at).collect();
    let params: &[&(dyn ToSql + Sync)] =
        &[&entity, &id, &facet, &part, &one, &other, &document, &fingerprint, &at];
    transaction.execute(statement, params).await?;
    Ok(())
}
