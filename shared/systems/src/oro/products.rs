//! Many products in one call: read together, and written in lists, with their texts and units.
//!
//! They are named by number, never by SKU (EXT ID): that saves asking whether the shop knows them so. A
//! first try reads nothing: a SKU belongs to one product, and what the shop has already is taken up
//! alone.

use ferry_canonical::{Facet, Part, product::ProductCatalogue};
use ferry_http::Conversation;
use serde_json::Value;

use super::{
    Oro,
    batch::Item,
    client::Api,
    document,
    product::{self, INCLUDE, PRODUCTS},
    product_form, reads_first,
    together::{self, Reads},
};
use crate::target::{Applied, Failure, Write};

const READS: Reads =
    Reads { operation: "read products", kind: PRODUCTS, filter: "filter[sku]", include: INCLUDE };

type Entry<'a> = together::Entry<'a, &'a ProductCatalogue>;
type Call<'a> = together::Call<'a, &'a ProductCatalogue>;

/// One answer per write. None: the shop takes no lists of products, and none was written.
pub(super) async fn apply<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
) -> Option<Vec<Result<Applied, Failure>>> {
    let mut call = Call::new(oro, conversation);
    for write in writes {
        let Part::ProductCatalogue(catalogue) = write.part else { return None };
        call.begin(write, catalogue, None);
    }
    for entry in &mut call.entries {
        entry.is_alone = !is_a_key(&entry.state.sku);
    }
    call.read_linked(READS).await;
    // The ledger's product may have got another SKU in the shop.
    for entry in &mut call.entries {
        let sku = &entry.state.sku;
        if entry.found.as_ref().is_some_and(|row| !is_of(sku, row)) {
            (entry.found, entry.id) = (None, None);
        }
    }
    let reads = oro.learnt.has_others(Facet::Catalogue);
    let unknown = call.places(|entry| {
        entry.found.is_none()
            && (reads || reads_first(entry.write) || entry.write.target_id.is_some())
    });
    look_up(&mut call, unknown).await;
    let items = items(&mut call);
    let written = call.write(("write products", PRODUCTS, Facet::Catalogue), items).await?;
    look_up(&mut call, written.unnamed).await;
    call.fail_unnamed("product");
    Some(end(&call).await)
}

/// Whether a filter takes it as one SKU, and not as a list of them.
pub(super) fn is_a_key(sku: &str) -> bool {
    !sku.contains(',')
}

pub(super) fn is_of(sku: &str, row: &Value) -> bool {
    document::text(row, "sku")
        .is_none_or(|found| found.to_lowercase() == document::kept(sku).to_lowercase())
}

async fn look_up<'a>(call: &mut Call<'a>, places: Vec<usize>) {
    let key_of = |entry: &Entry<'a>| document::kept(&entry.state.sku).to_owned();
    call.read(READS, places, key_of, |rows, entry| {
        Ok(document::named(rows, "sku", &entry.state.sku))
    })
    .await;
}

fn items(call: &mut Call<'_>) -> Vec<Item> {
    let config = &call.oro.config;
    let mut items = Vec::new();
    for of in call.places(|_| true) {
        let Some(entry) = call.entries.get_mut(of) else { continue };
        let there = entry.found.as_ref().map(|found| (found, &*entry.beside));
        entry.warning = product_form::warning(config, entry.state, there);
        let change = match there {
            Some(there) => product_form::change(config, entry.state, there),
            None => Some(product_form::new(config, entry.state, false)),
        };
        items.extend(
            change.map(|(resource, included)| Item { included, ..Item::new(of, resource) }),
        );
    }
    items
}

async fn end(call: &Call<'_>) -> Vec<Result<Applied, Failure>> {
    let mut answers = Vec::with_capacity(call.entries.len());
    for (place, entry) in call.entries.iter().enumerate() {
        if let Some(answer) = entry.ended() {
            answers.push(answer);
            continue;
        }
        let conversation = call.conversation.about([place]);
        let api = Api { oro: call.oro, conversation: &conversation };
        answers.push(Box::pin(product::apply(&api, &entry.by_itself(), entry.state)).await);
    }
    answers
}

#[cfg(test)]
mod tests;
