//! Customers in one call, against a shop that answers from a script.

use std::sync::Arc;

use ferry_http::{HttpError, Method, Response};
use serde_json::json;

use super::*;
use crate::{
    Effect,
    oro::{
        learnt::LISTS_AGAIN,
        scripted::{Shop, answer, bytes, oro, row, write},
    },
};

type Answer = (String, Result<Response, HttpError>);

/// A customer with one address and one person.
fn part(number: &str) -> Part {
    let profile = json!({
        "number": number, "name": format!("{number} Ltd"),
        "contacts": [{"id": format!("P-{number}"), "first_name": "Jo", "last_name": "Li",
            "email": format!("{number}@acme.example")}],
        "addresses": [{"code": "BILL", "kinds": ["billing"], "street": "1 Rd", "city": "York",
            "postcode": "YO1", "country": "GB"}]
    });
    Part::from_json(Facet::Profile, profile.to_string().as_bytes()).unwrap()
}

/// The answer to a list of so many new ones, which get ids from `first` on.
fn made(kind: &'static str, first: u32, many: u32) -> Answer {
    let row = |n: u32| {
        let mut row = row(kind, &(first + n).to_string(), json!({}), Value::Null);
        row["meta"] = json!({"dataId": format!("new-{n}")});
        row
    };
    let rows: Vec<Value> = (0..many).map(row).collect();
    answer(&format!("PATCH /{kind}"), 200, &json!({ "data": rows }))
}

fn refused(kind: &str, title: &str, pointer: &str) -> Answer {
    let error = json!({"title": title, "detail": "Oro says why.", "source": {"pointer": pointer}});
    answer(&format!("PATCH /{kind}"), 400, &json!({"errors": [error]}))
}

async fn applied(
    shop: &Arc<Shop>,
    oro: &Oro,
    numbers: &[&str],
    change: impl Fn(Write<'_>) -> Write<'_>,
) -> Vec<Result<Applied, Failure>> {
    let parts: Vec<Part> = numbers.iter().map(|number| part(number)).collect();
    let subjects: Vec<_> = parts.iter().map(Part::subject).collect();
    let writes: Vec<Write<'_>> =
        parts.iter().zip(&subjects).map(|(part, subject)| change(write(subject, part))).collect();
    oro.apply(&shop.conversation(), &writes).await
}

fn words(answers: &[Result<Applied, Failure>]) -> Vec<String> {
    let word = |answer: &Result<Applied, Failure>| match answer {
        Ok(Applied { effect, target_id, .. }) => format!("{effect:?} {target_id:?}"),
        Err(failure) => {
            format!(
                "{} {:?} {} {}",
                failure.kind, failure.target_id, failure.unread, failure.detail
            )
        }
    };
    answers.iter().map(word).collect()
}

#[tokio::test]
async fn new_customers_are_three_requests_however_many_they_are() {
    let numbers: Vec<String> = (0..40).map(|n| format!("C-{n}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let shop = Shop::answering([
        made("customers", 100, 40),
        made("customeraddresses", 200, 40),
        made("customerusers", 300, 40),
    ]);
    let answers = applied(&shop, &oro(), &numbers, |write| write).await;
    assert_eq!(answers.len(), 40);
    for (n, answer) in answers.into_iter().enumerate() {
        let Applied { effect, target_id, .. } = answer.unwrap();
        assert_eq!((effect, target_id), (Effect::Created, Some((100 + n).to_string())));
    }
    let asked = shop.asked();
    let address: Value = serde_json::from_slice(&asked[1].body).unwrap();
    let of = |n: usize| address["data"][n]["relationships"]["customer"]["data"]["id"].clone();
    assert_eq!((of(0), of(39)), (json!("100"), json!("139")));
}

#[tokio::test]
async fn one_bad_address_is_its_customers_failure_and_leaves_no_doubt_about_the_others() {
    let shop = Shop::answering([
        made("customers", 100, 3),
        refused("customeraddresses", "not blank constraint", "/data/1/attributes/city"),
        made("customeraddresses", 200, 2),
        made("customerusers", 300, 2),
    ]);
    let answers = applied(&shop, &oro(), &["C-0", "C-1", "C-2"], |write| write).await;
    assert_eq!(
        words(&answers),
        [
            "Created Some(\"100\")",
            "validation Some(\"101\") true addresses[BILL].city: Oro says why. (not blank constraint)",
            "Created Some(\"102\")",
        ]
    );
    shop.asked();
}

#[tokio::test]
async fn a_refused_customer_is_not_in_doubt_because_others_were_written() {
    let shop = Shop::answering([
        refused("customers", "length constraint", "/data/0/attributes/name"),
        made("customers", 100, 1),
        made("customeraddresses", 200, 1),
        made("customerusers", 300, 1),
    ]);
    let answers = applied(&shop, &oro(), &["C-0", "C-1"], |write| write).await;
    assert_eq!(
        words(&answers),
        ["validation None false name: Oro says why. (length constraint)", "Created Some(\"100\")",]
    );
}

/// C-0 as the shop has it, under 7, with another name.
fn there(kind: &'static str, query: &str) -> Answer {
    let customer = json!({"customer": {"type": "customers", "id": "7"}});
    let data = match kind {
        "customers" => row(kind, "7", json!({"name": "Old", "externalId": "C-0"}), Value::Null),
        "customeraddresses" => row(kind, "70", json!({"label": "OLD"}), customer),
        _ => row(
            kind,
            "80",
            json!({"email": "C-0@acme.example", "firstName": "Jo", "lastName": "Li",
                "externalId": "P-C-0"}),
            customer,
        ),
    };
    answer(&format!("GET /{kind}?{query}"), 200, &json!({ "data": [data] }))
}

#[tokio::test]
async fn what_was_written_before_is_read_together_and_only_its_changes_are_sent() {
    let shop = Shop::answering([
        there("customers", "filter[id]=7,8"),
        there("customeraddresses", "filter[customer]=7"),
        there("customerusers", "filter[customer]=7"),
        answer(
            "PATCH /customers",
            200,
            &json!({"data": [row("customers", "7", json!({}), Value::Null)]}),
        ),
        made("customeraddresses", 200, 1),
    ]);
    let answers = applied(&shop, &oro(), &["C-0", "C-1"], |write| {
        let target_id = Some(if write.subject.id == "C-0" { "7" } else { "8" });
        Write { target_id, ..write }
    })
    .await;
    assert_eq!(
        words(&answers),
        [
            "Updated Some(\"7\")",
            "conflict None false the customer that was linked is not in the shop any more: it is looked \
         up again",
        ]
    );
    insta::assert_snapshot!(shop.written()[0], @r#"PATCH /customers {"data":[{"type":"customers","id":"7","meta":{"update":true},"attributes":{"name":"C-0 Ltd"}}]}"#);
}

#[tokio::test]
async fn one_that_is_there_after_all_is_found_and_changed_and_the_others_are_made() {
    let shop = Shop::answering([
        refused("customers", "unique entity constraint", "/data/0/attributes/externalId"),
        made("customers", 100, 1),
        made("customeraddresses", 200, 1),
        made("customerusers", 300, 1),
        there("customers", "filter[externalId]=C-0"),
        there("customeraddresses", "filter[customer]=7"),
        there("customerusers", "filter[customer]=7"),
        answer(
            "PATCH /customers/7",
            200,
            &json!({"data": row("customers", "7", json!({}), Value::Null)}),
        ),
        answer(
            "POST /customeraddresses",
            201,
            &json!({"data": row("customeraddresses", "71", json!({}), Value::Null)}),
        ),
        // From now on a new one is looked for.
        answer("GET /customers?filter[externalId]=C-2,C-3", 200, &json!({"data": []})),
        made("customers", 101, 2),
        made("customeraddresses", 201, 2),
        made("customerusers", 301, 2),
    ]);
    let oro = oro();
    let answers = applied(&shop, &oro, &["C-0", "C-1"], |write| write).await;
    assert_eq!(words(&answers), ["Updated Some(\"7\")", "Created Some(\"100\")"]);
    let answers = applied(&shop, &oro, &["C-2", "C-3"], |write| write).await;
    assert_eq!(words(&answers), ["Created Some(\"101\")", "Created Some(\"102\")"]);
    shop.asked();
}

#[tokio::test]
async fn a_list_whose_answer_was_lost_leaves_each_in_doubt_and_is_read_by_number() {
    let shop = Shop::answering([
        bytes("PATCH /customers", 504, ""),
        there("customers", "filter[externalId]=C-0,C-1"),
        there("customeraddresses", "filter[customer]=7"),
        there("customerusers", "filter[customer]=7"),
        answer(
            "PATCH /customers",
            200,
            &json!({"data": [
            row("customers", "7", json!({}), Value::Null),
            row("customers", "8", json!({}), Value::Null)]}),
        ),
        made("customeraddresses", 200, 2),
        made("customerusers", 300, 1),
    ]);
    let oro = oro();
    let lost = applied(&shop, &oro, &["C-0", "C-1"], |write| write).await;
    assert!(lost.iter().all(|answer| answer.as_ref().is_err_and(|failure| failure.unread)));
    let answers = applied(&shop, &oro, &["C-0", "C-1"], |write| Write {
        read_first: true,
        attempt: 2,
        ..write
    })
    .await;
    assert_eq!(words(&answers), ["Updated Some(\"7\")", "Created Some(\"8\")"]);
    shop.asked();
}

#[tokio::test(start_paused = true)]
async fn a_shop_that_took_no_list_is_written_one_by_one_and_offered_one_again_after_a_while() {
    let one = |kind: &str| {
        answer(
            &format!("POST /{kind}"),
            201,
            &json!({"data": row("x", "7", json!({}), Value::Null)}),
        )
    };
    let each = || ["customers", "customeraddresses", "customerusers"].map(one);
    let shop = Shop::answering(
        [bytes("PATCH /customers", 405, "")].into_iter().chain(each()).chain(each()),
    );
    let oro = oro();
    assert_eq!(oro.together(Facet::Profile).most, 100);
    let answers = applied(&shop, &oro, &["C-0", "C-1"], |write| write).await;
    assert_eq!(words(&answers), ["Created Some(\"7\")", "Created Some(\"7\")"]);
    assert_eq!(oro.together(Facet::Profile).most, 1);
    assert!(shop.asked().iter().skip(1).all(|request| request.method == Method::Post));
    tokio::time::advance(LISTS_AGAIN).await;
    assert_eq!(oro.together(Facet::Profile).most, 100);
}
