//! Walking over what products cost, list by list.
//!
//! Oro shows prices by their list only, names them by no number, and dates none (OroCommerce reference
//! §6, §9): it is the products that are walked over. A row is a product with all its prices on one list,
//! so that one that was taken away is heard as what is left.
//!
//! Of a list that shows no price at all nothing is said: it may be another one by now, or not be seen any
//! more, and whoever believed it would take every price of it away elsewhere.

use std::collections::BTreeMap;

use ferry_canonical::{FailureKind, limits};
use serde_json::{Value, json};

use super::{
    client::{Api, Call, Query},
    document,
    price_form::PRICES,
    price_list::PRICE_LISTS,
    price_said,
    product::PRODUCTS,
    read, scan,
    together::in_one_address,
};
use crate::{
    draft::{Item, Record},
    scan::{RowSaid, ScanAsk, ScanPage, ScanRow, said},
    target::Failure,
};

/// Products of one page, divided by the lists: with their prices they are one record.
const PRODUCTS_MAX: u16 = 100;
/// Prices that are asked for at once.
const PRICES_PAGE: usize = 1000;
/// Between a product's id and its list's name, in the id of a row: where the name stands for another
/// list from one day on, what that does not have is taken away.
const BETWEEN: char = '/';

#[derive(Clone, Debug)]
struct Product {
    id: String,
    sku: Value,
}

/// What a list shows of the products of a page.
#[derive(Debug)]
struct OnList {
    by_product: BTreeMap<String, Vec<Value>>,
    /// A price of the list can be seen: a product without one has none there.
    is_sure: bool,
}

pub(super) async fn page(api: &Api<'_>, ask: &ScanAsk<'_>) -> Result<ScanPage, Failure> {
    let lists = &api.oro.config.price_lists;
    let after = ask.after.map(|row| row.split_once(BETWEEN).map_or(row, |(product, _)| product));
    let mut query = vec![
        ("sort", "id".to_owned()),
        ("page[size]", products_of_a_page(api.oro.config.page_size, lists.len()).to_string()),
        ("fields[products]", "sku".to_owned()),
    ];
    query.extend(after.map(|after| ("filter[id][gt]", after.to_owned())));
    let found = api.ask(&Call { query, ..Call::read("scan products", PRODUCTS) }).await?;
    let as_of = scan::later(found.asked_at, ask.as_of);
    let products = products(scan::listed(&found.document)?, after)?;
    let mut shown = Vec::with_capacity(lists.len());
    for id in lists.values() {
        shown.push(of_list(api, id, &products).await?);
    }
    let (mut rows, mut sure) = (Vec::new(), Vec::new());
    for product in &products {
        for (name, shown) in lists.keys().zip(&shown) {
            rows.push(row(product, name, shown));
            sure.push(shown.is_sure);
        }
    }
    let ids: Vec<String> = rows.iter().filter_map(document::id).map(str::to_owned).collect();
    let body = json!({ "data": rows }).to_string().into_bytes();
    let record = Record {
        endpoint: PRICES,
        scope: None,
        message_id: None,
        received_at: as_of,
        as_of: Some(as_of),
        first_line: 1,
        body: &body,
    };
    let items = read::read(&record, &api.oro.config.stock_site);
    let rows = ids.into_iter().zip(items.iter().zip(sure));
    let rows =
        rows.map(|(id, (item, sure))| ScanRow { id, said: row_said(item, sure), known_as: None });
    Ok(ScanPage { rows: rows.collect(), as_of, body: body.into() })
}

fn products_of_a_page(configured: u16, lists: usize) -> u16 {
    let lists = u16::try_from(lists).unwrap_or(u16::MAX).max(1);
    configured.min(PRODUCTS_MAX / lists).max(1)
}

fn products(rows: &[Value], after: Option<&str>) -> Result<Vec<Product>, Failure> {
    let ids = scan::in_order(rows, after)?;
    let sku = |row| document::attribute(row, "sku").cloned().unwrap_or_default();
    Ok(ids.into_iter().zip(rows).map(|(id, row)| Product { id, sku: sku(row) }).collect())
}

/// A product with its prices on one list, each as the shop said it.
fn row(product: &Product, name: &str, shown: &OnList) -> Value {
    let Product { id, sku } = product;
    json!({
        "type": PRICES,
        "id": format!("{id}{BETWEEN}{name}"),
        "attributes": {"sku": sku, "list": name},
        "relationships": {"product": {"data": {"type": PRODUCTS, "id": id}}},
        "prices": shown.by_product.get(id).map_or(&[][..], Vec::as_slice),
    })
}

fn row_said(item: &Item, is_sure: bool) -> RowSaid {
    match (said(item, false), price_said::has_none(item)) {
        (RowSaid::State(_), true) if !is_sure => RowSaid::Hidden,
        (RowSaid::State(hash), true) => RowSaid::Nothing(hash),
        (said, _) => said,
    }
}

async fn of_list(api: &Api<'_>, list: &str, products: &[Product]) -> Result<OnList, Failure> {
    let by_product = by_product(api, list, products).await?;
    if !by_product.is_empty() || products.is_empty() {
        return Ok(OnList { by_product, is_sure: true });
    }
    if !shows_any(api, list).await? {
        return Ok(OnList { by_product, is_sure: false });
    }
    // It may have been shown again only now.
    Ok(OnList { by_product: self::by_product(api, list, products).await?, is_sure: true })
}

async fn by_product(
    api: &Api<'_>,
    list: &str,
    products: &[Product],
) -> Result<BTreeMap<String, Vec<Value>>, Failure> {
    let keyed = products.iter().map(|product| product.id.clone()).enumerate().collect();
    let mut by_product: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (places, _) in in_one_address(keyed) {
        let ids = places.iter().filter_map(|place| Some(products.get(*place)?.id.as_str()));
        for price in prices(api, list, ids.collect()).await? {
            if let Some(product) = document::one(&price, "product") {
                by_product.entry(product.to_owned()).or_default().push(price);
            }
        }
    }
    Ok(by_product)
}

/// Every price of these products on the list. What is taken away between two pages moves others out of
/// sight: products whose prices may be more than a page are asked for in halves.
async fn prices(api: &Api<'_>, list: &str, ids: Vec<&str>) -> Result<Vec<Value>, Failure> {
    let (mut prices, mut open) = (Vec::new(), vec![ids]);
    while let Some(mut ids) = open.pop() {
        if let [product] = ids[..] {
            prices.extend(of_one(api, list, product).await?);
            continue;
        }
        let found = page_of(api, list, (&ids, 1)).await?;
        let is_whole = found.is_empty()
            || found.len() < PRICES_PAGE && page_of(api, list, (&ids, 2)).await?.is_empty();
        if is_whole {
            prices.extend(found);
        } else {
            open.push(ids.split_off(ids.len() / 2));
            open.push(ids);
        }
    }
    Ok(prices)
}

/// A product with more prices than one may have cannot be read, whatever else there is.
async fn of_one(api: &Api<'_>, list: &str, product: &str) -> Result<Vec<Value>, Failure> {
    let mut prices = Vec::new();
    for number in 1.. {
        let page = page_of(api, list, (&[product], number)).await?;
        let is_last = page.is_empty();
        prices.extend(page);
        if is_last || prices.len() > limits::PRICES {
            break;
        }
    }
    Ok(prices)
}

async fn page_of(
    api: &Api<'_>,
    list: &str,
    (products, number): (&[&str], usize),
) -> Result<Vec<Value>, Failure> {
    let query = vec![
        ("filter[priceList]", list.to_owned()),
        ("filter[product]", products.join(",")),
        ("fields[productprices]", "quantity,value,currency,product,unit".to_owned()),
        ("sort", "id".to_owned()),
        ("page[size]", PRICES_PAGE.to_string()),
        ("page[number]", number.to_string()),
    ];
    let page = api.list("scan prices", PRICES, query).await?;
    Ok(document::rows(&page).to_vec())
}

/// Whether the list shows a price of whatever product. A list that is not there fails.
async fn shows_any(api: &Api<'_>, list: &str) -> Result<bool, Failure> {
    const OPERATION: &str = "ask whether a price list shows prices";
    let query: Query = vec![("filter[priceList]", list.to_owned()), ("page[size]", "1".to_owned())];
    if !document::rows(&api.list(OPERATION, PRICES, query).await?).is_empty() {
        return Ok(true);
    }
    let id = Some(list.to_owned());
    let call = Call { id, ..Call::read("ask whether a price list is there", PRICE_LISTS) };
    if api.find(&call).await?.is_none() {
        let detail = format!("the shop has no price list {list} (price_lists in ferry.toml)");
        return Err(Failure::new(FailureKind::Validation, detail));
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
