//! Any JSON over HTTP, as a target: one document per part, made by POST and changed by PUT or PATCH.
//!
//! One that Ferry has no id of yet is looked up before it is made, and so is everything whose last
//! answer was lost: a second copy is never made blindly. Every write names its event, so that a
//! target that knows `Idempotency-Key` or Standard Webhooks takes a repeat for what it is. It does not
//! delete, and it does not merge: what the document does not name is the target's own affair.

use bytes::Bytes;
use ferry_canonical::{Brought, FailureKind, Part, Subject};
use ferry_config::{
    responses::Verdict,
    system::{RestTarget, UpdateMethod},
};
use ferry_http::{Conversation, Method, Response, StandardWebhook};
use ferry_mapping::Mapping;
use serde_json::Value;

use super::Rest;
use crate::{
    json,
    rules::{Asked, Judged, Reading, Rules},
    status,
    target::{Applied, Effect, Failure, Write},
    url,
};

/// A facet's target, ready to be written to.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) config: RestTarget,
    mapping: Mapping,
    signing: Option<StandardWebhook>,
}

impl Writer {
    pub(super) fn new(config: &RestTarget) -> Result<Self, String> {
        let mapping = Mapping::compile(&config.mapping.name, &config.mapping.program)
            .map_err(|error| error.to_string())?;
        let signing = config.signing.as_ref().map(|secret| {
            StandardWebhook::new(secret.reveal()).map_err(|fault| format!("signing: {fault}"))
        });
        Ok(Self { config: config.clone(), mapping, signing: signing.transpose()? })
    }

    /// The document of a part; `Err(Ok)` where the mapping has none for it.
    pub(super) fn document(&self, part: &Part) -> Result<Value, Result<String, Failure>> {
        let document = json::document(&self.mapping, part).map_err(Err)?;
        document.ok_or_else(|| Ok(format!("mapping {} gives nothing for it", self.mapping.name())))
    }

    /// The target's own id, in a document of it.
    fn id(&self, document: &Value, key: &str) -> Option<String> {
        let Some(pointer) = &self.config.id else { return Some(key.to_owned()) };
        match document.pointer(pointer)? {
            Value::String(id) if !id.is_empty() => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            Value::String(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }
}

/// What was looked up.
pub(super) struct Found {
    pub(super) id: Option<String>,
    pub(super) document: Value,
}

/// One write, as it goes on.
struct Writing<'a> {
    rest: &'a Rest,
    writer: &'a Writer,
    conversation: &'a Conversation,
    write: &'a Write<'a>,
    document: Value,
}

/// Applies one part.
pub(super) async fn apply(
    rest: &Rest,
    conversation: &Conversation,
    write: &Write<'_>,
) -> Result<Applied, Failure> {
    let facet = write.subject.facet;
    let Some(writer) = rest.writer(facet) else {
        return Err(Failure::unsupported(&format!("no target of it takes {facet}")));
    };
    match writer.document(write.part) {
        Ok(document) => {
            Box::pin(Writing { rest, writer, conversation, write, document }.run()).await
        }
        Err(Ok(reason)) => Ok(Applied {
            effect: Effect::Skipped(reason),
            target_id: None,
            warning: None,
            rule: None,
        }),
        Err(Err(failure)) => Err(failure),
    }
}

impl Writing<'_> {
    async fn run(&self) -> Result<Applied, Failure> {
        let config = &self.writer.config;
        let doubtful = self.write.read_first || self.write.attempt > 1;
        let is_needed = config.create.is_some() || config.update.contains("{id}");
        let unlinked = is_needed && self.write.target_id.is_none();
        if config.look_up.is_none() || !(doubtful || unlinked) {
            // By the key or the id that is known: doing it again does it once.
            return self.update(self.write.target_id).await;
        }
        match self.look_up().await? {
            Some(found) => self.change(&found).await,
            None => self.make().await,
        }
    }

    async fn look_up(&self) -> Result<Option<Found>, Failure> {
        look_up(self.rest, self.writer, self.conversation, &self.write.subject.id).await
    }

    /// What is there is changed, unless it is so. Where the document takes the place of the whole, it
    /// is sent all the same: what it does not name may have to go.
    async fn change(&self, found: &Found) -> Result<Applied, Failure> {
        let is_so = match self.writer.config.update_method {
            UpdateMethod::Patch => holds(&found.document, &self.document),
            UpdateMethod::Put => false,
        };
        if is_so {
            let target_id = found.id.clone();
            return Ok(Applied { effect: Effect::AlreadySo, target_id, warning: None, rule: None });
        }
        self.update(found.id.as_deref()).await
    }

    async fn make(&self) -> Result<Applied, Failure> {
        let Some(path) = &self.writer.config.create else { return self.update(None).await };
        let key = &self.write.subject.id;
        let response = self.send("create", Method::Post, path, None).await?;
        let judged = match told(&self.rest.rules, &response, "create", Method::Post)? {
            Told::Accepted { document, rule } => {
                let target_id = match self.writer.id(&document, key) {
                    // An answer without the id: it is found by its key.
                    None => self.look_up().await.ok().flatten().and_then(|found| found.id),
                    id => id,
                };
                return Ok(Applied { effect: Effect::Created, target_id, warning: None, rule });
            }
            Told::Duplicate(judged) => judged,
        };
        // It is there after all.
        let rule = judged.as_ref().map(|judged| judged.rule.clone());
        match (self.look_up().await?, judged) {
            (Some(found), _) => {
                let applied = self.change(&found).await?;
                Ok(Applied { rule: applied.rule.or(rule), ..applied })
            }
            (None, None) => Err(refused(&response, "create", Method::Post)),
            (None, Some(judged)) => {
                let words = judged.words();
                let detail = format!("the target says that it is there, and shows none: {words}");
                Err(judged.failure(FailureKind::Conflict, detail, &response))
            }
        }
    }

    async fn update(&self, id: Option<&str>) -> Result<Applied, Failure> {
        let config = &self.writer.config;
        let subject = self.write.subject;
        let method = match config.update_method {
            UpdateMethod::Put => Method::Put,
            UpdateMethod::Patch => Method::Patch,
        };
        if id.is_none() && config.update.contains("{id}") {
            return Err(absent(subject));
        }
        let response = self.send("update", method, &config.update, id).await?;
        let told = told(&self.rest.rules, &response, "update", method);
        let told = told.map_err(|failure| {
            if response.status != 404 || failure.rule.is_some() {
                failure
            } else if config.create.is_some() {
                gone(&response)
            } else {
                absent(subject).with_response(&response)
            }
        });
        match told? {
            Told::Accepted { document, rule } => {
                let own = || self.writer.id(&document, &subject.id);
                let target_id = id.map(str::to_owned).or_else(own);
                Ok(Applied { effect: Effect::Updated, target_id, warning: None, rule })
            }
            Told::Duplicate(Some(judged)) => self.kept(judged, id),
            Told::Duplicate(None) => Err(refused(&response, "update", method)),
        }
    }

    /// A rule says that the target has it already: it is ours where this content, and no other, was
    /// sent before.
    fn kept(&self, judged: Judged, id: Option<&str>) -> Result<Applied, Failure> {
        let kept = format!("the target has it already and keeps what it has: {}", judged.words());
        let (rule, target_id) = (Some(judged.rule), id.map(str::to_owned));
        let warning = match self.write.brought {
            Brought::Same => None,
            Brought::Nothing => Some(kept),
            Brought::Other => {
                let failure = Failure::new(FailureKind::Rejected, kept);
                return Err(Failure { rule, ..failure });
            }
        };
        Ok(Applied { effect: Effect::AlreadySo, target_id, warning, rule })
    }

    async fn send(
        &self,
        operation: &'static str,
        method: Method,
        path: &str,
        id: Option<&str>,
    ) -> Result<Response, Failure> {
        let path = address(path, &self.write.subject.id, id)?;
        let mut request = self.rest.request(operation, &path, "");
        let body = self.document.to_string();
        request.method = method;
        request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        let event = self.write.event_id;
        if method == Method::Post {
            request.headers.push(("idempotency-key".to_owned(), event.to_string()));
        }
        if let Some(signing) = &self.writer.signing {
            let now = self.conversation.now();
            request.headers.extend(signing.headers(&event.to_string(), now, &body));
        }
        request.body = Bytes::from(body);
        let answer = self.conversation.send(request).await;
        answer.map_err(|error| Failure::unanswered(&error, true))
    }
}

/// Looks one up by its key.
pub(super) async fn look_up(
    rest: &Rest,
    writer: &Writer,
    conversation: &Conversation,
    key: &str,
) -> Result<Option<Found>, Failure> {
    let Some(path) = &writer.config.look_up else {
        let detail = "there is no `look_up` to read it by";
        return Err(Failure::new(FailureKind::Ambiguous, detail));
    };
    let request = rest.request("look up", &address(path, key, None)?, "");
    let response =
        conversation.send(request).await.map_err(|error| Failure::unanswered(&error, false))?;
    // An address that is the one's own says by 404 that there is none; a list says it by being empty.
    let own = path.split('?').next().is_some_and(|path| path.contains("{key}"));
    if response.status == 404 && own {
        return Ok(None);
    }
    if let Some(refusal) = rest.rules.refusal(&response) {
        return Err(refusal);
    }
    let answer = accepted(&response, "look up", Method::Get)?;
    let document = match &writer.config.found {
        None => Some(answer),
        Some(pointer) => {
            let listed = answer.pointer(pointer).and_then(Value::as_array).ok_or_else(|| {
                let detail = format!("{pointer}: expected an array in the answer to `look up`");
                Failure::new(FailureKind::Unavailable, detail).with_response(&response)
            })?;
            one_keyed(listed, writer.config.key.as_deref(), key)?
        }
    };
    Ok(document.map(|document| Found { id: writer.id(&document, key), document }))
}

/// The one of a list that has this key itself: a search may find what only looks like it.
fn one_keyed(listed: &[Value], pointer: Option<&str>, key: &str) -> Result<Option<Value>, Failure> {
    let has_key = |document: &&Value| {
        pointer.is_none_or(|pointer| match document.pointer(pointer) {
            Some(Value::String(found)) => found == key,
            Some(Value::Number(found)) => found.to_string() == key,
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => false,
        })
    };
    let keyed: Vec<&Value> = listed.iter().filter(has_key).collect();
    match keyed.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some((*one).clone())),
        several => {
            let detail = format!("{} of the target's records have the key", several.len());
            Err(Failure::new(FailureKind::Ambiguous, detail))
        }
    }
}

/// `/api/customers/{key}` with what the names stand for.
fn address(template: &str, key: &str, id: Option<&str>) -> Result<String, Failure> {
    // The key comes last: what it holds is encoded, and never read as a name.
    let address = template
        .replace("{id}", &url::encode(id.unwrap_or_default()))
        .replace("{key}", &url::encode(key));
    let path = address.split('?').next().unwrap_or_default();
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        // In every spelling it means another place: the one above, or this one.
        let detail =
            "the key: expected one that can stand in an address, which `.` and `..` cannot";
        return Err(Failure::new(FailureKind::Validation, detail));
    }
    Ok(address)
}

/// What an answer to a write says.
enum Told {
    /// Yes; the document is null where it says nothing else.
    Accepted { document: Value, rule: Option<String> },
    /// That it is there, by a rule or by its status.
    Duplicate(Option<Judged>),
}

fn told(
    rules: &Rules,
    response: &Response,
    operation: &str,
    method: Method,
) -> Result<Told, Failure> {
    let Some(judged) = rules.whole(response) else {
        if response.status == 409 && method == Method::Post {
            return Ok(Told::Duplicate(None));
        }
        let document = accepted(response, operation, method)?;
        return Ok(Told::Accepted { document, rule: None });
    };
    if let Some(kind) = judged.verdict.kind() {
        let status = response.status;
        let detail =
            format!("the target answered `{operation}` with {status}: {}", judged.reason());
        let unread = judged.leaves_doubt(status::leaves_open(status));
        return Err(Failure { unread, ..judged.failure(kind, detail, response) });
    }
    if judged.verdict == Verdict::Duplicate {
        return Ok(Told::Duplicate(Some(judged)));
    }
    let document = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    Ok(Told::Accepted { document, rule: Some(judged.rule) })
}

/// What an answer comes to, whatever it was given to.
pub(super) fn reading(rules: &Rules, response: &Response, asked: Asked) -> Reading {
    let method = match asked {
        Asked::Create | Asked::Notify => Method::Post,
        Asked::Change | Asked::Cancel => Method::Put,
        Asked::Read => {
            let refusal = rules.refusal(response);
            let answer = refusal.map_or_else(|| accepted(response, "look up", Method::Get), Err);
            return answer.map_or_else(|no| Reading::failed(&no), |_| Reading::ok());
        }
    };
    if let Some(judged) = rules.whole(response) {
        return Reading::by(&judged);
    }
    match told(rules, response, "write", method) {
        Ok(Told::Accepted { .. }) => Reading::ok(),
        Ok(Told::Duplicate(_)) => Reading { verdict: Verdict::Duplicate.as_str(), ..Reading::ok() },
        Err(failure) => Reading::failed(&failure),
    }
}

/// The document of an answer that says yes; null where it says nothing else.
fn accepted(response: &Response, operation: &str, method: Method) -> Result<Value, Failure> {
    if !(200..300).contains(&response.status) {
        return Err(refused(response, operation, method));
    }
    let writes = method != Method::Get;
    if response.body.is_empty() && writes {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&response.body).map_err(|_| {
        let detail = format!(
            "the answer to `{operation}` is {} without a JSON document: is something else answering?",
            response.status
        );
        let failure = Failure::new(FailureKind::Unavailable, detail).with_response(response);
        Failure { unread: writes, ..failure }
    })
}

fn refused(response: &Response, operation: &str, method: Method) -> Failure {
    let kind = match response.status {
        400 | 422 => FailureKind::Validation,
        status => status::kind(status, method),
    };
    let detail = format!("the target answered `{operation}` with {}", response.status);
    let unread = method != Method::Get && status::leaves_open(response.status);
    Failure { unread, ..Failure::new(kind, detail).with_response(response) }
}

fn gone(response: &Response) -> Failure {
    let detail = "what was linked is not at the target any more: it is looked up again";
    Failure::new(FailureKind::Conflict, detail).with_response(response)
}

fn absent(subject: &Subject) -> Failure {
    let entity = subject.entity();
    let detail =
        format!("{entity} `{}` is not at the target, and nothing makes it there", subject.id);
    Failure::missing(entity, &subject.id, detail)
}

/// Whether `found` has all of `wanted`: members of objects that are not wanted do not count.
fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            found.get(name).map_or(wanted.is_null(), |found| holds(found, wanted))
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| holds(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}

#[cfg(test)]
mod tests;
