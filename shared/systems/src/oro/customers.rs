//! Many customers in one call: read together, and written a kind at a time, in lists.
//!
//! Of each customer the order is the one that it has alone: its group, itself, its addresses, its
//! people. What a customer is refused for is its own failure, and what the shop has already, though
//! nobody knew, is taken up alone. A first try reads nothing: a number and an email belong to one.
//! Without a number a new one goes with all that hangs on it, and alone where it has to be found first.

use ferry_canonical::{Facet, Part, customer::CustomerProfile};
use ferry_http::Conversation;
use serde_json::Value;

use super::{
    Oro,
    batch::Item,
    client::Api,
    customer::{self, CUSTOMERS, external_id},
    customer_address::{self, ADDRESSES},
    customer_group,
    customer_user::{self, USERS},
    document::Resource,
    keyless, reads_first,
    together::{self, Reads},
};
use crate::target::{Applied, Failure, Write};

const READS: Reads = Reads {
    operation: "read customers",
    kind: CUSTOMERS,
    filter: "filter[externalId]",
    include: "",
};

/// One customer on its way.
struct Customer<'a> {
    profile: &'a CustomerProfile,
    wanted: Resource,
    addresses: Vec<Value>,
    users: Vec<Value>,
    /// It was made, and what the shop calls it has to be found.
    is_unnamed: bool,
    /// All that hangs on it goes with it.
    is_whole: bool,
}

type Entry<'a> = together::Entry<'a, Customer<'a>>;
type Call<'a> = together::Call<'a, Customer<'a>>;

/// One answer per write. None: the shop takes no lists of customers, and none was written.
pub(super) async fn apply<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
) -> Option<Vec<Result<Applied, Failure>>> {
    let mut call = Call::new(oro, conversation);
    for write in writes {
        let Part::CustomerProfile(profile) = write.part else { return None };
        begin(&mut call, write, profile).await;
    }
    read(&mut call).await;
    if !write_customers(&mut call).await {
        return None;
    }
    let addresses =
        hanging(&call, |_, of, id| customer_address::changes(of.profile, id, &of.addresses));
    call.write_hanging(("write customer addresses", ADDRESSES), addresses).await;
    let users =
        hanging(&call, |api, of, id| customer_user::changes(api, of.profile, id, &of.users));
    call.write_hanging(("write customer users", USERS), users).await;
    Some(end(&call).await)
}

async fn begin<'a>(call: &mut Call<'a>, write: &'a Write<'a>, profile: &'a CustomerProfile) {
    let conversation = call.conversation.about([call.entries.len()]);
    let api = Api { oro: call.oro, conversation: &conversation };
    let (wanted, failed) = match customer::wanted(&api, profile).await {
        Ok(wanted) => (wanted, None),
        Err(failure) => (Resource::new(CUSTOMERS), Some(failure)),
    };
    let (addresses, users) = (Vec::new(), Vec::new());
    let (is_unnamed, is_whole) = (false, false);
    let customer = Customer { profile, wanted, addresses, users, is_unnamed, is_whole };
    call.begin(write, customer, failed);
}

async fn read(call: &mut Call<'_>) {
    call.read_linked(READS).await;
    for place in call.places(|entry| entry.write.target_id.is_some() && entry.found.is_none()) {
        if let Some(entry) = call.entries.get_mut(place)
            && !reads_first(entry.write)
        {
            entry.fails(customer::gone());
        }
    }
    let capability = &call.oro.capability;
    if !capability.has_numbers() {
        // What a list makes is shown at once, or would have to be found.
        let puts_off = capability.puts_lists_off();
        let is_sought = |entry: &Entry<'_>| puts_off || reads_first(entry.write);
        for place in call.places(|entry| entry.found.is_none() && is_sought(entry)) {
            set_apart(call, place, false);
        }
    }
    let reads = call.oro.learnt.has_others(Facet::Profile);
    let unknown = call.places(|entry| {
        entry.found.is_none()
            && (reads || reads_first(entry.write) || entry.write.target_id.is_some())
    });
    look_up(call, unknown).await;
    let found = call.places(|entry| entry.found.is_some());
    let of_them =
        |operation, kind| Reads { operation, kind, filter: "filter[customer]", include: "" };
    let lists =
        [of_them("read customer addresses", ADDRESSES), of_them("read customer users", USERS)];
    call.read_hanging(lists, "customer", found, |entry, [addresses, users]| {
        (entry.state.addresses, entry.state.users) = (addresses.rows, users.rows);
    })
    .await;
}

fn set_apart(call: &mut Call<'_>, place: usize, is_unnamed: bool) {
    if let Some(entry) = call.entries.get_mut(place) {
        entry.is_alone = true;
        entry.state.is_unnamed = is_unnamed;
    }
}

async fn look_up<'a>(call: &mut Call<'a>, places: Vec<usize>) {
    let key_of = |entry: &Entry<'a>| external_id(&entry.state.profile.number);
    call.read(READS, places, key_of, |rows, entry| {
        customer::numbered(rows, &entry.state.profile.number)
    })
    .await;
}

/// Whether the shop takes lists of customers.
async fn write_customers(call: &mut Call<'_>) -> bool {
    let api = Api { oro: call.oro, conversation: call.conversation };
    let has_numbers = call.oro.capability.has_numbers();
    let mut items = Vec::new();
    for of in call.places(|_| true) {
        let Some(entry) = call.entries.get_mut(of) else { continue };
        let wanted = &entry.state.wanted;
        items.extend(match &entry.found {
            Some(found) => wanted.changes(found).map(|resource| Item::new(of, resource)),
            None if has_numbers => Some(Item::new(of, wanted.clone())),
            None => {
                let (resource, included) =
                    keyless::whole(&api, entry.state.profile, wanted.clone());
                entry.state.is_whole = true;
                Some(Item { included, ..Item::new(of, resource) })
            }
        });
    }
    let what = ("write customers", CUSTOMERS, Facet::Profile);
    let Some(written) = call.write(what, items).await else { return false };
    if written.misses {
        // A group that was removed meanwhile is looked up again.
        customer_group::forget(&Api { oro: call.oro, conversation: call.conversation });
    }
    if call.oro.capability.has_numbers() {
        look_up(call, written.unnamed).await;
        call.fail_unnamed("customer");
        return true;
    }
    for place in written.unnamed {
        call.oro.capability.has_put_a_list_off();
        set_apart(call, place, true);
    }
    true
}

fn hanging(
    call: &Call<'_>,
    changes: impl Fn(&Api<'_>, &Customer<'_>, &str) -> Vec<(String, Resource)>,
) -> Vec<Item> {
    let api = Api { oro: call.oro, conversation: call.conversation };
    let mut items = Vec::new();
    for of in call.places(|entry| !entry.state.is_whole) {
        let Some(entry) = call.entries.get(of) else { continue };
        let Some(id) = &entry.id else { continue };
        let changes = changes(&api, &entry.state, id).into_iter();
        items
            .extend(changes.map(|(at, resource)| Item { at: Some(at), ..Item::new(of, resource) }));
    }
    items
}

async fn end(call: &Call<'_>) -> Vec<Result<Applied, Failure>> {
    let mut answers = Vec::with_capacity(call.entries.len());
    for (place, entry) in call.entries.iter().enumerate() {
        let profile = entry.state.profile;
        if let Some(answer) = entry.ended() {
            let warning = customer_user::left_out(profile);
            answers.push(answer.map(|applied| Applied { warning, ..applied }));
            continue;
        }
        let conversation = call.conversation.about([place]);
        let api = Api { oro: call.oro, conversation: &conversation };
        // Where customers have no number, only what may be there already is looked for.
        let has_numbers = call.oro.capability.has_numbers();
        let read_first = has_numbers || entry.state.is_unnamed || entry.write.read_first;
        let write = Write { read_first, ..entry.by_itself() };
        answers.push(Box::pin(customer::apply(&api, &write, profile)).await);
    }
    answers
}

#[cfg(test)]
mod tests;
