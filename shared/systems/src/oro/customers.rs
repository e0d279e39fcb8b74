//! Many customers in one call: read together, and written a kind at a time, in lists.
//!
//! Of each customer the order is the one that it has alone: its group, itself, its addresses, its
//! people. What a customer is refused for is its own failure, and what the shop has already, though
//! nobody knew, is taken up alone. A first try reads nothing: a number and an email belong to one.

use std::sync::atomic::Ordering;

use ferry_canonical::{FailureKind, Part, customer::CustomerProfile};
use ferry_http::Conversation;
use serde_json::Value;

use super::{
    Oro,
    batch::{self, Came, Item},
    client::Api,
    customer::{self, CUSTOMERS, external_id},
    customer_address::{self, ADDRESSES},
    customer_group,
    customer_user::{self, USERS},
    document::{self, Resource},
    reads_first,
};
use crate::target::{Applied, Effect, Failure, Write};

/// Keys in one address, in bytes: many servers take no more than 8 KiB of it.
const KEYS_BYTES_MAX: usize = 3_000;

/// One customer on its way.
struct Entry<'a> {
    write: &'a Write<'a>,
    profile: &'a CustomerProfile,
    wanted: Resource,
    /// As the shop has it, before it is written.
    found: Option<Value>,
    addresses: Vec<Value>,
    users: Vec<Value>,
    id: Option<String>,
    is_new: bool,
    is_written: bool,
    /// The shop has something of it already: it is read and written by itself.
    is_alone: bool,
    failed: Option<Failure>,
}

impl Entry<'_> {
    const fn goes_on(&self) -> bool {
        self.failed.is_none() && !self.is_alone
    }

    /// The first failure is the one that is told.
    fn fails(&mut self, failure: Failure) {
        if self.failed.is_none() {
            let target_id = self.id.as_deref().map(Into::into).or(failure.target_id);
            self.failed = Some(Failure { target_id, ..failure });
        }
    }
}

struct Call<'a> {
    oro: &'a Oro,
    conversation: &'a Conversation,
    entries: Vec<Entry<'a>>,
}

/// One answer per write. None: the shop takes no lists of customers, and none was written.
pub(super) async fn apply<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
) -> Option<Vec<Result<Applied, Failure>>> {
    let profiles: Option<Vec<&CustomerProfile>> = writes.iter().map(profile).collect();
    let profiles = profiles?;
    let mut call = Call { oro, conversation, entries: Vec::with_capacity(writes.len()) };
    for (write, profile) in writes.iter().zip(profiles) {
        call.begin(write, profile).await;
    }
    call.read_all().await;
    if !call.write_customers().await {
        return None;
    }
    call.write_addresses().await;
    call.write_users().await;
    Some(call.end().await)
}

fn profile<'a>(write: &Write<'a>) -> Option<&'a CustomerProfile> {
    match write.part {
        Part::CustomerProfile(profile) => Some(profile),
        Part::OrderPlaced(_)
        | Part::OrderShipment(_)
        | Part::OrderCancellation(_)
        | Part::OrderReturn(_)
        | Part::ProductCatalogue(_)
        | Part::ProductStock(_) => None,
    }
}

impl<'a> Call<'a> {
    async fn begin(&mut self, write: &'a Write<'a>, profile: &'a CustomerProfile) {
        let conversation = self.conversation.about([self.entries.len()]);
        let api = Api { oro: self.oro, conversation: &conversation };
        let wanted = customer::wanted(&api, profile).await;
        let (wanted, failed) = match wanted {
            Ok(wanted) => (wanted, None),
            Err(failure) => (Resource::new(CUSTOMERS), Some(failure)),
        };
        let (addresses, users) = (Vec::new(), Vec::new());
        let (found, id) = (None, None);
        let (is_new, is_written, is_alone) = (false, false, false);
        let entry = Entry {
            write,
            profile,
            wanted,
            found,
            addresses,
            users,
            id,
            is_new,
            is_written,
            is_alone,
            failed,
        };
        self.entries.push(entry);
    }

    /// The places of those that go on and fit.
    fn places(&self, fits: impl Fn(&Entry<'a>) -> bool) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(_, entry)| entry.goes_on() && fits(entry))
            .map(|(place, _)| place)
            .collect()
    }

    async fn read_all(&mut self) {
        let linked = self.places(|entry| entry.write.target_id.is_some());
        let id_of = |entry: &Entry<'_>| entry.write.target_id.unwrap_or_default().to_owned();
        self.read("filter[id]", linked, id_of, |rows, entry| {
            let id = entry.write.target_id;
            Ok(rows.iter().find(|row| document::id(row) == id).cloned())
        })
        .await;
        for place in self.places(|entry| entry.write.target_id.is_some() && entry.found.is_none()) {
            if let Some(entry) = self.entries.get_mut(place)
                && !reads_first(entry.write)
            {
                entry.fails(customer::gone());
            }
        }
        let reads = self.oro.has_customers.load(Ordering::Relaxed);
        let unknown = self.places(|entry| {
            entry.found.is_none()
                && (reads || reads_first(entry.write) || entry.write.target_id.is_some())
        });
        self.look_up(unknown).await;
        self.read_what_hangs_on_them().await;
    }

    async fn look_up(&mut self, places: Vec<usize>) {
        let key_of = |entry: &Entry<'_>| external_id(&entry.profile.number);
        self.read("filter[externalId]", places, key_of, |rows, entry| {
            customer::numbered(rows, &entry.profile.number).map(Option::<&Value>::cloned)
        })
        .await;
    }

    /// Reads customers by a key of each.
    async fn read(
        &mut self,
        filter: &'static str,
        places: Vec<usize>,
        key: impl Fn(&Entry<'_>) -> String,
        find: impl Fn(&[Value], &Entry<'_>) -> Result<Option<Value>, Failure>,
    ) {
        for (places, keys) in in_one_address(self.keyed(places, key)) {
            let conversation = self.conversation.about(places.iter().copied());
            let api = Api { oro: self.oro, conversation: &conversation };
            let rows = api.list_all("read customers", CUSTOMERS, (filter, &keys)).await;
            for place in places {
                let Some(entry) = self.entries.get_mut(place) else { continue };
                let found = rows.as_ref().map_err(|no| no.failure.clone());
                match found.and_then(|rows| find(rows, entry)) {
                    Ok(found) => {
                        entry.id = found.as_ref().and_then(document::id).map(str::to_owned);
                        entry.found = found;
                    }
                    Err(failure) => entry.fails(failure),
                }
            }
        }
    }

    fn keyed(
        &self,
        places: Vec<usize>,
        key: impl Fn(&Entry<'_>) -> String,
    ) -> Vec<(usize, String)> {
        let keyed = |place: usize| Some((place, key(self.entries.get(place)?)));
        places.into_iter().filter_map(keyed).collect()
    }

    async fn read_what_hangs_on_them(&mut self) {
        let found = self.places(|entry| entry.found.is_some());
        let id_of = |entry: &Entry<'_>| entry.id.clone().unwrap_or_default();
        for (places, ids) in in_one_address(self.keyed(found, id_of)) {
            let conversation = self.conversation.about(places.iter().copied());
            let api = Api { oro: self.oro, conversation: &conversation };
            let of = ("filter[customer]", ids.as_str());
            let addresses = api.list_all("read customer addresses", ADDRESSES, of).await;
            let users = match &addresses {
                Ok(_) => api.list_all("read customer users", USERS, of).await,
                Err(_) => Ok(Vec::new()),
            };
            for place in places {
                let Some(entry) = self.entries.get_mut(place) else { continue };
                let theirs = |rows: &[Value]| -> Vec<Value> {
                    let id = entry.id.as_deref();
                    let rows = rows.iter().filter(|row| document::one(row, "customer") == id);
                    rows.cloned().collect()
                };
                match (&addresses, &users) {
                    (Ok(addresses), Ok(users)) => {
                        (entry.addresses, entry.users) = (theirs(addresses), theirs(users));
                    }
                    (Err(no), _) | (_, Err(no)) => entry.fails(no.failure.clone()),
                }
            }
        }
    }

    /// Whether the shop takes lists of customers.
    async fn write_customers(&mut self) -> bool {
        let mut items = Vec::new();
        for of in self.places(|_| true) {
            let Some(entry) = self.entries.get(of) else { continue };
            let resource = match &entry.found {
                Some(found) => entry.wanted.changes(found),
                None => Some(entry.wanted.clone()),
            };
            items.extend(resource.map(|resource| Item { of, resource, at: None }));
        }
        let api = Api { oro: self.oro, conversation: self.conversation };
        let Some(came) = write_some(&api, ("write customers", CUSTOMERS), &items).await else {
            self.oro.takes_no_lists.store(true, Ordering::Relaxed);
            return false;
        };
        let mut unnamed = Vec::new();
        for (Item { of, .. }, came) in items.iter().zip(came) {
            let Some(entry) = self.entries.get_mut(*of) else { continue };
            entry.is_written = true;
            entry.is_new = entry.id.is_none();
            match came {
                Came::Taken(Some(row)) if entry.id.is_none() => {
                    entry.id = document::id(&row).map(str::to_owned);
                }
                Came::Taken(None) if entry.id.is_none() => unnamed.push(*of),
                Came::Taken(_) => {}
                Came::Refused(no) if no.duplicate => {
                    entry.is_alone = true;
                    self.oro.has_customers.store(true, Ordering::Relaxed);
                }
                Came::Refused(no) => {
                    if no.failure.kind == FailureKind::MissingReference {
                        // A group that was removed meanwhile is looked up again.
                        customer_group::forget(&api);
                    }
                    entry.fails(no.failure);
                }
                Came::Failed(failure) => entry.fails(failure),
            }
        }
        self.name(unnamed).await;
        true
    }

    /// What the shop calls customers that it made without saying.
    async fn name(&mut self, places: Vec<usize>) {
        self.look_up(places).await;
        for place in self.places(|entry| entry.id.is_none()) {
            if let Some(entry) = self.entries.get_mut(place) {
                let detail = "the shop says that it made the customer, and does not show it";
                let failure = Failure::new(FailureKind::Unavailable, detail);
                entry.fails(Failure { unread: true, ..failure });
            }
        }
    }

    async fn write_addresses(&mut self) {
        let items = self
            .hanging(|_, entry, id| customer_address::changes(entry.profile, id, &entry.addresses));
        self.write_hanging(("write customer addresses", ADDRESSES), items).await;
    }

    async fn write_users(&mut self) {
        let items = self
            .hanging(|api, entry, id| customer_user::changes(api, entry.profile, id, &entry.users));
        self.write_hanging(("write customer users", USERS), items).await;
    }

    fn hanging(
        &self,
        changes: impl Fn(&Api<'_>, &Entry<'_>, &str) -> Vec<(String, Resource)>,
    ) -> Vec<Item> {
        let api = Api { oro: self.oro, conversation: self.conversation };
        let mut items = Vec::new();
        for of in self.places(|_| true) {
            let Some(entry) = self.entries.get(of) else { continue };
            let Some(id) = &entry.id else { continue };
            let changes = changes(&api, entry, id).into_iter();
            items.extend(changes.map(|(at, resource)| Item { of, resource, at: Some(at) }));
        }
        items
    }

    async fn write_hanging(&mut self, what: (&'static str, &'static str), items: Vec<Item>) {
        let api = Api { oro: self.oro, conversation: self.conversation };
        let came = write_some(&api, what, &items).await;
        // A shop that takes lists of customers and none of these writes them with the customer.
        let Some(came) = came else {
            for Item { of, .. } in &items {
                if let Some(entry) = self.entries.get_mut(*of) {
                    entry.is_alone = true;
                }
            }
            return;
        };
        for (Item { of, .. }, came) in items.iter().zip(came) {
            let Some(entry) = self.entries.get_mut(*of) else { continue };
            entry.is_written = true;
            match came {
                Came::Taken(_) => {}
                // Somebody else's email, or one that came meanwhile.
                Came::Refused(no) if no.duplicate => entry.is_alone = true,
                Came::Refused(no) => entry.fails(no.failure),
                Came::Failed(failure) => entry.fails(failure),
            }
        }
    }

    async fn end(self) -> Vec<Result<Applied, Failure>> {
        let mut answers = Vec::with_capacity(self.entries.len());
        for (place, entry) in self.entries.into_iter().enumerate() {
            let conversation = self.conversation.about([place]);
            let api = Api { oro: self.oro, conversation: &conversation };
            answers.push(entry.end(&api).await);
        }
        answers
    }
}

impl Entry<'_> {
    async fn end(self, api: &Api<'_>) -> Result<Applied, Failure> {
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        if self.is_alone {
            let target_id = self.id.as_deref().or(self.write.target_id);
            let write = Write { target_id, read_first: true, ..*self.write };
            return Box::pin(customer::apply(api, &write, self.profile)).await;
        }
        let effect = match (self.is_new, self.is_written) {
            (true, _) => Effect::Created,
            (false, true) => Effect::Updated,
            (false, false) => Effect::AlreadySo,
        };
        let warning = customer_user::left_out(self.profile);
        Ok(Applied { effect, target_id: self.id, warning, rule: None })
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
    batch::write(api, operation, kind, items).await
}

/// Places, and their keys as one list, as many as an address takes.
fn in_one_address(keyed: Vec<(usize, String)>) -> Vec<(Vec<usize>, String)> {
    let mut lists: Vec<(Vec<usize>, String)> = Vec::new();
    for (place, key) in keyed {
        match lists.last_mut() {
            Some((places, keys)) if keys.len() + key.len() < KEYS_BYTES_MAX => {
                places.push(place);
                keys.push(',');
                keys.push_str(&key);
            }
            _ => lists.push((vec![place], key)),
        }
    }
    lists
}

#[cfg(test)]
mod tests;
