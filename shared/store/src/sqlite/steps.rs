//! Steps, from and to their table.

use ferry_canonical::{Facet, Sequence, Step};
use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::{
    read::{names, parse},
    value::{sequence, sequence_text},
};
use crate::{
    StoreError,
    page::{At, IntentKey, Page, Place, StepRow},
};

/// All of the entity at the system.
pub(super) fn read(ledger: &Connection, page: &mut Page, at: &At) -> Result<(), StoreError> {
    let mut select = ledger
        .prepare_cached("SELECT * FROM step WHERE entity = ?1 AND id = ?2 AND system = ?3")?;
    let mut rows = select.query(names(at))?;
    while let Some(row) = rows.next()? {
        let facet = parse(&row.get::<_, String>("facet")?)?;
        let place = Place { at: at.clone(), facet, part: row.get("part")? };
        page.steps.read(IntentKey { place, grant: row.get("grant_no")? }, step(row)?);
    }
    Ok(())
}

fn step(row: &Row<'_>) -> Result<StepRow, StoreError> {
    let (clock, position): (Option<String>, Option<String>) =
        (row.get("told_clock")?, row.get("told_sequence")?);
    let position = position.as_deref().map(sequence).transpose()?;
    Ok(StepRow {
        token: Uuid::from_bytes(row.get("token")?),
        notice: parse::<Facet>(&row.get::<_, String>("notice")?)?,
        taken: parse::<Step>(&row.get::<_, String>("taken")?)?,
        over: row.get("over")?,
        committed_at: row.get("committed_at")?,
        until: row.get("until")?,
        told: clock.zip(position),
    })
}

pub(super) fn write(ledger: &Connection, page: &Page) -> Result<(), StoreError> {
    for key in page.steps.removed() {
        let (entity, id, system) = names(&key.place.at);
        let mut delete = ledger.prepare_cached(
            "DELETE FROM step WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4
               AND part = ?5 AND grant_no = ?6",
        )?;
        let (facet, part) = (key.place.facet.as_str(), &key.place.part);
        delete.execute((entity, id, system, facet, part, key.grant))?;
    }
    for (key, step) in page.steps.written() {
        put(ledger, key, step)?;
    }
    Ok(())
}

fn put(ledger: &Connection, key: &IntentKey, step: &StepRow) -> Result<(), StoreError> {
    let (entity, id, system) = names(&key.place.at);
    let mut upsert = ledger.prepare_cached(
        "INSERT INTO step (entity, id, system, facet, part, grant_no, token, notice, taken, over,
                           committed_at, until, told_clock, told_sequence)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
         ON CONFLICT (entity, id, system, facet, part, grant_no)
         DO UPDATE SET taken = excluded.taken, over = excluded.over, until = excluded.until,
                       told_clock = excluded.told_clock, told_sequence = excluded.told_sequence",
    )?;
    let clock = step.told.as_ref().map(|(clock, _)| clock);
    let position: Option<String> =
        step.told.as_ref().map(|(_, sequence): &(String, Sequence)| sequence_text(*sequence));
    upsert.execute((
        entity,
        id,
        system,
        key.place.facet.as_str(),
        &key.place.part,
        key.grant,
        step.token.as_bytes(),
        step.notice.as_str(),
        step.taken.as_str(),
        step.over,
        step.committed_at,
        step.until,
        clock,
        position,
    ))?;
    Ok(())
}
