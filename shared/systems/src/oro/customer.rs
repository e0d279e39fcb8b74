//! `customer.profile`: the customer, its group, its addresses and its people.
//!
//! The customer is written first and known by `externalId`; whatever fails after it is taken up by
//! the next try, which finds the customer and what is there of the rest. A shop without that field gets
//! it all at once ([`keyless`]). Nothing is deleted.

use ferry_canonical::{FailureKind, customer::CustomerProfile};
use serde_json::Value;
use uuid::Uuid;

use super::{
    client::{Api, Call},
    customer_address, customer_group, customer_user,
    document::{self, Resource},
    keyless,
    problem::No,
    reads_first,
};
use crate::target::{Applied, Effect, Failure, Write};

pub(super) const CUSTOMERS: &str = "customers";
/// Width of Oro's `externalId` (OroCommerce reference §0.2).
const EXTERNAL_ID_CHARS_MAX: usize = 36;

pub(super) async fn apply(
    api: &Api<'_>,
    write: &Write<'_>,
    profile: &CustomerProfile,
) -> Result<Applied, Failure> {
    let wanted = wanted(api, profile).await?;
    let answer = apply_wanted(api, write, profile, &wanted).await;
    if let Err(failure) = &answer
        && failure.kind == FailureKind::MissingReference
    {
        // A group that was removed meanwhile is looked up again.
        customer_group::forget(api);
    }
    answer.map(|applied| Applied { warning: customer_user::left_out(profile), ..applied })
}

async fn apply_wanted(
    api: &Api<'_>,
    write: &Write<'_>,
    profile: &CustomerProfile,
    wanted: &Resource,
) -> Result<Applied, Failure> {
    let found = match (write.target_id, reads_first(write)) {
        (None, false) => None,
        (None, true) => look_up(api, write, profile).await?,
        (Some(id), looks) => match read(api, id).await? {
            None if looks => look_up(api, write, profile).await?,
            None => return Err(gone()),
            found => found,
        },
    };
    if let Some(found) = found {
        return update(api, profile, wanted, &found).await;
    }
    match create(api, profile, wanted).await {
        Ok(id) => {
            if api.oro.capability.has_numbers() {
                let completed = complete(api, profile, &id).await;
                completed.map_err(|failure| of_customer(&id, failure))?;
            }
            Ok(applied(id, Effect::Created))
        }
        Err(no) if no.duplicate => match look_up(api, write, profile).await? {
            Some(found) => {
                let updated = update(api, profile, wanted, &found).await;
                updated.map(|applied| Applied { rule: no.failure.rule, ..applied })
            }
            None => Err(no.failure),
        },
        Err(no) => Err(no.failure),
    }
}

fn applied(id: String, effect: Effect) -> Applied {
    Applied { effect, target_id: Some(id), warning: None, rule: None }
}

/// What the shop calls the customer is known, whatever became of the rest.
fn of_customer(id: &str, failure: Failure) -> Failure {
    Failure { target_id: Some(id.into()), ..failure }
}

pub(super) fn gone() -> Failure {
    let detail = "the customer that was linked is not in the shop any more: it is looked up again";
    Failure { status: Some(404), ..Failure::new(FailureKind::Conflict, detail) }
}

/// The text itself where it fits and is no list to a filter, else a uuid made of it, always the
/// same.
pub(super) fn external_id(key: &str) -> String {
    let key = document::kept(key);
    if key.chars().count() <= EXTERNAL_ID_CHARS_MAX && !key.contains(',') {
        key.to_owned()
    } else {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).to_string()
    }
}

pub(super) async fn wanted(api: &Api<'_>, profile: &CustomerProfile) -> Result<Resource, Failure> {
    let customer = Resource::new(CUSTOMERS).attribute("name", profile.name.as_str());
    let customer = if api.oro.capability.has_numbers() {
        customer.attribute("externalId", external_id(&profile.number))
    } else {
        customer
    };
    Ok(match &profile.group {
        Some(group) => {
            let id = customer_group::id_of(api, group).await?;
            customer.one("group", customer_group::GROUPS, &id)
        }
        None => customer,
    })
}

/// The id of what was just created.
pub(super) fn created(document: &Value) -> Result<String, Failure> {
    let id = document::rows(document).first().and_then(document::id).map(str::to_owned);
    id.ok_or_else(|| {
        let failure = Failure::new(
            FailureKind::Unavailable,
            "Oro answered a creation without an id: it is looked up before the next try",
        );
        Failure { unread: true, ..failure }
    })
}

pub(super) async fn read(api: &Api<'_>, id: &str) -> Result<Option<Value>, Failure> {
    let call = Call { id: Some(id.to_owned()), ..Call::read("read customer", CUSTOMERS) };
    let document = api.find(&call).await?;
    Ok(document.and_then(|document| document::rows(&document).first().cloned()))
}

async fn look_up(
    api: &Api<'_>,
    write: &Write<'_>,
    profile: &CustomerProfile,
) -> Result<Option<Value>, Failure> {
    if !api.oro.capability.has_numbers() {
        return keyless::find(api, write, profile).await;
    }
    let query = vec![("filter[externalId]", external_id(&profile.number))];
    let document = api.list("look up customer", CUSTOMERS, query).await?;
    Ok(one_numbered(&document, &profile.number)?.cloned())
}

/// The one customer of a list that has this number.
pub(super) fn one_numbered<'a>(
    document: &'a Value,
    number: &str,
) -> Result<Option<&'a Value>, Failure> {
    numbered(document::rows(document), number)
}

/// The one of these that has this number.
pub(super) fn numbered<'a>(rows: &'a [Value], number: &str) -> Result<Option<&'a Value>, Failure> {
    let key = external_id(number);
    let ours = |row: &&Value| document::text(row, "externalId") == Some(key.as_str());
    let ours: Vec<&Value> = rows.iter().filter(ours).collect();
    match ours.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        several => Err(Failure::new(
            FailureKind::Ambiguous,
            format!("{} customers of the shop have the number `{number}`", several.len()),
        )),
    }
}

async fn create(api: &Api<'_>, profile: &CustomerProfile, wanted: &Resource) -> Result<String, No> {
    if !api.oro.capability.has_numbers() {
        return keyless::create(api, profile, wanted).await;
    }
    let call = Call::create("create customer", wanted.clone(), Vec::new());
    Ok(created(&api.ask(&call).await?.document)?)
}

/// Everything that hangs on a customer that was just made.
async fn complete(api: &Api<'_>, profile: &CustomerProfile, id: &str) -> Result<(), Failure> {
    customer_address::apply(api, profile, id, &[]).await?;
    customer_user::apply(api, profile, id, &[]).await?;
    Ok(())
}

async fn update(
    api: &Api<'_>,
    profile: &CustomerProfile,
    wanted: &Resource,
    found: &Value,
) -> Result<Applied, Failure> {
    let id = document::id(found).unwrap_or_default().to_owned();
    let updated = update_all(api, profile, wanted, (&id, found)).await;
    let written = updated.map_err(|failure| of_customer(&id, failure))?;
    Ok(applied(id, if written { Effect::Updated } else { Effect::AlreadySo }))
}

async fn update_all(
    api: &Api<'_>,
    profile: &CustomerProfile,
    wanted: &Resource,
    (id, found): (&str, &Value),
) -> Result<bool, Failure> {
    let of = ("filter[customer]", id);
    let addresses = api.list_all("read customer addresses", "customeraddresses", of).await?;
    let users = api.list_all("read customer users", "customerusers", of).await?;
    let mut written = false;
    if let Some(change) = wanted.changes(found) {
        api.ask(&Call::change("update customer", change, Vec::new())).await?;
        written = true;
    }
    written |= customer_address::apply(api, profile, id, &addresses).await?;
    written |= customer_user::apply(api, profile, id, &users).await?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use ferry_canonical::Part;
    use serde_json::json;

    use super::*;
    use crate::oro::scripted::{Shop, answer, errors, oro, row, write};

    fn part() -> Part {
        let profile = json!({
            "number": "C-1001", "name": "Acme", "group": "Trade",
            "contacts": [{"id": "P-1", "first_name": "Jo", "last_name": "Li", "email": "Jo@acme.example"}],
            "addresses": [
                {"code": "BILL-1", "kinds": ["billing", "shipping"], "street": "1 Rd", "city": "NYC",
                 "postcode": "10001", "region": "NY", "country": "US"},
                {"code": "SHIP-1", "kinds": ["shipping"], "first_name": "Jo", "last_name": "Li",
                 "street": "2 Rd", "city": "York", "postcode": "YO1", "region": "Yorkshire", "country": "GB"}
            ]
        });
        Part::from_json(ferry_canonical::Facet::Profile, profile.to_string().as_bytes()).unwrap()
    }

    fn none() -> Value {
        json!({"data": []})
    }

    fn made(kind: &str, id: &str) -> Value {
        json!({"data": row(kind, id, json!({}), Value::Null)})
    }

    fn group() -> (String, Result<ferry_http::Response, ferry_http::HttpError>) {
        let trade = row("customergroups", "3", json!({"name": "Trade"}), Value::Null);
        answer("GET /customergroups?filter[name]=Trade", 200, &json!({"data": [trade]}))
    }

    /// The shop's own view of the whole profile.
    fn there() -> [Value; 3] {
        let customer = row(
            "customers",
            "7",
            json!({"name": "Acme", "externalId": "C-1001"}),
            json!({"group": {"type": "customergroups", "id": "3"}}),
        );
        let address = |id: &str, attributes: Value, region: Value, country: &str| {
            row(
                "customeraddresses",
                id,
                attributes,
                json!({"country": {"type": "countries", "id": country}, "region": region}),
            )
        };
        let addresses = json!({"data": [
            address("70", json!({"label": "BILL-1", "organization": "Acme", "street": "1 Rd", "city": "NYC",
                "postalCode": "10001", "types": [{"default": true, "addressType": "shipping"},
                {"default": true, "addressType": "billing"}]}), json!({"type": "regions", "id": "US-NY"}), "US"),
            address("71", json!({"label": "SHIP-1", "organization": null, "firstName": "Jo", "lastName": "Li",
                "street": "2 Rd", "city": "York", "postalCode": "YO1", "customRegion": "Yorkshire",
                "types": [{"default": false, "addressType": "shipping"}]}), Value::Null, "GB"),
            address("72", json!({"label": "OLD"}), Value::Null, "GB"),
        ]});
        let user = row(
            "customerusers",
            "80",
            json!({"email": "Jo@acme.example", "firstName": "Jo",
            "lastName": "Li", "externalId": "P-1", "enabled": false}),
            json!({"customer": {"type": "customers", "id": "7"}}),
        );
        [json!({"data": [customer]}), addresses, json!({"data": [user]})]
    }

    #[tokio::test]
    async fn a_new_customer_is_written_without_being_read() {
        let shop = Shop::answering([
            answer("GET /customergroups?filter[name]=Trade", 200, &none()),
            answer("POST /customergroups", 201, &made("customergroups", "3")),
            answer("POST /customers", 201, &made("customers", "7")),
            answer("POST /customeraddresses", 201, &made("customeraddresses", "70")),
            answer("POST /customeraddresses", 201, &made("customeraddresses", "71")),
            answer("POST /customerusers", 201, &made("customerusers", "80")),
        ]);
        let (oro, conversation, part) = (oro(), shop.conversation(), part());
        let applied = oro
            .apply(&conversation, &[write(&part.subject(), &part)])
            .await
            .pop()
            .unwrap()
            .unwrap();
        assert_eq!(applied, super::applied("7".into(), Effect::Created));
        insta::assert_snapshot!(shop.written().join("\n"), @r#"
        POST /customergroups {"data":{"type":"customergroups","attributes":{"name":"Trade"}}}
        POST /customers {"data":{"type":"customers","attributes":{"name":"Acme","externalId":"C-1001"},"relationships":{"group":{"data":{"type":"customergroups","id":"3"}}}}}
        POST /customeraddresses {"data":{"type":"customeraddresses","attributes":{"organization":"Acme","firstName":null,"lastName":null,"street":"1 Rd","street2":null,"city":"NYC","postalCode":"10001","phone":null,"types":[{"default":true,"addressType":"billing"},{"default":true,"addressType":"shipping"}],"label":"BILL-1","customRegion":null},"relationships":{"country":{"data":{"type":"countries","id":"US"}},"region":{"data":{"type":"regions","id":"US-NY"}},"customer":{"data":{"type":"customers","id":"7"}}}}}
        POST /customeraddresses {"data":{"type":"customeraddresses","attributes":{"organization":null,"firstName":"Jo","lastName":"Li","street":"2 Rd","street2":null,"city":"York","postalCode":"YO1","phone":null,"types":[{"default":false,"addressType":"shipping"}],"label":"SHIP-1","customRegion":"Yorkshire"},"relationships":{"country":{"data":{"type":"countries","id":"GB"}},"region":{"data":null},"customer":{"data":{"type":"customers","id":"7"}}}}}
        POST /customerusers {"data":{"type":"customerusers","attributes":{"email":"Jo@acme.example","firstName":"Jo","lastName":"Li","externalId":"P-1","enabled":true},"relationships":{"customer":{"data":{"type":"customers","id":"7"}},"userRoles":{"data":[{"type":"customeruserroles","id":"1"}]}}}}
        "#);
    }

    #[tokio::test]
    async fn a_customer_that_is_there_as_it_should_be_is_left_alone() {
        let [customer, addresses, users] = there();
        let shop = Shop::answering([
            group(),
            answer("GET /customers?filter[externalId]=C-1001", 200, &customer),
            answer(
                "GET /customeraddresses?filter[customer]=7&sort=id&page[size]=500",
                200,
                &addresses,
            ),
            answer("GET /customerusers?filter[customer]=7", 200, &users),
        ]);
        let (oro, conversation, part) = (oro(), shop.conversation(), part());
        let subject = part.subject();
        let write = Write { read_first: true, ..write(&subject, &part) };
        let applied = oro.apply(&conversation, &[write]).await.pop().unwrap().unwrap();
        assert_eq!(applied, super::applied("7".into(), Effect::AlreadySo));
        assert!(shop.written().is_empty());
    }

    #[tokio::test]
    async fn a_customer_that_exists_after_all_is_found_and_only_its_changes_are_sent() {
        let [mut customer, mut addresses, users] = there();
        customer["data"][0]["attributes"]["name"] = json!("Acme Ltd");
        addresses["data"][0]["attributes"]["city"] = json!("Albany");
        addresses["data"][1]["attributes"]["label"] = Value::Null;
        let shop = Shop::answering([
            group(),
            errors("POST /customers", 400, "unique entity constraint"),
            answer("GET /customers?filter[externalId]=C-1001", 200, &customer),
            answer("GET /customeraddresses", 200, &addresses),
            answer("GET /customerusers", 200, &users),
            answer("PATCH /customers/7", 200, &made("customers", "7")),
            answer("PATCH /customeraddresses/70", 200, &made("customeraddresses", "70")),
            answer("POST /customeraddresses", 201, &made("customeraddresses", "73")),
        ]);
        let (oro, conversation, part) = (oro(), shop.conversation(), part());
        let applied = oro
            .apply(&conversation, &[write(&part.subject(), &part)])
            .await
            .pop()
            .unwrap()
            .unwrap();
        assert_eq!(applied, super::applied("7".into(), Effect::Updated));
        insta::assert_snapshot!(shop.written()[1..3].join("\n"), @r#"
        PATCH /customers/7 {"data":{"type":"customers","id":"7","attributes":{"name":"Acme"}}}
        PATCH /customeraddresses/70 {"data":{"type":"customeraddresses","id":"70","attributes":{"city":"NYC"}}}
        "#);
    }

    #[tokio::test]
    async fn a_linked_customer_that_is_gone_is_a_conflict_and_then_looked_up() {
        let part = part();
        let subject = part.subject();
        let gone = || errors("GET /customers/7", 404, "not found http exception");
        let shop = Shop::answering([group(), gone()]);
        let (oro, conversation) = (oro(), shop.conversation());
        let linked = Write { target_id: Some("7"), ..write(&subject, &part) };
        let failure = oro.apply(&conversation, &[linked]).await.pop().unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Conflict);
        let shop = Shop::answering([
            gone(),
            answer("GET /customers?filter[externalId]=C-1001", 200, &none()),
            errors("POST /customers", 503, ""),
        ]);
        let again = Write { read_first: true, attempt: 2, ..linked };
        let failure = oro.apply(&shop.conversation(), &[again]).await.pop().unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unavailable);
        shop.asked();
    }

    #[tokio::test]
    async fn a_child_that_is_refused_names_its_canonical_field() {
        let shop = Shop::answering([
            group(),
            answer("POST /customers", 201, &made("customers", "7")),
            answer(
                "POST /customeraddresses",
                400,
                &json!({"errors": [{"status": "400",
                "title": "required region constraint", "detail": "State is required for country US",
                "source": {"pointer": "/data/relationships/region/data"}}]}),
            ),
        ]);
        let (oro, conversation, part) = (oro(), shop.conversation(), part());
        let failure = oro
            .apply(&conversation, &[write(&part.subject(), &part)])
            .await
            .pop()
            .unwrap()
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Validation);
        assert_eq!(
            failure.detail,
            "addresses[BILL-1].region: State is required for country US (required region constraint)"
        );
        // The customer itself is there.
        assert_eq!(failure.target_id.as_deref(), Some("7"));
    }

    #[tokio::test]
    async fn a_user_without_an_id_is_known_by_the_one_ferry_gives_it_when_its_email_changes() {
        let [customer, addresses, mut users] = there();
        users["data"][0]["attributes"]["externalId"] = Value::Null;
        let shop = Shop::answering([
            group(),
            answer("GET /customers/7", 200, &customer),
            answer("GET /customeraddresses", 200, &addresses),
            answer("GET /customerusers", 200, &users),
            answer("PATCH /customerusers/80", 200, &made("customerusers", "80")),
        ]);
        let (oro, conversation, mut part) = (oro(), shop.conversation(), part());
        if let Part::CustomerProfile(profile) = &mut part {
            "oro-80".clone_into(&mut profile.contacts[0].id);
            "li@acme.example".clone_into(&mut profile.contacts[0].email);
        }
        let subject = part.subject();
        let write = Write { target_id: Some("7"), ..write(&subject, &part) };
        oro.apply(&conversation, &[write]).await.pop().unwrap().unwrap();
        let changed = r#""attributes":{"email":"li@acme.example","externalId":"oro-80"}}}"#;
        assert!(shop.written()[0].ends_with(changed), "{:?}", shop.written());
    }

    #[tokio::test]
    async fn an_email_of_another_customers_user_is_rejected_without_naming_it() {
        let [customer, addresses, mut users] = there();
        users["data"][0]["relationships"]["customer"]["data"]["id"] = json!("8");
        let shop = Shop::answering([
            group(),
            answer("GET /customers/7", 200, &customer),
            answer("GET /customeraddresses", 200, &addresses),
            answer("GET /customerusers?filter[customer]=7", 200, &none()),
            errors("POST /customerusers", 400, "unique customer user name and email constraint"),
            answer("GET /customerusers?filter[email]=Jo%40acme.example", 200, &users),
        ]);
        let (oro, conversation, part) = (oro(), shop.conversation(), part());
        let subject = part.subject();
        let write = Write { target_id: Some("7"), ..write(&subject, &part) };
        let failure = oro.apply(&conversation, &[write]).await.pop().unwrap().unwrap_err();
        assert_eq!(failure.kind, FailureKind::Rejected);
        assert!(failure.detail.contains("contacts[P-1].email") && !failure.detail.contains("acme"));
    }

    #[tokio::test]
    async fn a_blocked_customers_users_are_disabled() {
        let [customer, addresses, mut users] = there();
        users["data"][0]["attributes"]["enabled"] = json!(true);
        let shop = Shop::answering([
            group(),
            answer("GET /customers/7", 200, &customer),
            answer("GET /customeraddresses", 200, &addresses),
            answer("GET /customerusers", 200, &users),
            answer("PATCH /customerusers/80", 200, &made("customerusers", "80")),
        ]);
        let (oro, conversation, mut part) = (oro(), shop.conversation(), part());
        if let Part::CustomerProfile(profile) = &mut part {
            profile.blocked = true;
        }
        let subject = part.subject();
        let write = Write { target_id: Some("7"), ..write(&subject, &part) };
        oro.apply(&conversation, &[write]).await.pop().unwrap().unwrap();
        assert!(shop.written()[0].ends_with(r#""attributes":{"enabled":false}}}"#));
    }

    #[test]
    fn a_number_that_does_not_fit_becomes_the_same_uuid_each_time() {
        assert_eq!(external_id("C-1001"), "C-1001");
        let long = "C".repeat(37);
        assert_eq!(external_id(&long), external_id(&long));
        assert_eq!(external_id(&long).len(), 36);
        assert_eq!(external_id("a,b").len(), 36, "a comma is a list to a filter");
        assert_ne!(external_id("a,b"), external_id("a,c"));
    }
}
