//! A customer's people: known by email, else by the contact's id.
//!
//! An email belongs to one user in the whole shop: of a customer's people who share one, the first is
//! the user. A user is enabled only when it is made and only
//! with a configured role; later Ferry disables the users of a blocked customer and enables nobody,
//! because it cannot tell whom the shop has disabled itself.

use ferry_canonical::{
    FailureKind,
    customer::{Contact, CustomerProfile},
};
use serde_json::Value;

use super::{
    client::{Api, Call},
    customer::{CUSTOMERS, external_id},
    customer_form::{self, same_email},
    document::{self, Resource},
};
use crate::target::Failure;

pub(super) const USERS: &str = "customerusers";

/// Adds who is missing and changes who differs; says whether anything was written.
pub(super) async fn apply(
    api: &Api<'_>,
    profile: &CustomerProfile,
    customer: &str,
    found: &[Value],
) -> Result<bool, Failure> {
    let mut written = false;
    for contact in customer_form::users(&profile.contacts) {
        let wanted = wanted(api, contact);
        written |= match find(api, profile, found, contact) {
            Some(found) => change(api, profile, contact, (&wanted, found)).await?,
            None => create(api, profile, contact, customer).await?,
        };
    }
    Ok(written)
}

/// Who is to be written, with the place of each in the profile: without an id it is a new one.
pub(super) fn changes(
    api: &Api<'_>,
    profile: &CustomerProfile,
    customer: &str,
    found: &[Value],
) -> Vec<(String, Resource)> {
    let change = |contact| {
        let change = match find(api, profile, found, contact) {
            Some(found) => changed(profile, &wanted(api, contact), found),
            None => Some(new(api, profile, contact, customer)),
        };
        change.map(|change| (at(contact), change))
    };
    customer_form::users(&profile.contacts).filter_map(change).collect()
}

fn wanted(api: &Api<'_>, contact: &Contact) -> Resource {
    let user = Resource::new(USERS)
        .attribute("email", contact.email.as_str())
        .attribute("firstName", contact.first_name.as_str())
        .attribute("lastName", contact.last_name.as_str());
    if api.oro.capability.has_numbers() {
        return user.attribute("externalId", external_id(&contact.id));
    }
    user
}

/// Whom the shop has no user of their own for, as a person is to hear it.
pub(super) fn left_out(profile: &CustomerProfile) -> Option<String> {
    let users: Vec<&Contact> = customer_form::users(&profile.contacts).collect();
    let of = |contact: &Contact| -> Option<String> {
        let user = users.iter().find(|user| same_email(&user.email, &contact.email))?;
        let own = std::ptr::eq(*user, contact);
        (!own).then(|| format!("contacts[{}] has the email of contacts[{}]", contact.id, user.id))
    };
    let told: Vec<String> = profile.contacts.iter().filter_map(of).collect();
    (!told.is_empty()).then(|| format!("{}: a shop has one user for an email", told.join(", ")))
}

fn find<'a>(
    api: &Api<'_>,
    profile: &CustomerProfile,
    found: &'a [Value],
    contact: &Contact,
) -> Option<&'a Value> {
    let has_email = |user: &&Value| {
        document::text(user, "email").is_some_and(|found| same_email(found, &contact.email))
    };
    let id = external_id(&contact.id);
    let same_id = |user: &&Value| match document::text(user, "externalId") {
        Some(found) => found == id,
        None => document::id(user).is_some_and(|own| unnamed(own) == contact.id),
    };
    let known = found.iter().find(has_email).or_else(|| found.iter().find(same_id));
    if known.is_some() || api.oro.capability.has_numbers() {
        return known;
    }
    // Without ids, who has a new email is the one user of the name whose email nobody has any more.
    let is_left = |user: &&Value| {
        let email = document::text(user, "email").unwrap_or_default();
        profile.contacts.iter().all(|contact| !same_email(&contact.email, email))
    };
    let has_name = |user: &&Value| {
        document::text(user, "firstName") == Some(document::kept(&contact.first_name))
            && document::text(user, "lastName") == Some(document::kept(&contact.last_name))
    };
    let mut left = found.iter().filter(is_left).filter(has_name);
    left.next().filter(|_| left.next().is_none())
}

/// What a user is called who has no `externalId`.
pub(super) fn unnamed(id: &str) -> String {
    format!("oro-{id}")
}

async fn change(
    api: &Api<'_>,
    profile: &CustomerProfile,
    contact: &Contact,
    (wanted, found): (&Resource, &Value),
) -> Result<bool, Failure> {
    let Some(change) = changed(profile, wanted, found) else { return Ok(false) };
    let call = Call::change("update customer user", change, Vec::new());
    api.ask(&Call { at: Some(at(contact)), ..call }).await?;
    Ok(true)
}

fn changed(profile: &CustomerProfile, wanted: &Resource, found: &Value) -> Option<Resource> {
    let wanted = wanted.clone();
    let wanted = if profile.blocked { wanted.attribute("enabled", false) } else { wanted };
    wanted.changes(found)
}

fn new(api: &Api<'_>, profile: &CustomerProfile, contact: &Contact, customer: &str) -> Resource {
    let user = wanted(api, contact).one("customer", CUSTOMERS, customer);
    // Oro requires a role of an enabled user (OroCommerce reference §6).
    match &api.oro.config.customer_user_role {
        Some(role) => user.attribute("enabled", !profile.blocked).many(
            "userRoles",
            "customeruserroles",
            [role.as_str()],
        ),
        None => user.attribute("enabled", false),
    }
}

fn at(contact: &Contact) -> String {
    format!("contacts[{}]", contact.id)
}

async fn create(
    api: &Api<'_>,
    profile: &CustomerProfile,
    contact: &Contact,
    customer: &str,
) -> Result<bool, Failure> {
    let user = new(api, profile, contact, customer);
    let call =
        Call { at: Some(at(contact)), ..Call::create("create customer user", user, Vec::new()) };
    match api.ask(&call).await {
        Ok(_) => Ok(true),
        Err(no) if no.duplicate => settle_duplicate(api, profile, contact, customer).await,
        Err(no) => Err(no.failure),
    }
}

/// Guests of a checkout share emails with anybody.
pub(super) fn is_guest(user: &Value) -> bool {
    document::attribute(user, "isGuest").and_then(Value::as_bool) == Some(true)
}

/// The email is taken: by the same customer's user, who came meanwhile, or by another customer's,
/// whom Ferry does not move.
async fn settle_duplicate(
    api: &Api<'_>,
    profile: &CustomerProfile,
    contact: &Contact,
    customer: &str,
) -> Result<bool, Failure> {
    let query = vec![("filter[email]", document::kept(&contact.email).to_owned())];
    let document = api.list("look up customer user", USERS, query).await?;
    let user = find(api, profile, document::rows(&document), contact);
    match user {
        Some(user) if document::one(user, "customer") == Some(customer) => {
            change(api, profile, contact, (&wanted(api, contact), user)).await
        }
        Some(_) => Err(Failure::new(
            FailureKind::Rejected,
            format!(
                "contacts[{}].email: the shop has this email for a user of another customer",
                contact.id
            ),
        )),
        None => Err(Failure::new(
            FailureKind::Conflict,
            format!("contacts[{}]: its email or id is taken in the shop", contact.id),
        )),
    }
}
