//! What came from outside, in the form in which a store takes it, whichever the backend.
//!
//! PostgreSQL's text does not hold the character 0, and an index no entry beyond a few kilobytes.
//! What an event may say is within those bounds; what a foreign hand or a target's answer says need
//! not be. Content is cut, names are shortened to what stays their own, and an own id that is longer
//! than any system's is not kept: half of one would name something else.

use ferry_canonical::limits::ID_CHARS;
use tracing::warn;
use uuid::Uuid;

use crate::{DeadLetter, Group, JournalEntry, Settle, Settlement, journal::BODY_BYTES};

/// Stands for the character 0.
const NOTHING: &str = "\u{fffd}";
/// Of a name: none of ours is longer.
const NAME_BYTES: usize = 512;
/// Of an id, of a part: what every event's fits into.
const ID_BYTES: usize = ID_CHARS * 4;
/// Of what a person reads, or a target answered.
const TEXT_BYTES: usize = BODY_BYTES;

/// Text without the character 0.
pub(crate) fn scrub(text: &mut String) {
    if text.contains('\0') {
        *text = text.replace('\0', NOTHING);
    }
}

fn cut(text: &mut String) {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    scrub(text);
}

/// A name or an id of any length as one that an index takes: two that differ stay two.
fn shorten(name: &mut String, bytes: usize) {
    if name.len() > bytes {
        let whole = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
        name.truncate(name.floor_char_boundary(bytes / 2));
        *name = format!("{name}…{whole}");
    }
    scrub(name);
}

fn name(name: &mut String) {
    shorten(name, NAME_BYTES);
}

fn id(id: &mut String) {
    shorten(id, ID_BYTES);
}

fn own_id(own_id: &mut Option<String>) {
    if own_id.as_ref().is_some_and(|own_id| own_id.len() > ID_BYTES) {
        warn!("a system's own id is longer than any can be; it is not kept");
        *own_id = None;
    }
    own_id.iter_mut().for_each(scrub);
}

pub(crate) fn letters(mut letters: Vec<DeadLetter>) -> Vec<DeadLetter> {
    for letter in &mut letters {
        let DeadLetter { key, origin, kind, .. } = letter;
        [key, origin, kind].into_iter().for_each(name);
        let DeadLetter { route, source, target, entity, pointer, .. } = letter;
        [route, source, target, entity, pointer].into_iter().flatten().for_each(name);
        let DeadLetter { message_id, content_type, rule, .. } = letter;
        [message_id, content_type, rule].into_iter().flatten().for_each(name);
        letter.entity_id.iter_mut().for_each(id);
        cut(&mut letter.detail);
        letter.response.iter_mut().for_each(cut);
        // JSON, which would be none if it were cut; a frame bounds it.
        scrub(&mut letter.headers);
        if let Some(position) = &mut letter.position {
            position.part.iter_mut().for_each(id);
            own_id(&mut position.source_id);
            name(&mut position.clock.0);
        }
        if let Some(missing) = &mut letter.missing {
            scrub(&mut missing.id);
        }
    }
    letters
}

pub(crate) fn entries(mut entries: Vec<JournalEntry>) -> Vec<JournalEntry> {
    for entry in &mut entries {
        let JournalEntry { system, result, .. } = entry;
        [system, result].into_iter().for_each(name);
        let JournalEntry { route, entity, key, rule, .. } = entry;
        [route, entity, key, rule].into_iter().flatten().for_each(name);
        let JournalEntry { entity_id, part, .. } = entry;
        [entity_id, part].into_iter().flatten().for_each(id);
        cut(&mut entry.operation);
        let JournalEntry { detail, request, response, .. } = entry;
        [detail, request, response].into_iter().flatten().for_each(cut);
    }
    entries
}

pub(crate) fn groups(mut groups: Vec<Group>) -> Vec<Group> {
    for member in groups.iter_mut().flat_map(|group| &mut group.members) {
        id(&mut member.subject.id);
        member.subject.part.iter_mut().for_each(id);
        own_id(&mut member.source_id);
        name(&mut member.clock.0);
        [&mut member.fingerprint, &mut member.document].into_iter().for_each(scrub);
    }
    groups
}

pub(crate) fn settlements(mut settlements: Vec<Settlement>) -> Vec<Settlement> {
    for settlement in &mut settlements {
        match &mut settlement.verdict {
            Settle::Done { because, target_id, .. } => {
                because.iter_mut().for_each(cut);
                own_id(target_id);
            }
            Settle::Kept { because } => because.iter_mut().for_each(cut),
            Settle::Failed { because, target_id, .. } => {
                cut(because);
                own_id(target_id);
            }
            Settle::Met(met) => {
                met.because.iter_mut().for_each(cut);
                own_id(&mut met.target_id);
                [&mut met.agreed.document, &mut met.agreed.fingerprint].into_iter().for_each(scrub);
                if let Some(seen) = &mut met.seen {
                    name(&mut seen.clock.0);
                    [&mut seen.fingerprint, &mut seen.document].into_iter().for_each(scrub);
                }
            }
            Settle::Released => {}
        }
    }
    settlements
}

pub(crate) fn because(mut because: String) -> String {
    cut(&mut because);
    because
}
