use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use ferry_world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::api;
use super::customers::Customers;
use crate::control::{self, Control, View};

const TICKS: u32 = 3;

fn noon() -> Timestamp {
    "2026-11-22T12:00:00.5004Z".parse().unwrap()
}

fn customers() -> Arc<Customers> {
    Arc::new(Customers::new(World::new(5, 100), TICKS, noon()))
}

/// The ERP on a socket; the answer's status, headers and body.
async fn ask(customers: &Arc<Customers>, method: &str, path: &str, token: &str) -> (u16, Value) {
    send(customers, method, path, &format!("authorization: {token}\r\n"), "").await
}

async fn send(
    customers: &Arc<Customers>,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, Value) {
    let control = Control::new();
    let system: Router = api::router(Arc::clone(customers), control.clone(), "demo".to_owned());
    let app = control::app(control, system, Arc::clone(customers) as _);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    control::start(async move { drop(control::serve(listener, app).await) });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.0\r\n{headers}content-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn write(customers: &Arc<Customers>, method: &str, path: &str, body: Value) -> (u16, Value) {
    let headers = "authorization: Bearer demo\r\nidempotency-key: k1\r\n";
    send(customers, method, path, headers, &body.to_string()).await
}

async fn get(customers: &Arc<Customers>, path: &str) -> (u16, Value) {
    ask(customers, "GET", path, "Bearer demo").await
}

fn order_of(page: &Value) -> Vec<(String, String)> {
    let text = |customer: &Value, name: &str| customer[name].as_str().unwrap().to_owned();
    let customers = page["customers"].as_array().unwrap();
    customers.iter().map(|c| (text(c, "updated_at"), text(c, "number"))).collect()
}

#[tokio::test]
async fn pages_together_are_every_customer_once_sorted_by_time_then_number() {
    let customers = customers();
    let mut all = Vec::new();
    for page in 1..=4 {
        let path = format!("/api/customers?page={page}&per_page=9");
        let (status, body) = get(&customers, &path).await;
        assert_eq!((status, &body["pages"], &body["total"]), (200, &json!(4), &json!(30)));
        assert_eq!(body["page"], page);
        all.extend(order_of(&body));
    }
    assert_eq!(all.len(), 30);
    assert!(all.is_sorted_by(|one, two| one < two), "{all:?}");
    assert!(all.iter().all(|(at, _)| at.len() == "2026-11-22T11:00:00.500Z".len()), "{all:?}");
    let (status, beyond) = get(&customers, "/api/customers?page=99").await;
    assert_eq!((status, &beyond["customers"]), (200, &json!([])));
}

#[tokio::test]
async fn asking_since_the_last_time_seen_misses_nothing_released_after_it() {
    let customers = customers();
    let (_, first) = get(&customers, "/api/customers?per_page=500").await;
    let (seen, _) = order_of(&first).pop().unwrap();
    for _ in 0..TICKS {
        // The same instant again and again: times grow nevertheless.
        let released = customers.release(noon() - SignedDuration::from_hours(2));
        assert!(!released.is_empty());
        let (_, page) = get(&customers, &format!("/api/customers?updated_since={seen}")).await;
        let numbers: Vec<String> = order_of(&page).into_iter().map(|(_, number)| number).collect();
        assert!(released.iter().all(|(number, _)| numbers.contains(number)), "{page}");
        let (number, revision) = &released[0];
        let (_, one) = get(&customers, &format!("/api/customers/{number}")).await;
        assert_eq!(one["revision"], *revision);
        assert!(one["updated_at"].as_str().unwrap() > seen.as_str());
    }
    assert!(customers.is_done() && customers.release(noon()).is_empty());
    assert_eq!(customers.progress()["done"], true);
}

#[tokio::test]
async fn a_wrong_token_is_401_on_every_page_and_tells_nothing() {
    for path in ["/api/customers", "/api/customers/C-100001", "/nothing"] {
        for token in ["", "Bearer demo2", "demo", "Basic demo"] {
            let (status, body) = ask(&customers(), "GET", path, token).await;
            assert_eq!((status, &body["error"]["code"]), (401, &json!("unauthorized")));
        }
    }
}

#[tokio::test]
async fn a_parameter_that_cannot_be_is_400_and_named() {
    for (query, name) in [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("per_page=501", "per_page"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2026-11-22", "updated_since"),
    ] {
        let (status, body) = get(&customers(), &format!("/api/customers?{query}")).await;
        assert_eq!((status, &body["error"]["code"]), (400, &json!("bad_parameter")), "{query}");
        assert!(body["error"]["message"].as_str().unwrap().contains(name), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_deleting_is_405() {
    let customers = customers();
    for path in ["/api/customers/C-999999", "/api/products", "/"] {
        let (status, body) = get(&customers, path).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")), "{path}");
    }
    assert_eq!(ask(&customers, "DELETE", "/api/customers/C-100001", "Bearer demo").await.0, 405);
}

#[test]
fn the_state_shows_every_customer_and_nothing_else() {
    let customers = customers();
    assert_eq!(customers.collection("customers").unwrap().as_array().unwrap().len(), 30);
    assert_eq!(customers.collection("orders"), None);
}

#[tokio::test]
async fn a_change_moves_the_time_and_the_revision_and_a_change_of_nothing_neither() {
    let customers = customers();
    let path = "/api/customers/C-100002";
    let (_, before) = get(&customers, path).await;
    let (status, after) = write(&customers, "PATCH", path, json!({"name": "Beta"})).await;
    assert_eq!(
        (status, &after["name"], &after["contacts"]),
        (200, &json!("Beta"), &before["contacts"])
    );
    assert_eq!(
        after["revision"].as_u64(),
        before["revision"].as_u64().map(|revision| revision + 1)
    );
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
    assert_eq!(get(&customers, path).await.1, after);
    let since = after["updated_at"].as_str().unwrap();
    let (_, page) = get(&customers, &format!("/api/customers?updated_since={since}")).await;
    assert_eq!(page["customers"], json!([after]));
    let (status, same) = write(&customers, "PATCH", path, json!({"name": "Beta"})).await;
    assert_eq!((status, same), (200, after.clone()));
    // All of it, and what is not named is nothing.
    let (_, replaced) = write(&customers, "PUT", path, json!({"name": "Beta"})).await;
    assert_eq!((&replaced["contacts"], &replaced["blocked"]), (&json!([]), &json!(false)));
}

#[tokio::test]
async fn one_that_is_made_has_a_number_and_is_made_once() {
    let customers = customers();
    let body = json!({"number": "WEB-1", "name": "Acme"});
    let (status, made) = write(&customers, "POST", "/api/customers", body.clone()).await;
    assert_eq!((status, &made["number"], &made["revision"]), (201, &json!("WEB-1"), &json!(1)));
    // The same key is the same request.
    assert_eq!(
        write(&customers, "POST", "/api/customers", body.clone()).await,
        (201, made.clone())
    );
    let headers = "authorization: Bearer demo\r\n";
    let (status, taken) =
        send(&customers, "POST", "/api/customers", headers, &body.to_string()).await;
    assert_eq!((status, &taken["error"]["code"]), (409, &json!("exists")));
    let (status, given) =
        send(&customers, "POST", "/api/customers", headers, r#"{"name":"B"}"#).await;
    assert_eq!((status, given["number"].as_str().unwrap().len()), (201, "C-900001".len()));
    assert_eq!(get(&customers, "/api/customers/WEB-1").await, (200, made));
    assert_eq!(get(&customers, "/api/customers?per_page=500").await.1["total"], 32);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let customers = customers();
    let path = "/api/customers/C-100002";
    let (_, before) = get(&customers, path).await;
    for body in [
        json!({"name": ""}),
        json!({"name": null}),
        json!({"number": "C-100003"}),
        json!({"contacts": ["Jo"]}),
        json!({"blocked": "no"}),
        json!({"colour": "red"}),
    ] {
        let (status, refusal) = write(&customers, "PATCH", path, body.clone()).await;
        assert_eq!((status, &refusal["error"]["code"]), (422, &json!("invalid")), "{body}");
    }
    let (status, _) =
        write(&customers, "PUT", "/api/customers/C-999999", json!({"name": "A"})).await;
    assert_eq!(status, 404);
    assert_eq!(write(&customers, "PATCH", path, json!([1])).await.0, 400);
    assert_eq!(get(&customers, path).await.1, before);
}

#[tokio::test]
async fn a_person_changes_a_customer_without_a_token_and_the_next_version_replaces_it() {
    let customers = customers();
    let (number, _) = customers.release(noon()).remove(0);
    let path = format!("/_sim/customers/{number}");
    let body = r#"{"name":"Acme","notes":"by hand"}"#;
    let (status, changed) = send(&customers, "PATCH", &path, "", body).await;
    assert_eq!((status, &changed["notes"]), (200, &json!("by hand")));
    let mut replaced = false;
    for _ in 1..TICKS {
        replaced |= customers.release(noon()).iter().any(|(other, _)| *other == number);
        let (_, shown) = get(&customers, &format!("/api/customers/{number}")).await;
        assert_eq!(shown["notes"] != "by hand", replaced);
    }
}
