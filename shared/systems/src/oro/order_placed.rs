//! `order.placed`: an order of another system, placed in the shop and kept as its source has it.
//!
//! It is known by its identifier, which is unique in the shop. Its customer is named by the ledger's
//! id, or found by number; the customer's person by email; its lines by SKU.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::{Entity, FailureKind, order::OrderPlaced};
use serde_json::Value;

use super::{
    capability,
    client::{Api, Call},
    closed,
    customer::{self, CUSTOMERS, external_id},
    customer_user::{self, USERS},
    document,
    order_form::{self, INCLUDE, Person, References, Terms},
    orders,
    problem::No,
    reads_first,
    together::in_one_address,
};
use crate::target::{Applied, Effect, Failure, Write};

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    order: &OrderPlaced,
) -> Result<Applied, Failure> {
    let known = one(references(api, &[order], Trust::Ledger).await)?;
    match apply_for(api, write, order, &known).await {
        Err(no) if is_of_the_customer(&no.failure) => {
            // The customer was removed meanwhile, and maybe made again.
            let found = one(references(api, &[order], Trust::Shop).await)?;
            if found.customer == known.customer {
                return Err(no.failure);
            }
            Ok(apply_for(api, write, order, &found).await?)
        }
        answer => Ok(answer?),
    }
}

fn one(mut references: Vec<Result<References, Failure>>) -> Result<References, Failure> {
    references.pop().unwrap_or_else(|| Err(no_customer()))
}

/// The order speaks of somebody whom the shop does not have; products are named.
pub(super) fn is_of_the_customer(failure: &Failure) -> bool {
    failure.kind == FailureKind::MissingReference && failure.missing.is_none()
}

async fn apply_for(
    api: &Api<'_>,
    write: &Write<'_>,
    order: &OrderPlaced,
    references: &References,
) -> Result<Applied, No> {
    let known = write.target_id.is_some() || reads_first(write);
    if known && let Some(found) = look_up(api, write, order, references).await? {
        return update(api, order, references, &found).await;
    }
    match create(api, order, references).await {
        Err(no) if no.duplicate => match look_up(api, write, order, references).await? {
            Some(found) => {
                let updated = update(api, order, references, &found).await;
                updated.map(|applied| Applied { rule: no.failure.rule, ..applied })
            }
            None => Err(no),
        },
        answer => answer,
    }
}

/// By the ledger's id, else by the identifier, just as it is written: what Oro finds without regard to
/// case may be another one.
async fn look_up(
    api: &Api<'_>,
    write: &Write<'_>,
    order: &OrderPlaced,
    references: &References,
) -> Result<Option<orders::Found>, Failure> {
    let found = orders::look_up(api, write, &order.identifier, INCLUDE).await?;
    let Some(found) = found.filter(|found| is_it(order, found.order())) else { return Ok(None) };
    if write.target_id != Some(found.id.as_str())
        && let Some(failure) = order_form::is_another(order, references, found.order())
    {
        return Err(failure);
    }
    Ok(Some(found))
}

pub(super) fn is_it(order: &OrderPlaced, row: &Value) -> bool {
    document::text(row, "identifier") == Some(document::kept(&order.identifier))
}

pub(super) fn terms<'a>(api: &Api<'a>) -> Terms<'a> {
    Terms {
        unit: &api.oro.config.default_unit,
        external: api.oro.config.external_orders && api.oro.learnt.knows_external(),
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
            api.oro.learnt.note_refused_external();
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
) -> Result<Applied, No> {
    if let Some(failure) = order_form::other_currency(order, found.order()) {
        return Err(failure.into());
    }
    let there = (found.order(), &found.document);
    let target_id = Some(found.id.clone());
    let Some((change, included)) = order_form::change(order, references, terms(api), there) else {
        let warning = order_form::sum_warning(order, found.order());
        return Ok(Applied { effect: Effect::AlreadySo, target_id, warning, rule: None });
    };
    let said = match api.ask(&Call::change("update order", change, included)).await {
        Ok(said) => said,
        Err(no) => {
            let duplicate = no.duplicate;
            let failure = closed::explained(api, &found.id, &order.identifier, no).await;
            return Err(No { failure, duplicate });
        }
    };
    let row = document::rows(&said.document).first();
    let warning = row.and_then(|row| order_form::sum_warning(order, row));
    Ok(Applied { effect: Effect::Updated, target_id, warning, rule: None })
}

fn no_customer() -> Failure {
    let detail = "customer.number: an order of the shop has a customer, and this one names none";
    Failure::new(FailureKind::Validation, detail)
}

/// Who is asked first for what the shop calls a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    Ledger,
    /// The shop alone: what the ledger knows is not there any more.
    Shop,
}

/// What each customer is called, or why that is not known.
type Customers = BTreeMap<String, Result<String, Failure>>;

/// Whom each of these orders is for. The ledger is asked once for all, and the shop once for those that
/// the ledger does not know.
pub(super) async fn references(
    api: &Api<'_>,
    orders: &[&OrderPlaced],
    trust: Trust,
) -> Vec<Result<References, Failure>> {
    let numbers: BTreeSet<&str> = orders.iter().filter_map(|order| number(order)).collect();
    let customers = customers(api, &numbers, trust).await;
    let users = users(api, orders, &customers).await;
    let of = |order: &&OrderPlaced| {
        let number = number(order).ok_or_else(no_customer)?;
        let customer = customers.get(number).cloned().unwrap_or_else(|| Err(not_there(number)))?;
        let person = match email(order) {
            None => Person::Unsaid,
            Some(email) => match users.as_ref().map_err(Clone::clone)? {
                Some(users) => match users.get(&(customer.clone(), email)) {
                    Some(user) => Person::Is(user.clone()),
                    None => Person::Unknown,
                },
                None => Person::Unsaid,
            },
        };
        Ok(References { customer, person })
    };
    orders.iter().map(of).collect()
}

fn number(order: &OrderPlaced) -> Option<&str> {
    order.customer.number.as_deref().map(str::trim).filter(|number| !number.is_empty())
}

fn email(order: &OrderPlaced) -> Option<String> {
    let email = order.customer.email.as_deref().map(|email| email.trim().to_lowercase());
    email.filter(|email| !email.is_empty())
}

fn not_there(number: &str) -> Failure {
    let detail = format!("customer `{number}` is not in the shop");
    Failure::missing(Entity::Customer, number, detail)
}

async fn customers(api: &Api<'_>, numbers: &BTreeSet<&str>, trust: Trust) -> Customers {
    let asked: Vec<String> = numbers.iter().map(|number| (*number).to_owned()).collect();
    let known = match trust {
        Trust::Shop => Ok(vec![None; asked.len()]),
        Trust::Ledger => api.conversation.known(Entity::Customer.as_str(), asked.clone()).await,
    };
    let known = match known {
        Ok(known) => known,
        Err(error) => {
            let failure = Failure::unanswered(&error, false);
            return asked.into_iter().map(|number| (number, Err(failure.clone()))).collect();
        }
    };
    let (mut customers, mut unknown) = (Customers::new(), Vec::new());
    for (number, id) in asked.into_iter().zip(known) {
        match id {
            Some(id) => drop(customers.insert(number, Ok(id))),
            None => unknown.push(number),
        }
    }
    if unknown.is_empty() {
        return customers;
    }
    match capability::learn_numbers(api).await {
        Ok(true) => {}
        // A shop that knows no numbers knows of nobody whom the ledger does not know.
        Ok(false) => return customers,
        Err(failure) => {
            customers.extend(unknown.into_iter().map(|number| (number, Err(failure.clone()))));
            return customers;
        }
    }
    let keyed = unknown.iter().enumerate().map(|(place, number)| (place, external_id(number)));
    for (places, keys) in in_one_address(keyed.collect()) {
        let rows =
            api.list_all("look up customers", CUSTOMERS, ("filter[externalId]", &keys)).await;
        for number in places.into_iter().filter_map(|place| unknown.get(place)) {
            let found = match &rows {
                Ok(rows) => customer::numbered(rows, number),
                Err(no) => Err(no.failure.clone()),
            };
            let id = found.map(|row| row.and_then(document::id).map(str::to_owned));
            if let Some(id) = id.transpose() {
                customers.insert(number.clone(), id);
            }
        }
    }
    customers
}

/// People by their customer and email.
type Users = BTreeMap<(String, String), String>;

/// The people of those customers whose orders name one. None: they may not be seen.
async fn users(
    api: &Api<'_>,
    orders: &[&OrderPlaced],
    customers: &Customers,
) -> Result<Option<Users>, Failure> {
    let of = |order: &&OrderPlaced| {
        email(order)?;
        customers.get(number(order)?)?.as_ref().ok().cloned()
    };
    let asked: BTreeSet<String> = orders.iter().filter_map(of).collect();
    let mut users = Users::new();
    for (_, ids) in in_one_address(asked.into_iter().enumerate().collect()) {
        let of = ("filter[customer]", ids.as_str());
        let rows = match api.list_all("look up customer users", USERS, of).await {
            Ok(rows) => rows,
            // Who ordered is worth no order: where it cannot be told, nothing is said of it.
            Err(no) if matches!(no.failure.kind, FailureKind::Rejected | FailureKind::TooLarge) => {
                return Ok(None);
            }
            Err(no) => return Err(no.failure),
        };
        users.extend(rows.iter().filter(|row| !customer_user::is_guest(row)).filter_map(|row| {
            let customer = document::one(row, "customer")?.to_owned();
            let email = document::text(row, "email")?.trim().to_lowercase();
            Some(((customer, email), document::id(row)?.to_owned()))
        }));
    }
    Ok(Some(users))
}

#[cfg(test)]
mod tests;
