//! A shop that keeps what it is written and shows it again, for tests: rows as they were sent, times
//! that grow with every change of a row itself, filters by equality, includes by relation.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ferry_http::{Conversation, HttpError, HttpPort, Method, Request, Response};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

#[derive(Debug, Default)]
pub(super) struct Keeping {
    rows: Mutex<Vec<Value>>,
    written: Mutex<u32>,
}

impl Keeping {
    pub(super) fn conversation(self: &Arc<Self>) -> Conversation {
        let port: Arc<dyn HttpPort> = Arc::clone(self) as Arc<dyn HttpPort>;
        Conversation::new(port, || Timestamp::UNIX_EPOCH)
    }

    /// How often something was written.
    pub(super) fn written(&self) -> u32 {
        *self.written.lock().unwrap()
    }

    /// What a person does to the row of this kind and id.
    pub(super) fn change(&self, kind: &str, id: &str, attribute: &str, value: Value) {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.iter_mut().find(|row| row["type"] == kind && row["id"] == id).unwrap();
        row["attributes"][attribute] = value;
    }

    fn answer(&self, request: &Request) -> (u16, Value) {
        let path = request.url.strip_prefix("https://shop.example/admin/api/").unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (kind, id) = path.split_once('/').map_or((path, None), |(kind, id)| (kind, Some(id)));
        match request.method {
            Method::Get => self.show(kind, id, query),
            Method::Post | Method::Patch | Method::Put | Method::Delete => {
                *self.written.lock().unwrap() += 1;
                let document: Value = serde_json::from_slice(&request.body).unwrap();
                self.keep(kind, id, &document["data"])
            }
        }
    }

    fn keep(&self, kind: &str, id: Option<&str>, sent: &Value) -> (u16, Value) {
        let mut rows = self.rows.lock().unwrap();
        let now = Timestamp::from_second(1_000 + i64::from(self.written())).unwrap().to_string();
        let index = if let Some(id) = id {
            rows.iter().position(|row| row["type"] == kind && row["id"] == id).unwrap()
        } else {
            let id = (rows.len() + 1).to_string();
            rows.push(json!({"type": kind, "id": id, "attributes": {}, "relationships": {}}));
            rows.len() - 1
        };
        for member in ["attributes", "relationships"] {
            for (name, value) in sent[member].as_object().into_iter().flatten() {
                rows[index][member][name] = value.clone();
            }
        }
        rows[index]["attributes"]["updatedAt"] = now.into();
        (if id.is_some() { 200 } else { 201 }, json!({"data": rows[index]}))
    }

    fn show(&self, kind: &str, id: Option<&str>, query: &str) -> (u16, Value) {
        let rows = self.rows.lock().unwrap();
        let parameters: Vec<(&str, &str)> =
            query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let is_wanted = |row: &Value| {
            let filters = parameters.iter().filter_map(|(name, value)| {
                Some((name.strip_prefix("filter[")?.strip_suffix(']')?, *value))
            });
            row["type"] == kind
                && id.is_none_or(|id| row["id"] == id)
                && filters.into_iter().all(|(name, value)| {
                    let related = &row["relationships"][name]["data"]["id"];
                    let own = if name == "id" { &row["id"] } else { &row["attributes"][name] };
                    let text = own.as_str().or(related.as_str()).map(super::client::encode);
                    text.is_some_and(|text| value.split(',').any(|value| value == text))
                })
        };
        let mut found: Vec<Value> = rows.iter().filter(|row| is_wanted(row)).cloned().collect();
        let mut included = Vec::new();
        if kind == "customers" {
            for row in &mut found {
                for (relation, kind) in
                    [("users", "customerusers"), ("addresses", "customeraddresses")]
                {
                    let own = |child: &&Value| {
                        child["type"] == kind
                            && child["relationships"]["customer"]["data"]["id"] == row["id"]
                    };
                    let own: Vec<Value> = rows.iter().filter(own).cloned().collect();
                    let named = own.iter().map(|row| json!({"type": kind, "id": row["id"]}));
                    row["relationships"][relation] = json!({"data": named.collect::<Vec<_>>()});
                    included.extend(own);
                }
                let group = &row["relationships"]["group"]["data"]["id"];
                let is_group =
                    |row: &&Value| row["type"] == "customergroups" && row["id"] == *group;
                included.extend(rows.iter().filter(is_group).cloned());
            }
        }
        match (id, found.pop()) {
            (Some(_), None) => (404, json!({"errors": [{"title": "not found http exception"}]})),
            (Some(_), Some(row)) => (200, json!({"data": row, "included": included})),
            (None, last) => {
                found.extend(last);
                (200, json!({"data": found, "included": included}))
            }
        }
    }
}

impl HttpPort for Keeping {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        let (status, body) = if request.url.ends_with("/oauth2-token") {
            (200, json!({"token_type": "Bearer", "expires_in": 3600, "access_token": "t"}))
        } else {
            self.answer(&request)
        };
        let body = Bytes::from(body.to_string());
        Box::pin(async move { Ok(Response { status, headers: Vec::new(), body }) })
    }
}
