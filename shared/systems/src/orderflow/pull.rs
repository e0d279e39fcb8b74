//! Pulls: what OrderFlow is asked for (OrderFlow reference §2.1, §4).
//!
//! | endpoint | what | how it goes on |
//! |---|---|---|
//! | `despatches` | shipments that have left, with their lines | by the time they were completed, an overlap back |
//! | `inventory` | every level, site by site; or those of some products | – |
//! | `order` | one order's detail, when a push or `pending` woke it | – |
//! | `pending` | shipments that have not left | what is not as it was, or is gone, wakes the order's detail |
//! | `report-NAME` | a configured report | a span back from now |
//!
//! What is pulled has no message id. Its place on the clock of messages is the highest id that was
//! heard before it was asked for, which is a lower bound; stock has counters of its own. An answer
//! that is no such document fails the pull, whatever its status, and no cursor moves.

mod despatches;
mod pending;
mod split;
#[cfg(test)]
mod tests;

use ferry_canonical::{FailureKind, header, limits};
use ferry_config::system::ReportConfig;
use ferry_http::{Conversation, Method, Response};

use self::split::Split;
use super::{Orderflow, answer, times};
use crate::{Ask, Failure, NewRecord, Page, Wakeup, url, xml};

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
    let pull = Pull { orderflow, conversation, ask };
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
}

impl Pull<'_> {
    /// The levels of one site; the cursor is the site that is next.
    async fn next_site(&self) -> Result<Page, Failure> {
        let sites = self.sites();
        let at = self.ask.cursor.and_then(|cursor| sites.iter().position(|site| site == cursor));
        let at = at.unwrap_or(0);
        let site = sites.get(at).map_or("", String::as_str);
        let records = self.inventory(site, &[]).await?;
        let next = sites.get(at + 1);
        let cursor = next.or(sites.first()).filter(|_| sites.len() > 1).cloned();
        Ok(Page { records, cursor, more: next.is_some(), ahead: None, wakes: Vec::new() })
    }

    /// The levels of some products at every site; of all, where one cannot be named in a list.
    async fn levels(&self) -> Result<Page, Failure> {
        let all = self.ask.keys.iter().any(|key| key.is_empty() || key.contains(','));
        let named = if all { &[][..] } else { self.ask.keys };
        let mut records = Vec::new();
        for site in self.sites() {
            records.extend(self.inventory(&site, named).await?);
        }
        Ok(self.page(records))
    }

    /// The sites that are asked for; one without a name where the instance has only one.
    fn sites(&self) -> Vec<String> {
        let sites = &self.orderflow.config.pull.sites;
        if sites.is_empty() { vec![String::new()] } else { sites.clone() }
    }

    async fn inventory(&self, site: &str, named: &[String]) -> Result<Vec<NewRecord>, Failure> {
        let config = &self.orderflow.config;
        let mut query = vec![("organisation", config.organisation.clone())];
        query.push(("channel", config.channel.clone()));
        if !site.is_empty() {
            query.push(("site", site.to_owned()));
        }
        if !named.is_empty() {
            query.push(("externalReferences", named.join(",")));
        }
        let response = self.get("poll", "/remotewarehouse/inventory.xml", &query).await?;
        let split = self.split(&response, "inventory")?;
        // With counters of its own a level has its place without the clock of messages, and what has
        // not changed is byte for byte what it was.
        let counted = |item: &&[u8]| contains(item, b"lastStockChangeId=");
        let heard = !split.items.iter().all(counted);
        self.records(&split, &config.organisation, heard)
    }

    async fn details(&self) -> Result<Page, Failure> {
        let mut records = Vec::new();
        for key in self.ask.keys {
            let query = [("externalReference", key.clone()), self.channel()];
            let response = self.get("poll", "/remoteorder/order/detail.xml", &query).await?;
            self.split(&response, "order")?;
            records.push(self.whole(&response, &self.orderflow.config.channel)?);
        }
        Ok(self.page(records))
    }

    async fn report(&self, report: &ReportConfig) -> Result<Page, Failure> {
        let back = jiff::SignedDuration::try_from(report.back.0).unwrap_or_default();
        let start = self.ask.now.checked_sub(back).unwrap_or(self.ask.now);
        let time = |at| times::format(at, &self.orderflow.zone);
        let organisation = report.organisation_id.as_ref();
        let mut query = vec![
            ("reportKey", report.key.clone()),
            ("startDate", time(start)),
            ("endDate", time(self.ask.now)),
            (
                "organisation_id",
                organisation.unwrap_or(&self.orderflow.config.organisation).clone(),
            ),
        ];
        if let Some(reference) = &report.reference {
            query.push(("reference", reference.clone()));
        }
        let response = self.get("poll", "/remote/report.xml", &query).await?;
        self.split(&response, "")?;
        let record = self.whole(&response, &self.orderflow.config.organisation)?;
        Ok(self.page(vec![record]))
    }

    fn channel(&self) -> (&'static str, String) {
        ("channel", self.orderflow.config.channel.clone())
    }

    fn page(&self, records: Vec<NewRecord>) -> Page {
        let cursor = self.ask.cursor.map(str::to_owned);
        Page { records, cursor, more: false, ahead: None, wakes: Vec::new() }
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
        let request = self.orderflow.request(operation, Method::Get, &path, "");
        let answer = self.conversation.send(request).await;
        let response = answer.map_err(|error| Failure::unanswered(&error, false))?;
        if (200..=299).contains(&response.status) {
            return Ok(response);
        }
        Err(Failure { unread: false, ..answer::refused(&response) })
    }

    /// The answer's items, where its root is `expected`; any root but an error's, where that is
    /// empty.
    fn split<'r>(&self, response: &'r Response, expected: &str) -> Result<Split<'r>, Failure> {
        let asked = self.ask.endpoint;
        let found = split::split(&response.body);
        match found {
            Ok(split) if split.name == expected => return Ok(split),
            Ok(split) if expected.is_empty() && !is_error(&split, response) => return Ok(split),
            Ok(_) => {}
            Err(reason) => {
                let detail = format!("the answer for `{asked}` cannot be read: {reason}");
                return Err(Failure::new(FailureKind::Unavailable, detail).with_response(response));
            }
        }
        let failure = match xml::parse(&response.body) {
            Ok(root) => answer::whole_request_error(response, &root),
            Err(error) => Failure::new(FailureKind::Unavailable, error.to_string()),
        };
        if failure.rule.is_some() {
            return Err(Failure { unread: false, ..failure });
        }
        let detail = format!("the answer for `{asked}` is no document of its kind");
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

fn is_error(split: &Split<'_>, response: &Response) -> bool {
    ["error", "html", "exception", "message"].contains(&split.name.as_str())
        || xml::parse(&response.body).is_ok_and(|root| root.child("exception").is_some())
}

fn contains(item: &[u8], word: &[u8]) -> bool {
    item.windows(word.len()).any(|window| window == word)
}

fn wakes_order(reference: &str) -> Wakeup {
    Wakeup { endpoint: ORDER.to_owned(), key: reference.to_owned() }
}
