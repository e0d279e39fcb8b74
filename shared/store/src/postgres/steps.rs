//! Steps, from and to their table.

use deadpool_postgres::Transaction;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::{
    columns::Places,
    error::Trouble,
    value::{get, place, sequence, sequence_text, word},
};
use crate::page::{IntentKey, Page, StepRow};

/// All of the entities at the systems.
pub(super) const READ: &str = "SELECT s.*
    FROM unnest($1::text[], $2::text[], $3::text[]) k (entity, id, system)
    JOIN step s ON s.entity = k.entity AND s.id = k.id AND s.system = k.system";

/// All of the entities that the claims hold.
pub(super) const READ_BY_TOKEN: &str = "SELECT s.*
    FROM unnest($1::uuid[]) k (token) JOIN claim c ON c.token = k.token
    JOIN step s ON s.entity = c.entity AND s.id = c.id AND s.system = c.target";

pub(super) const DROP: &str = "DELETE FROM step s
    USING unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
          k (entity, id, system, facet, part, grant_no)
    WHERE s.entity = k.entity AND s.id = k.id AND s.system = k.system AND s.facet = k.facet
      AND s.part = k.part AND s.grant_no = k.grant_no";

pub(super) const PUT: &str = "INSERT INTO step (entity, id, system, facet, part, grant_no, token,
        notice, taken, over, committed_at, until, told_clock, told_sequence)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
        $7::uuid[], $8::text[], $9::text[], $10::boolean[], $11::bigint[], $12::bigint[],
        $13::text[], $14::text[])
    ON CONFLICT (entity, id, system, facet, part, grant_no)
    DO UPDATE SET taken = excluded.taken, over = excluded.over, until = excluded.until,
                  told_clock = excluded.told_clock, told_sequence = excluded.told_sequence";

pub(super) fn read(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let clock: Option<String> = get(row, "told_clock")?;
        let position: Option<&str> = get(row, "told_sequence")?;
        let position = position.map(sequence).transpose()?;
        let step = StepRow {
            token: get(row, "token")?,
            notice: word(row, "notice")?,
            taken: word(row, "taken")?,
            over: get(row, "over")?,
            committed_at: get(row, "committed_at")?,
            until: get(row, "until")?,
            told: clock.zip(position),
        };
        let key = IntentKey { place: place(row, "system")?, grant: get(row, "grant_no")? };
        page.steps.read(key, step);
    }
    Ok(())
}

pub(super) async fn drop_all(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let keys: Vec<&IntentKey> = page.steps.removed().collect();
    if keys.is_empty() {
        return Ok(());
    }
    let Places { at, facet, part } = Places::of(keys.iter().map(|key| &key.place));
    let grant: Vec<i64> = keys.iter().map(|key| key.grant).collect();
    transaction
        .execute(statement, &[&at.entity, &at.id, &at.system, &facet, &part, &grant])
        .await?;
    Ok(())
}

pub(super) async fn put_all(
    transaction: &Transaction<'_>,
    statement: &Statement,
    page: &Page,
) -> Result<(), Trouble> {
    let rows: Vec<(&IntentKey, &StepRow)> = page.steps.written().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let Places { at, facet, part } = Places::of(rows.iter().map(|(key, _)| &key.place));
    let grant: Vec<i64> = rows.iter().map(|(key, _)| key.grant).collect();
    let steps: Vec<&StepRow> = rows.iter().map(|(_, step)| *step).collect();
    let token: Vec<Uuid> = steps.iter().map(|step| step.token).collect();
    let notice: Vec<&str> = steps.iter().map(|step| step.notice.as_str()).collect();
    let how_far: Vec<&str> = steps.iter().map(|step| step.taken.as_str()).collect();
    let over: Vec<bool> = steps.iter().map(|step| step.over).collect();
    let committed_at: Vec<i64> = steps.iter().map(|step| step.committed_at).collect();
    let until: Vec<i64> = steps.iter().map(|step| step.until).collect();
    let told = || steps.iter().map(|step| step.told.as_ref());
    let clock: Vec<Option<&str>> = told().map(|told| told.map(|(c, _)| c.as_str())).collect();
    let position: Vec<Option<String>> =
        told().map(|told| told.map(|(_, sequence)| sequence_text(*sequence))).collect();
    transaction
        .execute(
            statement,
            &[
                &at.entity,
                &at.id,
                &at.system,
                &facet,
                &part,
                &grant,
                &token,
                &notice,
                &how_far,
                &over,
                &committed_at,
                &until,
                &clock,
                &position,
            ],
        )
        .await?;
    Ok(())
}
