//! Several writes of one facet in one call: they are read by the key of each, and written in lists.
//!
//! One that Oro has already, or that no list takes, is written alone at the end of the call. The first
//! failure of each is the one that is told.

use std::sync::Arc;

use ferry_canonical::{Facet, FailureKind};
use ferry_http::Conversation;
use serde_json::Value;

use super::{
    Oro,
    batch::{self, Came, How, Item},
    client::{Api, Listed, encode},
    document,
};
use crate::target::{Applied, Effect, Failure, Write};

/// Keys in one address, in bytes: many servers take no more than 8 KiB of it.
const KEYS_BYTES_MAX: usize = 3_000;

/// One write on its way.
#[derive(Debug)]
pub(super) struct Entry<'a, S> {
    pub(super) write: &'a Write<'a>,
    /// What its facet needs to know of it.
    pub(super) state: S,
    /// As the shop has it.
    pub(super) found: Option<Value>,
    /// What was included with it.
    pub(super) beside: Arc<Value>,
    pub(super) id: Option<String>,
    is_new: bool,
    pub(super) is_written: bool,
    /// It is read and written by itself.
    pub(super) is_alone: bool,
    pub(super) warning: Option<String>,
    failed: Option<Failure>,
}

/// The writes of one call, in its order.
pub(super) struct Call<'a, S> {
    pub(super) oro: &'a Oro,
    pub(super) conversation: &'a Conversation,
    pub(super) entries: Vec<Entry<'a, S>>,
}

/// What is read of a list.
#[derive(Clone, Copy)]
pub(super) struct Reads {
    pub(super) operation: &'static str,
    pub(super) kind: &'static str,
    pub(super) filter: &'static str,
    /// Empty: nothing.
    pub(super) include: &'static str,
}

/// What a list of new ones has shown.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// Made, without the shop's saying under which id.
    pub(super) unnamed: Vec<usize>,
    /// The shop does not have something that one of them refers to.
    pub(super) misses: bool,
}

impl<S> Entry<'_, S> {
    pub(super) const fn goes_on(&self) -> bool {
        self.failed.is_none() && !self.is_alone
    }

    /// The first failure is the one that is told.
    pub(super) fn fails(&mut self, failure: Failure) {
        if self.failed.is_none() {
            let target_id = self.id.as_deref().map(Into::into).or(failure.target_id);
            self.failed = Some(Failure { target_id, ..failure });
        }
    }

    /// It is written by itself after all, where it was refused so.
    pub(super) fn goes_alone_after(&mut self, this: impl Fn(&Failure) -> bool) {
        if self.failed.take_if(|failure| this(failure)).is_some() {
            self.is_alone = true;
        }
    }

    /// None: it is to be written by itself.
    pub(super) fn ended(&self) -> Option<Result<Applied, Failure>> {
        if let Some(failure) = &self.failed {
            return Some(Err(failure.clone()));
        }
        if self.is_alone {
            return None;
        }
        let effect = match (self.is_new, self.is_written) {
            (true, _) => Effect::Created,
            (false, true) => Effect::Updated,
            (false, false) => Effect::AlreadySo,
        };
        let (target_id, warning) = (self.id.clone(), self.warning.clone());
        Some(Ok(Applied { effect, target_id, warning, rule: None }))
    }

    /// The write, as it goes by itself.
    pub(super) fn by_itself(&self) -> Write<'_> {
        let target_id = self.id.as_deref().or(self.write.target_id);
        Write { target_id, read_first: true, ..*self.write }
    }
}

impl<'a, S> Call<'a, S> {
    pub(super) const fn new(oro: &'a Oro, conversation: &'a Conversation) -> Self {
        Self { oro, conversation, entries: Vec::new() }
    }

    /// A write whose state is not to be had has failed.
    pub(super) fn begin(&mut self, write: &'a Write<'a>, state: S, failed: Option<Failure>) {
        self.entries.push(Entry {
            write,
            state,
            found: None,
            beside: Arc::default(),
            id: None,
            is_new: false,
            is_written: false,
            is_alone: false,
            warning: None,
            failed,
        });
    }

    /// The places of those that go on and fit.
    pub(super) fn places(&self, fits: impl Fn(&Entry<'a, S>) -> bool) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.goes_on() && fits(entry))
            .map(|(place, _)| place)
            .collect()
    }

    /// Reads those that the ledger has an id of.
    pub(super) async fn read_linked(&mut self, reads: Reads) {
        let linked = self.places(|entry| entry.write.target_id.is_some());
        let id_of = |entry: &Entry<'a, S>| entry.write.target_id.unwrap_or_default().to_owned();
        let reads = Reads { filter: "filter[id]", ..reads };
        self.read(reads, linked, id_of, |rows, entry| {
            let id = entry.write.target_id;
            Ok(rows.iter().find(|row| document::id(row) == id))
        })
        .await;
    }

    /// Reads rows by a key of each.
    pub(super) async fn read(
        &mut self,
        reads: Reads,
        places: Vec<usize>,
        key: impl Fn(&Entry<'a, S>) -> String,
        find: impl for<'r> Fn(&'r [Value], &Entry<'a, S>) -> Result<Option<&'r Value>, Failure>,
    ) {
        let Reads { operation, kind, filter, include } = reads;
        for (places, keys) in in_one_address(self.keyed(places, key)) {
            let conversation = self.conversation.about(places.iter().copied());
            let api = Api { oro: self.oro, conversation: &conversation };
            let listed = api.list_with(operation, kind, (filter, &keys), include).await;
            let (rows, beside) = match listed {
                Ok(listed) => (Ok(listed.rows), listed.beside),
                // One of the keys may be what the shop does not take, or all are too long.
                Err(no) if places.len() > 1 && matches!(no.failure.status, Some(400 | 414)) => {
                    for place in places {
                        self.sets_apart(place);
                    }
                    continue;
                }
                Err(no) => (Err(no.failure), Arc::default()),
            };
            for place in places {
                let Some(entry) = self.entries.get_mut(place) else { continue };
                let found = rows.as_ref().map_err(Clone::clone);
                match found.and_then(|rows| find(rows, entry)) {
                    Ok(found) => {
                        entry.id = found.and_then(document::id).map(str::to_owned);
                        entry.found = found.cloned();
                        entry.beside = Arc::clone(&beside);
                    }
                    Err(failure) => entry.fails(failure),
                }
            }
        }
    }

    /// Reads what hangs on those at `places`: the rows of each list whose `relation` names one of them.
    pub(super) async fn read_hanging<const N: usize>(
        &mut self,
        lists: [Reads; N],
        relation: &str,
        places: Vec<usize>,
        keep: impl Fn(&mut Entry<'a, S>, [Listed; N]),
    ) {
        let id_of = |entry: &Entry<'a, S>| entry.id.clone().unwrap_or_default();
        for (places, ids) in in_one_address(self.keyed(places, id_of)) {
            let conversation = self.conversation.about(places.iter().copied());
            let api = Api { oro: self.oro, conversation: &conversation };
            let mut found: [Result<Listed, Failure>; N] =
                std::array::from_fn(|_| Ok(Listed::default()));
            for (found, Reads { operation, kind, filter, include }) in found.iter_mut().zip(lists) {
                let listed = api.list_with(operation, kind, (filter, &ids), include).await;
                *found = listed.map_err(|no| no.failure);
                if found.is_err() {
                    break;
                }
            }
            for place in places {
                let Some(entry) = self.entries.get_mut(place) else { continue };
                if let Some(Err(failure)) = found.iter().find(|found| found.is_err()) {
                    entry.fails(failure.clone());
                    continue;
                }
                let id = entry.id.clone();
                let is_theirs = |row: &&Value| document::one(row, relation) == id.as_deref();
                let theirs = found.each_ref().map(|listed| match listed {
                    Ok(Listed { rows, beside }) => Listed {
                        rows: rows.iter().filter(is_theirs).cloned().collect(),
                        beside: Arc::clone(beside),
                    },
                    Err(_) => Listed::default(),
                });
                keep(entry, theirs);
            }
        }
    }

    fn keyed(
        &self,
        places: Vec<usize>,
        key: impl Fn(&Entry<'a, S>) -> String,
    ) -> Vec<(usize, String)> {
        let keyed = |place: usize| Some((place, key(self.entries.get(place)?)));
        places.into_iter().filter_map(keyed).collect()
    }

    /// Writes the resources themselves. None: the shop takes no lists of them, and none was written.
    pub(super) async fn write(
        &mut self,
        (operation, kind, facet): (&'static str, &'static str, Facet),
        mut items: Vec<Item>,
    ) -> Option<Written> {
        items.retain(|item| item.fits() || self.sets_apart(item.of));
        let api = Api { oro: self.oro, conversation: self.conversation };
        let Some(came) = write_some(&api, (operation, kind), &items).await else {
            self.oro.learnt.note_refused_list(facet);
            return None;
        };
        let mut written = Written::default();
        for (Item { of, .. }, came) in items.iter().zip(came) {
            let Some(entry) = self.entries.get_mut(*of) else { continue };
            entry.is_written = true;
            entry.is_new = entry.id.is_none();
            match came {
                Came::Taken(Some(row)) => {
                    if entry.id.is_none() {
                        entry.id = document::id(&row).map(str::to_owned);
                    }
                    entry.found = Some(row);
                }
                Came::Taken(None) if entry.id.is_none() => written.unnamed.push(*of),
                Came::Taken(None) => {}
                Came::Refused(no) if no.duplicate => {
                    entry.is_alone = true;
                    self.oro.learnt.note_others(facet);
                }
                Came::Refused(no) => {
                    written.misses |= no.failure.kind == FailureKind::MissingReference;
                    entry.fails(no.failure);
                }
                Came::Failed(failure) => entry.fails(failure),
            }
        }
        Some(written)
    }

    /// Always false: it does not go with the others.
    fn sets_apart(&mut self, place: usize) -> bool {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.is_alone = true;
        }
        false
    }

    /// Those that were made and could not be found after all.
    pub(super) fn fail_unnamed(&mut self, what: &str) {
        for place in self.places(|entry| entry.is_new && entry.id.is_none()) {
            if let Some(entry) = self.entries.get_mut(place) {
                let detail = format!("the shop says that it made the {what}, and does not show it");
                let failure = Failure::new(FailureKind::Unavailable, detail);
                entry.fails(Failure { unread: true, ..failure });
            }
        }
    }

    /// Writes what hangs on them. Where the shop takes no lists of it, each is written by itself, with
    /// all that hangs on it.
    pub(super) async fn write_hanging(
        &mut self,
        what: (&'static str, &'static str),
        items: Vec<Item>,
    ) {
        let api = Api { oro: self.oro, conversation: self.conversation };
        let came = write_some(&api, what, &items).await;
        let Some(came) = came else {
            for Item { of, .. } in items {
                self.sets_apart(of);
            }
            return;
        };
        for (Item { of, .. }, came) in items.iter().zip(came) {
            let Some(entry) = self.entries.get_mut(*of) else { continue };
            entry.is_written = true;
            match came {
                Came::Taken(_) => {}
                // Somebody else has it, or it came meanwhile.
                Came::Refused(no) if no.duplicate => entry.is_alone = true,
                Came::Refused(no) => entry.fails(no.failure),
                Came::Failed(failure) => entry.fails(failure),
            }
        }
    }
}

/// Nothing to write is nothing refused.
async fn write_some(
    api: &Api<'_>,
    (operation, kind): (&'static str, &'static str),
    items: &[Item],
) -> Option<Vec<Came>> {
    if items.is_empty() {
        return Some(Vec::new());
    }
    batch::write(api, (operation, kind), items, How::AtOnce).await
}

/// Places, and their keys as one list, as many as an address takes.
pub(super) fn in_one_address(keyed: Vec<(usize, String)>) -> Vec<(Vec<usize>, String)> {
    let mut lists: Vec<(Vec<usize>, String)> = Vec::new();
    let mut bytes = 0;
    for (place, key) in keyed {
        match lists.last_mut() {
            Some((places, keys)) if bytes + encode(&key).len() < KEYS_BYTES_MAX => {
                bytes += encode(&key).len();
                places.push(place);
                keys.push(',');
                keys.push_str(&key);
            }
            _ => {
                bytes = encode(&key).len();
                lists.push((vec![place], key));
            }
        }
    }
    lists
}
