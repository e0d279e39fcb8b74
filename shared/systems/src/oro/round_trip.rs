//! What is written to a shop is what the shop says of it, looked at or polled.

use std::sync::Arc;

use ferry_canonical::{
    Facet, Part,
    customer::{Contact, CustomerProfile},
    value::{Address, AddressKind, Country, Extensions},
};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::{
    Oro, customer_form,
    keeping::Keeping,
    scripted::{oro, write},
};
use crate::{
    draft::{Draft, PartDraft, Record},
    target::{Effect, Held, Look, Write},
};

fn maybe(text: &'static str) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(text.prop_map(|text| text))
}

fn kinds() -> impl Strategy<Value = Vec<AddressKind>> {
    let kind = prop_oneof![Just(AddressKind::Billing), Just(AddressKind::Shipping)];
    prop::collection::vec(kind, 0..3)
}

fn address() -> impl Strategy<Value = Address> {
    let place = prop_oneof![
        Just(("US", Some("NY"))),
        Just(("US", Some("US-CA"))),
        Just(("GB", Some("Yorkshire"))),
        Just(("GB", None)),
        Just(("DE", Some("US-NY"))),
    ];
    let names = (maybe("(Acme|Beta Ltd)"), maybe("(Jo|Ann)"), maybe("(Li|Ray)"));
    (kinds(), names, place, maybe("[a-z]{1,3}"), maybe("[0-9]{3}"), maybe("[a-z]@b[.]de")).prop_map(
        |(kinds, (company, first_name, last_name), (country, region), street2, phone, email)| {
            Address {
                code: None,
                kinds,
                company,
                first_name,
                last_name,
                street: String::new(),
                street2,
                city: "Leeds".to_owned(),
                postcode: Some("LS1".to_owned()),
                region: region.map(str::to_owned),
                country: Country::parse(country).unwrap(),
                phone,
                email,
            }
        },
    )
}

fn contact() -> impl Strategy<Value = Contact> {
    (maybe("[0-9]{3}"), maybe("(buyer|boss)"), "[A-Z][a-z]{1,4}").prop_map(|(phone, role, name)| {
        Contact {
            id: String::new(),
            first_name: name.clone(),
            last_name: name,
            email: String::new(),
            phone,
            role,
        }
    })
}

/// Any profile an ERP may have; addresses with codes and without, in any order, several at one place,
/// and people who share an email.
fn profile() -> impl Strategy<Value = CustomerProfile> {
    let number = prop_oneof![Just("C-1".to_owned()), Just("C,1".to_owned()), Just("C".repeat(40))];
    let addresses = prop::collection::vec((any::<bool>(), address()), 0..4);
    let contacts = prop::collection::vec(contact(), 0..4);
    let order = Just((0_usize..4).collect::<Vec<_>>()).prop_shuffle();
    let own = (maybe("(Trade|Retail)"), maybe("GB[0-9]{3}"), maybe("[a-z ]{1,9}"), any::<bool>());
    (number, "(Acme|Acme Ltd)", own, contacts, addresses, order).prop_map(
        |(number, name, (group, vat_number, notes, blocked), contacts, addresses, order)| {
            let addresses = addresses.into_iter().zip(&order).map(|((coded, address), place)| {
                let code = coded.then(|| format!("A{place}"));
                let street =
                    if coded { format!("{place} Road") } else { format!("{} Street", place % 2) };
                Address { code, street, ..address }
            });
            let contacts = contacts.into_iter().zip(&order).map(|(contact, place)| Contact {
                id: if *place == 3 { "P".repeat(40) } else { format!("P{place}") },
                email: format!("{}{}@acme.example", if *place < 2 { "p" } else { "P" }, place % 2),
                ..contact
            });
            CustomerProfile {
                contacts: contacts.collect(),
                addresses: addresses.collect(),
                number,
                name,
                group,
                vat_number,
                blocked,
                notes,
                extensions: Extensions::from([("erp".to_owned(), json!(1))]),
            }
        },
    )
}

fn part(profile: &CustomerProfile) -> Part {
    Part::CustomerProfile(profile.clone())
}

async fn apply(oro: &Oro, shop: &Arc<Keeping>, part: &Part, id: Option<&str>) -> Effect {
    let subject = part.subject();
    let write = Write { target_id: id, ..write(&subject, part) };
    oro.apply(&shop.conversation(), &[write]).await.pop().unwrap().unwrap().effect
}

async fn look(oro: &Oro, shop: &Arc<Keeping>, part: &Part, id: Option<&str>) -> Held {
    let subject = part.subject();
    let look = Look { subject: &subject, target_id: id, in_doubt: false };
    oro.look(&shop.conversation(), &[look]).await.pop().unwrap().unwrap().unwrap()
}

async fn polled(oro: &Oro, shop: &Arc<Keeping>) -> PartDraft {
    let page = oro.poll(&shop.conversation(), "customers", None).await.unwrap();
    let record = Record {
        endpoint: "customers",
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        first_line: 1,
        body: &page.records[0].body,
    };
    match oro.read(&record).pop().unwrap().draft.unwrap() {
        Draft::Part(draft) => *draft,
        Draft::Skip { reason, .. } => panic!("{reason}"),
        Draft::Removed(draft) => panic!("{}", draft.subject),
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_was_written_is_what_the_shop_says_looked_at_by_id_or_number_and_polled(
        profile in profile(),
    ) {
        run(async {
            let (oro, shop, part) = (oro(), Arc::new(Keeping::default()), part(&profile));
            prop_assert_eq!(apply(&oro, &shop, &part, None).await, Effect::Created);
            let held = look(&oro, &shop, &part, None).await;
            let id = held.target_id.clone();
            prop_assert_eq!(&look(&oro, &shop, &part, id.as_deref()).await, &held);
            let completed = Oro::complete(&held.part, &part);
            prop_assert_eq!(completed.fingerprint(), part.fingerprint());
            let draft = polled(&oro, &shop).await;
            let completed = Oro::complete(&draft.part, &part);
            prop_assert_eq!(completed.fingerprint(), part.fingerprint());
            prop_assert_eq!((draft.sequence, draft.clock), (held.sequence, held.clock));
            prop_assert_eq!((draft.source_id, draft.time), (id, held.changed_at));
            Ok(())
        })?;
    }

    #[test]
    fn what_the_shop_says_of_a_second_state_is_that_state(
        (one, other) in (profile(), profile()),
    ) {
        // Nothing is deleted in a shop: the second state has all that the first one had.
        let mut other = CustomerProfile { number: one.number.clone(), ..other };
        other.group = other.group.or(one.group.clone());
        // One without a code is another one where its country is.
        let same = |one: &Address, other: &Address| {
            one.street == other.street && (one.code.is_some() || one.country == other.country)
        };
        let mut there = other.addresses.clone();
        for address in &one.addresses {
            match there.iter().position(|there| same(there, address)) {
                Some(at) => drop(there.remove(at)),
                None => other.addresses.push(address.clone()),
            }
        }
        let left: Vec<Contact> = one
            .contacts
            .iter()
            .filter(|contact| other.contacts.iter().all(|there| there.id != contact.id))
            .cloned()
            .collect();
        other.contacts.extend(left);
        run(async {
            let (oro, shop) = (oro(), Arc::new(Keeping::default()));
            apply(&oro, &shop, &part(&one), None).await;
            let id = look(&oro, &shop, &part(&one), None).await.target_id;
            apply(&oro, &shop, &part(&other), id.as_deref()).await;
            let held = look(&oro, &shop, &part(&other), id.as_deref()).await;
            prop_assert_eq!(Oro::complete(&held.part, &part(&other)), part(&other));
            let before = shop.written();
            // And what it says needs no write to be so.
            let effect = apply(&oro, &shop, &held.part, id.as_deref()).await;
            prop_assert_eq!(effect, Effect::AlreadySo);
            prop_assert_eq!(shop.written(), before);
            Ok(())
        })?;
    }

    #[test]
    fn what_is_completed_is_said_as_the_shop_said_it(said in profile(), known in profile()) {
        let form = customer_form::form(&said);
        prop_assert_eq!(&customer_form::form(&form), &form);
        let completed = customer_form::complete(&form, &known);
        prop_assert_eq!(customer_form::form(&completed), form);
        prop_assert_eq!((&completed.vat_number, &completed.notes), (&known.vat_number, &known.notes));
        prop_assert_eq!(completed.blocked, known.blocked);
        prop_assert_eq!(customer_form::complete(&customer_form::form(&known), &known), known);
    }
}

#[tokio::test]
async fn people_who_share_an_email_are_one_user_and_stay_several_on_the_other_side() {
    let contact = |id: &str, name: &str, email: &str| json!({"id": id, "first_name": name, "last_name": "Li", "email": email});
    let mut json = json!({"number": "C-1", "name": "Acme", "contacts": [
        contact("P-1", "Jo", "office@a.example"), contact("P-2", "Bo", "bo@a.example"),
        contact("P-3", "Al", "Office@a.example")]});
    let read = |json: &serde_json::Value| {
        Part::from_json(Facet::Profile, json.to_string().as_bytes()).unwrap()
    };
    let known = read(&json);
    let (oro, shop) = (oro(), Arc::new(Keeping::default()));
    let subject = known.subject();
    let made = oro.apply(&shop.conversation(), &[write(&subject, &known)]).await.pop().unwrap();
    assert_eq!(
        made.unwrap().warning.unwrap(),
        "contacts[P-3] has the email of contacts[P-1]: a shop has one user for an email"
    );
    let before = shop.written();
    assert_eq!(apply(&oro, &shop, &known, Some("1")).await, Effect::AlreadySo);
    assert_eq!(shop.written(), before);
    // The user's email is that of both.
    shop.change("customerusers", "2", "email", json!("all@a.example"));
    let held = look(&oro, &shop, &known, Some("1")).await;
    json["contacts"][0]["email"] = json!("all@a.example");
    json["contacts"][2]["email"] = json!("all@a.example");
    assert_eq!(Oro::complete(&held.part, &known), read(&json));
}

#[tokio::test]
async fn a_customer_is_as_new_as_what_of_it_was_changed_last() {
    let json = json!({"number": "C-1", "name": "Acme",
        "contacts": [{"id": "P-1", "first_name": "Jo", "last_name": "Li", "email": "jo@a.example"}],
        "addresses": [{"code": "B", "street": "1 Rd", "city": "NYC", "country": "US"}]});
    let part = Part::from_json(Facet::Profile, json.to_string().as_bytes()).unwrap();
    let (oro, shop) = (oro(), Arc::new(Keeping::default()));
    apply(&oro, &shop, &part, None).await;
    let made = look(&oro, &shop, &part, Some("1")).await;
    for (kind, id, time) in [
        ("customeraddresses", "2", "2026-01-01T00:00:00Z"),
        ("customerusers", "3", "2026-01-02T00:00:00Z"),
        ("customers", "1", "2026-01-03T00:00:00Z"),
    ] {
        shop.change(kind, id, "updatedAt", json!(time));
        let (held, draft) = (look(&oro, &shop, &part, Some("1")).await, polled(&oro, &shop).await);
        let time = Some(time.parse().unwrap());
        assert_eq!((held.changed_at, draft.time), (time, time), "{kind}");
        // Its place on the clock is its own, by which it is polled.
        assert_eq!(held.sequence == made.sequence, kind != "customers");
        assert_eq!(draft.sequence, held.sequence);
    }
}

#[tokio::test]
async fn what_the_shop_changes_keeps_what_it_cannot_say() {
    let json = json!({
        "number": "C-1", "name": "Acme", "vat_number": "GB1", "notes": "slow", "blocked": true,
        "contacts": [{"id": "P-2", "first_name": "Bo", "last_name": "Ng", "email": "bo@a.example", "role": "boss"},
            {"id": "P-1", "first_name": "Jo", "last_name": "Li", "email": "jo@a.example", "phone": "1"}],
        "addresses": [{"code": "B", "kinds": ["billing"], "street": "1 Rd", "city": "NYC", "postcode": "1",
            "region": "NY", "country": "US", "email": "post@a.example"}],
        "extensions": {"erp": {"rating": 3}}
    });
    let known = Part::from_json(Facet::Profile, json.to_string().as_bytes()).unwrap();
    let (oro, shop) = (oro(), Arc::new(Keeping::default()));
    apply(&oro, &shop, &known, None).await;
    shop.change("customers", "1", "name", json!("Acme Ltd"));
    shop.change("customeraddresses", "2", "organization", json!("Acme Ltd"));
    shop.change("customeraddresses", "2", "city", json!("Albany"));
    let held = look(&oro, &shop, &known, Some("1")).await;
    let mut wanted = json;
    wanted["name"] = json!("Acme Ltd");
    wanted["addresses"][0]["city"] = json!("Albany");
    // An address that was changed there is in the shop's spelling.
    wanted["addresses"][0]["region"] = json!("US-NY");
    let wanted = Part::from_json(Facet::Profile, wanted.to_string().as_bytes()).unwrap();
    assert_eq!(Oro::complete(&held.part, &known), wanted);
}
