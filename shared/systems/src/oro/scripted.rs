//! A shop that answers from a script, for tests: every request must be the one that comes next.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use ferry_canonical::{Brought, Doubt, Part};
use ferry_config::{
    HumanDuration, Secret,
    system::{Limits, OroConfig},
};
use ferry_http::{Conversation, HttpError, HttpPort, LedgerPort, Method, Request, Response};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Oro, capability::Capability, fuzz};
use crate::target::Write;

#[derive(Debug)]
pub(super) struct Shop {
    script: Mutex<VecDeque<(String, Result<Response, HttpError>)>>,
    asked: Mutex<Vec<Request>>,
    tokens: Mutex<u32>,
}

/// A JSON:API answer to the request that begins with `request` (`GET /orders?page`).
pub(super) fn answer(
    request: &str,
    status: u16,
    body: &Value,
) -> (String, Result<Response, HttpError>) {
    bytes(request, status, &body.to_string())
}

pub(super) fn bytes(
    request: &str,
    status: u16,
    body: &str,
) -> (String, Result<Response, HttpError>) {
    let body = Bytes::from(body.to_owned());
    (request.to_owned(), Ok(Response { status, headers: Vec::new(), body }))
}

pub(super) fn errors(
    request: &str,
    status: u16,
    title: &str,
) -> (String, Result<Response, HttpError>) {
    let error = json!({"status": status.to_string(), "title": title, "detail": "Oro says why."});
    answer(request, status, &json!({"errors": [error]}))
}

/// A row that only has what `attributes` and `relations` (type, id) say.
pub(super) fn row(kind: &str, id: &str, attributes: Value, relations: Value) -> Value {
    let mut row = json!({"type": kind, "id": id, "relationships": {}});
    row["attributes"] = attributes;
    if let Value::Object(relations) = relations {
        for (name, linkage) in relations {
            row["relationships"][name] = json!({ "data": linkage });
        }
    }
    row
}

pub(super) fn config() -> OroConfig {
    OroConfig {
        base_url: "https://shop.example".to_owned(),
        backend_prefix: "/admin".to_owned(),
        client_secret: Secret::new("s&cret"),
        external_status_management: false,
        webhook: None,
        limits: Limits {
            concurrency: 8,
            timeout: HumanDuration::from_secs(30),
            settle_after: HumanDuration::from_secs(60),
            ..Limits::default()
        },
        ..fuzz::config()
    }
}

pub(super) fn oro() -> Oro {
    Oro { capability: Capability::knowing(true), ..Oro::new(&config()).unwrap() }
}

/// A shop whose customers have no field for their number.
pub(super) fn keyless() -> Oro {
    Oro { capability: Capability::knowing(false), ..oro() }
}

/// A first try that nothing is known about.
pub(super) fn write<'a>(subject: &'a ferry_canonical::Subject, part: &'a Part) -> Write<'a> {
    let parts = std::slice::from_ref(part);
    Write {
        subject,
        part,
        parts,
        target_id: None,
        read_first: false,
        doubt: Doubt::None,
        brought: Brought::Nothing,
        recalled: &[],
        attempt: 1,
        event_id: uuid::Uuid::nil(),
        amending: None,
    }
}

impl Shop {
    pub(super) fn answering(
        script: impl IntoIterator<Item = (String, Result<Response, HttpError>)>,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script.into_iter().collect()),
            asked: Mutex::default(),
            tokens: Mutex::default(),
        })
    }

    pub(super) fn conversation(self: &Arc<Self>) -> Conversation {
        let port: Arc<dyn HttpPort> = Arc::clone(self) as Arc<dyn HttpPort>;
        Conversation::new(port, || Timestamp::MAX)
    }

    /// Every request but those for tokens, and that the script was played to its end.
    pub(super) fn asked(&self) -> Vec<Request> {
        let left: Vec<String> =
            self.script.lock().unwrap().iter().map(|(request, _)| request.clone()).collect();
        assert!(left.is_empty(), "never asked: {left:?}");
        self.asked.lock().unwrap().clone()
    }

    /// Address and body of every request that wrote.
    pub(super) fn written(&self) -> Vec<String> {
        let written = |request: &Request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            (request.method != Method::Get).then(|| format!("{} {body}", line(request)))
        };
        self.asked().iter().filter_map(written).collect()
    }

    pub(super) fn tokens(&self) -> u32 {
        *self.tokens.lock().unwrap()
    }
}

fn line(request: &Request) -> String {
    let path = request.url.strip_prefix("https://shop.example/admin/api").unwrap();
    format!("{} {path}", request.method.as_str())
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

impl HttpPort for Shop {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        Box::pin(async move {
            // Somebody else gets a turn, as on a network.
            tokio::task::yield_now().await;
            if request.url.ends_with("/oauth2-token") {
                return Ok(self.token(&request));
            }
            assert_eq!(header(&request, "accept"), Some("application/vnd.api+json"));
            let content = header(&request, "content-type");
            assert_eq!(content.is_some(), !request.body.is_empty());
            assert!(content.is_none_or(|media| media == "application/vnd.api+json"));
            let line = line(&request);
            let many = header(&request, "x-mode").is_some();
            assert_eq!(request.deadline, Duration::from_secs(if many { 40 } else { 30 }));
            self.asked.lock().unwrap().push(request);
            let next = self.script.lock().unwrap().pop_front();
            let (expected, answer) = next.unwrap_or_else(|| panic!("unexpected: {line}"));
            assert!(line.starts_with(&expected), "expected {expected}, asked {line}");
            answer
        })
    }
}

impl Shop {
    fn token(&self, request: &Request) -> Response {
        assert!(request.secret, "a token request is a secret");
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert_eq!(body, "grant_type=client_credentials&client_id=ferry&client_secret=s%26cret");
        let mut tokens = self.tokens.lock().unwrap();
        *tokens += 1;
        let body = json!({"token_type": "Bearer", "expires_in": 3600, "access_token": format!("t{tokens}")});
        Response { status: 200, headers: Vec::new(), body: Bytes::from(body.to_string()) }
    }
}

/// A ledger that knows what it is told, for tests.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// What the shop calls entities, and entities by what the shop calls them.
    called: HashMap<String, String>,
    owned: HashMap<String, String>,
    /// The operations that may still write entities.
    operations: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Ledger {
    pub(super) fn called(mut self, id: &str, own_id: &str) -> Self {
        self.called.insert(id.to_owned(), own_id.to_owned());
        self
    }

    /// What it knows of operations: by entity.
    pub(super) fn operations(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.operations.lock().unwrap().clone()
    }

    pub(super) fn owned(mut self, own_id: &str, id: &str) -> Self {
        self.owned.insert(own_id.to_owned(), id.to_owned());
        self
    }
}

impl LedgerPort for Ledger {
    fn take<'a>(&'a self, _: &'a str, _: Duration) -> BoxFuture<'a, Option<String>> {
        Box::pin(async { None })
    }

    fn give_back<'a>(&'a self, _: &'a str, _: String) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn known<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Option<Vec<Option<String>>>> {
        assert_eq!((system, entity), ("shop", "customer"));
        Box::pin(async move { Some(ids.iter().map(|id| self.called.get(id).cloned()).collect()) })
    }

    fn owner<'a>(
        &'a self,
        system: &'a str,
        entity: &'a str,
        own_id: &'a str,
    ) -> BoxFuture<'a, Option<Option<String>>> {
        assert_eq!((system, entity), ("shop", "customer"));
        Box::pin(async move { Some(self.owned.get(own_id).cloned()) })
    }

    fn put_off<'a>(
        &'a self,
        system: &'a str,
        _: &'a str,
        ids: Vec<String>,
        operation: &'a str,
    ) -> BoxFuture<'a, ()> {
        assert_eq!(system, "shop");
        let mut operations = self.operations.lock().unwrap();
        for id in ids {
            operations.entry(id).or_default().insert(operation.to_owned());
        }
        Box::pin(async {})
    }

    fn has_ended<'a>(
        &'a self,
        system: &'a str,
        _: &'a str,
        ids: Vec<String>,
        operation: &'a str,
    ) -> BoxFuture<'a, ()> {
        assert_eq!(system, "shop");
        let mut operations = self.operations.lock().unwrap();
        for id in ids {
            operations.entry(id).or_default().remove(operation);
        }
        operations.retain(|_, operations| !operations.is_empty());
        Box::pin(async {})
    }

    fn operations<'a>(
        &'a self,
        system: &'a str,
        _: &'a str,
        ids: Vec<String>,
    ) -> BoxFuture<'a, Option<Vec<Vec<String>>>> {
        assert_eq!(system, "shop");
        let operations = self.operations.lock().unwrap();
        let of = |id: &String| operations.get(id).into_iter().flatten().cloned().collect();
        let found = ids.iter().map(of).collect();
        Box::pin(async move { Some(found) })
    }
}
