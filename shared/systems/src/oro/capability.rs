//! What a shop can, which depends on its version and is never configured (OroCommerce reference §11).
//!
//! A loader and a producer ask nothing ahead but one thing: whether customers have a field for their
//! number. The rest they see in what the shop answers anyway. `ferry check` asks for all of it. What
//! is kept here holds until the process ends: after an upgrade of the shop, start it anew.

use std::sync::atomic::{AtomicBool, Ordering};

use ferry_canonical::FailureKind;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::{
    ORDERS,
    client::{Api, Call, Query},
    customer::CUSTOMERS,
    customer_user::USERS,
    document,
    product::PRODUCTS,
    stock::LEVELS,
};
use crate::target::Failure;

#[derive(Debug, Default)]
pub(super) struct Capability {
    /// Customers and users have `externalId`.
    has_numbers: OnceCell<bool>,
    /// Orders are not found by their last change.
    orders_by_creation: AtomicBool,
    /// Lists are put off, and what they have made is not shown.
    puts_lists_off: AtomicBool,
}

impl Capability {
    /// Whether customers have a field for their number, as far as that is known: most shops have.
    pub(super) fn has_numbers(&self) -> bool {
        self.has_numbers.get().copied().unwrap_or(true)
    }

    pub(super) fn orders_by_creation(&self) -> bool {
        self.orders_by_creation.load(Ordering::Relaxed)
    }

    pub(super) fn polls_orders_by_creation(&self) {
        self.orders_by_creation.store(true, Ordering::Relaxed);
    }

    pub(super) fn puts_lists_off(&self) -> bool {
        self.puts_lists_off.load(Ordering::Relaxed)
    }

    pub(super) fn has_put_a_list_off(&self) {
        self.puts_lists_off.store(true, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn knowing(has_numbers: bool) -> Self {
        Self { has_numbers: OnceCell::new_with(Some(has_numbers)), ..Self::default() }
    }
}

/// Asks, once, whether customers have a field for their number. Who may not see them is not told, and
/// asks again.
pub(super) async fn learn_numbers(api: &Api<'_>) -> Result<bool, Failure> {
    let ask = async || {
        let query = vec![("filter[externalId]", "ferry".to_owned())];
        has(api, CUSTOMERS, query).await.map_err(Some)?.ok_or(None)
    };
    match api.oro.capability.has_numbers.get_or_try_init(ask).await {
        Ok(known) => Ok(*known),
        Err(Some(failure)) => Err(failure),
        Err(None) => Ok(true),
    }
}

/// Whether the list can be asked for so; none where we may not.
async fn has(
    api: &Api<'_>,
    resource: &'static str,
    mut query: Query,
) -> Result<Option<bool>, Failure> {
    query.push(("page[size]", "1".to_owned()));
    match api.list("ask what it can", resource, query).await {
        Ok(_) => Ok(Some(true)),
        Err(no) if no.failure.kind == FailureKind::Unsupported => Ok(Some(false)),
        Err(no) if no.failure.status == Some(403) => Ok(None),
        Err(no) => Err(no.failure),
    }
}

/// What the shop can, as `ferry check` says it.
pub(super) async fn told(api: &Api<'_>) -> Result<String, Failure> {
    let has_numbers = learn_numbers(api).await?;
    let by_update = has(api, ORDERS, vec![("sort", "updatedAt".to_owned())]).await?;
    let shipped = vec![("filter[shippingStatus]", "shipped".to_owned())];
    let has_status = has(api, ORDERS, shipped).await?;
    let has_webhooks = has(api, "webhooktopics", Vec::new()).await?;
    let mut said = vec![version(has_numbers, by_update, has_status).to_owned()];
    said.push(if has_numbers {
        "customers are known by their number (externalId)".to_owned()
    } else {
        "customers have no field for their number: they are known by their people's emails"
            .to_owned()
    });
    said.extend(names_by_sku(api).await?.map(str::to_owned));
    if has_numbers {
        said.extend(named_outside(api).await?);
    }
    said.push(orders(by_update, api.oro.config.scan.orders.is_some()).to_owned());
    if has_status == Some(false) {
        said.push("orders have no shipping status: they get tracking numbers only".to_owned());
    }
    said.push(match has_webhooks {
        Some(true) => "it has webhooks".to_owned(),
        Some(false) => "it has no webhooks".to_owned(),
        None => "webhooks may not be seen by the API client's user".to_owned(),
    });
    said.extend(organisation(api).await);
    Ok(said.join("; "))
}

const fn orders(by_update: Option<bool>, is_scanned: bool) -> &'static str {
    match (by_update, is_scanned) {
        (Some(true), false) => "orders are polled by their last change",
        (Some(true), true) => {
            "orders are polled by their last change: `scan.orders` adds what is changed of an \
             address alone, and may be left out"
        }
        (Some(false), false) => {
            "orders are polled by their creation: a later change is heard of those only that are \
             younger than `overlap`, unless `scan.orders` says when all are walked over"
        }
        (Some(false), true) => {
            "orders are polled by their creation, and a later change is heard by `scan.orders`"
        }
        (None, _) => "orders may not be seen by the API client's user",
    }
}

const fn version(
    has_numbers: bool,
    by_update: Option<bool>,
    has_status: Option<bool>,
) -> &'static str {
    match (has_numbers, has_status, by_update) {
        (true, Some(true), _) => "OroCommerce 6.1.10, 7.0.2 or later",
        (true, ..) => "OroCommerce of a version with externalId",
        (false, Some(true), _) => "OroCommerce 6.1.0 to 6.1.9, 7.0.0 or 7.0.1",
        (false, _, Some(true)) => "OroCommerce 6.0.5 to 6.0.x",
        (false, _, Some(false)) => "OroCommerce before 6.0.5",
        (false, _, None) => "OroCommerce before 6.1.10",
    }
}

async fn names_by_sku(api: &Api<'_>) -> Result<Option<&'static str>, Failure> {
    let row = first_by_ext_id(api, PRODUCTS).await?;
    Ok(row.map(|row| match document::attribute(&row, "dbId") {
        Some(_) => "products are named by SKU",
        None => "products are looked up by SKU",
    }))
}

/// What else the site names by a field for other systems (`ext_id_entities`), and whether that is
/// another field than the one Ferry knows customers by.
async fn named_outside(api: &Api<'_>) -> Result<Option<String>, Failure> {
    let (mut named, mut by_another_field) = (Vec::new(), false);
    for resource in [CUSTOMERS, USERS, ORDERS, LEVELS] {
        let Some(row) = first_by_ext_id(api, resource).await? else { continue };
        if document::attribute(&row, "dbId").is_none() {
            continue;
        }
        named.push(resource);
        // The field that names them is their id, and no attribute any more (inferred).
        let attributes = row.get("attributes").filter(|_| resource == CUSTOMERS);
        by_another_field |=
            attributes.is_some_and(|attributes| attributes.get("externalId").is_some());
    }
    if named.is_empty() {
        return Ok(None);
    }
    let mut said = format!("the site names {} by EXT ID", named.join(", "));
    if by_another_field {
        said.push_str(
            ", customers by a field that is not externalId: Ferry goes by externalId, so link \
             those that are there with `ferry xref adopt` before the first sync",
        );
    }
    Ok(Some(said))
}

/// As EXT ID shows it; none where there is none to be seen.
async fn first_by_ext_id(api: &Api<'_>, resource: &'static str) -> Result<Option<Value>, Failure> {
    let query = vec![("page[size]", "1".to_owned())];
    let call = Call { query, by_ext_id: true, ..Call::read("ask what it can", resource) };
    match api.ask(&call).await {
        Ok(said) => Ok(document::rows(&said.document).first().cloned()),
        // It may not be seen, or the site has switched it off.
        Err(no) if matches!(no.failure.status, Some(403..=405)) => Ok(None),
        Err(no) => Err(no.failure),
    }
}

/// A client belongs to one organisation, and sees no other's records (OroCommerce reference §2).
async fn organisation(api: &Api<'_>) -> Option<String> {
    let query = vec![("page[size]", "1".to_owned()), ("fields[organizations]", "name".to_owned())];
    let document = api.list("ask what it can", "organizations", query).await.ok()?;
    let row = document::rows(&document).first()?;
    document::text(row, "name").map(|name| format!("the organisation is {name}"))
}

#[cfg(test)]
mod table;

#[cfg(test)]
mod tests {
    use ferry_http::{HttpError, Response};
    use serde_json::json;

    use super::*;
    use crate::oro::{
        Oro,
        scripted::{Shop, answer, config, errors, row},
    };

    fn list(request: &str, rows: &[Value]) -> (String, Result<Response, HttpError>) {
        answer(request, 200, &json!({ "data": rows }))
    }

    fn no(request: &str, title: &str) -> (String, Result<Response, HttpError>) {
        errors(request, 400, title)
    }

    const NUMBERS: &str = "GET /customers?filter[externalId]=ferry&page[size]=1";
    const UPDATE: &str = "GET /orders?sort=updatedAt&page[size]=1";
    const STATUS: &str = "GET /orders?filter[shippingStatus]=shipped&page[size]=1";
    const TOPICS: &str = "GET /webhooktopics?page[size]=1";
    const PRODUCTS: &str = "GET /products?page[size]=1";
    const CUSTOMERS: &str = "GET /customers?page[size]=1";
    const USERS: &str = "GET /customerusers?page[size]=1";
    const ORDERS: &str = "GET /orders?page[size]=1";
    const LEVELS: &str = "GET /inventorylevels?page[size]=1";
    const ORGANISATION: &str = "GET /organizations?page[size]=1";

    async fn told(
        script: impl IntoIterator<Item = (String, Result<Response, HttpError>)>,
    ) -> String {
        let (shop, oro) = (Shop::answering(script), Oro::new(&config()).unwrap());
        let conversation = shop.conversation();
        let told = super::told(&oro.api(&conversation)).await.unwrap();
        shop.asked();
        told
    }

    #[tokio::test]
    async fn a_shop_of_today_is_told_with_all_it_can() {
        let product = row("products", "CUP-1", json!({"dbId": 7}), Value::Null);
        let organisation = row("organizations", "1", json!({"name": "ORO"}), Value::Null);
        let said = told([
            list(NUMBERS, &[]),
            list(UPDATE, &[]),
            list(STATUS, &[]),
            list(TOPICS, &[]),
            list(PRODUCTS, &[product]),
            list(CUSTOMERS, &[]),
            list(USERS, &[]),
            list(ORDERS, &[]),
            list(LEVELS, &[]),
            list(ORGANISATION, &[organisation]),
        ])
        .await;
        assert_eq!(
            said,
            "OroCommerce 6.1.10, 7.0.2 or later; customers are known by their number (externalId); \
             products are named by SKU; orders are polled by their last change; it has webhooks; the \
             organisation is ORO"
        );
    }

    #[tokio::test]
    async fn what_a_site_names_by_ext_id_is_told_and_what_ferry_does_not_go_by() {
        let named = |kind: &str, attributes: Value| row(kind, "E-1", attributes, Value::Null);
        let said = told([
            list(NUMBERS, &[]),
            list(UPDATE, &[]),
            list(STATUS, &[]),
            list(TOPICS, &[]),
            list(PRODUCTS, &[]),
            list(CUSTOMERS, &[named("customers", json!({"dbId": 7, "externalId": null}))]),
            list(USERS, &[named("customerusers", json!({"dbId": 8}))]),
            list(ORDERS, &[named("orders", json!({"dbId": 9, "externalId": "E-1"}))]),
            errors(LEVELS, 403, "access denied exception"),
            errors(ORGANISATION, 403, "access denied exception"),
        ])
        .await;
        let told = "; the site names customers, customerusers, orders by EXT ID, customers by a field that is \
                    not externalId: Ferry goes by externalId, so link those that are there with `ferry \
                    xref adopt` before the first sync; ";
        assert!(said.contains(told), "{said}");
    }

    #[tokio::test]
    async fn an_old_shop_is_told_with_what_it_lacks() {
        let said = told([
            no(NUMBERS, "filter constraint"),
            no(UPDATE, "sort constraint"),
            no(STATUS, "filter constraint"),
            errors(TOPICS, 404, "entity type constraint"),
            list(PRODUCTS, &[]),
            errors(ORGANISATION, 403, "access denied exception"),
        ])
        .await;
        assert_eq!(
            said,
            "OroCommerce before 6.0.5; customers have no field for their number: they are known by \
             their people's emails; orders are polled by their creation: a later change is heard of \
             those only that are younger than `overlap`, unless `scan.orders` says when all are \
             walked over; orders have no shipping status: they get tracking numbers only; it has no \
             webhooks"
        );
    }

    #[test]
    fn a_scan_of_orders_is_told_for_what_it_adds() {
        assert!(orders(Some(true), true).ends_with("and may be left out"));
        assert!(!orders(Some(true), false).contains("scan.orders"));
        assert!(orders(Some(false), true).ends_with("is heard by `scan.orders`"));
        assert_eq!(orders(None, true), orders(None, false));
    }

    #[tokio::test]
    async fn each_version_has_its_name() {
        for (numbers, update, status, name) in [
            (true, true, true, "OroCommerce 6.1.10, 7.0.2 or later"),
            (false, true, true, "OroCommerce 6.1.0 to 6.1.9, 7.0.0 or 7.0.1"),
            (false, true, false, "OroCommerce 6.0.5 to 6.0.x"),
            (false, false, false, "OroCommerce before 6.0.5"),
        ] {
            assert_eq!(version(numbers, Some(update), Some(status)), name);
        }
    }

    #[tokio::test]
    async fn whether_customers_have_numbers_is_asked_once_and_again_after_a_silence() {
        let shop = Shop::answering([errors(NUMBERS, 503, ""), no(NUMBERS, "filter constraint")]);
        let (oro, conversation) = (Oro::new(&config()).unwrap(), shop.conversation());
        let api = oro.api(&conversation);
        assert!(oro.capability.has_numbers(), "most shops have");
        let failure = learn_numbers(&api).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        for _ in 0..2 {
            assert!(!learn_numbers(&api).await.unwrap());
        }
        assert!(!oro.capability.has_numbers());
        shop.asked();
    }
}
