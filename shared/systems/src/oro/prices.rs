//! `product.price`: every price of a product on one list, alone or many in one call.
//!
//! What stands there is read first, always: a price has no key but its list, product, quantity, unit and
//! currency, and the shop has no upsert for it (OroCommerce reference §6). What is missing is made, what
//! differs is changed, and what Ferry brought before is taken away where the source does not have it any
//! more. What others have made stays.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ferry_canonical::{Facet, FailureKind, Part, price::ProductPrice};
use ferry_http::{Conversation, Method};
use serde_json::Value;

use super::{
    Oro,
    batch::{self, Came, How, Item},
    capability,
    client::{Api, Call as Request},
    document,
    price_form::{self, Changes, PRICES, Place},
    price_list,
    problem::{self, No},
    product::PRODUCTS,
    products::{is_a_key, is_of},
    stock,
    together::{self, Reads, in_one_address},
};
use crate::target::{Applied, Failure, Write};

const READS: Reads = Reads {
    operation: "look up products",
    kind: PRODUCTS,
    filter: "filter[id]",
    include: "primaryUnitPrecision",
};

/// The prices of one product on their way.
struct Pricing<'a> {
    price: &'a ProductPrice,
    list: Option<String>,
    /// As the shop has them.
    rows: Vec<Value>,
    obsolete: Vec<String>,
}

type Entry<'a> = together::Entry<'a, Pricing<'a>>;
type Call<'a> = together::Call<'a, Pricing<'a>>;

/// Which try of a call it is: what somebody else has made meanwhile is read once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    First,
    Last,
}

/// One answer per write.
pub(super) async fn apply<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
) -> Vec<Result<Applied, Failure>> {
    attempt(oro, conversation, writes, Try::First).await
}

async fn attempt<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
    which: Try,
) -> Vec<Result<Applied, Failure>> {
    let mut call = Call::new(oro, conversation);
    for write in writes {
        match write.part {
            Part::ProductPrice(price) => begin(&mut call, write, price),
            Part::CustomerProfile(_)
            | Part::OrderPlaced(_)
            | Part::OrderShipment(_)
            | Part::OrderCancellation(_)
            | Part::OrderReturn(_)
            | Part::ProductCatalogue(_)
            | Part::ProductStock(_) => {
                let failure = Failure::new(FailureKind::Internal, "it is not a price");
                return writes.iter().map(|_| Err(failure.clone())).collect();
            }
        }
    }
    find_lists(&mut call).await;
    find_products(&mut call).await;
    read(&mut call).await;
    let items = items(&mut call);
    write(&mut call, &items, which).await;
    take_away(&mut call).await;
    end(&call).await
}

fn begin<'a>(call: &mut Call<'a>, write: &'a Write<'a>, price: &'a ProductPrice) {
    let state = Pricing { price, list: None, rows: Vec::new(), obsolete: Vec::new() };
    call.begin(write, state, None);
}

async fn find_lists(call: &mut Call<'_>) {
    let names: BTreeSet<&str> =
        call.entries.iter().map(|entry| entry.state.price.list.as_str()).collect();
    let api = Api { oro: call.oro, conversation: call.conversation };
    let lists = price_list::ids(&api, names).await;
    for entry in &mut call.entries {
        match lists.get(&entry.state.price.list) {
            Some(Ok(id)) => entry.state.list = Some(id.clone()),
            Some(Err(failure)) => entry.fails(failure.clone()),
            None => {}
        }
    }
}

/// By the ledger's id, else by the SKU.
async fn find_products<'a>(call: &mut Call<'a>) {
    let is_lone = call.entries.len() == 1;
    for entry in &mut call.entries {
        entry.is_alone = !is_lone && !is_a_key(&entry.state.price.sku);
    }
    call.read_linked(READS).await;
    for entry in &mut call.entries {
        let sku = &entry.state.price.sku;
        if entry.found.as_ref().is_some_and(|row| !is_of(sku, row)) {
            (entry.found, entry.id) = (None, None);
        }
    }
    let unknown = call.places(|entry| entry.found.is_none());
    let by_sku = Reads { filter: "filter[sku]", ..READS };
    let sku_of = |entry: &Entry<'a>| document::kept(&entry.state.price.sku).to_owned();
    call.read(by_sku, unknown, sku_of, |rows, entry| {
        let sku = &entry.state.price.sku;
        document::named(rows, "sku", sku).map(Some).ok_or_else(|| stock::no_product(sku))
    })
    .await;
}

/// The prices of the products, list by list: Oro shows none but by its list.
async fn read(call: &mut Call<'_>) {
    let mut by_list: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
    for place in call.places(|entry| entry.id.is_some()) {
        let Some(entry) = call.entries.get(place) else { continue };
        if let (Some(list), Some(product)) = (&entry.state.list, &entry.id) {
            by_list.entry(list.clone()).or_default().push((place, product.clone()));
        }
    }
    for (list, products) in by_list {
        for (places, ids) in in_one_address(products) {
            let found = read_some(call, &list, (&places, ids)).await;
            keep_read(call, &places, &found);
        }
    }
}

async fn read_some(
    call: &Call<'_>,
    list: &str,
    (places, ids): (&[usize], String),
) -> Result<Vec<Value>, Failure> {
    let conversation = call.conversation.about(places.iter().copied());
    let api = Api { oro: call.oro, conversation: &conversation };
    let query = vec![("filter[priceList]", list.to_owned()), ("filter[product]", ids)];
    let listed = api.pages("read prices", PRICES, query, "").await;
    listed.map(|listed| listed.rows).map_err(Failure::from)
}

fn keep_read(call: &mut Call<'_>, places: &[usize], found: &Result<Vec<Value>, Failure>) {
    // So many prices that one list of them has no end are read product by product.
    let is_much = places.len() > 1
        && found.as_ref().is_err_and(|failure| failure.kind == FailureKind::TooLarge);
    for place in places {
        let Some(entry) = call.entries.get_mut(*place) else { continue };
        match found {
            _ if is_much => entry.is_alone = true,
            Err(failure) => entry.fails(failure.clone()),
            Ok(rows) => {
                let product = entry.id.clone();
                let is_its = |row: &&Value| document::one(row, "product") == product.as_deref();
                entry.state.rows = rows.iter().filter(is_its).cloned().collect();
            }
        }
    }
}

fn items(call: &mut Call<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for of in call.places(|entry| entry.id.is_some()) {
        let Some(entry) = call.entries.get_mut(of) else { continue };
        let beside = Arc::clone(&entry.beside);
        let unit = entry.found.as_ref().and_then(|product| first_unit(product, &beside));
        let state = &entry.state;
        let (Some(list), Some(product)) = (&state.list, &entry.id) else { continue };
        let place = Place { list, product, unit };
        let recalled = entry.write.recalled;
        match price_form::changes(of, state.price, (place, &state.rows), recalled) {
            Ok(Changes { items: more, obsolete, warning }) => {
                items.extend(more);
                entry.state.obsolete = obsolete;
                entry.warning = warning;
            }
            Err(failure) => entry.fails(failure),
        }
    }
    items
}

fn first_unit<'a>(product: &Value, beside: &'a Value) -> Option<&'a str> {
    let precision = document::one(product, "primaryUnitPrecision")?;
    document::one(document::included(beside, "productunitprecisions", precision)?, "unit")
}

/// In lists, where there are several and the shop takes them.
async fn write(call: &mut Call<'_>, items: &[Item], which: Try) {
    let api = Api { oro: call.oro, conversation: call.conversation };
    let how = if items.len() > 1 { how(&api).await } else { Ok(None) };
    let came = match how {
        Ok(None) => None,
        Ok(Some(how)) => batch::write(&api, ("write prices", PRICES), items, how).await,
        Err(failure) => Some(items.iter().map(|_| Came::Failed(failure.clone())).collect()),
    };
    if let Some(came) = came {
        for (item, came) in items.iter().zip(came) {
            keep(call, item.of, came, which);
        }
        return;
    }
    if items.len() > 1 {
        call.oro.learnt.note_refused_list(Facet::Price);
    }
    for item in items {
        if !call.entries.get(item.of).is_some_and(Entry::goes_on) {
            continue;
        }
        let conversation = call.conversation.about([item.of]);
        let api = Api { oro: call.oro, conversation: &conversation };
        let came = match api.ask(&item.call("write price")).await {
            Ok(_) => Came::Taken(None),
            Err(no) => Came::Refused(no),
        };
        keep(call, item.of, came, which);
    }
}

/// None: one by one. Before 6.1.8 a shop writes a list of prices, and answers that it did not
/// (OroCommerce reference §10): one that may be as old is asked to do it later, which is followed.
async fn how(api: &Api<'_>) -> Result<Option<How>, Failure> {
    if !api.oro.learnt.takes_lists(Facet::Price) || api.oro.config.batch.most <= 1 {
        return Ok(None);
    }
    let is_new = capability::learn_numbers(api).await?;
    Ok(Some(if is_new { How::AtOnce } else { How::Later }))
}

fn keep(call: &mut Call<'_>, of: usize, came: Came, which: Try) {
    let Some(entry) = call.entries.get_mut(of) else { return };
    entry.is_written = true;
    match came {
        Came::Taken(_) => {}
        // Somebody else has made it meanwhile: it is read, and changed.
        Came::Refused(no) if no.duplicate && which == Try::First => entry.is_alone = true,
        Came::Refused(No { failure, duplicate: true }) => {
            entry.fails(Failure { kind: FailureKind::Conflict, ..failure });
        }
        Came::Refused(no) => entry.fails(no.failure),
        Came::Failed(failure) => entry.fails(failure),
    }
}

/// One by one: what a filter deletes is whatever it finds.
async fn take_away(call: &mut Call<'_>) {
    for place in call.places(|entry| !entry.state.obsolete.is_empty()) {
        let Some(entry) = call.entries.get_mut(place) else { continue };
        let conversation = call.conversation.about([place]);
        let api = Api { oro: call.oro, conversation: &conversation };
        for id in std::mem::take(&mut entry.state.obsolete) {
            entry.is_written = true;
            if let Err(failure) = remove(&api, id).await {
                entry.fails(failure);
                break;
            }
        }
    }
}

/// One that is gone already is none that is left.
async fn remove(api: &Api<'_>, id: String) -> Result<(), Failure> {
    let (method, id) = (Method::Delete, Some(id));
    let request = Request { method, id, ..Request::read("remove price", PRICES) };
    let response = api.send(&request).await?;
    if (200..300).contains(&response.status) {
        return Ok(());
    }
    let no = problem::refused(&response, &request);
    if no.is_not_found() { Ok(()) } else { Err(no.failure) }
}

async fn end(call: &Call<'_>) -> Vec<Result<Applied, Failure>> {
    let mut answers = Vec::with_capacity(call.entries.len());
    for (place, entry) in call.entries.iter().enumerate() {
        if let Some(answer) = entry.ended() {
            answers.push(answer);
            continue;
        }
        let conversation = call.conversation.among_these(&[place]);
        let alone = [entry.by_itself()];
        let mut answer = Box::pin(attempt(call.oro, &conversation, &alone, Try::Last)).await;
        answers.extend(answer.pop());
    }
    answers
}

#[cfg(test)]
mod tests;
