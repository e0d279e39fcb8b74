//! Customers' people and addresses.

use serde_json::Value;

use super::Subject;
use crate::oro::problem::Problem;
use crate::oro::record::{Id, Record};
use crate::oro::schema::Kind;

/// Countries whose region the shop insists on. A real shop insists wherever its region table has
/// entries for the country; these are the two every shop has.
const REGION_REQUIRED: [(&str, &str); 2] = [("CA", "Canada"), ("US", "United States")];

/// Characters of a password, at least; what else a shop asks of one is its own.
const PASSWORD_MIN: usize = 8;

pub(super) fn user(subject: &mut Subject<'_>) {
    let record = subject.record;
    if let Some(email) = record.text("email") {
        if !is_email(email) {
            let detail = "This value is not a valid email address.";
            subject.refuse_at("email", detail, subject.attribute("email"));
        } else if subject.others("email", email) {
            let detail = "This email is already used.";
            let title = "unique customer user name and email";
            subject.refuse_at(title, detail, subject.attribute("email"));
        }
    }
    let is_enabled = record.attribute("enabled").and_then(Value::as_bool) == Some(true);
    if is_enabled && record.list("userRoles").is_empty() {
        let detail = "Please select at least one role before you enable the customer user.";
        subject.refuse(Problem::constraint("customer user check role", detail));
    }
    // What it was before is nobody's to look at.
    let is_sent = subject.sent.attributes.contains_key("password");
    let password = record.text("password").filter(|_| is_sent);
    if password.is_some_and(|password| password.chars().count() < PASSWORD_MIN) {
        let detail = format!("The password must be at least {PASSWORD_MIN} characters long.");
        subject.refuse_at("password complexity", &detail, subject.attribute("password"));
    }
}

/// Nobody is above himself, whichever side says so.
pub(super) fn customer(subject: &mut Subject<'_>) {
    let (store, record) = (subject.store, subject.record);
    let name = |record: &Record| record.text("name").unwrap_or_default().to_owned();
    let above = |record: &Record| store.get(Kind::Customers, record.one.get("parent")?);
    let (Some(parent), mut at) = (above(record), above(record)) else { return };
    let mut seen = vec![&record.id];
    while let Some(next) = at {
        if next.id == record.id {
            break;
        }
        if seen.contains(&&next.id) {
            // A ring further up, which is not this row's.
            return;
        }
        seen.push(&next.id);
        at = above(next);
    }
    if at.is_none() {
        return;
    }
    let (own, other) = (name(record), name(parent));
    let by_children = subject.sent.relationships.iter().any(|(name, _)| name == "children");
    let (relation, detail) = if by_children {
        ("children", format!("'{other}' cannot be a child of '{own}' because it is its parent."))
    } else {
        ("parent", format!("'{other}' cannot be a parent of '{own}' because it is its child."))
    };
    let detail = format!("Circular reference detected. {detail}");
    subject.refuse_at("circular customer reference", &detail, subject.relation(relation));
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    !name.is_empty()
        && !name.contains('@')
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && !text.contains(char::is_whitespace)
}

pub(super) fn address(subject: &mut Subject<'_>) {
    owned_address(subject, "customer");
}

pub(super) fn user_address(subject: &mut Subject<'_>) {
    owned_address(subject, "customerUser");
}

fn owned_address(subject: &mut Subject<'_>, relation: &'static str) {
    named(subject);
    region(subject);
    let owners = subject.record.kind.resource().relation(relation).map(|owner| owner.target);
    let owner = subject.record.one.get(relation);
    let owner = owners.zip(owner).and_then(|(kind, id)| subject.store.get(kind, id));
    let organization = owner.and_then(|owner| owner.one.get("organization"));
    let own = subject.record.one.get("systemOrganization");
    if organization.zip(own).is_some_and(|(one, other)| one != other) {
        let detail = "Customer and its address belongs to different organizations.";
        subject.refuse(Problem::constraint("valid organization", detail));
    }
}

/// An organisation, or a first and a last name.
pub(super) fn named(subject: &mut Subject<'_>) {
    let record = subject.record;
    let person = record.text("firstName").is_some() && record.text("lastName").is_some();
    if record.text("organization").is_some() || person {
        return;
    }
    let title = "name or organization";
    let pairs = [
        ("firstName", "First Name and Last Name or Organization should not be blank."),
        ("lastName", "Last Name and First Name or Organization should not be blank."),
        ("organization", "Organization or First Name and Last Name should not be blank."),
    ];
    for (name, detail) in pairs {
        subject.refuse_at(title, detail, subject.attribute(name));
    }
}

pub(super) fn region(subject: &mut Subject<'_>) {
    let record = subject.record;
    let Some(country) = record.one.get("country").map(ToString::to_string) else { return };
    let store = subject.store;
    let name = |kind: Kind, id: &str| {
        let row = store.get(kind, &Id::name(id));
        row.and_then(|row| row.text("name")).unwrap_or(id).to_owned()
    };
    let with_regions = REGION_REQUIRED.iter().find(|(code, _)| *code == country);
    if with_regions.is_some() && record.text("customRegion").is_some() {
        let detail = "Custom region can be used only for countries without predefined regions.";
        subject.refuse(Problem::constraint("region text", detail));
    }
    match (record.one.get("region").map(ToString::to_string), with_regions) {
        (None, Some((_, name))) => {
            let detail = format!("State is required for country {name}");
            subject.refuse_at("required region", &detail, subject.relation("region"));
        }
        (Some(region), _) if !region.starts_with(&format!("{country}-")) => {
            let (region, country) = (name(Kind::Regions, &region), name(Kind::Countries, &country));
            let detail = format!("Region {region} does not belong to country {country}");
            subject.refuse_at("valid region", &detail, subject.relation("region"));
        }
        (None | Some(_), _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn an_email_has_one_name_and_a_host_with_a_dot() {
        for good in ["a@b.de", "zoë.müller+shop@example.co.uk"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.de", "a b@c.de", "a@.de", "a@b."] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
