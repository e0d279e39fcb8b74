//! Pulls: what OrderFlow is asked for (OrderFlow reference §2.1, §4).
//!
//! | endpoint | what | how it goes on |
//! |---|---|---|
//! | `despatches` | shipments that have left, with their lines | by the time they were completed, an overlap back |
//! | `inventory` | every level, site by site; or those of some products | with the next site |
//! | `order` | one order's detail, when a push or `pending` woke it | – |
//! | `pending` | shipments that have not left | what is not as it was, or is gone, wakes the order's detail |
//! | `report-NAME` | a configured report | a span back from when it was read last |
//!
//! What is pulled has no message id. Its place on the clock of messages is the highest id that was
//! heard before it was asked for, which is a lower bound; stock has counters of its own. An answer
//! that is no such document fails the pull, whatever its status, and no cursor moves.

mod despatches;
mod inventory;
mod pending;
mod report;
mod split;
#[cfg(test)]
mod tests;

use ferry_canonical::{FailureKind, header, limits};
use ferry_http::{Conversation, Method, Response};

use self::split::Split;
use super::{Orderflow, access::Scope, answer};
use crate::{Ask, Failure, NewRecord, Page, url};

pub(super) const DESPATCHES: &str = "despatches";
pub(super) const INVENTORY: &str = "inventory";
pub(super) const ORDER: &str = "order";
pub(super) const PENDING: &str = "pending";
const REPORT: &str = "report-";

/// Products that are named in one request: references are long, and addresses must not be.
pub(super) const REFERENCES_MAX: usize = 50;
/// Items of one record: an inventory that changed in one place is said again in part only.
const ITEMS: usize = 500;
const MEDIA_TYPE: &str = "application/xml";

/// The report an endpoint is about.
pub(super) fn report_name(endpoint: &str) -> Option<&str> {
    endpoint.strip_prefix(REPORT)
}

pub(super) fn report_endpoint(name: &str) -> String {
    format!("{REPORT}{name}")
}

pub(super) async fn poll(
    orderflow: &Orderflow,
    conversation: &Conversation,
    ask: &Ask<'_>,
) -> Result<Page, Failure> {
    let scope = Scope::foreign(ask.scope);
    let pull = Pull { orderflow, conversation, ask, scope };
    match (ask.endpoint, report_name(ask.endpoint)) {
        (DESPATCHES, _) => pull.despatches().await,
        (INVENTORY, _) if ask.keys.is_empty() => pull.next_site().await,
        (INVENTORY, _) => pull.levels().await,
        (ORDER, _) => pull.details().await,
        (PENDING, _) => pull.pending().await,
        (_, Some(name)) => match orderflow.config.pull.reports.get(name) {
            Some(report) => pull.report(report).await,
            None => Err(Failure::unsupported("no report of this name is configured")),
        },
        _ => Err(Failure::unsupported("OrderFlow has no such list")),
    }
}

/// One pull, while it is made.
struct Pull<'a> {
    orderflow: &'a Orderflow,
    conversation: &'a Conversation,
    ask: &'a Ask<'a>,
    /// Whose it is, where that is not as configured.
    scope: Option<Scope>,
}

impl Pull<'_> {
    async fn details(&self) -> Result<Page, Failure> {
        let mut records = Vec::new();
        let scope = self.scope();
        let organisation = self.scope.is_some().then_some(&scope.organisation);
        for key in self.ask.keys {
            let mut query = vec![("externalReference", key.clone())];
            query.extend(scope.channel.clone().map(|channel| ("channel", channel)));
            query.extend(organisation.cloned().flatten().map(|named| ("organisation", named)));
            let response = self.get("poll", "/remoteorder/order/detail.xml", &query).await?;
            self.split(&response, "order")?;
            let whose = scope.channel.as_ref().or(scope.organisation.as_ref());
            records.push(self.whole(&response, whose.map_or("", String::as_str))?);
        }
        Ok(self.page(records))
    }

    /// Whose it is.
    fn scope(&self) -> Scope {
        self.scope.clone().unwrap_or_else(|| Scope::own(&self.orderflow.config))
    }

    fn channel(&self) -> (&'static str, String) {
        ("channel", self.orderflow.config.channel.clone())
    }

    fn page(&self, records: Vec<NewRecord>) -> Page {
        Page { cursor: self.ask.cursor.map(str::to_owned), ..Page::of(records) }
    }

    async fn get(
        &self,
        operation: &'static str,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Response, Failure> {
        let pairs: Vec<String> =
            query.iter().map(|(name, value)| format!("{name}={}", url::encode(value))).collect();
        let path = format!("{path}?{}", pairs.join("&"));
        let mut request = self.orderflow.request(operation, Method::Get, &path, "");
        if let Some(scope) = &self.scope {
            let own = ["channel", "organisation"];
            request.headers.retain(|(name, _)| !own.contains(&name.as_str()));
            request.headers.extend(scope.headers());
        }
        let answer = self.conversation.send(request).await;
        let response = answer.map_err(|error| Failure::unanswered(&error, false))?;
        if (200..=299).contains(&response.status) {
            return Ok(response);
        }
        let refusal = self.orderflow.rules.refusal(&response);
        Err(refusal.unwrap_or_else(|| answer::refused(&response)))
    }

    /// The answer's items, where its root is `expected`; any root but an error's, where that is
    /// empty.
    fn split<'r>(&self, response: &'r Response, expected: &str) -> Result<Split<'r>, Failure> {
        let asked = self.ask.endpoint;
        let found = split::split(&response.body);
        let detail = match found {
            Ok(split) if is_of_kind(&split, expected) => return Ok(split),
            Ok(_) => format!("the answer for `{asked}` is no document of its kind"),
            Err(reason) => format!("the answer for `{asked}` cannot be read: {reason}"),
        };
        if let Some(refusal) = self.orderflow.rules.refusal(response) {
            return Err(refusal);
        }
        Err(Failure::new(FailureKind::Unavailable, detail).with_response(response))
    }

    /// Records of at most [`ITEMS`] items, each with the root's own attributes.
    fn records(
        &self,
        split: &Split<'_>,
        scope: &str,
        heard: bool,
    ) -> Result<Vec<NewRecord>, Failure> {
        let mut records = Vec::new();
        let mut items = split.items.iter().peekable();
        while items.peek().is_some() {
            let mut chunk = Vec::new();
            let mut bytes = 0;
            while let Some(item) = items.next_if(|item| {
                chunk.is_empty()
                    || (chunk.len() < ITEMS && bytes + item.len() < limits::RECORD_BYTES / 2)
            }) {
                bytes += item.len();
                chunk.push(*item);
            }
            let count = u32::try_from(chunk.len()).ok();
            records.push(self.record(split.document(&chunk), scope, heard, count)?);
        }
        Ok(records)
    }

    fn whole(&self, response: &Response, scope: &str) -> Result<NewRecord, Failure> {
        self.record(response.body.to_vec(), scope, true, None)
    }

    fn record(
        &self,
        body: Vec<u8>,
        scope: &str,
        heard: bool,
        items: Option<u32>,
    ) -> Result<NewRecord, Failure> {
        if body.len() > limits::RECORD_BYTES {
            let detail = format!(
                "`{}` answered {} bytes that cannot be cut; a record has at most {}",
                self.ask.endpoint,
                body.len(),
                limits::RECORD_BYTES
            );
            return Err(Failure::new(FailureKind::TooLarge, detail));
        }
        let mut headers = vec![(header::SCOPE, scope.to_owned())];
        if heard {
            let id = self.ask.heard.unwrap_or_default();
            headers.push((header::SOURCE_MESSAGE_ID, id.to_string()));
        }
        Ok(NewRecord { content_type: MEDIA_TYPE, headers, body, items })
    }
}

/// Whether an answer is the document that was asked for: by its root's name, where that is known, and
/// by having no `exception` inside, whatever its root is called (OrderFlow reference §3.6).
fn is_of_kind(split: &Split<'_>, expected: &str) -> bool {
    let is_named = match expected {
        "" => !["error", "html", "exception", "message"].contains(&split.name.as_str()),
        expected => split.name == expected,
    };
    is_named && !split.items.iter().any(|item| is_exception(item))
}

fn is_exception(item: &[u8]) -> bool {
    let after = item.strip_prefix(b"<exception").and_then(|rest| rest.first());
    after.is_some_and(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace())
}

/// A time that a cursor keeps, or a person set.
fn reached(endpoint: &str, text: &str) -> Result<jiff::Timestamp, Failure> {
    let detail = format!("the cursor of `{endpoint}` cannot be read: set it to an RFC 3339 time");
    text.trim().parse().map_err(|_| Failure::new(FailureKind::Internal, detail))
}
