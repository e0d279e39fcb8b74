//! The shop's promises, driven over real HTTP.

mod addresses;
mod capabilities;
mod customers;
mod documents;
mod life;
mod lines;
mod naming;
mod operations;
mod orders;
mod page;
mod prices;
mod products;
mod protocol;
mod rows;
mod shopping;
mod versions;
mod webhooks;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use axum::http::HeaderName;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::Answer;
use super::media::JSON_API;
use super::operations::Work;
use super::serve::{Front, router};
use super::shop::{Installed, Request, Shop};
use super::token::Client;
use super::version::{Keyed, Version};
use crate::control::Control;

/// A shop on a port of its own and a client that is logged in.
struct Desk {
    front: Front,
    address: SocketAddr,
    token: String,
    ext: bool,
}

struct Reply {
    status: u16,
    head: String,
    body: Value,
}

impl Desk {
    fn open() -> Self {
        Self::with(3600, true)
    }

    fn with(expires_in: u32, external_status: bool) -> Self {
        let installed = Installed { external_status, ..installed() };
        Self::of(Front::new(Shop::new(client(expires_in), installed), None, Control::new()))
    }

    /// A shop of another version.
    fn of_version(version: &str) -> Self {
        let installed = Installed { version: version.parse().unwrap(), ..installed() };
        Self::of(Front::new(Shop::new(client(3600), installed), None, Control::new()))
    }

    fn of(front: Front) -> Self {
        let address = serve(front.clone());
        let mut desk = Self { front, address, token: String::new(), ext: false };
        let form = "grant_type=client_credentials&client_id=ferry-demo\
                    &client_secret=ferry-demo-secret";
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let reply = desk.raw("POST", "/oauth2-token", &headers, form.as_bytes());
        assert_eq!(reply.status, 200);
        desk.token = reply.body["access_token"].as_str().unwrap().to_owned();
        desk
    }

    /// Asks past the socket, at a moment of the test's own.
    fn at(&self, now: Timestamp, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", JSON_API)];
        let parse = |(name, value): (&str, &str)| {
            (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())
        };
        let request = Request {
            method: method.parse().unwrap(),
            path: format!("/admin/api/{path}"),
            query: String::new(),
            headers: headers.into_iter().map(parse).collect(),
            body: body.to_string().into(),
        };
        self.front.floor().shop.answer(&request, now)
    }

    /// The same desk, naming products by SKU.
    fn ext(&self) -> Self {
        let (front, token) = (self.front.clone(), self.token.clone());
        Self { front, address: self.address, token, ext: true }
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None)
    }

    fn post(&self, path: &str, body: &Value) -> Reply {
        self.send("POST", path, &[], Some(body))
    }

    fn patch(&self, path: &str, body: &Value) -> Reply {
        self.send("PATCH", path, &[], Some(body))
    }

    fn batch(&self, path: &str, body: &Value) -> Reply {
        self.send("PATCH", path, &[("x-mode", "sync")], Some(body))
    }

    fn send(
        &self,
        method: &str,
        path: &str,
        extra: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", bearer.as_str()), ("accept", JSON_API)];
        if body.is_some() {
            headers.push(("content-type", JSON_API));
        }
        if self.ext {
            headers.push(("x-integration-type", "ext_id"));
        }
        headers.extend(extra);
        let body = body.map(Value::to_string).unwrap_or_default();
        self.raw(method, &format!("/admin/api/{path}"), &headers, body.as_bytes())
    }

    fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        reply(&self.bytes(method, path, headers, body))
    }

    /// Status and head of an answer that is no document.
    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let text = String::from_utf8(self.bytes(method, path, headers, b"")).unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase())
    }

    fn bytes(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let path =
            path.replace('[', "%5B").replace(']', "%5D").replace(' ', "%20").replace('>', "%3E");
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

fn reply(bytes: &[u8]) -> Reply {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
    Reply { status, head: head.to_lowercase(), body }
}

/// Serves on a port the system chooses, for as long as the test process lives.
fn serve(front: Front) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router(front)).await.unwrap();
        });
    });
    address
}

impl Reply {
    fn id(&self) -> String {
        self.body["data"]["id"].as_str().unwrap_or_else(|| panic!("{}", self.body)).to_owned()
    }

    fn ids(&self) -> Vec<&str> {
        let items = self.body["data"].as_array().unwrap_or_else(|| panic!("{}", self.body));
        items.iter().map(|item| item["id"].as_str().unwrap()).collect()
    }

    /// Status, and of each error title and source.
    fn errors(&self) -> (u16, Vec<(&str, &str)>) {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = |error: &'_ Value, path: &str| -> usize {
            error.pointer(path).and_then(Value::as_str).map_or(0, str::len)
        };
        let of = |error| {
            let place = if text(error, "/source/pointer") > 0 {
                "/source/pointer"
            } else {
                "/source/parameter"
            };
            (
                error["title"].as_str().unwrap(),
                error.pointer(place).and_then(Value::as_str).unwrap_or(""),
            )
        };
        (self.status, errors.iter().map(of).collect())
    }
}

fn client(expires_in: u32) -> Client {
    let (id, secret) = ("ferry-demo".to_owned(), "ferry-demo-secret".to_owned());
    Client { id, secret, expires_in }
}

fn installed() -> Installed {
    let kept = SignedDuration::from_hours(24);
    let work = Work { workers: 1, chunk: SignedDuration::ZERO, kept };
    let version = Version::default();
    let keyed = Keyed::default();
    Installed { version, external_status: true, keyed, checkout_stock: false, work }
}

fn customer(name: &str, external_id: &str) -> Value {
    json!({"data": {"type": "customers", "attributes": {"name": name, "externalId": external_id}}})
}

/// A product document as the reference shows it; `id` only where products are named by SKU.
fn product(sku: &str, name: &str, ext: bool) -> Value {
    let mut resource = json!({
        "type": "products",
        "attributes": {"status": "enabled"},
        "relationships": {
            "names": {"data": [{"type": "productnames", "id": "n"}]},
            "attributeFamily": {"data": {"type": "attributefamilies", "id": "1"}},
            "primaryUnitPrecision": {"data": {"type": "productunitprecisions", "id": "u"}},
            "unitPrecisions": {"data": [{"type": "productunitprecisions", "id": "u"}]},
            "inventory_status": {"data": {"type": "prodinventorystatuses", "id": "in_stock"}}
        }
    });
    if ext {
        resource["id"] = json!(sku);
    } else {
        resource["attributes"]["sku"] = json!(sku);
    }
    json!({"data": resource, "included": [
        {"type": "productnames", "id": "n", "attributes": {"fallback": null, "string": name}},
        {"type": "productunitprecisions", "id": "u",
         "attributes": {"precision": 0, "conversionRate": 1, "sell": true},
         "relationships": {"unit": {"data": {"type": "productunits", "id": "item"}}}}
    ]})
}

fn order(identifier: &str, customer: &str, sku: &str) -> Value {
    json!({"data": {"type": "orders",
        "attributes": {"identifier": identifier, "currency": "EUR"},
        "relationships": {
            "customer": {"data": {"type": "customers", "id": customer}},
            "lineItems": {"data": [{"type": "orderlineitems", "id": "l1"}]},
            "shippingAddress": {"data": {"type": "orderaddresses", "id": "a1"}}}},
     "included": [
        {"type": "orderlineitems", "id": "l1",
         "attributes": {"productSku": sku, "quantity": "2", "value": "10.50", "currency": "EUR"},
         "relationships": {"productUnit": {"data": {"type": "productunits", "id": "item"}}}},
        {"type": "orderaddresses", "id": "a1",
         "attributes": {"street": "Łąkowa 1", "city": "Łódź", "postalCode": "90-001",
                        "organization": "Kubki"},
         "relationships": {"country": {"data": {"type": "countries", "id": "PL"}}}}]})
}
