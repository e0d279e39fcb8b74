//! Entities as facts: named values that can be compared one by one, whatever their types.
//!
//! What is expected has alternatives where several ways to write it are right.

use std::collections::BTreeMap;

use super::seen::{SeenCustomer, SeenImportedProduct, SeenProduct};
use crate::customer::{Address, Contact, Customer};
use crate::product::Product;

/// What was seen, by name. What is not there is the empty text.
pub(super) type Facts = BTreeMap<String, String>;

/// What is right, by name: any of the values.
pub(super) type Expected = BTreeMap<String, Vec<String>>;

/// Characters of a product's description in the warehouse (OrderFlow reference §3.2).
pub(super) const DESCRIPTION_MAX: usize = 120;

const THERE: &str = "there";

/// Whether a seen value is right.
pub(super) fn is_right(seen: &Facts, name: &str, alternatives: &[String]) -> bool {
    let value = seen.get(name).map(String::as_str).unwrap_or_default();
    alternatives.iter().any(|right| right == value)
}

/// The first difference, as a sentence.
pub(super) fn difference(expected: &Expected, seen: &Facts) -> Option<String> {
    for (name, right) in expected {
        if !is_right(seen, name, right) {
            let value = seen.get(name).map(String::as_str).unwrap_or_default();
            let right = right.first().map(String::as_str).unwrap_or_default();
            return Some(format!("{name} is {}, not {}", quoted(value), quoted(right)));
        }
    }
    let extra = seen.iter().find(|(name, value)| *value == THERE && !expected.contains_key(*name));
    extra.map(|(name, _)| format!("{name} should not be there"))
}

/// A value in a finding, cut to a readable length.
fn quoted(value: &str) -> String {
    const SHOWN: usize = 60;
    let short: String = value.chars().take(SHOWN).collect();
    if short.len() == value.len() { format!("{value:?}") } else { format!("{short:?}…") }
}

/// Line ends and the space around a text do not count.
pub(super) fn text(value: &str) -> String {
    value.replace("\r\n", "\n").trim().to_owned()
}

/// A decimal without a sign of how it was written: `12.50` and `12.5` are the same. What is no decimal
/// stays as it is.
pub(super) fn decimal(value: &str) -> String {
    let value = value.trim();
    let value = match value.split_once('.') {
        Some(_) => value.trim_end_matches('0').trim_end_matches('.'),
        None => value,
    };
    let whole = value.trim_start_matches('0');
    if whole.is_empty() || whole.starts_with('.') { format!("0{whole}") } else { whole.to_owned() }
}

fn said(value: Option<&String>) -> String {
    value.map(|value| text(value)).unwrap_or_default()
}

fn one(value: impl Into<String>) -> Vec<String> {
    vec![value.into()]
}

fn together(first: Option<&String>, last: Option<&String>) -> String {
    text(&format!("{} {}", said(first), said(last)))
}

pub(super) fn expected_customer(customer: &Customer) -> Expected {
    let mut facts = Expected::from([("name".to_owned(), one(&customer.name))]);
    for address in &customer.addresses {
        expect_address(customer, address, &mut facts);
    }
    for contact in &customer.contacts {
        let user = format!("user {}", contact.email);
        facts.insert(format!("{user} first name"), one(&contact.first_name));
        facts.insert(format!("{user} last name"), one(&contact.last_name));
        facts.insert(user, one(THERE));
    }
    facts
}

/// The shop wants an organization or a person: either is right, and what is given has to be true.
fn expect_address(customer: &Customer, address: &Address, facts: &mut Expected) {
    let label = format!("address {}", address.code);
    let mut put = |name: &str, right: Vec<String>| {
        facts.insert(format!("{label} {name}"), right);
    };
    let mut names: Vec<String> = address.contact_name.iter().cloned().collect();
    if names.is_empty() {
        let full = |contact: &Contact| format!("{} {}", contact.first_name, contact.last_name);
        names.extend(customer.contacts.iter().map(full).chain([customer.name.clone()]));
    }
    put("street", one(&address.street));
    put("street2", one(address.street2.clone().unwrap_or_default()));
    put("city", one(&address.city));
    put("post code", one(&address.postcode));
    put("country", one(address.country));
    put("organization", vec![customer.name.clone(), String::new()]);
    put("recipient", names.iter().cloned().chain([customer.name.clone()]).collect());
    put("person", names.into_iter().chain([String::new()]).collect());
    facts.insert(label, one(THERE));
}

pub(super) fn seen_customer(customer: &SeenCustomer) -> Facts {
    let mut facts = Facts::from([("name".to_owned(), text(&customer.name))]);
    for address in &customer.addresses {
        let label = format!("address {}", said(address.label.as_ref()));
        let mut put = |name: &str, value: String| facts.insert(format!("{label} {name}"), value);
        let person = together(address.first_name.as_ref(), address.last_name.as_ref());
        let organization = said(address.organization.as_ref());
        put("street", said(address.street.as_ref()));
        put("street2", said(address.street2.as_ref()));
        put("city", said(address.city.as_ref()));
        put("post code", said(address.postal_code.as_ref()));
        put("country", said(address.country.as_ref()));
        put("recipient", if person.is_empty() { organization.clone() } else { person.clone() });
        put("organization", organization);
        put("person", person);
        facts.insert(label, THERE.to_owned());
    }
    for user in &customer.users {
        let name = format!("user {}", user.email);
        facts.insert(format!("{name} first name"), said(user.first_name.as_ref()));
        facts.insert(format!("{name} last name"), said(user.last_name.as_ref()));
        facts.insert(name, THERE.to_owned());
    }
    facts
}

pub(super) fn expected_product(product: &Product) -> Expected {
    Expected::from([
        ("name".to_owned(), one(&product.name)),
        ("description".to_owned(), one(text(&product.description))),
        ("status".to_owned(), one(product.status)),
        ("unit".to_owned(), one(product.unit.name())),
    ])
}

pub(super) fn seen_product(product: &SeenProduct) -> Facts {
    Facts::from([
        ("name".to_owned(), said(product.name.as_ref())),
        ("description".to_owned(), said(product.description.as_ref())),
        ("status".to_owned(), product.status.clone()),
        ("unit".to_owned(), said(product.unit.as_ref())),
    ])
}

/// The name, cut to what the warehouse holds.
pub(super) fn expected_import(product: &Product) -> Expected {
    let cut: String = product.name.chars().take(DESCRIPTION_MAX).collect();
    Expected::from([("description".to_owned(), one(text(&cut)))])
}

pub(super) fn seen_import(product: &SeenImportedProduct) -> Facts {
    Facts::from([("description".to_owned(), said(product.properties.get("description")))])
}
