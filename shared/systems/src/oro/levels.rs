//! Many levels in one call: looked up together where they are not remembered, and set in lists.

use ferry_canonical::{Facet, Part, product::ProductStock, value::Decimal};
use ferry_http::Conversation;

use super::{
    Oro,
    batch::Item,
    client::Api,
    document,
    product::PRODUCTS,
    products::{is_a_key, is_of},
    stock::{self, LEVELS, Level},
    together::{self, Reads},
};
use crate::target::{Applied, Failure, Write};

const READS: Reads = Reads {
    operation: "look up stock levels",
    kind: LEVELS,
    filter: "filter[product]",
    include: "product",
};

/// One level on its way.
struct Setting<'a> {
    stock: &'a ProductStock,
    quantity: Option<Decimal>,
    level: Option<Level>,
    stands: Option<Decimal>,
}

type Entry<'a> = together::Entry<'a, Setting<'a>>;
type Call<'a> = together::Call<'a, Setting<'a>>;

/// One answer per write. None: the shop takes no lists of levels, and none was set.
pub(super) async fn apply<'a>(
    oro: &'a Oro,
    conversation: &'a Conversation,
    writes: &'a [Write<'a>],
) -> Option<Vec<Result<Applied, Failure>>> {
    let mut call = Call::new(oro, conversation);
    for write in writes {
        let Part::ProductStock(stock) = write.part else { return None };
        begin(&mut call, write, stock);
    }
    look_up(&mut call).await;
    let items = items(&call);
    call.write(("set stock levels", LEVELS, Facet::Stock), items).await?;
    Some(end(call).await)
}

fn begin<'a>(call: &mut Call<'a>, write: &'a Write<'a>, stock: &'a ProductStock) {
    let api = Api { oro: call.oro, conversation: call.conversation };
    let (quantity, failed) = match stock::quantity(write, stock) {
        Ok(quantity) => (Some(quantity), None),
        Err(failure) => (None, Some(failure)),
    };
    let level = if write.read_first { None } else { stock::remembered(&api, &stock.sku) };
    call.begin(write, Setting { stock, quantity, level, stands: None }, failed);
}

/// By the ledger's id of the product, else by its SKU.
async fn look_up<'a>(call: &mut Call<'a>) {
    for entry in &mut call.entries {
        entry.id = match &entry.state.level {
            Some(level) => Some(level.product.clone()),
            None => entry.write.target_id.map(str::to_owned),
        };
        entry.is_alone = !is_a_key(&entry.state.stock.sku);
    }
    let linked = call.places(|entry| entry.state.level.is_none() && entry.id.is_some());
    read_levels(call, linked).await;
    // A product that was removed and made again is found by its SKU.
    let unknown = call.places(|entry| entry.state.level.is_none());
    let by_sku =
        Reads { operation: "look up products", kind: PRODUCTS, filter: "filter[sku]", include: "" };
    let sku_of = |entry: &Entry<'a>| document::kept(&entry.state.stock.sku).to_owned();
    call.read(by_sku, unknown.clone(), sku_of, |rows, entry| {
        let product = document::named(rows, "sku", &entry.state.stock.sku);
        product.map(Some).ok_or_else(|| stock::no_product(&entry.state.stock.sku))
    })
    .await;
    read_levels(call, unknown).await;
    for place in call.places(|entry| entry.state.level.is_none()) {
        if let Some(entry) = call.entries.get_mut(place) {
            let failure = stock::no_level(&entry.state.stock.sku);
            entry.fails(failure);
        }
    }
}

/// The levels of the products that are known by id.
async fn read_levels(call: &mut Call<'_>, mut places: Vec<usize>) {
    let (oro, conversation) = (call.oro, call.conversation);
    let known = call.places(|entry| entry.id.is_some());
    places.retain(|place| known.contains(place));
    call.read_hanging([READS], "product", places, |entry, [levels]| {
        let api = Api { oro, conversation };
        let Some(product) = entry.id.clone() else { return };
        // The ledger's product may have got another SKU in the shop.
        let shown = document::included(&levels.beside, "products", &product);
        if shown.is_some_and(|shown| !is_of(&entry.state.stock.sku, shown)) {
            return;
        }
        let Some(row) = stock::primary_level(&levels.rows, &levels.beside, &product) else {
            return;
        };
        let id = document::id(row).unwrap_or_default().to_owned();
        let level = Level { id, product };
        stock::remember(&api, &entry.state.stock.sku, &level);
        entry.state.stands = document::number(row, "quantity");
        entry.state.level = Some(level);
    })
    .await;
}

/// Set each time, equal or not, but for what an earlier try may have set.
fn items(call: &Call<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    for of in call.places(|_| true) {
        let Some(Entry { write, state, .. }) = call.entries.get(of) else { continue };
        let (Some(level), Some(quantity)) = (&state.level, &state.quantity) else { continue };
        if !(write.read_first && state.stands.as_ref() == Some(quantity)) {
            items.push(Item::new(of, stock::change(level, quantity)));
        }
    }
    items
}

async fn end(mut call: Call<'_>) -> Vec<Result<Applied, Failure>> {
    let mut answers = Vec::with_capacity(call.entries.len());
    for (place, entry) in call.entries.iter_mut().enumerate() {
        let conversation = call.conversation.about([place]);
        let api = Api { oro: call.oro, conversation: &conversation };
        let stock = entry.state.stock;
        let is_gone = |failure: &Failure| failure.status == Some(404);
        answers.push(match entry.ended() {
            // A remembered level that is gone is looked up again.
            Some(Err(failure)) if entry.state.level.is_some() && is_gone(&failure) => {
                stock::forget(&api, &stock.sku);
                Box::pin(stock::apply(&api, &entry.by_itself(), stock)).await
            }
            Some(answer) => answer,
            None => Box::pin(stock::apply(&api, &entry.by_itself(), stock)).await,
        });
    }
    answers
}

#[cfg(test)]
mod tests;
