//! Customers as the ERP holds them.

use serde_json::{Map, Value, json};

use crate::chance::{self, Topic, nth, pick};
use crate::flaw::Flaw;
use crate::names::{COMPANIES, GROUPS, PEOPLE, ROLES, SENTENCES};
use crate::places::{PLACES, Place};
use crate::world::{NUMBERED_FROM, World};

/// A customer at one version. What is here is right; [`World::customer_json`] spoils it where the
/// customer is flawed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub index: u32,
    pub version: u32,
    /// The business key: `C-100001`.
    pub number: String,
    pub name: String,
    pub group: &'static str,
    pub vat_number: Option<String>,
    /// One to three; their e-mail addresses never change and no two customers share one.
    pub contacts: Vec<Contact>,
    /// One to three; the first is for billing. Codes never change.
    pub addresses: Vec<Address>,
    /// Several lines, or none.
    pub notes: Option<String>,
    pub flaw: Option<Flaw>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub id: u32,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    pub phone: Option<String>,
    pub role: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressKind {
    Billing,
    Shipping,
}

impl AddressKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Billing => "billing",
            Self::Shipping => "shipping",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Unique within the customer: `BILL`, `SHIP-1`. The shop's `label`.
    pub code: String,
    pub kind: AddressKind,
    pub street: String,
    pub street2: Option<String>,
    pub city: String,
    pub postcode: String,
    /// ISO 3166-2, such as `US-NY`; there for Japan and the United States.
    pub region: Option<&'static str>,
    /// ISO 3166-1 alpha-2.
    pub country: &'static str,
    /// First and last name with a space between; `None` means the customer as an organisation.
    pub contact_name: Option<String>,
}

/// How often each field has changed up to a version: versions 2, 6, 10 … the name, 3, 7 … the first
/// street, 4, 8 … the first contact's last name, 5, 9 … the last address's post code and house.
struct Age {
    name: u32,
    street: u32,
    contact: u32,
    last_address: u32,
}

impl Age {
    const fn at(version: u32) -> Self {
        let changes = version.saturating_sub(1);
        Self {
            name: changes.div_ceil(4),
            street: (changes + 2) / 4,
            contact: (changes + 1) / 4,
            last_address: changes / 4,
        }
    }
}

impl World {
    /// A customer at a version; versions count from 1 and each differs from the one before in a field
    /// that the shop holds.
    pub fn customer(&self, index: u32, version: u32) -> Customer {
        let entity = u64::from(index);
        let mut rng = chance::of(self.seed, Topic::Customer, entity, 0);
        let age = Age::at(version);
        let home = nth(&PLACES, index as usize + rng.usize(..2) * 8);
        let contacts = self.contacts(index, home.country, &age);
        let name = company(&mut rng, home.country, &contacts, age.name);
        let addresses = self.addresses(index, home, &contacts, &age);
        let flaw = self.customer_flaw(index);
        Customer {
            index,
            version,
            number: format!("C-{}", NUMBERED_FROM + 1 + index),
            name,
            group: pick(&mut rng, &GROUPS),
            vat_number: (rng.u8(..) < 180)
                .then(|| format!("{}{:09}", home.country, rng.u32(..999_999_999))),
            contacts,
            addresses,
            notes: notes(&mut rng, version),
            flaw,
        }
    }

    fn contacts(&self, customer: u32, country: &str, age: &Age) -> Vec<Contact> {
        let mut rng = chance::of(self.seed, Topic::Contact, u64::from(customer), 0);
        let (firsts, lasts) = people(country);
        let count = rng.u32(1..=3);
        let contact = |n: u32| {
            let married = if n == 0 { age.contact as usize } else { 0 };
            Contact {
                id: customer * 10 + n + 1,
                first_name: pick(&mut rng, firsts).to_owned(),
                last_name: nth(lasts, rng.usize(..lasts.len().max(1)) + married).to_owned(),
                email: format!(
                    "contact{}.{}@customer.example",
                    n + 1,
                    NUMBERED_FROM + 1 + customer
                ),
                phone: rng.bool().then(|| format!("+44 113 {:07}", rng.u32(..9_999_999))),
                role: pick(&mut rng, &ROLES),
            }
        };
        (0..count).map(contact).collect()
    }

    fn addresses(
        &self,
        customer: u32,
        home: Place,
        contacts: &[Contact],
        age: &Age,
    ) -> Vec<Address> {
        let flawed = self.customer_flaw(customer) == Some(Flaw::UnknownCountry);
        let count = chance::of(self.seed, Topic::Address, u64::from(customer), 99).u32(1..=3);
        let address = |n: u32| {
            let mut rng = chance::of(self.seed, Topic::Address, u64::from(customer), u64::from(n));
            let moved = if n == 0 { age.street } else { 0 }
                + if n + 1 == count { age.last_address } else { 0 };
            let place = if n == 0 { home } else { pick(&mut rng, &PLACES) };
            let to = contacts.get(rng.usize(..contacts.len().max(1) * 2));
            Address {
                code: if n == 0 { "BILL".to_owned() } else { format!("SHIP-{n}") },
                kind: if n == 0 { AddressKind::Billing } else { AddressKind::Shipping },
                street: place.street(rng.u32(1..180) + moved),
                street2: (rng.u8(..) < 60).then(|| format!("c/o dock {}", rng.u8(1..20))),
                city: place.city.to_owned(),
                postcode: place.postcode(&mut rng),
                region: place.region,
                country: if flawed && n == 0 { "XZ" } else { place.country },
                contact_name: to.map(|c| format!("{} {}", c.first_name, c.last_name)),
            }
        };
        (0..count).map(address).collect()
    }

    /// A customer as `GET /api/customers` shows it, flaw and all.
    pub fn customer_json(&self, index: u32, version: u32, updated_at: &str) -> Value {
        let customer = self.customer(index, version);
        let mut object = customer_object(&customer, updated_at);
        match customer.flaw {
            Some(Flaw::MissingName) => drop(object.shift_remove("name")),
            Some(Flaw::WrongType) if index.is_multiple_of(2) => {
                object.insert("name".to_owned(), json!(4711));
            }
            Some(Flaw::WrongType) => {
                object.insert("addresses".to_owned(), json!("see the other system"));
            }
            _ => {}
        }
        Value::Object(object)
    }
}

fn customer_object(customer: &Customer, updated_at: &str) -> Map<String, Value> {
    let contacts = customer.contacts.iter().map(|contact| {
        json!({
            "id": contact.id, "first_name": contact.first_name, "last_name": contact.last_name,
            "email": contact.email, "phone": contact.phone, "role": contact.role,
        })
    });
    let addresses = customer.addresses.iter().map(|address| {
        json!({
            "code": address.code, "kind": address.kind.name(), "street": address.street,
            "street2": address.street2, "city": address.city, "postcode": address.postcode,
            "region": address.region, "country": address.country,
            "contact_name": address.contact_name,
        })
    });
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
    put("number", json!(customer.number));
    put("name", json!(customer.name));
    put("group", json!(customer.group));
    put("vat_number", json!(customer.vat_number));
    put("contacts", contacts.collect());
    put("addresses", addresses.collect());
    put("notes", json!(customer.notes));
    put("blocked", json!(customer.index % 40 == 39));
    put("revision", json!(customer.version));
    put("updated_at", json!(updated_at));
    object
}

fn people(country: &str) -> (&'static [&'static str], &'static [&'static str]) {
    let known = PEOPLE.iter().find(|(code, _, _)| *code == country);
    known.map_or((&["Alex"][..], &["Doe"][..]), |(_, firsts, lasts)| (*firsts, *lasts))
}

/// A company's name, or a person's for one customer in four. A changed name says which branch it is.
fn company(rng: &mut fastrand::Rng, country: &str, contacts: &[Contact], changed: u32) -> String {
    let (_, lasts) = people(country);
    let patterns = COMPANIES.iter().find(|(code, _)| *code == country).map_or(&[][..], |c| c.1);
    let company = pick(rng, patterns).replace("{}", pick(rng, lasts));
    let person = contacts.first().map(|c| format!("{} {}", c.first_name, c.last_name));
    let name = match person {
        Some(person) if changed == 0 && rng.u8(..4) == 0 => person,
        _ => company,
    };
    if changed == 0 { name } else { format!("{name} – No. {}", changed + 1) }
}

fn notes(rng: &mut fastrand::Rng, version: u32) -> Option<String> {
    let lines = rng.usize(0..5);
    let text: Vec<&str> = (0..lines).map(|_| pick(rng, &SENTENCES)).collect();
    (lines > 0).then(|| format!("{}\r\nSeen by sales, revision {version}.", text.join("\n")))
}
