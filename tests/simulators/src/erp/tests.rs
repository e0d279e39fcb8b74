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
    let system: Router = api::router(Arc::clone(customers), "demo".to_owned());
    let app = control::app(Control::new(), system, Arc::clone(customers) as _);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    control::start(async move { drop(control::serve(listener, app).await) });
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.0\r\nauthorization: {token}\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
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
async fn what_is_not_there_is_404_and_writing_is_405() {
    let customers = customers();
    for path in ["/api/customers/C-999999", "/api/products", "/"] {
        let (status, body) = get(&customers, path).await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")), "{path}");
    }
    assert_eq!(ask(&customers, "POST", "/api/customers", "Bearer demo").await.0, 405);
}

#[test]
fn the_state_shows_every_customer_and_nothing_else() {
    let customers = customers();
    assert_eq!(customers.collection("customers").unwrap().as_array().unwrap().len(), 30);
    assert_eq!(customers.collection("orders"), None);
}
