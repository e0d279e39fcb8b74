//! Claims, settlements and what else changes the ledger, each in its turn.

use std::time::Duration;

use ferry_canonical::Outcome;
use uuid::Uuid;

use super::{
    Turn, read,
    value::{micros, span},
    write,
};
use crate::{
    Group, GroupClaim, Settled, Settlement, StoreError,
    page::{Delivery, End},
    storable,
};

pub(super) fn claim(turn: Turn<'_>, groups: &[Group]) -> Result<Vec<GroupClaim>, StoreError> {
    let mut page = read::of_groups(turn, groups)?;
    let claims = page.claim(groups)?;
    write::page(turn.ledger, &page)?;
    Ok(claims)
}

pub(super) fn settle(
    turn: Turn<'_>,
    settlements: &[Settlement],
) -> Result<Vec<Settled>, StoreError> {
    let mut page = read::of_settlements(turn, settlements)?;
    let settled = page.settle(settlements)?;
    write::page(turn.ledger, &page)?;
    Ok(settled)
}

pub(super) fn renew(
    turn: Turn<'_>,
    target: &str,
    tokens: &[Uuid],
    lease: Duration,
) -> Result<Vec<Uuid>, StoreError> {
    let until = micros(turn.now).saturating_add(span(lease));
    let mut update = turn
        .ledger
        .prepare_cached("UPDATE claim SET lease_until = ?3 WHERE token = ?1 AND target = ?2")?;
    let mut lost = Vec::new();
    for token in tokens {
        if update.execute((token.as_bytes(), target, until))? == 0 {
            lost.push(*token);
        }
    }
    Ok(lost)
}

pub(super) fn end(
    turn: Turn<'_>,
    target: &str,
    route: &str,
    ended: &[(Uuid, u32, Outcome, String)],
) -> Result<(), StoreError> {
    for (event_id, generation, outcome, because) in ended {
        let (event_id, generation) = (*event_id, *generation);
        let delivery = Delivery { target: target.to_owned(), event_id, generation };
        let because = Some(storable::because(because.clone()));
        let end = End { route: route.to_owned(), outcome: *outcome, because };
        write::put_end(turn.ledger, &delivery, &end, turn.now)?;
    }
    Ok(())
}
