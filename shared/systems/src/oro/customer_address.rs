//! A customer's addresses: known by their code, which Oro calls label.

use ferry_canonical::{
    customer::CustomerProfile,
    value::{Address, AddressKind},
};
use serde_json::{Value, json};

use super::{
    client::{Api, Call},
    customer::CUSTOMERS,
    document::{self, Resource, kept},
};
use crate::target::Failure;

pub(super) const ADDRESSES: &str = "customeraddresses";
/// Countries whose regions Oro insists on and whose short codes are unambiguous.
const SHORT_REGIONS: &[&str] = &["CA", "US"];

/// Adds what is missing and changes what differs; says whether anything was written.
pub(super) async fn apply(
    api: &Api<'_>,
    profile: &CustomerProfile,
    customer: &str,
    found: &[Value],
) -> Result<bool, Failure> {
    let changes = changes(profile, customer, found);
    let written = !changes.is_empty();
    for (at, change) in changes {
        let call = if change.id.is_some() {
            Call::change("update customer address", change, Vec::new())
        } else {
            Call::create("create customer address", change, Vec::new())
        };
        api.ask(&Call { at: Some(at), ..call }).await?;
    }
    Ok(written)
}

/// What is to be written, with the place of each in the profile: without an id it is a new one.
pub(super) fn changes(
    profile: &CustomerProfile,
    customer: &str,
    found: &[Value],
) -> Vec<(String, Resource)> {
    let mut changes = Vec::new();
    let wanted = |(index, address)| (address, wanted(profile, index, address));
    let wanted: Vec<(&Address, Resource)> =
        profile.addresses.iter().enumerate().map(wanted).collect();
    let there = there(&wanted, found);
    for (index, ((address, wanted), found)) in wanted.into_iter().zip(there).enumerate() {
        let change = match found {
            Some(found) => wanted.changes(found),
            None => Some(wanted.one("customer", CUSTOMERS, customer)),
        };
        let name = address.code.clone().unwrap_or_else(|| index.to_string());
        changes.extend(change.map(|change| (format!("addresses[{name}]"), change)));
    }
    changes
}

/// Each address as the shop has it: of several at one place, each is another one, and one that is so
/// already is itself. Those with a code come first, since one without might take theirs.
fn there<'a>(wanted: &[(&Address, Resource)], found: &'a [Value]) -> Vec<Option<&'a Value>> {
    let mut there = vec![None; wanted.len()];
    let mut free: Vec<&Value> = found.iter().collect();
    for (coded, changed) in [(true, false), (true, true), (false, false), (false, true)] {
        for ((address, wanted), there) in wanted.iter().zip(&mut there) {
            if there.is_some() || address.code.is_some() != coded {
                continue;
            }
            let fits = |found: &&Value| {
                is_it(found, address) && (changed || wanted.changes(found).is_none())
            };
            *there = free.iter().position(fits).map(|at| free.remove(at));
        }
    }
    there
}

/// By code; one without a code is known by where it is.
fn is_it(found: &Value, address: &Address) -> bool {
    let is = |name, wanted: &str| document::text(found, name) == Some(kept(wanted));
    match &address.code {
        Some(code) => is("label", code),
        None => {
            is("street", &address.street)
                && is("city", &address.city)
                && document::text(found, "postalCode") == address.postcode.as_deref().map(kept)
                && document::one(found, "country") == Some(address.country.as_str())
        }
    }
}

/// Oro wants an organisation or a first and a last name: without either it is the customer's own.
fn wanted(profile: &CustomerProfile, index: usize, address: &Address) -> Resource {
    let resource = plain(Resource::new(ADDRESSES), address, Some(&profile.name))
        .attribute("types", types(profile, index, address));
    let resource = match &address.code {
        Some(code) => resource.attribute("label", code.as_str()),
        None => resource,
    };
    in_region(resource, address)
}

/// What every address has, of a customer and of an order.
pub(super) fn fields(resource: Resource, address: &Address, owner: Option<&str>) -> Resource {
    in_region(plain(resource, address, owner), address)
}

fn plain(resource: Resource, address: &Address, owner: Option<&str>) -> Resource {
    let is_person = address.first_name.is_some() && address.last_name.is_some();
    let organization = match &address.company {
        Some(company) => Some(company.as_str()),
        None if is_person => None,
        None => owner,
    };
    resource
        .attribute("organization", organization)
        .attribute("firstName", address.first_name.as_deref())
        .attribute("lastName", address.last_name.as_deref())
        .attribute("street", address.street.as_str())
        .attribute("street2", address.street2.as_deref())
        .attribute("city", address.city.as_str())
        .attribute("postalCode", address.postcode.as_deref())
        .attribute("phone", address.phone.as_deref())
        .one("country", "countries", address.country.as_str())
}

fn in_region(resource: Resource, address: &Address) -> Resource {
    match (region_code(address), &address.region) {
        (Some(code), _) => {
            resource.attribute("customRegion", Value::Null).one("region", "regions", &code)
        }
        (None, Some(region)) => resource.attribute("customRegion", region.as_str()).none("region"),
        (None, None) => resource.attribute("customRegion", Value::Null).none("region"),
    }
}

/// The first address of a kind is the default of that kind.
fn types(profile: &CustomerProfile, index: usize, address: &Address) -> Value {
    let name = |kind| match kind {
        AddressKind::Billing => "billing",
        AddressKind::Shipping => "shipping",
    };
    let is_first =
        |kind| profile.addresses.iter().take(index).all(|other| !other.kinds.contains(&kind));
    let of = |kind| {
        let default = is_first(kind);
        address
            .kinds
            .contains(&kind)
            .then(|| json!({"default": default, "addressType": name(kind)}))
    };
    [AddressKind::Billing, AddressKind::Shipping].into_iter().filter_map(of).collect()
}

/// `US-NY`, also where the source says `NY`; any other region goes as text.
pub(super) fn region_code(address: &Address) -> Option<String> {
    let country = address.country.as_str();
    let region = address.region.as_deref()?;
    let is_part = |part: &str| {
        (1..=3).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    if let Some((prefix, part)) = region.split_once('-') {
        return (prefix == country && is_part(part)).then(|| region.to_owned());
    }
    (SHORT_REGIONS.contains(&country) && is_part(region)).then(|| format!("{country}-{region}"))
}
