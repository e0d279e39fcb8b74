//! Chunks of a batch: how it is cut, and how good items are kept beside bad ones.

use std::collections::{BTreeSet, VecDeque};

use ferry_world::account::Effect;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::oro::changes;
use crate::oro::document::{Document, Resource};
use crate::oro::plan::{LOOSE, Mode, names};
use crate::oro::problem::Problem;
use crate::oro::schema::Kind;
use crate::oro::store::Store;
use crate::oro::write::{Terms, Written, write};

/// What became of the items of an operation so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) read: usize,
    created: usize,
    updated: usize,
    pub(super) errors: usize,
}

impl Tally {
    pub(super) fn count(&mut self, written: &[Written]) {
        for item in written.iter().filter(|item| item.primary) {
            if item.created {
                self.created += 1;
            } else {
                self.updated += 1;
            }
        }
    }

    pub(super) fn to_json(self, took: SignedDuration) -> Value {
        json!({
            "aggregateTime": i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            "readCount": self.read,
            "writeCount": self.created + self.updated,
            "errorCount": self.errors,
            "createCount": self.created,
            "updateCount": self.updated,
        })
    }
}

/// Takes out what cannot be read, and the items that bring it along: of themselves nothing is told.
pub(super) fn drop_unsound(document: &mut Document, problems: &[Problem]) {
    let sound = |resource: &Resource| !problems.iter().any(|problem| resource.has(problem));
    let included = document.included.iter().enumerate();
    let bad: BTreeSet<usize> =
        included.filter(|(_, resource)| !sound(resource)).map(|(index, _)| index).collect();
    let whole = |item: &&Resource| sound(item) && reach(document, item).is_disjoint(&bad);
    let primary: Vec<Resource> = document.primary.iter().filter(whole).cloned().collect();
    document.primary = primary;
    document.included.retain(sound);
}

/// What is included and belongs to no item, where nothing else was `told` of it.
pub(in crate::oro) fn loose(document: &Document, told: &[Problem]) -> Vec<Problem> {
    let items = document.primary.iter();
    let reached: BTreeSet<usize> = items.flat_map(|item| reach(document, item)).collect();
    let loose = document.included.iter().enumerate().filter(|(index, _)| !reached.contains(index));
    let untold = loose.filter(|(_, resource)| !told.iter().any(|problem| resource.has(problem)));
    untold.map(|(_, resource)| Problem::request(&resource.pointer, LOOSE)).collect()
}

/// Cuts a document into chunks of at most so many items and so many included resources, an item with
/// more of them by itself.
pub(super) fn cut(document: &Document, most: (usize, usize)) -> VecDeque<Document> {
    let mut chunks = VecDeque::new();
    let mut items: Vec<usize> = Vec::new();
    let mut brought: BTreeSet<usize> = BTreeSet::new();
    for (index, item) in document.primary.iter().enumerate() {
        let own = reach(document, item);
        let full = items.len() == most.0 || brought.union(&own).count() > most.1;
        if full && !items.is_empty() {
            chunks.push_back(part(document, &items));
            items.clear();
            brought.clear();
        }
        brought.extend(own);
        items.push(index);
    }
    if !items.is_empty() {
        chunks.push_back(part(document, &items));
    }
    chunks
}

/// Writes what is right in a chunk and tells what is not.
pub(super) fn apply(
    store: &mut Store,
    terms: Terms,
    kind: Kind,
    mut chunk: Document,
    tally: &mut Tally,
) -> (Vec<Effect>, Vec<Problem>) {
    let (mut effects, mut told) = (Vec::new(), Vec::new());
    while !chunk.primary.is_empty() {
        match write(store, terms, &chunk, kind, &Mode::Batch) {
            Ok(written) => {
                tally.count(&written);
                effects.extend(changes::of(store));
                break;
            }
            Err(problems) => {
                let bad: BTreeSet<usize> =
                    problems.iter().flat_map(|problem| about(&chunk, problem)).collect();
                let all = 0..chunk.primary.len();
                // A problem without a place is everybody's: nothing would be gained by another try.
                let (bad, good): (Vec<usize>, Vec<usize>) =
                    all.partition(|index| bad.is_empty() || bad.contains(index));
                effects.extend(changes::refused(&part(&chunk, &bad), kind, None, &problems));
                told.extend(problems);
                chunk = part(&chunk, &good);
            }
        }
    }
    (effects, told)
}

/// The items a problem points at, or whose included resources it points at.
fn about(document: &Document, problem: &Problem) -> Vec<usize> {
    let here = |resource: &Resource| resource.has(problem);
    let brings = |item: &Resource| {
        reach(document, item).into_iter().filter_map(|index| document.included.get(index)).any(here)
    };
    let items = document.primary.iter().enumerate();
    items.filter(|(_, item)| here(item) || brings(item)).map(|(index, _)| index).collect()
}

/// The included resources that an item names, directly or through others. What names the item is not
/// found so (`IncludeMapManager` of Oro's API bundle looks one way only).
fn reach(document: &Document, item: &Resource) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![item];
    while let Some(from) = open.pop() {
        for (index, other) in document.included.iter().enumerate() {
            if !reached.contains(&index) && names(from, other) {
                reached.insert(index);
                open.push(other);
            }
        }
    }
    reached
}

/// The document of some items and what they bring along.
fn part(document: &Document, items: &[usize]) -> Document {
    let primary: Vec<Resource> =
        items.iter().filter_map(|index| document.primary.get(*index)).cloned().collect();
    let included: BTreeSet<usize> = primary.iter().flat_map(|item| reach(document, item)).collect();
    let included =
        included.into_iter().filter_map(|index| document.included.get(index)).cloned().collect();
    Document { primary, included, ..Document::default() }
}
