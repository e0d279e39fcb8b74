//! Many orders in one call: their customers looked up together, read together, and written in lists,
//! with their lines and addresses.
//!
//! A first try reads nothing: an identifier belongs to one order, and what the shop has already is
//! taken up alone. So is an order of more lines than a list takes.

use ferry_canonical::{Facet, FailureKind, Part, order::OrderPlaced};
use ferry_http::Conversation;

use super::{
    ORDERS, Oro,
    batch::Item,
    client::Api,
    document,
    order_form::{self, INCLUDE, References},
    order_placed::{self, Trust},
    reads_first,
    together::{self, Reads},
};
use crate::target::{Applied, Failure, Write};

const READS: Reads = Reads {
    operation: "read orders",
    kind: ORDERS,
    filter: "filter[identifier]",
    include: INCLUDE,
};

/// One order on its way.
struct Order<'a> {
    order: &'a OrderPlaced,
    references: Option<References>,
}

type Entry<'a> = together::Entry<'a, Order<'a>>;
type Call<'a> = together::Call<'a, Order<'a>>;

/// One answer per write. None: the shop takes no lists of orders, and none was written.
pub(super) async fn apply<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
) -> Option<Vec<Result<Applied, Failure>>> {
    let mut orders = Vec::with_capacity(writes.len());
    for write in writes {
        let Part::OrderPlaced(order) = write.part else { return None };
        orders.push(&**order);
    }
    let mut call = Call::new(oro, conversation);
    let api = Api { oro, conversation };
    let references = order_placed::references(&api, &orders, Trust::Ledger).await;
    for ((write, order), references) in writes.iter().zip(orders).zip(references) {
        let (references, failed) = match references {
            Ok(references) => (Some(references), None),
            Err(failure) => (None, Some(failure)),
        };
        call.begin(write, Order { order, references }, failed);
    }
    read(&mut call).await;
    let items = items(&mut call);
    let written = call.write(("write orders", ORDERS, Facet::Placed), items).await?;
    look_up(&mut call, written.unnamed).await;
    call.fail_unnamed("order");
    Some(end(&mut call).await)
}

async fn read(call: &mut Call<'_>) {
    for entry in &mut call.entries {
        entry.is_alone = entry.state.order.identifier.contains(',');
    }
    call.read_linked(READS).await;
    let reads = call.oro.learnt.has_others(Facet::Placed);
    let unknown = call.places(|entry| {
        entry.found.is_none()
            && (reads || reads_first(entry.write) || entry.write.target_id.is_some())
    });
    look_up(call, unknown).await;
}

async fn look_up<'a>(call: &mut Call<'a>, places: Vec<usize>) {
    let key_of = |entry: &Entry<'a>| document::kept(&entry.state.order.identifier).to_owned();
    call.read(READS, places, key_of, |rows, entry| {
        let order = entry.state.order;
        let Some(row) = rows.iter().find(|row| order_placed::is_it(order, row)) else {
            return Ok(None);
        };
        let references = entry.state.references.as_ref();
        match references.and_then(|of| order_form::is_another(order, of, row)) {
            Some(failure) => Err(failure),
            None => Ok(Some(row)),
        }
    })
    .await;
}

fn items(call: &mut Call<'_>) -> Vec<Item> {
    let terms = order_placed::terms(&Api { oro: call.oro, conversation: call.conversation });
    let mut items = Vec::new();
    for of in call.places(|_| true) {
        let Some(entry) = call.entries.get_mut(of) else { continue };
        let order = entry.state.order;
        if let Some(failure) =
            entry.found.as_ref().and_then(|found| order_form::other_currency(order, found))
        {
            entry.fails(failure);
            continue;
        }
        let Some(references) = &entry.state.references else { continue };
        let change = match &entry.found {
            Some(found) => {
                order_form::change(entry.state.order, references, terms, (found, &entry.beside))
            }
            None => Some(order_form::new(entry.state.order, references, terms)),
        };
        items.extend(
            change.map(|(resource, included)| Item { included, ..Item::new(of, resource) }),
        );
    }
    items
}

async fn end(call: &mut Call<'_>) -> Vec<Result<Applied, Failure>> {
    let mut answers = Vec::with_capacity(call.entries.len());
    for (place, entry) in call.entries.iter_mut().enumerate() {
        // A shop that does not know a field of it is asked again without, one that does not know its
        // customer any more for that, and one that does not let it be changed for the reason.
        entry.goes_alone_after(|failure| {
            failure.kind == FailureKind::Unsupported
                || order_placed::is_of_the_customer(failure)
                || failure.status == Some(403)
        });
        let order = entry.state.order;
        entry.warning =
            entry.found.as_ref().and_then(|found| order_form::sum_warning(order, found));
        if let Some(answer) = entry.ended() {
            answers.push(answer);
            continue;
        }
        let conversation = call.conversation.about([place]);
        let api = Api { oro: call.oro, conversation: &conversation };
        answers.push(Box::pin(order_placed::apply(&api, &entry.by_itself(), order)).await);
    }
    answers
}

#[cfg(test)]
mod tests;
