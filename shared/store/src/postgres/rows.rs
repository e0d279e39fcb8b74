//! What the server answered, onto a page.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{
    error::Trouble,
    value::{at, get, json, narrow, place, sequence, time, word},
};
use crate::{
    StoreError,
    decide::Mark,
    page::{
        Claim, Delivery, Document, End, Intent, IntentKey, MarkKey, OwnId, Page, Position,
        Standing, State,
    },
};

pub(super) fn read_now(rows: &[Row]) -> Result<Timestamp, Trouble> {
    let missing = || StoreError::Unusable("the database told no time".to_owned());
    let row = rows.first().ok_or_else(missing)?;
    Ok(time(row.try_get(0)?)?)
}

pub(super) fn read_own(rows: &[Row]) -> Result<BTreeMap<OwnId, String>, Trouble> {
    let mut own_ids = BTreeMap::new();
    for row in rows {
        let name = OwnId {
            entity: word(row, "entity")?,
            system: get(row, "system")?,
            id: get(row, "own_id")?,
        };
        own_ids.insert(name, get(row, "id")?);
    }
    Ok(own_ids)
}

pub(super) fn read_standings(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let standing = Standing {
            own_id: get(row, "own_id")?,
            grants: get(row, "grants")?,
            token: get(row, "token")?,
            unknown_until: get(row, "unknown_until")?,
        };
        page.standings.read(at(row, "system")?, standing);
    }
    Ok(())
}

pub(super) fn read_claims(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let claim = Claim {
            at: at(row, "target")?,
            other: get(row, "other")?,
            route: get(row, "route")?,
            facet: word(row, "facet")?,
            members: json(row, "members")?,
            started_at: get(row, "started_at")?,
            lease_until: get(row, "lease_until")?,
            settle_after: get(row, "settle_after")?,
        };
        page.claims.read(get(row, "token")?, claim);
    }
    Ok(())
}

pub(super) fn read_intents(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let intent = Intent {
            token: get(row, "token")?,
            document: document(get(row, "document")?),
            fingerprint: get(row, "fingerprint")?,
            via: json(row, "via")?,
            event_id: get(row, "event_id")?,
            generation: narrow(get(row, "generation")?)?,
            source: get(row, "source")?,
            clock: get(row, "clock")?,
            sequence: sequence(get(row, "sequence")?)?,
            observed_at: get(row, "observed_at")?,
            started_at: get(row, "started_at")?,
            said_at: get(row, "said_at")?,
            ended: get(row, "ended")?,
        };
        let key = IntentKey { place: place(row, "system")?, grant: get(row, "grant_no")? };
        page.intents.read(key, intent);
    }
    Ok(())
}

pub(super) fn read_states(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let state = State {
            document: document(get(row, "document")?),
            fingerprint: get(row, "fingerprint")?,
            via: json(row, "via")?,
            ours: get(row, "ours")?,
            started_at: get(row, "started_at")?,
        };
        page.states.read(place(row, "system")?, state);
    }
    Ok(())
}

pub(super) fn read_marks(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let (source, clock) = (get(row, "source")?, get(row, "clock")?);
        let key = MarkKey { place: place(row, "target")?, source, clock };
        let mark = Mark {
            sequence: sequence(get(row, "sequence")?)?,
            observed_at: time(get(row, "observed_at")?)?,
            fingerprint: get(row, "fingerprint")?,
            applied_at: time(get(row, "applied_at")?)?,
        };
        page.marks.read(key, Position { mark, outcome: word(row, "outcome")? });
    }
    Ok(())
}

pub(super) fn read_ends(page: &mut Page, rows: &[Row]) -> Result<(), Trouble> {
    for row in rows {
        let delivery = Delivery {
            target: get(row, "target")?,
            event_id: get(row, "event_id")?,
            generation: narrow(get(row, "generation")?)?,
        };
        let end = End {
            route: get(row, "route")?,
            outcome: word(row, "outcome")?,
            because: get(row, "because")?,
        };
        page.ends.read(delivery, end);
    }
    Ok(())
}

fn document(text: Option<String>) -> Document {
    text.map_or(Document::Stored, Document::Read)
}
