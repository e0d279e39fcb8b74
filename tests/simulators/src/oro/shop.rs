//! The simulated shop: one request in, one answer out, no clock and no socket.
//!
//! Promises the order of checks a real shop has: token, media types, route, document. What an
//! answer changed is told beside it, for whoever keeps the history.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use ferry_world::account::Effect;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::changes;
use super::lists;
use super::media;
use super::operations::{Operations, Work, Worked};
use super::permissions::Rights;
use super::problem::Problem;
use super::query::{self, Query};
use super::record::{Id, Record};
use super::render::View;
use super::schema::Kind;
use super::store::Store;
use super::token::{Client, Tokens};
use super::version::{Dialect, Feature, Keyed, Version};
use super::webhooks::Outbox;
use super::write::Terms;

/// The back-office prefix of the API (OroCommerce reference §1).
const PREFIX: &str = "/admin/api/";

#[derive(Debug)]
pub(super) struct Shop {
    pub(super) store: Store,
    pub(super) tokens: Tokens,
    pub(super) operations: Operations,
    pub(super) outbox: Outbox,
    client: Client,
    installed: Installed,
    pub(super) rights: Rights,
    /// While it is on, and what `Retry-After` says.
    pub(super) maintenance: Option<Maintenance>,
}

/// A shop that is being worked on answers nobody.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Maintenance {
    pub(super) retry_after: Option<String>,
}

/// How a shop was installed and set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Installed {
    pub(super) version: Version,
    /// "Enable External Status Management": the order's `status` may be written.
    pub(super) external_status: bool,
    /// Kinds that go by `externalId` with EXT ID.
    pub(super) keyed: Keyed,
    /// A checkout takes what it sells from the stock level.
    pub(super) checkout_stock: bool,
    pub(super) work: Work,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    /// Without the question mark, as it came.
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A request on a resource, after token, media types and route.
pub(super) struct Call<'request> {
    pub(super) request: &'request Request,
    pub(super) kind: Kind,
    pub(super) query: Query,
    pub(super) view: View,
    pub(super) terms: Terms,
    /// `{scheme}://{host}/admin/api`.
    pub(super) base: String,
}

impl Maintenance {
    /// A page, whatever was asked for, as it comes from in front of the API.
    fn answer(&self) -> Answer {
        let page = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body><h1>We'll be \
                    back soon</h1></body></html>";
        let answer = Answer::html(503, page);
        match &self.retry_after {
            Some(after) => answer.header("retry-after", after.clone()),
            None => answer,
        }
    }
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether `X-Include` asks for it.
    pub(super) fn includes(&self, what: &str) -> bool {
        self.header("x-include").split(';').any(|item| item.trim() == what)
    }
}

impl Shop {
    pub(super) fn new(client: Client, installed: Installed) -> Self {
        let mut store = Store::default();
        lists::install(&mut store);
        let operations = Operations::new(installed.work);
        let rights = Rights::default();
        let tokens = Tokens::default();
        let outbox = Outbox::default();
        Self { store, tokens, operations, outbox, client, installed, rights, maintenance: None }
    }

    pub(super) fn answer(&mut self, request: &Request, now: Timestamp) -> Answer {
        if let Some(maintenance) = &self.maintenance {
            return maintenance.answer();
        }
        if request.path == "/oauth2-token" {
            return self.token(request, now);
        }
        let Some(route) = request.path.strip_prefix(PREFIX) else { return Answer::bare(404) };
        // What a resource offers is told to everybody.
        if request.method != Method::OPTIONS && !self.tokens.admits(&request.headers, now) {
            let answer = Answer::bare(401);
            let anonymous = request.header("authorization").is_empty();
            return if anonymous { answer.header("www-authenticate", "Bearer") } else { answer };
        }
        match self.route(request, route, now) {
            Ok(answer) => answer,
            Err(problems) => Answer::refusal(&problems),
        }
    }

    pub(super) const fn version(&self) -> Version {
        self.installed.version
    }

    pub(super) fn has(&self, feature: Feature) -> bool {
        self.installed.version.has(feature)
    }

    /// What the shop's terms are for its own actor.
    pub(super) fn terms(&self, now: Timestamp) -> Terms {
        Terms { dialect: self.dialect(false), rights: Rights::default(), now }
    }

    fn dialect(&self, ext: bool) -> Dialect {
        let Installed { version, external_status, keyed, .. } = self.installed;
        Dialect { version, ext, keyed, hides_status: !external_status }
    }

    /// Lets the workers do what is due.
    pub(super) fn work(&mut self, now: Timestamp) -> Vec<Worked> {
        self.operations.work(&mut self.store, now)
    }

    /// The answer to a request that waited for its operation, once the operation is over.
    pub(super) fn waited(&mut self, id: &Id) -> Option<Answer> {
        self.operations.answer(&mut self.store, id)
    }

    /// Tells who listens of what was done.
    pub(super) fn tell(&mut self, effects: &[Effect], now: Timestamp) {
        self.outbox.tell(&self.store, self.installed.version, effects, now);
    }

    /// What the last write did.
    pub(super) fn effects(&self) -> Vec<Effect> {
        changes::of(&self.store)
    }

    /// Sets an order's internal status, as an operator does in the back office: over the API it is
    /// read-only. False if there is no such order or status.
    pub(super) fn set_internal_status(&mut self, identifier: &str, status: &str) -> bool {
        self.store.begin();
        let status = Id::name(status);
        let known = self.store.get(Kind::OrderInternalStatuses, &status).is_some();
        let order = self.store.find(Kind::Orders, "identifier", identifier).next().cloned();
        let Some(mut order) = order.filter(|_| known) else { return false };
        order.link("internalStatus", status);
        self.store.put(order);
        true
    }

    /// Takes what was sold from the stock levels, down to nothing; what that did.
    pub(super) fn sell(&mut self, sold: &[(String, String, f64)]) -> Vec<Effect> {
        if !self.installed.checkout_stock {
            return Vec::new();
        }
        self.store.begin();
        for (sku, unit, quantity) in sold {
            if let Some(mut level) = self.level(sku, unit).cloned() {
                let left = level.number("quantity").unwrap_or_default() - quantity;
                level.set("quantity", left.max(0.0).to_string());
                self.store.put(level);
            }
        }
        self.effects()
    }

    /// The level of a product in a unit.
    fn level(&self, sku: &str, unit: &str) -> Option<&Record> {
        let product = self.store.find(Kind::Products, "sku", sku).next()?.id.to_string();
        let sold_by = |level: &&Record| {
            let precision = level.one.get("productUnitPrecision");
            let precision =
                precision.and_then(|id| self.store.get(Kind::ProductUnitPrecisions, id));
            precision.and_then(|precision| precision.one.get("unit")) == Some(&Id::name(unit))
        };
        self.store.find(Kind::InventoryLevels, "product", &product).find(sold_by)
    }

    /// Changes attributes of a customer, as a person in the back office does; `None` if there is no
    /// such customer.
    pub(super) fn change_customer(
        &mut self,
        number: &str,
        request: &Request,
        now: Timestamp,
    ) -> Option<Answer> {
        let id = self.store.find(Kind::Customers, "externalId", number).next()?.id.to_string();
        let attributes = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
        let body = json!({"data": {"type": "customers", "id": id, "attributes": attributes}});
        let mut headers = HeaderMap::new();
        for name in [header::ACCEPT, header::CONTENT_TYPE] {
            headers.insert(name, HeaderValue::from_static(media::JSON_API));
        }
        let method = Method::PATCH;
        let path = format!("{PREFIX}customers/{id}");
        let body = Bytes::from(body.to_string());
        let sent = Request { method, path, query: String::new(), headers, body };
        let answer = self.route(&sent, &format!("customers/{id}"), now);
        Some(answer.unwrap_or_else(|problems| Answer::refusal(&problems)))
    }

    fn token(&mut self, request: &Request, now: Timestamp) -> Answer {
        if request.method != Method::POST {
            return Answer::not_allowed("POST");
        }
        let (status, body) = self.tokens.grant(&self.client, &request.headers, &request.body, now);
        let media =
            if status == 200 { "application/json; charset=UTF-8" } else { "application/json" };
        Answer::bare(status).header("content-type", media).json(body)
    }

    fn route(
        &mut self,
        request: &Request,
        route: &str,
        now: Timestamp,
    ) -> Result<Answer, Vec<Problem>> {
        media::check(&request.method, &request.headers).map_err(|problem| vec![problem])?;
        let segments: Vec<String> =
            route.trim_end_matches('/').split('/').map(query::decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let name = segments.first().copied().unwrap_or_default();
        let kind = Kind::parse(name).filter(|kind| kind.is_in(self.installed.version));
        let Some(kind) = kind else {
            let detail = format!("Unknown entity type: {name}.");
            return Err(vec![Problem::new(404, "entity type constraint", detail)]);
        };
        let overridden =
            request.method == Method::POST && request.header("x-http-method-override") == "GET";
        let method = if overridden { Method::GET } else { request.method.clone() };
        let query = if overridden {
            query::parse_body(&request.body, self.installed.version)
        } else {
            query::parse(&request.query, self.installed.version)
        }?;
        let call = self.call(request, kind, query, now);
        self.operations.clean(&mut self.store, now);
        match segments.as_slice() {
            [_] => self.collection(&method, &call),
            [_, id] => self.single(&method, &call, id),
            [_, id, association] => self.related(&method, &call, id, association),
            [_, id, "relationships", association] => {
                self.relationship(&method, &call, id, association)
            }
            _ => Ok(Answer::bare(404)),
        }
    }

    fn call<'request>(
        &self,
        request: &'request Request,
        kind: Kind,
        query: Query,
        now: Timestamp,
    ) -> Call<'request> {
        let ext = request.header("x-integration-type") == "ext_id" && self.has(Feature::ExtId);
        let dialect = self.dialect(ext);
        let host = request.header("host");
        let host = if host.is_empty() { "localhost" } else { host };
        let base = format!("http://{host}{}", PREFIX.trim_end_matches('/'));
        let view = View {
            dialect,
            links: (!request.includes("noHateoas")).then(|| base.clone()),
            fields: query.fields.clone(),
            include: query.include.clone(),
        };
        let terms = Terms { dialect, rights: self.rights, ..self.terms(now) };
        Call { request, kind, query, view, terms, base }
    }
}

/// The wire form of the API's JSON.
pub(super) fn to_bytes(body: &Value) -> Vec<u8> {
    // Writing a `Value` to memory cannot fail: its keys are strings.
    serde_json::to_vec(body).unwrap_or_default()
}
