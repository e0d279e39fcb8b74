//! One request to the shop's back-office API, from the token to the parsed document.

use std::{fmt::Write as _, sync::Arc};

use bytes::Bytes;
use ferry_canonical::FailureKind;
use ferry_http::{Conversation, Method, Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Oro,
    batch::How,
    document::{self, Resource},
    problem::{self, No},
};
use crate::{poll, target::Failure};

/// Bare: with a parameter Oro answers 415 or 406 (OroCommerce reference §1).
pub(super) const MEDIA_TYPE: &str = "application/vnd.api+json";
/// Rows per page when all of a list is wanted, and how many pages that may be.
const LIST_PAGE: usize = 500;
const LIST_PAGES_MAX: usize = 20;

pub(super) type Query = Vec<(&'static str, String)>;

/// The shop, as one piece of work talks to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Api<'a> {
    pub(super) oro: &'a Oro,
    pub(super) conversation: &'a Conversation,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// For the journal and the metrics.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// The resource's name in the address.
    pub(super) resource: &'static str,
    pub(super) id: Option<String>,
    /// What stands behind the id: `errors`.
    pub(super) of_it: Option<&'static str>,
    pub(super) query: Query,
    pub(super) body: Option<Value>,
    /// Asks by EXT ID: what the site lists there (as installed, products by SKU) has that name as
    /// its id.
    pub(super) by_ext_id: bool,
    /// It is about a list of resources (`batch`).
    pub(super) list: Option<How>,
    /// The place in the canonical part that this request writes: `addresses[BILL-1]`.
    pub(super) at: Option<String>,
}

impl Call {
    pub(super) fn read(operation: &'static str, resource: &'static str) -> Self {
        Self {
            operation,
            method: Method::Get,
            resource,
            id: None,
            of_it: None,
            query: Vec::new(),
            body: None,
            by_ext_id: false,
            list: None,
            at: None,
        }
    }

    /// Creates `resource`; with an id it is the client's own (EXT ID).
    pub(super) fn create(
        operation: &'static str,
        resource: Resource,
        included: Vec<Resource>,
    ) -> Self {
        let name = resource.kind;
        let body = Some(resource.document(included));
        Self { method: Method::Post, body, ..Self::read(operation, name) }
    }

    /// Changes the resource that `resource` names by its id.
    pub(super) fn change(
        operation: &'static str,
        resource: Resource,
        included: Vec<Resource>,
    ) -> Self {
        let (name, id) = (resource.kind, resource.id.clone());
        let body = Some(resource.document(included));
        Self { method: Method::Patch, id, body, ..Self::read(operation, name) }
    }

    fn carries(&self) -> u16 {
        let many = self.body.as_ref().and_then(|body| body.get("data")).and_then(Value::as_array);
        many.map_or(1, |many| u16::try_from(many.len()).unwrap_or(u16::MAX))
    }

    pub(super) const fn writes(&self) -> bool {
        !matches!(self.method, Method::Get)
    }
}

/// A document the shop answered with, read and as it came.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) document: Value,
    pub(super) body: Bytes,
    /// When it was asked for, on the shop's clock.
    pub(super) asked_at: Timestamp,
}

/// Rows of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub(super) rows: Vec<Value>,
    /// A document of what was included with them.
    pub(super) beside: Arc<Value>,
}

impl Api<'_> {
    pub(super) async fn ask(&self, call: &Call) -> Result<Said, No> {
        let sent = self.conversation.now();
        let response = self.send(call).await?;
        let asked_at = poll::asked_at(response.header("date"), sent, self.conversation.now());
        if let Some(no) = problem::by_rule(&self.oro.rules, &response, call) {
            return Err(no);
        }
        if !(200..300).contains(&response.status) {
            return Err(problem::refused(&response, call));
        }
        match serde_json::from_slice::<Value>(&response.body) {
            Ok(document) if document.get("data").is_some() => {
                Ok(Said { document, body: response.body, asked_at })
            }
            Ok(_) | Err(_) => Err(unreadable(&response, call).into()),
        }
    }

    /// The first page of a list.
    pub(super) async fn list(
        &self,
        operation: &'static str,
        resource: &'static str,
        query: Query,
    ) -> Result<Value, No> {
        let call = Call { query, ..Call::read(operation, resource) };
        Ok(self.ask(&call).await?.document)
    }

    /// Every row of a filtered list, up to a bound no honest list reaches.
    pub(super) async fn list_all(
        &self,
        operation: &'static str,
        resource: &'static str,
        filter: (&'static str, &str),
    ) -> Result<Vec<Value>, No> {
        Ok(self.list_with(operation, resource, filter, "").await?.rows)
    }

    /// The same, with what `include` names beside it.
    pub(super) async fn list_with(
        &self,
        operation: &'static str,
        resource: &'static str,
        filter: (&'static str, &str),
        include: &str,
    ) -> Result<Listed, No> {
        self.pages(operation, resource, vec![(filter.0, filter.1.to_owned())], include).await
    }

    /// Every row that a query finds.
    pub(super) async fn pages(
        &self,
        operation: &'static str,
        resource: &'static str,
        asked: Query,
        include: &str,
    ) -> Result<Listed, No> {
        let (mut rows, mut beside) = (Vec::new(), Vec::new());
        for number in 1..=LIST_PAGES_MAX {
            let mut query = asked.clone();
            query.extend([
                ("sort", "id".to_owned()),
                ("page[size]", LIST_PAGE.to_string()),
                ("page[number]", number.to_string()),
            ]);
            if !include.is_empty() {
                query.push(("include", include.to_owned()));
            }
            let mut page = self.list(operation, resource, query).await?;
            if let Some(Value::Array(included)) = page.get_mut("included").map(Value::take) {
                beside.extend(included);
            }
            let found = document::rows(&page);
            rows.extend_from_slice(found);
            if found.len() < LIST_PAGE {
                return Ok(Listed { rows, beside: Arc::new(json!({ "included": beside })) });
            }
        }
        let detail = format!("Oro lists more than {} {resource}", LIST_PAGE * LIST_PAGES_MAX);
        Err(Failure::new(FailureKind::TooLarge, detail).into())
    }

    /// One resource by its id; `None` where Oro has none.
    pub(super) async fn find(&self, call: &Call) -> Result<Option<Value>, No> {
        match self.ask(call).await {
            Ok(said) => Ok(Some(said.document)),
            Err(no) if no.is_not_found() => Ok(None),
            Err(no) => Err(no),
        }
    }

    /// Sends with the token; once again with a fresh one where it is refused.
    pub(super) async fn send(&self, call: &Call) -> Result<Response, Failure> {
        let config = &self.oro.config;
        let mut refused = None;
        for _ in 0..2 {
            let token = self.oro.tokens.get(config, self.conversation).await?;
            let response = self
                .conversation
                .send(self.request(call, &token))
                .await
                .map_err(|error| Failure::unanswered(&error, call.writes()))?;
            if response.status != 401 {
                return Ok(response);
            }
            self.oro.tokens.forget(&token).await;
            refused = Some(response);
        }
        let detail = "Oro refuses the token it has just given: check the API client and its user";
        let failure = Failure::new(FailureKind::Auth, detail);
        Err(match refused {
            Some(response) => failure.with_response(&response),
            None => failure,
        })
    }

    fn request(&self, call: &Call, token: &str) -> Request {
        let config = &self.oro.config;
        let mut url = format!("{}{}/api/{}", config.base_url, config.backend_prefix, call.resource);
        if let Some(id) = &call.id {
            url.push('/');
            url.push_str(&encode(id));
        }
        if let Some(of_it) = call.of_it {
            url.push('/');
            url.push_str(of_it);
        }
        for (index, (name, value)) in call.query.iter().enumerate() {
            url.push(if index == 0 { '?' } else { '&' });
            // Writing to a string cannot fail.
            _ = write!(url, "{name}={}", encode(value));
        }
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![
            header("accept", MEDIA_TYPE),
            header("authorization", &format!("Bearer {token}")),
            header("x-include", "noHateoas"),
        ];
        if call.body.is_some() {
            headers.push(header("content-type", MEDIA_TYPE));
        }
        if call.by_ext_id {
            headers.push(header("x-integration-type", "ext_id"));
        }
        let at_once = call.list == Some(How::AtOnce);
        if at_once {
            headers.push(header("x-mode", "sync"));
        }
        let body = call.body.as_ref().map(ToString::to_string).unwrap_or_default();
        Request {
            operation: call.operation,
            method: call.method,
            url,
            headers,
            body: Bytes::from(body),
            deadline: if at_once { config.batch.timeout.0 } else { config.limits.timeout.0 },
            secret: false,
            carries: call.carries(),
        }
    }
}

/// A 2xx that is no JSON:API document: a login page, a proxy's greeting, half an answer. After a
/// write nobody knows what happened.
fn unreadable(response: &Response, call: &Call) -> Failure {
    let detail = format!(
        "the answer to `{}` is {} without a JSON:API document: is something else answering for Oro?",
        call.operation, response.status
    );
    let failure = Failure::new(FailureKind::Unavailable, detail).with_response(response);
    Failure { unread: call.writes(), ..failure }
}

/// Percent-encodes all but what may stand anywhere in an address.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~:,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use std::time::Duration;

    use ferry_config::responses;
    use ferry_http::HttpError;

    use super::*;
    use crate::{
        oro::scripted::{Shop, answer, bytes, oro},
        rules::Rules,
    };

    fn read() -> Call {
        Call::read("read", "orders")
    }

    fn change() -> Call {
        let order = Resource::with_id("orders", "a/b ?").attribute("poNumber", "1");
        Call::change("write", order, Vec::new())
    }

    fn bearer(request: &Request) -> &str {
        let found = request.headers.iter().find(|(name, _)| name == "authorization");
        found.map_or("", |(_, value)| value)
    }

    #[tokio::test(start_paused = true)]
    async fn calls_at_one_time_share_one_token_until_half_a_minute_before_it_ends() {
        let shop =
            Shop::answering((0..6).map(|_| answer("GET /orders", 200, &json!({"data": []}))));
        let (oro, conversation) = (oro(), shop.conversation());
        let api = oro.api(&conversation);
        let call = read();
        join_all((0..4).map(|_| api.ask(&call))).await;
        assert_eq!(shop.tokens(), 1);
        tokio::time::advance(Duration::from_secs(3569)).await;
        api.ask(&call).await.unwrap();
        assert_eq!(shop.tokens(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        api.ask(&call).await.unwrap();
        assert_eq!(shop.tokens(), 2);
        shop.asked();
    }

    #[tokio::test]
    async fn a_refused_token_is_renewed_once_and_then_the_credentials_are_at_fault() {
        let refused = || bytes("GET /orders", 401, "");
        let shop = Shop::answering([
            refused(),
            answer("GET /orders", 200, &json!({"data": []})),
            refused(),
            refused(),
        ]);
        let (oro, conversation) = (oro(), shop.conversation());
        let api = oro.api(&conversation);
        api.ask(&read()).await.unwrap();
        let no = api.ask(&read()).await.unwrap_err();
        assert_eq!((no.failure.kind, no.failure.unread), (FailureKind::Auth, false));
        let asked = shop.asked();
        let bearers: Vec<&str> = asked.iter().map(bearer).collect();
        assert_eq!(bearers, ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t3"]);
    }

    #[tokio::test]
    async fn a_token_that_somebody_renewed_meanwhile_is_kept() {
        let shop = Shop::answering([]);
        let (oro, conversation) = (oro(), shop.conversation());
        let first = oro.tokens.get(&oro.config, &conversation).await.unwrap();
        oro.tokens.forget(&first).await;
        let second = oro.tokens.get(&oro.config, &conversation).await.unwrap();
        oro.tokens.forget(&first).await;
        assert_eq!(oro.tokens.get(&oro.config, &conversation).await.unwrap(), second);
        assert_eq!(shop.tokens(), 2);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_document_leaves_a_write_unknown_and_a_read_not() {
        for garbage in ["<html>Login</html>", "", "{\"ok\":true}", "{\"data\":"] {
            let shop = Shop::answering([
                bytes("PATCH /orders/a%2Fb%20%3F", 200, garbage),
                bytes("GET /orders", 200, garbage),
            ]);
            let (oro, conversation) = (oro(), shop.conversation());
            let api = oro.api(&conversation);
            let write = api.ask(&change()).await.unwrap_err().failure;
            let read = api.ask(&read()).await.unwrap_err().failure;
            assert_eq!((write.kind, write.unread), (FailureKind::Unavailable, true));
            assert_eq!((read.kind, read.unread), (FailureKind::Unavailable, false));
            shop.asked();
        }
    }

    #[tokio::test]
    async fn a_rule_tells_a_duplicate_and_a_200_that_says_no() {
        const RULES: &str = r#"
            [[responses]]
            name = "taken"
            when = [{ path = "/errors/*/title", equals = "taken constraint" }]
            then = "duplicate"
            [[responses]]
            name = "read-only"
            when = [{ path = "/meta/readonly", equals = "true" }]
            then = "retry"
            message = "/meta/why"
            "#;
        let line = "PATCH /orders/a%2Fb%20%3F";
        let shop = Shop::answering([
            bytes(line, 400, "{\"errors\":[{\"title\":\"taken constraint\"}]}"),
            bytes(line, 200, "{\"data\":{},\"meta\":{\"readonly\":true,\"why\":\"upgrade\"}}"),
        ]);
        let rules = Rules::new(&responses::parse(RULES).unwrap());
        let (oro, conversation) = (Oro { rules, ..oro() }, shop.conversation());
        let api = oro.api(&conversation);
        let taken = api.ask(&change()).await.unwrap_err();
        assert!(taken.duplicate);
        assert_eq!(taken.failure.rule.as_deref(), Some("taken"));
        let refused = api.ask(&change()).await.unwrap_err();
        assert!(!refused.duplicate);
        assert_eq!(
            (refused.failure.kind, refused.failure.unread),
            (FailureKind::Unavailable, false)
        );
        assert_eq!(refused.failure.detail, "Oro answered `write` with 200: upgrade");
    }

    #[tokio::test]
    async fn a_lost_answer_leaves_a_write_unknown_and_a_refused_connection_does_not() {
        for (error, kind, unread) in [
            (HttpError::Connect("refused".into()), FailureKind::Connection, false),
            (HttpError::Broken("reset".into()), FailureKind::Connection, true),
            (HttpError::Timeout(Duration::from_secs(30)), FailureKind::Timeout, true),
        ] {
            let shop = Shop::answering([("PATCH /orders".to_owned(), Err(error))]);
            let (oro, conversation) = (oro(), shop.conversation());
            let failure = oro.api(&conversation).ask(&change()).await.unwrap_err().failure;
            assert_eq!((failure.kind, failure.unread), (kind, unread));
        }
    }

    #[tokio::test]
    async fn the_journal_sees_neither_token_nor_secret() {
        let shop = Shop::answering([answer("GET /orders", 200, &json!({"data": []}))]);
        let (oro, conversation) = (oro(), shop.conversation());
        oro.api(&conversation).ask(&read()).await.unwrap();
        let told = format!("{:?} {oro:?}", conversation.take());
        assert!(!told.contains("t1") && !told.contains("cret&") && !told.contains("s%26cret"));
    }
}
