//! `order.placed`: an order of another system, placed in the shop and kept as its source has it.
//!
//! It is known by its identifier, which is unique in the shop. Its customer is named by the ledger's
//! id, or found by number; the customer's person by email; its lines by SKU.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::{Entity, Facet, FailureKind, order::OrderPlaced};
use serde_json::Value;

use super::{
    client::{Api, Call},
    closed,
    customer::{self, CUSTOMERS, external_id},
    customer_user::USERS,
    document,
    order_form::{self, INCLUDE, References, Terms},
    orders,
    problem::No,
    reads_first,
};
use crate::target::{Applied, Effect, Failure, Write};

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    order: &OrderPlaced,
) -> Result<Applied, Failure> {
    let mut references = references(api, &[order]).await;
    let references = references.pop().unwrap_or_else(|| Err(no_customer()))?;
    let known = write.target_id.is_some() || reads_first(write);
    if known && let Some(found) = orders::look_up(api, write, &order.identifier, INCLUDE).await? {
        return update(api, order, &references, &found).await;
    }
    match create(api, order, &references).await {
        Ok(applied) => Ok(applied),
        Err(no) if no.duplicate => {
            match orders::look_up(api, write, &order.identifier, INCLUDE).await? {
                Some(found) => {
                    let updated = update(api, order, &references, &found).await;
                    updated.map(|applied| Applied { rule: no.failure.rule, ..applied })
                }
                None => Err(no.failure),
            }
        }
        Err(no) => Err(no.failure),
    }
}

pub(super) fn terms<'a>(api: &Api<'a>) -> Terms<'a> {
    let refuses = api.oro.learnt(Facet::Placed, |learnt| learnt.has_no_external);
    Terms {
        unit: &api.oro.config.default_unit,
        external: api.oro.config.external_orders && !refuses,
    }
}

async fn create(
    api: &Api<'_>,
    order: &OrderPlaced,
    references: &References,
) -> Result<Applied, No> {
    let terms = terms(api);
    let (resource, included) = order_form::new(order, references, terms);
    let said = match api.ask(&Call::create("create order", resource, included)).await {
        Err(no) if terms.external && no.failure.kind == FailureKind::Unsupported => {
            // `external` is there since 6.0.5 (OroCommerce reference §11). Nothing was made.
            let terms = Terms { external: false, ..terms };
            let (resource, included) = order_form::new(order, references, terms);
            let said = api.ask(&Call::create("create order", resource, included)).await?;
            api.oro.learnt(Facet::Placed, |learnt| learnt.has_no_external = true);
            said
        }
        said => said?,
    };
    let target_id = customer::created(&said.document)?;
    let row = document::rows(&said.document).first();
    let warning = row.and_then(|row| order_form::sum_warning(order, row));
    Ok(Applied { effect: Effect::Created, target_id: Some(target_id), warning, rule: None })
}

async fn update(
    api: &Api<'_>,
    order: &OrderPlaced,
    references: &References,
    found: &orders::Found,
) -> Result<Applied, Failure> {
    let there = (found.order(), &found.document);
    let target_id = Some(found.id.clone());
    let Some((change, included)) = order_form::change(order, references, terms(api), there) else {
        let warning = order_form::sum_warning(order, found.order());
        return Ok(Applied { effect: Effect::AlreadySo, target_id, warning, rule: None });
    };
    let said = match api.ask(&Call::change("update order", change, included)).await {
        Ok(said) => said,
        Err(no) => return Err(closed::explained(api, &found.id, &order.identifier, no).await),
    };
    let row = document::rows(&said.document).first();
    let warning = row.and_then(|row| order_form::sum_warning(order, row));
    Ok(Applied { effect: Effect::Updated, target_id, warning, rule: None })
}

fn no_customer() -> Failure {
    let detail = "customer.number: an order of the shop has a customer, and this one names none";
    Failure::new(FailureKind::Validation, detail)
}

/// Whom each of these orders is for. The ledger is asked once for all, and the shop once for those that
/// the ledger does not know.
pub(super) async fn references(
    api: &Api<'_>,
    orders: &[&OrderPlaced],
) -> Vec<Result<References, Failure>> {
    let numbers: BTreeSet<&str> =
        orders.iter().filter_map(|order| order.customer.number.as_deref()).collect();
    let customers = customers(api, &numbers).await;
    let users = match &customers {
        Ok(customers) => users(api, orders, customers).await,
        Err(failure) => Err(failure.clone()),
    };
    let of = |order: &&OrderPlaced| {
        let number = order.customer.number.as_deref().ok_or_else(no_customer)?;
        let (customers, users) = match (&customers, &users) {
            (Ok(customers), Ok(users)) => (customers, users),
            (Err(failure), _) | (_, Err(failure)) => return Err(failure.clone()),
        };
        let Some(customer) = customers.get(number) else {
            let detail = format!("customer `{number}` is not in the shop");
            return Err(Failure::missing(Entity::Customer, number, detail));
        };
        let email = order.customer.email.as_deref().map(str::to_lowercase);
        let user = email.and_then(|email| users.get(&(customer.clone(), email)).cloned());
        Ok(References { customer: customer.clone(), user })
    };
    orders.iter().map(of).collect()
}

/// The shop's ids of customers by their numbers.
async fn customers(
    api: &Api<'_>,
    numbers: &BTreeSet<&str>,
) -> Result<BTreeMap<String, String>, Failure> {
    let asked: Vec<String> = numbers.iter().map(|number| (*number).to_owned()).collect();
    let known = api.conversation.known(Entity::Customer.as_str(), asked.clone()).await;
    let (mut found, mut unknown) = (BTreeMap::new(), Vec::new());
    for (number, id) in asked.into_iter().zip(known) {
        match id {
            Some(id) => drop(found.insert(number, id)),
            None => unknown.push(number),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    let keys: Vec<String> = unknown.iter().map(|number| external_id(number)).collect();
    let filter = ("filter[externalId]", keys.join(","));
    let rows = api.list_all("look up customers", CUSTOMERS, (filter.0, &filter.1)).await;
    let rows = match rows {
        Ok(rows) => rows,
        // A shop that knows no numbers knows of nobody whom the ledger does not know.
        Err(no) if no.failure.kind == FailureKind::Unsupported => Vec::new(),
        Err(no) => return Err(no.failure),
    };
    for number in unknown {
        if let Some(id) = customer::numbered(&rows, &number)?.and_then(document::id) {
            found.insert(number, id.to_owned());
        }
    }
    Ok(found)
}

/// The shop's ids of people by their customer and email, as far as it has them.
async fn users(
    api: &Api<'_>,
    orders: &[&OrderPlaced],
    customers: &BTreeMap<String, String>,
) -> Result<BTreeMap<(String, String), String>, Failure> {
    let is_known = |order: &&&OrderPlaced| {
        order.customer.number.as_ref().is_some_and(|number| customers.contains_key(number))
    };
    let emails: BTreeSet<&str> = orders
        .iter()
        .filter(is_known)
        .filter_map(|order| order.customer.email.as_deref())
        .filter(|email| !email.contains(','))
        .collect();
    if emails.is_empty() {
        return Ok(BTreeMap::new());
    }
    let emails: Vec<&str> = emails.into_iter().collect();
    let rows =
        api.list_all("look up customer users", USERS, ("filter[email]", &emails.join(","))).await?;
    let key = |row: &Value| {
        let customer = document::one(row, "customer")?.to_owned();
        let email = document::text(row, "email")?.to_lowercase();
        Some(((customer, email), document::id(row)?.to_owned()))
    };
    Ok(rows.iter().filter_map(key).collect())
}

#[cfg(test)]
mod tests;
