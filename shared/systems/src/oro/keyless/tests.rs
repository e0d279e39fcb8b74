use std::sync::Arc;

use ferry_canonical::{Facet, Part};
use ferry_http::{HttpError, Response};
use serde_json::json;

use super::*;
use crate::{
    oro::scripted::{Ledger, Shop, answer, errors, keyless, row, write},
    target::{Applied, Effect},
};

type Answer = (String, Result<Response, HttpError>);

/// With as many people as there are emails.
fn part(name: &str, emails: &[&str]) -> Part {
    let contacts = emails.iter().enumerate().map(|(index, email)| {
        json!({"id": format!("P-{index}"), "first_name": "Jo", "last_name": "Li", "email": email})
    });
    let contacts: Vec<Value> = contacts.collect();
    let profile = json!({"number": "C-1001", "name": name, "contacts": contacts, "addresses": [
        {"code": "BILL", "kinds": ["billing"], "street": "1 Rd", "city": "Bath", "postcode": "B1",
         "country": "GB"}]});
    Part::from_json(Facet::Profile, profile.to_string().as_bytes()).unwrap()
}

fn list(request: &str, rows: &[Value]) -> Answer {
    answer(request, 200, &json!({ "data": rows }))
}

fn made(request: &str, kind: &str, id: &str) -> Answer {
    answer(request, 201, &json!({"data": row(kind, id, json!({}), Value::Null)}))
}

fn customer(id: &str, name: &str) -> Value {
    row("customers", id, json!({ "name": name }), Value::Null)
}

fn user(id: &str, email: &str, customer: &str) -> Value {
    row(
        "customerusers",
        id,
        json!({"email": email, "firstName": "Jo", "lastName": "Li", "enabled": true}),
        json!({"customer": {"type": "customers", "id": customer}}),
    )
}

fn address(id: &str, street: &str) -> Value {
    row(
        "customeraddresses",
        id,
        json!({"label": "BILL", "organization": "Acme", "street": street, "city": "Bath",
            "postalCode": "B1", "types": [{"default": true, "addressType": "billing"}]}),
        json!({"country": {"type": "countries", "id": "GB"}, "region": Value::Null,
            "customer": {"type": "customers", "id": "7"}}),
    )
}

/// What an update reads of customer 7.
fn hanging(users: &[Value]) -> [Answer; 2] {
    [
        list("GET /customeraddresses?filter[customer]=7", &[address("70", "1 Rd")]),
        list("GET /customerusers?filter[customer]=7", users),
    ]
}

async fn applied(
    shop: &Arc<Shop>,
    part: &Part,
    how: impl Fn(Write<'_>) -> Write<'_>,
) -> Result<Applied, Failure> {
    let subject = part.subject();
    let (oro, conversation) = (keyless(), shop.conversation());
    oro.apply(&conversation, &[how(write(&subject, part))]).await.pop().unwrap()
}

fn linked(write: Write<'_>) -> Write<'_> {
    Write { target_id: Some("7"), ..write }
}

fn doubted(write: Write<'_>) -> Write<'_> {
    Write { read_first: true, attempt: 2, ..write }
}

#[tokio::test]
async fn a_new_customer_goes_with_its_people_and_addresses_in_one_request() {
    let shop = Shop::answering([made("POST /customers", "customers", "7")]);
    let applied = applied(&shop, &part("Acme", &["jo@acme.example"]), |write| write).await.unwrap();
    assert_eq!((applied.effect, applied.target_id.as_deref()), (Effect::Created, Some("7")));
    insta::assert_snapshot!(shop.written().join("\n"), @r#"POST /customers {"data":{"type":"customers","id":"itself","attributes":{"name":"Acme"}},"included":[{"type":"customeraddresses","id":"addresses[BILL]#0","attributes":{"organization":"Acme","firstName":null,"lastName":null,"street":"1 Rd","street2":null,"city":"Bath","postalCode":"B1","phone":null,"types":[{"default":true,"addressType":"billing"}],"label":"BILL","customRegion":null},"relationships":{"country":{"data":{"type":"countries","id":"GB"}},"region":{"data":null},"customer":{"data":{"type":"customers","id":"itself"}}}},{"type":"customerusers","id":"contacts[P-0]#1","attributes":{"email":"jo@acme.example","firstName":"Jo","lastName":"Li","enabled":true},"relationships":{"customer":{"data":{"type":"customers","id":"itself"}},"userRoles":{"data":[{"type":"customeruserroles","id":"1"}]}}}]}"#);
}

#[tokio::test]
async fn a_customer_without_a_key_is_found_by_its_people_after_a_lost_answer() {
    let [addresses, users] = hanging(&[user("80", "jo@acme.example", "7")]);
    let shop = Shop::answering([
        list(
            "GET /customerusers?filter[email]=jo%40acme.example",
            &[user("80", "JO@acme.example", "7")],
        ),
        answer("GET /customers/7", 200, &json!({"data": customer("7", "Acme")})),
        addresses,
        users,
    ]);
    let applied = applied(&shop, &part("Acme", &["jo@acme.example"]), doubted).await.unwrap();
    assert_eq!((applied.effect, applied.target_id.as_deref()), (Effect::AlreadySo, Some("7")));
    assert!(shop.written().is_empty());
}

#[tokio::test]
async fn one_that_is_not_there_is_made_after_a_lost_answer() {
    let shop = Shop::answering([
        list("GET /customerusers?filter[email]=jo", &[]),
        made("POST /customers", "customers", "7"),
    ]);
    let applied = applied(&shop, &part("Acme", &["jo@acme.example"]), doubted).await.unwrap();
    assert_eq!(applied.effect, Effect::Created);
    shop.asked();
}

#[tokio::test]
async fn an_email_that_is_taken_leads_to_the_customer_that_is_there() {
    let refused =
        || errors("POST /customers", 400, "unique customer user name and email constraint");
    let of_seven =
        || list("GET /customerusers?filter[email]=jo", &[user("80", "jo@acme.example", "7")]);
    let named = |name| answer("GET /customers/7", 200, &json!({"data": customer("7", name)}));
    let [addresses, users] = hanging(&[user("80", "jo@acme.example", "7")]);
    let shop = Shop::answering([refused(), of_seven(), named("Acme"), addresses, users]);
    let part = part("Acme", &["jo@acme.example"]);
    assert_eq!(applied(&shop, &part, |write| write).await.unwrap().effect, Effect::AlreadySo);
    // Somebody else's email is nobody's customer.
    let shop = Shop::answering([refused(), of_seven(), named("Beta")]);
    let failure = applied(&shop, &part, |write| write).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert!(!failure.detail.contains("acme"), "{failure:?}");
}

#[tokio::test]
async fn two_that_look_alike_are_a_persons_decision() {
    let both = [user("80", "jo@acme.example", "7"), user("81", "jo@acme.example", "8")];
    let shop = Shop::answering([list("GET /customerusers?filter[email]=jo", &both)]);
    let failure = applied(&shop, &part("Acme", &["jo@acme.example"]), doubted).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Ambiguous);
    let renamed = Shop::answering([
        list("GET /customerusers?filter[email]=jo", &both[..1]),
        answer("GET /customers/7", 200, &json!({"data": customer("7", "Beta")})),
    ]);
    let failure =
        applied(&renamed, &part("Acme", &["jo@acme.example"]), doubted).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Ambiguous);
}

#[tokio::test]
async fn one_without_people_is_known_by_being_just_what_was_sent() {
    let alike = |addresses: &[Value]| {
        [
            list(
                "GET /customers?filter[name]=Acme",
                &[customer("7", "Acme"), customer("8", "acme")],
            ),
            list("GET /customerusers?filter[customer]=7", &[]),
            list("GET /customeraddresses?filter[customer]=7", addresses),
        ]
    };
    let part = part("Acme", &[]);
    let [addresses, users] = hanging(&[]);
    let same = alike(&[address("70", "1 Rd")]).into_iter().chain([addresses, users]);
    let shop = Shop::answering(same);
    let found = applied(&shop, &part, doubted).await.unwrap();
    assert_eq!((found.effect, found.target_id.as_deref()), (Effect::AlreadySo, Some("7")));
    let shop = Shop::answering(alike(&[address("70", "2 Rd")]));
    assert_eq!(applied(&shop, &part, doubted).await.unwrap_err().kind, FailureKind::Ambiguous);
    // A first try asks nothing: nothing was sent before.
    let shop = Shop::answering([made("POST /customers", "customers", "9")]);
    assert_eq!(applied(&shop, &part, |write| write).await.unwrap().effect, Effect::Created);
}

#[tokio::test]
async fn what_is_refused_with_a_customer_is_named_by_its_place() {
    let error = json!({"status": "400", "title": "form constraint", "detail": "The entity does not exist.",
        "source": {"pointer": "/included/0/relationships/country/data"}});
    let shop = Shop::answering([answer("POST /customers", 400, &json!({"errors": [error]}))]);
    let failure = applied(&shop, &part("Acme", &["a@b.example"]), |write| write).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Validation);
    assert_eq!(
        failure.detail,
        "addresses[BILL].country: The entity does not exist. (form constraint)"
    );
    assert_eq!(failure.target_id, None, "nothing of it is there");
}

#[tokio::test]
async fn a_linked_customer_is_changed_without_a_key() {
    let [addresses, users] = hanging(&[user("80", "old@acme.example", "7")]);
    let shop = Shop::answering([
        answer("GET /customers/7", 200, &json!({"data": customer("7", "Acme Ltd")})),
        addresses,
        users,
        made("PATCH /customers/7", "customers", "7"),
        made("PATCH /customerusers/80", "customerusers", "80"),
    ]);
    let part = part("Acme", &["jo@acme.example"]);
    assert_eq!(applied(&shop, &part, linked).await.unwrap().effect, Effect::Updated);
    insta::assert_snapshot!(shop.written().join("\n"), @r#"
    PATCH /customers/7 {"data":{"type":"customers","id":"7","attributes":{"name":"Acme"}}}
    PATCH /customerusers/80 {"data":{"type":"customerusers","id":"80","attributes":{"email":"jo@acme.example"}}}
    "#);
}

fn named(id: &str, sent: &str) -> Value {
    let mut row = customer(id, "Acme");
    row["meta"] = json!({"dataId": sent});
    row
}

#[tokio::test]
async fn in_a_call_of_many_new_customers_go_with_all_that_hangs_on_them() {
    let (new, linked) = (part("Acme", &["jo@acme.example"]), part("Beta", &[]));
    let shop = Shop::answering([
        list("GET /customers?filter[id]=8", &[customer("8", "Alpha")]),
        list("GET /customeraddresses?filter[customer]=8", &[]),
        list("GET /customerusers?filter[customer]=8", &[]),
        list("PATCH /customers", &[named("7", "new-0"), named("8", "8")]),
        list("PATCH /customeraddresses", &[row("customeraddresses", "71", json!({}), Value::Null)]),
    ]);
    let (oro, conversation) = (keyless(), shop.conversation());
    let subjects = (new.subject(), linked.subject());
    let changed = Write { target_id: Some("8"), ..write(&subjects.1, &linked) };
    let answers = oro.apply(&conversation, &[write(&subjects.0, &new), changed]).await;
    let applied: Vec<Applied> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        (applied[0].effect.clone(), &applied[1].effect),
        (Effect::Created, &Effect::Updated)
    );
    assert_eq!(applied[0].target_id.as_deref(), Some("7"));
    insta::assert_snapshot!(shop.written()[0], @r#"PATCH /customers {"data":[{"type":"customers","id":"new-0","attributes":{"name":"Acme"},"relationships":{"addresses":{"data":[{"type":"customeraddresses","id":"0-addresses[BILL]#0"}]},"users":{"data":[{"type":"customerusers","id":"0-contacts[P-0]#1"}]}}},{"type":"customers","id":"8","meta":{"update":true},"attributes":{"name":"Beta"}}],"included":[{"type":"customeraddresses","id":"0-addresses[BILL]#0","attributes":{"organization":"Acme","firstName":null,"lastName":null,"street":"1 Rd","street2":null,"city":"Bath","postalCode":"B1","phone":null,"types":[{"default":true,"addressType":"billing"}],"label":"BILL","customRegion":null},"relationships":{"country":{"data":{"type":"countries","id":"GB"}},"region":{"data":null}}},{"type":"customerusers","id":"0-contacts[P-0]#1","attributes":{"email":"jo@acme.example","firstName":"Jo","lastName":"Li","enabled":true},"relationships":{"userRoles":{"data":[{"type":"customeruserroles","id":"1"}]}}}]}"#);
}

#[tokio::test(start_paused = true)]
async fn what_a_list_that_is_put_off_has_made_is_found_and_the_next_goes_alone() {
    let (one, other) = (part("Acme", &["jo@acme.example"]), part("Beta", &["li@beta.example"]));
    let operation = json!({"data": row("asyncoperations", "1", json!({"status": "success",
        "summary": {"createCount": 2, "updateCount": 0, "errorCount": 0}}), Value::Null)});
    let of = |id: &str, name: &str, email: &str| {
        let request = format!("GET /customerusers?filter[email]={}", &email[..2]);
        let place = json!({"customer": {"type": "customers", "id": id}});
        let address = json!({"data": [row("customeraddresses", "70", json!({}), place)]});
        [
            list(&request, &[user("80", email, id)]),
            answer(&format!("GET /customers/{id}"), 200, &json!({"data": customer(id, name)})),
            answer("GET /customeraddresses?filter[customer]", 200, &address),
            list("GET /customerusers?filter[customer]", &[user("80", email, id)]),
            made("POST /customeraddresses", "customeraddresses", "71"),
        ]
    };
    let script = [
        answer("PATCH /customers", 202, &operation),
        answer("GET /asyncoperations/1", 200, &operation),
    ];
    let found =
        of("7", "Acme", "jo@acme.example").into_iter().chain(of("8", "Beta", "li@beta.example"));
    let alone = ["9", "10"].map(|id| made("POST /customers", "customers", id));
    let shop = Shop::answering(script.into_iter().chain(found).chain(alone));
    let (oro, conversation) = (keyless(), shop.conversation());
    let subjects = (one.subject(), other.subject());
    let writes = [write(&subjects.0, &one), write(&subjects.1, &other)];
    for ids in [["7", "8"], ["9", "10"]] {
        let answers = oro.apply(&conversation, &writes).await;
        let made: Vec<Applied> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(
            [&made[0].target_id, &made[1].target_id],
            ids.map(|id| Some(id.to_owned())).each_ref()
        );
    }
    shop.asked();
}

#[tokio::test]
async fn an_earlier_state_whose_answer_was_lost_is_never_followed_by_a_blind_creation() {
    let nobody = list("GET /customerusers?filter[email]=jo", &[]);
    let shop = Shop::answering([nobody]);
    let failure = applied(&shop, &part("Acme", &["jo@acme.example"]), brought).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Ambiguous);
    let failure = applied(&Shop::answering([]), &part("Acme", &[]), brought).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Ambiguous);
}

fn brought(write: Write<'_>) -> Write<'_> {
    Write { brought: Brought::Other, ..doubted(write) }
}

#[tokio::test]
async fn a_guest_of_a_checkout_is_nobodys_user() {
    let mut guest = user("80", "jo@acme.example", "7");
    guest["attributes"]["isGuest"] = json!(true);
    let shop = Shop::answering([
        list("GET /customerusers?filter[email]=jo", &[guest]),
        made("POST /customers", "customers", "9"),
    ]);
    let part = part("Acme", &["jo@acme.example"]);
    assert_eq!(applied(&shop, &part, doubted).await.unwrap().target_id.as_deref(), Some("9"));
}

#[tokio::test]
async fn the_account_of_another_customer_of_ours_is_not_adopted() {
    let shop = Shop::answering([
        list("GET /customerusers?filter[email]=jo", &[user("80", "jo@acme.example", "7")]),
        answer("GET /customers/7", 200, &json!({"data": customer("7", "Acme")})),
    ]);
    let part = part("Acme", &["jo@acme.example"]);
    let subject = part.subject();
    let ledger = Ledger::default().owned("7", "another");
    let conversation = shop.conversation().among("shop", Arc::new(ledger));
    let write = doubted(write(&subject, &part));
    let failure = keyless().apply(&conversation, &[write]).await.pop().unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rejected);
    assert!(failure.detail.contains("customer `another`"), "{}", failure.detail);
    shop.asked();
}
