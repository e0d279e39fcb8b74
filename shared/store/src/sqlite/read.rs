//! Reads the page that a batch is decided on. The write lock is held, so nothing moves meanwhile.

use ferry_canonical::{Entity, Facet};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{
    Turn, agreed, steps,
    value::{narrow, sequence, time},
};
use crate::{
    Group, Settlement, StoreError,
    decide::Mark,
    page::{
        At, Claim, Delivery, Document, End, Intent, IntentKey, Key, MarkKey, OwnId, Page, Place,
        Position, Standing, State, Wanted, own_names, target_names,
    },
};

/// What claims of these groups may touch.
pub(super) fn of_groups(turn: Turn<'_>, groups: &[Group]) -> Result<Page, StoreError> {
    let ledger = turn.ledger;
    let mut page = Page::at(turn.now);
    for name in own_names(groups) {
        if let Some(id) = canonical_id(ledger, &name)? {
            page.own_ids.insert(name, id);
        }
    }
    let wanted = Wanted::by(groups, &page.own_ids);
    for delivery in wanted.deliveries {
        if let Some(end) = end(ledger, &delivery)? {
            page.ends.read(delivery, end);
        }
    }
    for meeting in wanted.meetings {
        agreed::read(ledger, &mut page, meeting)?;
    }
    for (at, whole) in wanted.at {
        intents(ledger, &mut page, &at, whole)?;
        steps::read(ledger, &mut page, &at)?;
        for (token, claim) in beside(ledger, &at)? {
            page.claims.read(token, claim);
        }
        if let Some(standing) = standing(ledger, &at)? {
            if let Some(token) = standing.token
                && let Some(claim) = claim(ledger, token)?
            {
                page.claims.read(token, claim);
            }
            page.standings.read(at, standing);
        }
    }
    for ((at, facet), whole) in wanted.facets {
        states(ledger, &mut page, (&at, facet), whole)?;
        marks(ledger, &mut page, (&at, facet))?;
    }
    Ok(page)
}

/// What a system calls each of these.
pub(super) fn known(
    ledger: &Connection,
    entity: Entity,
    system: &str,
    ids: &[String],
) -> Result<Vec<Option<String>>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT own_id FROM entity WHERE entity = ?1 AND id = ?2 AND system = ?3",
    )?;
    let mut known = Vec::with_capacity(ids.len());
    for id in ids {
        let row = select.query_row((entity.as_str(), id, system), |row| row.get(0));
        known.push(row.optional()?.flatten());
    }
    Ok(known)
}

/// What these settlements may touch.
pub(super) fn of_settlements(
    turn: Turn<'_>,
    settlements: &[Settlement],
) -> Result<Page, StoreError> {
    let ledger = turn.ledger;
    let mut page = Page::at(turn.now);
    for (system, own_id) in target_names(settlements) {
        for entity in Entity::ALL {
            let name = OwnId { entity, system: system.clone(), id: own_id.clone() };
            if let Some(id) = canonical_id(ledger, &name)? {
                page.own_ids.insert(name, id);
            }
        }
    }
    for settlement in settlements {
        let Some(claim) = claim(ledger, settlement.token)? else { continue };
        let at = claim.at.clone();
        page.claims.read(settlement.token, claim);
        if page.standings.get(&at).is_some() {
            continue;
        }
        intents(ledger, &mut page, &at, false)?;
        steps::read(ledger, &mut page, &at)?;
        if let Some(standing) = standing(ledger, &at)? {
            page.standings.read(at, standing);
        }
    }
    Ok(page)
}

/// The canonical id behind a system's own id.
pub(super) fn canonical_id(
    ledger: &Connection,
    name: &OwnId,
) -> Result<Option<String>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT id FROM entity WHERE entity = ?1 AND system = ?2 AND own_id = ?3",
    )?;
    let OwnId { entity, system, id } = name;
    let id = select.query_row((entity.as_str(), system, id), |row| row.get(0));
    Ok(id.optional()?)
}

/// How the delivery ended, if it did, and why.
fn end(ledger: &Connection, delivery: &Delivery) -> Result<Option<End>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT route, outcome, because FROM outcome
         WHERE target = ?1 AND event_id = ?2 AND generation = ?3",
    )?;
    let Delivery { target, event_id, generation } = delivery;
    let found: Option<(String, String, Option<String>)> = select
        .query_row((target, event_id.as_bytes(), generation), |row| row.try_into())
        .optional()?;
    let end = |(route, word, because): (String, String, Option<String>)| {
        Ok(End { route, outcome: parse(&word)?, because })
    };
    found.map(end).transpose()
}

fn standing(ledger: &Connection, at: &At) -> Result<Option<Standing>, StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT own_id, grants, token, unknown_until FROM entity
         WHERE entity = ?1 AND id = ?2 AND system = ?3",
    )?;
    let found = select.query_row(names(at), |row| {
        let token: Option<[u8; 16]> = row.get("token")?;
        Ok(Standing {
            own_id: row.get("own_id")?,
            grants: row.get("grants")?,
            token: token.map(Uuid::from_bytes),
            unknown_until: row.get("unknown_until")?,
        })
    });
    Ok(found.optional()?)
}

fn claim(ledger: &Connection, token: Uuid) -> Result<Option<Claim>, StoreError> {
    let mut select = ledger.prepare_cached("SELECT * FROM claim WHERE token = ?1")?;
    select.query_row([token.as_bytes()], |row| Ok(read_claim(row))).optional()?.transpose()
}

/// The claims of other targets that hold the entity here as well.
fn beside(ledger: &Connection, at: &At) -> Result<Vec<(Uuid, Claim)>, StoreError> {
    let mut select = ledger
        .prepare_cached("SELECT * FROM claim WHERE entity = ?1 AND id = ?2 AND other = ?3")?;
    let mut rows = select.query(names(at))?;
    let mut claims = Vec::new();
    while let Some(row) = rows.next()? {
        claims.push((Uuid::from_bytes(row.get("token")?), read_claim(row)?));
    }
    Ok(claims)
}

fn read_claim(row: &Row<'_>) -> Result<Claim, StoreError> {
    let members: String = row.get("members")?;
    let members = serde_json::from_str(&members)
        .map_err(|_| StoreError::Corrupt("a claim's members cannot be read".to_owned()))?;
    let key = Key { entity: parse(&row.get::<_, String>("entity")?)?, id: row.get("id")? };
    Ok(Claim {
        at: At { key, system: row.get("target")? },
        other: row.get("other")?,
        route: row.get("route")?,
        facet: parse(&row.get::<_, String>("facet")?)?,
        members,
        started_at: row.get("started_at")?,
        lease_until: row.get("lease_until")?,
        settle_after: row.get("settle_after")?,
    })
}

/// All of the entity at the system, their documents only where they are asked for.
fn intents(
    ledger: &Connection,
    page: &mut Page,
    at: &At,
    documents: bool,
) -> Result<(), StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT facet, part, grant_no, token, CASE WHEN ?4 THEN document END AS document,
                fingerprint, via, event_id, generation, source, clock, sequence, observed_at,
                started_at, said_at,
                EXISTS (SELECT 1 FROM outcome o
                        WHERE o.target = intent.system AND o.event_id = intent.event_id
                          AND o.generation = intent.generation) AS ended
         FROM intent WHERE entity = ?1 AND id = ?2 AND system = ?3",
    )?;
    let (entity, id, system) = names(at);
    let mut rows = select.query((entity, id, system, documents))?;
    while let Some(row) = rows.next()? {
        let facet = parse(&row.get::<_, String>("facet")?)?;
        let place = Place { at: at.clone(), facet, part: row.get("part")? };
        page.intents.read(IntentKey { place, grant: row.get("grant_no")? }, intent(row)?);
    }
    Ok(())
}

fn intent(row: &Row<'_>) -> Result<Intent, StoreError> {
    Ok(Intent {
        token: Uuid::from_bytes(row.get("token")?),
        document: document(row.get("document")?),
        fingerprint: row.get("fingerprint")?,
        via: systems(&row.get::<_, String>("via")?)?,
        event_id: Uuid::from_bytes(row.get("event_id")?),
        generation: narrow(row.get("generation")?)?,
        source: row.get("source")?,
        clock: row.get("clock")?,
        sequence: sequence(&row.get::<_, String>("sequence")?)?,
        observed_at: row.get("observed_at")?,
        started_at: row.get("started_at")?,
        said_at: row.get("said_at")?,
        ended: row.get("ended")?,
    })
}

fn states(
    ledger: &Connection,
    page: &mut Page,
    (at, facet): (&At, Facet),
    documents: bool,
) -> Result<(), StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT part, CASE WHEN ?5 THEN document END AS document, fingerprint, via, ours,
                started_at
         FROM state WHERE entity = ?1 AND id = ?2 AND system = ?3 AND facet = ?4",
    )?;
    let (entity, id, system) = names(at);
    let mut rows = select.query((entity, id, system, facet.as_str(), documents))?;
    while let Some(row) = rows.next()? {
        let place = Place { at: at.clone(), facet, part: row.get("part")? };
        let state = State {
            document: document(row.get("document")?),
            fingerprint: row.get("fingerprint")?,
            via: systems(&row.get::<_, String>("via")?)?,
            ours: row.get("ours")?,
            started_at: row.get("started_at")?,
        };
        page.states.read(place, state);
    }
    Ok(())
}

fn marks(
    ledger: &Connection,
    page: &mut Page,
    (at, facet): (&At, Facet),
) -> Result<(), StoreError> {
    let mut select = ledger.prepare_cached(
        "SELECT part, source, clock, sequence, observed_at, fingerprint, applied_at, outcome
         FROM part WHERE entity = ?1 AND id = ?2 AND target = ?3 AND facet = ?4",
    )?;
    let (entity, id, target) = names(at);
    let mut rows = select.query((entity, id, target, facet.as_str()))?;
    while let Some(row) = rows.next()? {
        let place = Place { at: at.clone(), facet, part: row.get("part")? };
        let key = MarkKey { place, source: row.get("source")?, clock: row.get("clock")? };
        let mark = Mark {
            sequence: sequence(&row.get::<_, String>("sequence")?)?,
            observed_at: time(row.get("observed_at")?)?,
            fingerprint: row.get("fingerprint")?,
            applied_at: time(row.get("applied_at")?)?,
        };
        let outcome = parse(&row.get::<_, String>("outcome")?)?;
        page.marks.read(key, Position { mark, outcome });
    }
    Ok(())
}

pub(super) fn names(at: &At) -> (&'static str, &str, &str) {
    (at.key.entity.as_str(), &at.key.id, &at.system)
}

fn document(text: Option<String>) -> Document {
    text.map_or(Document::Stored, Document::Read)
}

fn systems(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json)
        .map_err(|_| StoreError::Corrupt("a list of systems is no JSON".to_owned()))
}

pub(super) fn parse<T: std::str::FromStr>(word: &str) -> Result<T, StoreError> {
    word.parse().map_err(|_| StoreError::Corrupt("a word is none that is known".to_owned()))
}
