//! The form in which an Oro shop says a customer: what it shows once it has taken a profile.
//!
//! A shop has no place for a VAT number, notes, a contact's phone and role or an address's email,
//! cannot say whether a customer is blocked, has one user for all who share an email, knows no order of
//! people and addresses but the default ones, spells regions its own way, and takes off what stands
//! around a text and is not seen. So what it says is never compared with what was written to it, but
//! with the form of that ([`form`]); and what it cannot say is never taken for a removal, but for what
//! the other side knows ([`complete`]).

use std::cmp::Reverse;

use ferry_canonical::{
    customer::{Contact, CustomerProfile},
    value::{Address, AddressKind},
};

use super::{customer::external_id, customer_address::region_code, document::kept};

/// An address and the kinds it is the default of.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) address: Address,
    pub(super) defaults: Vec<AddressKind>,
}

/// What the shop says of `profile` once it has taken it. The form of a form is itself.
pub(super) fn form(profile: &CustomerProfile) -> CustomerProfile {
    let placed = profile.addresses.iter().enumerate().map(|(index, address)| {
        let is_first =
            |kind| profile.addresses.iter().take(index).all(|other| !other.kinds.contains(kind));
        let defaults = address.kinds.iter().filter(|kind| is_first(kind)).copied().collect();
        Placed { address: address_form(address, &profile.name), defaults }
    });
    CustomerProfile {
        number: external_id(&profile.number),
        name: kept(&profile.name).to_owned(),
        group: said(profile.group.as_ref()),
        vat_number: None,
        blocked: false,
        contacts: people(users(&profile.contacts).map(contact_form).collect()),
        addresses: in_order(placed.collect()),
        notes: None,
        extensions: ferry_canonical::value::Extensions::new(),
    }
}

/// Text that says something.
fn said(text: Option<&String>) -> Option<String> {
    text.map(|text| kept(text)).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn contact_form(contact: &Contact) -> Contact {
    Contact {
        id: external_id(&contact.id),
        first_name: kept(&contact.first_name).to_owned(),
        last_name: kept(&contact.last_name).to_owned(),
        email: kept(&contact.email).to_owned(),
        phone: None,
        role: None,
    }
}

fn address_form(address: &Address, customer: &str) -> Address {
    let region = region_code(address).or_else(|| said(address.region.as_ref()));
    plain(
        Address {
            code: said(address.code.as_ref()),
            kinds: address.kinds.clone(),
            company: said(address.company.as_ref()),
            first_name: said(address.first_name.as_ref()),
            last_name: said(address.last_name.as_ref()),
            street: kept(&address.street).to_owned(),
            street2: said(address.street2.as_ref()),
            city: kept(&address.city).to_owned(),
            postcode: said(address.postcode.as_ref()),
            region,
            country: address.country.clone(),
            phone: said(address.phone.as_ref()),
            email: None,
        },
        customer,
    )
}

/// Without what follows from the customer: an address that names nobody has the customer's own name
/// in the shop.
fn plain(mut address: Address, customer: &str) -> Address {
    let person = address.first_name.is_some() && address.last_name.is_some();
    if !person && address.company.as_deref() == Some(kept(customer)) {
        address.company = None;
    }
    address.kinds = [AddressKind::Billing, AddressKind::Shipping]
        .into_iter()
        .filter(|kind| address.kinds.contains(kind))
        .collect();
    address
}

/// Those who are users of the shop: it has one user for an email, and the first who has it is the
/// one.
pub(super) fn users(contacts: &[Contact]) -> impl Iterator<Item = &Contact> {
    contacts.iter().enumerate().filter_map(|(place, contact)| {
        let is_first =
            contacts.iter().take(place).all(|other| !same_email(&other.email, &contact.email));
        is_first.then_some(contact)
    })
}

pub(super) fn same_email(one: &str, other: &str) -> bool {
    kept(one).to_lowercase() == kept(other).to_lowercase()
}

/// People in one order, whoever lists them.
fn people(mut contacts: Vec<Contact>) -> Vec<Contact> {
    contacts.sort_by(|one, other| (&one.id, &one.email).cmp(&(&other.id, &other.email)));
    contacts
}

/// Addresses in the one order that says which is the default of each kind: the first of it. One
/// that is a default and has the other kind too stands behind the default of that kind.
pub(super) fn in_order(mut placed: Vec<Placed>) -> Vec<Address> {
    let defers =
        |placed: &Placed| placed.address.kinds.iter().any(|kind| !placed.defaults.contains(kind));
    placed.sort_by_cached_key(|placed| {
        let rank = (
            placed.defaults.is_empty(),
            defers(placed),
            Reverse(placed.defaults.contains(&AddressKind::Billing)),
        );
        // Of those that are no default, the content decides: it is the same wherever it is read.
        (rank, serde_json::to_string(&placed.address).unwrap_or_default())
    });
    placed.into_iter().map(|placed| placed.address).collect()
}

/// What the shop said, with what it cannot say as `known` has it: `known` itself where the shop
/// would say of it just this.
pub(super) fn complete(shop: &CustomerProfile, known: &CustomerProfile) -> CustomerProfile {
    let shop = form(shop);
    if form(known) == shop {
        return known.clone();
    }
    let number =
        if external_id(&known.number) == shop.number { &known.number } else { &shop.number };
    let mut found = addresses(&shop, known);
    let in_shops_order: Vec<Address> = found.iter().map(|(_, address)| address.clone()).collect();
    found.sort_by_key(|(index, _)| index.unwrap_or(usize::MAX));
    let profile = CustomerProfile {
        number: number.clone(),
        name: own_spelling(&known.name, &shop.name),
        group: if said(known.group.as_ref()) == shop.group { &known.group } else { &shop.group }
            .clone(),
        vat_number: known.vat_number.clone(),
        blocked: known.blocked,
        notes: known.notes.clone(),
        extensions: known.extensions.clone(),
        contacts: contacts(&shop, known),
        addresses: found.into_iter().map(|(_, address)| address).collect(),
    };
    if form(&profile) == shop {
        return profile;
    }
    // Which address is the default has changed: their order is the shop's.
    CustomerProfile { addresses: in_shops_order, ..profile }
}

/// What the shop says, as the other side spells it where it is the same.
fn own_spelling(known: &str, shop: &str) -> String {
    if kept(known) == shop { known } else { shop }.to_owned()
}

fn contacts(shop: &CustomerProfile, known: &CustomerProfile) -> Vec<Contact> {
    let with_known = |contact: &Contact| {
        let found = known.contacts.iter().find(|known| external_id(&known.id) == contact.id);
        match found {
            Some(known) => Contact {
                id: known.id.clone(),
                first_name: own_spelling(&known.first_name, &contact.first_name),
                last_name: own_spelling(&known.last_name, &contact.last_name),
                email: own_spelling(&known.email, &contact.email),
                phone: known.phone.clone(),
                role: known.role.clone(),
            },
            None => contact.clone(),
        }
    };
    let place = |contact: &Contact| known.contacts.iter().position(|known| known.id == contact.id);
    let mut contacts: Vec<(usize, Contact)> = shop
        .contacts
        .iter()
        .map(with_known)
        .map(|contact| (place(&contact).unwrap_or(usize::MAX), contact))
        .collect();
    let beside: Vec<(usize, Contact)> = known
        .contacts
        .iter()
        .enumerate()
        .filter(|(_, other)| contacts.iter().all(|(_, contact)| contact.id != other.id))
        .filter_map(|(at, other)| {
            let (place, user) = contacts.iter().find(|(place, _)| {
                known.contacts.get(*place).is_some_and(|user| same_email(&user.email, &other.email))
            })?;
            // The shop's one user stands for all who share its email, and so does its new email.
            let email =
                if same_email(&user.email, &other.email) { &other.email } else { &user.email };
            Some((at.max(*place), Contact { email: email.clone(), ..other.clone() }))
        })
        .collect();
    contacts.extend(beside);
    // Who is the user stands before those it stands for.
    contacts.sort_by_key(|(place, _)| *place);
    contacts.into_iter().map(|(_, contact)| contact).collect()
}

/// Each address of the shop as `known` has it, with its place there. Of several at one place, those
/// that are alike are the same.
fn addresses(shop: &CustomerProfile, known: &CustomerProfile) -> Vec<(Option<usize>, Address)> {
    let forms: Vec<Address> =
        known.addresses.iter().map(|known| address_form(known, &shop.name)).collect();
    let mut found: Vec<Option<usize>> = vec![None; shop.addresses.len()];
    let equal: fn(&Address, &Address) -> bool = |one, other| one == other;
    for is_it in [equal, same_place] {
        for (at, address) in shop.addresses.iter().enumerate() {
            let is_free = |index: &usize| !found.contains(&Some(*index));
            let alike = forms.iter().enumerate().filter(|(_, known)| is_it(known, address));
            let mut alike = alike.map(|(index, _)| index);
            let index = alike.find(is_free);
            if let Some(found @ None) = found.get_mut(at) {
                *found = index;
            }
        }
    }
    let with_known = |(address, index): (&Address, Option<usize>)| {
        let known = index.and_then(|index| known.addresses.get(index).zip(forms.get(index)));
        let address = match known {
            Some((known, form)) if form == address => known.clone(),
            Some((known, _)) => Address { email: known.email.clone(), ..address.clone() },
            None => address.clone(),
        };
        (index, address)
    };
    shop.addresses.iter().zip(found).map(with_known).collect()
}

/// By code; those without one by where they are.
fn same_place(one: &Address, other: &Address) -> bool {
    match (&one.code, &other.code) {
        (Some(one), Some(other)) => one == other,
        (None, None) => {
            (&one.street, &one.city, &one.postcode, &one.country)
                == (&other.street, &other.city, &other.postcode, &other.country)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(around: &str) -> CustomerProfile {
        let text = |text: &str| format!("{around}{text}{around}");
        let profile = json!({"number": "C-1", "name": text("Acme"), "group": text("Retail"),
            "blocked": false,
            "contacts": [{"id": "P-1", "first_name": text("Zoë"), "last_name": text("Müller"),
                "email": text("zoe@acme.example"), "phone": "123"}],
            "addresses": [{"code": text("BILL"), "kinds": ["billing"], "company": text("Acme"),
                "street": text("Kaai 1"), "city": text("Gent"), "postcode": text("9000"),
                "country": "BE"}]});
        serde_json::from_value(profile).unwrap()
    }

    #[test]
    fn what_stands_around_a_text_is_not_seen_in_the_shop() {
        let bare = form(&profile(""));
        for around in [" ", "\u{a0}\t", "\u{200b}\r\n"] {
            assert_eq!(form(&profile(around)), bare, "{around:?}");
            assert_eq!(complete(&bare, &profile(around)), profile(around));
        }
        assert_ne!(form(&CustomerProfile { name: "Ac me".to_owned(), ..profile("") }), bare);
    }

    #[test]
    fn a_change_in_the_shop_leaves_the_other_sides_spelling_of_all_else() {
        let known = profile(" ");
        let mut said = form(&known);
        if let Some(contact) = said.contacts.first_mut() {
            "Meyer".clone_into(&mut contact.last_name);
        }
        let completed = complete(&said, &known);
        assert_eq!((&completed.name, &completed.group), (&known.name, &known.group));
        assert_eq!(completed.addresses, known.addresses);
        let names = |profile: &CustomerProfile| {
            let contact = profile.contacts.first().unwrap();
            [&contact.first_name, &contact.last_name, &contact.email].map(String::clone)
        };
        let [first, _, email] = names(&known);
        assert_eq!(names(&completed), [first, "Meyer".to_owned(), email]);
    }
}
