//! Customers of a shop that has no field for their number: OroCommerce before 6.1.10, and 7.0.0 and
//! 7.0.1 (OroCommerce reference §0.1).
//!
//! Such a shop takes a customer as often as it is sent one. What it takes once only is the email of a
//! customer's user. So a new customer goes in one request with all that hangs on it, all or none, and
//! whoever of its people is in the shop already says that it is there, and which one it is. One
//! without people is known by being just what was sent. Where that is not certain, a person decides.

use std::collections::BTreeSet;

use ferry_canonical::{Brought, Entity, FailureKind, customer::CustomerProfile};
use serde_json::Value;

use super::{
    client::{Api, Call},
    customer::{self, CUSTOMERS},
    customer_address::{self, ADDRESSES},
    customer_form::{self, same_email},
    customer_user::{self, USERS},
    document::{self, ITSELF, Resource},
    problem::No,
};
use crate::target::{Failure, Write};

/// Emails that are asked for: a customer comes with all of its people or does not come.
const EMAILS_MAX: usize = 5;
/// Customers of one name that are looked at.
const NAMESAKES_MAX: usize = 20;

/// What goes with a new customer, each under its place in the profile.
pub(super) fn included(api: &Api<'_>, profile: &CustomerProfile) -> Vec<Resource> {
    let addresses = customer_address::changes(profile, ITSELF, &[]);
    let users = customer_user::changes(api, profile, ITSELF, &[]);
    let included = addresses.into_iter().chain(users).enumerate();
    included.map(|(index, (at, resource))| resource.named(format!("{at}#{index}"))).collect()
}

/// A new customer as an item of a list. There it has to name what goes with it: Oro takes from what is
/// included what an item names, and does not look the other way round.
pub(super) fn whole(
    api: &Api<'_>,
    profile: &CustomerProfile,
    wanted: Resource,
) -> (Resource, Vec<Resource>) {
    let included: Vec<Resource> = included(api, profile)
        .into_iter()
        .map(|resource| resource.without_relation("customer"))
        .collect();
    let named = |kind: &'static str| {
        let of_it = included.iter().filter(move |resource| resource.kind == kind);
        of_it.filter_map(|resource| resource.id.as_deref()).collect::<Vec<_>>()
    };
    let mut customer = wanted;
    for (relation, kind) in [("addresses", ADDRESSES), ("users", USERS)] {
        let ids = named(kind);
        if !ids.is_empty() {
            customer = customer.many(relation, kind, ids);
        }
    }
    (customer, included)
}

/// The place in the profile of something that was sent with its customer.
pub(super) fn place_of(included: &Value) -> Option<&str> {
    let (at, _) = document::id(included)?.rsplit_once('#')?;
    at.ends_with(']').then_some(at)
}

/// The new customer's id.
pub(super) async fn create(
    api: &Api<'_>,
    profile: &CustomerProfile,
    wanted: &Resource,
) -> Result<String, No> {
    let resource = wanted.clone().named(ITSELF);
    let call = Call::create("create customer", resource, included(api, profile));
    Ok(customer::created(&api.ask(&call).await?.document)?)
}

/// The customer as the shop has it, where an earlier try has made it or somebody else has.
pub(super) async fn find(
    api: &Api<'_>,
    write: &Write<'_>,
    profile: &CustomerProfile,
) -> Result<Option<Value>, Failure> {
    match of_its_people(api, profile).await? {
        // What was made then had other people, or another name: nobody could tell.
        Of::Nobody | Of::Unknown if write.read_first && write.brought == Brought::Other => {
            let detail = "an earlier state of the customer may be in the shop, which has no number that \
                          would tell: look, and link it (`ferry xref adopt`) or send this again";
            Err(Failure::new(FailureKind::Ambiguous, detail))
        }
        Of::Nobody if write.read_first => same(api, profile).await,
        Of::Nobody | Of::Unknown => Ok(None),
        Of::One(id) => {
            let Some(found) = customer::read(api, &id).await? else { return Ok(None) };
            let owner = api.conversation.owner(Entity::Customer.as_str(), &id).await;
            let owner = owner.map_err(|error| Failure::unanswered(&error, false))?;
            if let Some(owner) = owner.filter(|owner| *owner != write.subject.id) {
                let detail = format!(
                    "contacts: the shop has the email of one for a user of customer `{owner}`, and an \
                     email belongs to one user there"
                );
                return Err(Failure::new(FailureKind::Rejected, detail));
            }
            if names(&found, profile) {
                return Ok(Some(found));
            }
            // An earlier try may have made it under another name; it may as well be somebody else's.
            let kind =
                if write.read_first { FailureKind::Ambiguous } else { FailureKind::Rejected };
            let detail = "contacts: the shop has the email of one for a user of a customer of another \
                          name, and no number that would tell whether it is the same";
            Err(Failure::new(kind, detail))
        }
    }
}

/// Whose people they are in the shop.
enum Of {
    /// The profile names none.
    Nobody,
    /// They are nobody's.
    Unknown,
    One(String),
}

async fn of_its_people(api: &Api<'_>, profile: &CustomerProfile) -> Result<Of, Failure> {
    let (mut owners, mut is_empty) = (BTreeSet::new(), true);
    for contact in customer_form::users(&profile.contacts).take(EMAILS_MAX) {
        is_empty = false;
        let of = ("filter[email]", document::kept(&contact.email));
        let found = api.list_all("look up customer user", USERS, of).await?;
        let has_email = |user: &&Value| {
            let email = document::text(user, "email");
            email.is_some_and(|email| same_email(email, &contact.email))
                && !customer_user::is_guest(user)
        };
        let theirs = found.iter().filter(has_email);
        owners.extend(theirs.filter_map(|user| document::one(user, "customer")).map(str::to_owned));
    }
    let several = owners.len() > 1;
    match owners.pop_first() {
        None if is_empty => Ok(Of::Nobody),
        None => Ok(Of::Unknown),
        Some(_) if several => {
            let detail = "contacts: their emails are those of several customers' users in the shop";
            Err(Failure::new(FailureKind::Ambiguous, detail))
        }
        Some(owner) => Ok(Of::One(owner)),
    }
}

fn names(row: &Value, profile: &CustomerProfile) -> bool {
    document::text(row, "name")
        .is_some_and(|name| document::kept(name) == document::kept(&profile.name))
}

/// The one customer of the name that has nobody and just the addresses that were sent.
async fn same(api: &Api<'_>, profile: &CustomerProfile) -> Result<Option<Value>, Failure> {
    let of = ("filter[name]", document::kept(&profile.name));
    let found = api.list_all("look up customers of the name", CUSTOMERS, of).await?;
    let found: Vec<&Value> = found.iter().filter(|row| names(row, profile)).collect();
    if found.len() > NAMESAKES_MAX {
        return Err(namesakes());
    }
    let (mut same, mut like) = (Vec::new(), false);
    for row in found {
        let id = document::id(row).unwrap_or_default();
        let of = ("filter[customer]", id);
        if !api.list_all("read customer users", USERS, of).await?.is_empty() {
            continue;
        }
        let addresses = api.list_all("read customer addresses", ADDRESSES, of).await?;
        let is_same = addresses.len() == profile.addresses.len()
            && customer_address::changes(profile, id, &addresses).is_empty();
        like |= !is_same;
        same.extend(is_same.then_some(row));
    }
    match same.as_slice() {
        [one] => Ok(Some((*one).clone())),
        [] if !like => Ok(None),
        // It may be what an earlier state of it has become.
        [] | [_, ..] => Err(namesakes()),
    }
}

fn namesakes() -> Failure {
    let detail = "name: the shop has customers of this name who have no users, and no number that \
                  would tell whether one is the same";
    Failure::new(FailureKind::Ambiguous, detail)
}

#[cfg(test)]
mod tests;
