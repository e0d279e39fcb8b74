//! Any JSON over HTTP: as a source, paged GETs, a cursor, a jq mapping; as a target, see `writing`.
//!
//! How a poll walks from page to page: see `walk`.

mod form;
mod walk;
mod writing;

use std::collections::BTreeMap;

use ferry_canonical::{Clock, Facet, FailureKind, Sequence, Subject};
use ferry_config::system::{RestConfig, RestEndpoint};
use ferry_http::{Conversation, Method, Request, Response};
use ferry_mapping::{MapError, Mapping};
use jiff::Timestamp;
use serde_json::{Value, value::RawValue};

use self::{
    walk::{Answer, Cursor, advance, query},
    writing::Writer,
};
use crate::{
    Applied, Asked, BadItem, Draft, Failure, Held, Item, Look, NewRecord, Page, Reading, Record,
    Write,
    draft::PartDraft,
    json, poll,
    rules::{Rules, is_about_the_system},
};

/// A key that no entity has: a target that has nothing to read is asked for it.
const PROBED: &str = "ferry-probe";

#[derive(Debug)]
pub struct Rest {
    config: RestConfig,
    mappings: BTreeMap<String, Mapping>,
    writers: Vec<Writer>,
    rules: Rules,
}

impl Rest {
    pub fn new(config: &RestConfig) -> Result<Self, String> {
        let mut mappings = BTreeMap::new();
        for (name, endpoint) in &config.endpoints {
            let mapping = Mapping::compile(&endpoint.mapping.name, &endpoint.mapping.program)
                .map_err(|error| format!("endpoint {name}: {error}"))?;
            mappings.insert(name.clone(), mapping);
        }
        let writer =
            |(name, target)| Writer::new(target).map_err(|error| format!("target {name}: {error}"));
        let writers = config.targets.iter().map(writer).collect::<Result<_, String>>()?;
        let rules = Rules::new(&config.responses);
        Ok(Self { config: config.clone(), mappings, writers, rules })
    }

    fn writer(&self, facet: Facet) -> Option<&Writer> {
        self.writers.iter().find(|writer| writer.config.facet == facet)
    }

    pub fn polled_endpoint(&self, facet: Facet) -> Option<String> {
        let found = self.config.endpoints.iter().find(|(_, endpoint)| endpoint.facet == facet);
        found.map(|(name, _)| name.clone())
    }

    pub async fn probe(&self, conversation: &Conversation) -> Result<(), Failure> {
        let answer = match self.config.endpoints.values().next() {
            None => self.probe_target(conversation).await,
            Some(endpoint) => {
                let query = endpoint.size_param.as_ref().map(|size| format!("?{size}=1"));
                let request = self.request("probe", &endpoint.path, &query.unwrap_or_default());
                self.get(conversation, request).await.map(drop)
            }
        };
        match answer {
            // It says no of what was asked for, and so it answers.
            Err(no) if no.rule.is_some() && !is_about_the_system(no.kind) => Ok(()),
            answer => answer,
        }
    }

    /// What an answer comes to.
    pub fn answered(&self, response: &Response, asked: Asked) -> Reading {
        writing::reading(&self.rules, response, asked)
    }

    /// Of a target that is read nowhere else, one is looked up that is not there.
    async fn probe_target(&self, conversation: &Conversation) -> Result<(), Failure> {
        let readable = self.writers.iter().find(|writer| writer.config.look_up.is_some());
        let Some(writer) = readable else { return Ok(()) };
        writing::look_up(self, writer, conversation, PROBED).await.map(drop)
    }

    /// One answer per write; the writes are applied one after the other.
    pub async fn apply(
        &self,
        conversation: &Conversation,
        writes: &[Write<'_>],
    ) -> Vec<Result<Applied, Failure>> {
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            answers.push(writing::apply(self, conversation, write).await);
        }
        answers
    }

    /// A facet that is written and can be looked up, and that is read as well: its endpoint says what
    /// a document of it means.
    pub fn looks(&self, facet: Facet) -> bool {
        let looked_up = |writer: &Writer| writer.config.look_up.is_some();
        self.writer(facet).is_some_and(looked_up) && self.reading(facet).is_some()
    }

    /// Reads parts as the target has them, one after the other.
    pub async fn look(
        &self,
        conversation: &Conversation,
        looks: &[Look<'_>],
    ) -> Vec<Result<Option<Held>, Failure>> {
        let mut answers = Vec::with_capacity(looks.len());
        for (place, Look { subject, .. }) in looks.iter().enumerate() {
            answers.push(self.look_at(&conversation.about([place]), subject).await);
        }
        answers
    }

    /// Reads one part as the target has it, as the endpoint of its facet reads it.
    async fn look_at(
        &self,
        conversation: &Conversation,
        subject: &Subject,
    ) -> Result<Option<Held>, Failure> {
        let facet = subject.facet;
        let looked_up = |writer: &&Writer| writer.config.look_up.is_some();
        let both = self.writer(facet).filter(looked_up).zip(self.reading(facet));
        let Some((writer, (endpoint, mapping))) = both else {
            let detail = format!("{facet} has no target with `look_up` and an endpoint there");
            return Err(Failure::unsupported(&detail));
        };
        let Some(found) = writing::look_up(self, writer, conversation, &subject.id).await? else {
            return Ok(None);
        };
        let draft = part_draft(endpoint, mapping, &found.document).map_err(|detail| {
            let detail = format!("what the target has cannot be read: {detail}");
            Failure::new(FailureKind::Validation, detail)
        })?;
        if let Some(shown) = draft.as_ref().map(|draft| draft.part.subject().id)
            && shown != subject.id
        {
            let detail = format!("the target shows `{shown}` where `{}` is asked for", subject.id);
            return Err(Failure::new(FailureKind::Ambiguous, detail));
        }
        Ok(draft.map(|draft| Held {
            part: draft.part,
            target_id: found.id,
            clock: draft.clock,
            sequence: draft.sequence,
            changed_at: draft.time,
        }))
    }

    /// How a facet is read.
    fn reading(&self, facet: Facet) -> Option<(&RestEndpoint, &Mapping)> {
        let (name, endpoint) =
            self.config.endpoints.iter().find(|(_, endpoint)| endpoint.facet == facet)?;
        Some((endpoint, self.mappings.get(name)?))
    }

    pub async fn poll(
        &self,
        conversation: &Conversation,
        name: &str,
        cursor: Option<&str>,
    ) -> Result<Page, Failure> {
        let endpoint = self.config.endpoints.get(name).ok_or_else(|| {
            Failure::new(FailureKind::Internal, format!("no endpoint is called {name}"))
        })?;
        // A cursor nobody can read starts over: reading again loses nothing.
        let cursor: Cursor =
            cursor.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let request = self.request("poll", &endpoint.path, &query(endpoint, &cursor));
        let sent = conversation.now();
        let response = self.get(conversation, request).await?;
        let asked_at = poll::asked_at(response.header("date"), sent, conversation.now());
        let items = items(endpoint, &response.body).map_err(|reason| {
            let detail = format!("{}: {reason}", endpoint.path);
            Failure::new(FailureKind::Unavailable, detail).with_response(&response)
        })?;
        let times: Vec<Timestamp> = items.iter().filter_map(|item| time(endpoint, item)).collect();
        let ahead = poll::ahead(times.iter().copied(), asked_at);
        let pages = pages(endpoint, &response.body);
        let answer = Answer { asked_at, items: items.len(), times, pages };
        let (next, more) = advance(endpoint, &cursor, &answer);
        let count = u32::try_from(items.len()).ok();
        let records = if items.is_empty() {
            Vec::new()
        } else {
            vec![NewRecord {
                content_type: "application/json",
                headers: Vec::new(),
                body: response.body.to_vec(),
                items: count,
            }]
        };
        let cursor = serde_json::to_string(&next).ok();
        Ok(Page { cursor, more, ahead, ..Page::of(records) })
    }

    async fn get(
        &self,
        conversation: &Conversation,
        request: Request,
    ) -> Result<Response, Failure> {
        let answer = conversation.send(request).await;
        let response = answer.map_err(|error| Failure::unanswered(&error, false))?;
        if let Some(refusal) = self.rules.refusal(&response) {
            return Err(refusal);
        }
        let kind = match response.status {
            200..=299 => return Ok(response),
            401 => FailureKind::Auth,
            429 => FailureKind::RateLimited,
            500..=599 => FailureKind::Unavailable,
            _ => FailureKind::Rejected,
        };
        let detail = format!("the source answered {}", response.status);
        Err(Failure::new(kind, detail).with_response(&response))
    }

    fn request(&self, operation: &'static str, path: &str, query: &str) -> Request {
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
        if let Some(bearer) = &self.config.bearer {
            headers.push(("authorization".to_owned(), format!("Bearer {}", bearer.reveal())));
        }
        Request {
            operation,
            method: Method::Get,
            url: format!("{}{path}{query}", self.config.base_url),
            headers,
            body: bytes::Bytes::new(),
            deadline: self.config.limits.timeout.0,
            secret: false,
            carries: 1,
        }
    }

    pub fn read(&self, record: &Record<'_>) -> Vec<Item> {
        let found =
            self.config.endpoints.get(record.endpoint).zip(self.mappings.get(record.endpoint));
        let Some((endpoint, mapping)) = found else {
            let detail = format!("no endpoint is called `{}`", record.endpoint);
            return vec![whole(record, FailureKind::Unsupported, detail)];
        };
        match items(endpoint, record.body) {
            Ok(items) => items
                .iter()
                .enumerate()
                .map(|(index, item)| Item {
                    pointer: format!("{}/{index}", endpoint.items),
                    draft: draft(endpoint, mapping, item),
                })
                .collect(),
            Err(reason) => vec![whole(record, FailureKind::Parse, reason)],
        }
    }
}

fn whole(record: &Record<'_>, kind: FailureKind, detail: String) -> Item {
    let bad = BadItem { kind, detail, fragment: record.body.to_vec(), key: None };
    Item { pointer: String::new(), draft: Err(bad) }
}

fn draft(endpoint: &RestEndpoint, mapping: &Mapping, item: &RawValue) -> Result<Draft, BadItem> {
    let value: Value = serde_json::from_str(item.get()).unwrap_or(Value::Null);
    let key = ["number", "sku", "identifier", "id"]
        .iter()
        .find_map(|name| value.get(name).and_then(Value::as_str))
        .map(str::to_owned);
    let bad = |detail: String| BadItem {
        kind: FailureKind::Validation,
        detail,
        fragment: json::nest(&endpoint.items, item),
        key: key.clone(),
    };
    let draft = part_draft(endpoint, mapping, &value).map_err(bad)?;
    Ok(draft.map_or_else(
        || {
            let reason = format!("mapping {} gives nothing for it", endpoint.mapping.name);
            Draft::Skip { what: key.clone().unwrap_or_default(), reason }
        },
        |draft| Draft::Part(Box::new(draft)),
    ))
}

/// What an item says; none where the mapping gives nothing for it.
fn part_draft(
    endpoint: &RestEndpoint,
    mapping: &Mapping,
    item: &Value,
) -> Result<Option<PartDraft>, String> {
    let (sequence, time) = sequence(endpoint, item)?;
    let mapped = match mapping.run(item) {
        Ok(mapped) => mapped,
        Err(MapError::Nothing) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let part = json::part(endpoint.facet, &mapped)?;
    let clock = Clock::named(&endpoint.clock);
    Ok(Some(PartDraft { part, source_id: None, sequence, clock, time }))
}

/// The place on the source's clock: a number, or a time in microseconds.
fn sequence(
    endpoint: &RestEndpoint,
    item: &Value,
) -> Result<(Sequence, Option<Timestamp>), String> {
    let pointer = &endpoint.sequence;
    match item.pointer(pointer) {
        Some(Value::Number(number)) => match number.as_u64() {
            Some(number) => Ok((Sequence(u128::from(number)), None)),
            None => Err(format!("{pointer}: {number} is not a whole number")),
        },
        Some(Value::String(text)) => {
            let time: Timestamp = text.parse().map_err(|_| {
                let text: String = text.chars().take(40).collect();
                format!("{pointer}: `{text}` is not a time such as 2026-11-22T09:15:00Z")
            })?;
            Ok((Sequence::of_time(time), Some(time)))
        }
        Some(_) => Err(format!("{pointer}: expected a number or a time")),
        None => Err(format!("{pointer}: missing; it orders the states of one record")),
    }
}

fn time(endpoint: &RestEndpoint, item: &RawValue) -> Option<Timestamp> {
    let value: Value = serde_json::from_str(item.get()).ok()?;
    value.pointer(&endpoint.sequence)?.as_str()?.parse().ok()
}

fn items<'a>(endpoint: &RestEndpoint, body: &'a [u8]) -> Result<Vec<&'a RawValue>, String> {
    json::array_at(body, &endpoint.items)
}

fn pages(endpoint: &RestEndpoint, body: &[u8]) -> Option<u32> {
    let raw = json::at(body, endpoint.pages.as_deref()?).ok()?;
    raw.get().parse().ok()
}

#[cfg(test)]
mod tests;
