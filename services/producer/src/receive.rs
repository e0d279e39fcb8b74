//! Receiving: a push becomes a durable record, and only then hears 200.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest as _, Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header::HeaderName},
    response::{IntoResponse, Response},
    routing::post,
};
use ferry_broker::{PublishError, Publisher};
use ferry_canonical::{Lane, header, limits as contract};
use ferry_store::{Cursors, Wakes, journal::BODY_BYTES};
use ferry_systems::{Acknowledged, Admitted, Kept, PushRequest, Refusal, System};
use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tracing::warn;
use uuid::Uuid;

use crate::{
    Notes, ProducerMetrics,
    journal::{self, Heard},
    limits,
    outage::{Hearing, Publishing},
    record, upload,
    word::Words,
};

/// What the HTTP side needs.
#[derive(Debug)]
pub struct Receiver<P, S> {
    pub systems: Arc<BTreeMap<String, System>>,
    pub publisher: P,
    /// Hears what pushes say should be read. None of them needs it.
    pub store: S,
    pub notes: Notes,
    pub metrics: ProducerMetrics,
    pub clock: fn() -> Timestamp,
    /// Gives every record its id.
    pub ids: fn() -> Uuid,
    /// Uploads carry no credentials: they are taken only where nobody but this host can reach us.
    pub listens_on: IpAddr,
}

#[derive(Debug)]
pub(crate) struct Receiving<P, S> {
    receiver: Receiver<P, S>,
    publishing: Publishing,
    hearing: Hearing,
    pub(crate) words: Words,
    /// Room for files, which are held whole.
    pub(crate) uploads: Semaphore,
}

impl<P, S> std::ops::Deref for Receiving<P, S> {
    type Target = Receiver<P, S>;

    fn deref(&self) -> &Receiver<P, S> {
        &self.receiver
    }
}

pub(crate) type Shared<P, S> = Arc<Receiving<P, S>>;

/// `POST /push/{system}` and `POST /upload/{system}/{kind}`.
pub fn router<P: Publisher, S: Wakes + Cursors + 'static>(receiver: Receiver<P, S>) -> Router {
    let (publishing, hearing, words) = <(Publishing, Hearing, Words)>::default();
    let uploads = Semaphore::new(limits::UPLOADS);
    let of_files = DefaultBodyLimit::max(limits::UPLOAD_BYTES);
    Router::new()
        .route("/push/{system}", post(push::<P, S>))
        .layer(DefaultBodyLimit::max(contract::RECORD_BYTES))
        .route("/upload/{system}/{kind}", post(upload::upload::<P, S>).layer(of_files))
        .with_state(Arc::new(Receiving { receiver, publishing, hearing, words, uploads }))
}

/// Where a push is acknowledged: admit, read, look, publish, wait for the confirm, note what it
/// says should be read, answer.
async fn push<P: Publisher, S: Wakes + 'static>(
    State(receiver): State<Shared<P, S>>,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let headers = header_pairs(request.headers());
    let (admission, body) = match receiver.admit(&name, &headers, &query) {
        Ok(admission) => match read(request, contract::RECORD_BYTES).await {
            Ok(body) => (Ok(admission), body),
            Err(refusal) => (Err(admission.0.unread(refusal)), Bytes::new()),
        },
        Err(refusal) => (Err(Err(refusal)), Bytes::new()),
    };
    let started = Instant::now();
    let push =
        Push { name: &name, received_at: (receiver.clock)(), headers: &headers, body: &body };
    let request = PushRequest { headers: &headers, query: &query, body: &body };
    let looked_at = match admission {
        Ok((system, admitted)) => system.receive(&request, admitted),
        Err(looked_at) => looked_at,
    };
    let answer = match looked_at {
        Ok(acknowledged) => match acknowledged.kept.clone() {
            Kept::Record => receiver.keep(push, acknowledged).await,
            Kept::Word => receiver.hear_word(&name, acknowledged).await,
            Kept::Nothing(reason) => Answer::taken(acknowledged, Became::Nothing(reason)),
        },
        Err(refusal) => Answer::refused(refusal),
    };
    receiver.record(push, started.elapsed(), &answer);
    answer.into_response()
}

/// A body within its size, which its route limits, and its time.
pub(crate) async fn read(request: Request, bytes_max: usize) -> Result<Bytes, Refusal> {
    match timeout(limits::BODY_PATIENCE, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(unread)) if unread.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Refusal::new(413, format!("a body is at most {bytes_max} bytes")))
        }
        Ok(Err(_)) => Err(Refusal::new(400, "the body cannot be read")),
        Err(_) => {
            let seconds = limits::BODY_PATIENCE.as_secs();
            Err(Refusal::new(408, format!("the body did not come within {seconds} s")))
        }
    }
}

/// A push as it came in.
#[derive(Clone, Copy)]
struct Push<'a> {
    name: &'a str,
    received_at: Timestamp,
    headers: &'a [(String, String)],
    body: &'a Bytes,
}

/// What became of a push or an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    Record(Uuid),
    /// What it said should be read is noted.
    Word,
    /// It was heard before.
    Again,
    /// It can be used for nothing, for this reason.
    Nothing(String),
    /// Whatever came of it is said elsewhere.
    Refused,
}

impl Became {
    /// The journal's word.
    const fn word(&self) -> &'static str {
        match self {
            Self::Record(_) => "received",
            Self::Word => "heard",
            Self::Again => "duplicate",
            Self::Nothing(_) => "skipped",
            Self::Refused => "refused",
        }
    }
}

/// What a sender hears, and what the journal keeps of it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) message_id: Option<String>,
    pub(crate) became: Became,
}

impl Answer {
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self {
            // Some senders delete their subscription on 410; nobody hears that from us.
            status: if refusal.status == 410 { 404 } else { refusal.status },
            headers: refusal.headers,
            body: refusal.reason,
            message_id: None,
            became: Became::Refused,
        }
    }

    pub(crate) fn taken(acknowledged: Acknowledged, became: Became) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", acknowledged.content_type.to_owned())],
            body: acknowledged.body,
            message_id: acknowledged.message_id,
            became,
        }
    }

    /// Tried again, it would fare the same unless it is what may pass.
    pub(crate) fn not_stored(error: &PublishError) -> Self {
        match error {
            PublishError::Unsendable(reason) => {
                let reason = format!("the broker can't carry it: {reason}");
                Self::refused(Refusal::new(413, reason))
            }
            PublishError::Refused
            | PublishError::ConfirmTimeout(_)
            | PublishError::Disconnected(_)
            | PublishError::Unroutable { .. } => Self::unavailable(),
        }
    }

    pub(crate) fn unavailable() -> Self {
        let body = "not stored; send it again later".to_owned();
        let retry_after = ("retry-after", limits::RETRY_AFTER_SECONDS.to_string());
        let headers = vec![retry_after];
        let became = Became::Refused;
        Self { status: 503, headers, body, message_id: None, became }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, self.body).into_response();
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

impl<P, S> Receiver<P, S> {
    fn admit(
        &self,
        name: &str,
        headers: &[(String, String)],
        query: &[(String, String)],
    ) -> Result<(&System, Admitted), Refusal> {
        let system = self.systems.get(name);
        let unknown = || Refusal::new(404, format!("no system is called `{name}`"));
        let system = system.ok_or_else(unknown)?;
        Ok((system, system.admit(headers, query)?))
    }
}

impl<P: Publisher, S: Wakes> Receiving<P, S> {
    async fn keep(&self, push: Push<'_>, mut acknowledged: Acknowledged) -> Answer {
        let Push { name, received_at, headers, body } = push;
        let mut extra = Vec::new();
        if let Some(scope) = acknowledged.scope.take() {
            extra.push((header::SCOPE, scope));
        }
        if let Some(id) = &acknowledged.message_id {
            extra.push((header::SOURCE_MESSAGE_ID, id.clone()));
        }
        if let Some((_, traceparent)) = headers.iter().find(|(name, _)| name == header::TRACEPARENT)
        {
            extra.push((header::TRACEPARENT, traceparent.clone()));
        }
        let origin = record::Origin {
            source: name.to_owned(),
            endpoint: acknowledged.endpoint.clone(),
            entity: None,
            lane: Lane::Live,
        };
        let media = "application/xml";
        let stamp = record::Stamp { id: (self.ids)(), received_at };
        let (id, message) = record::message(&origin, stamp, media, &extra, body.to_vec());
        if let Err(error) = self.publish(name, message).await {
            return Answer::not_stored(&error);
        }
        self.metrics.records.with_label_values(&[name, &origin.endpoint]).inc();
        let message_id = acknowledged.message_id.as_deref().and_then(|id| id.parse().ok());
        let wakes = Heard::wakes(name, std::mem::take(&mut acknowledged.wakes));
        self.hear(Heard { source: name.to_owned(), message_id, wakes }).await;
        Answer::taken(acknowledged, Became::Record(id))
    }

    /// Notes it before the sender hears 200: what is read from now on has its place behind this message,
    /// and what this message is older than is read again.
    async fn hear(&self, heard: Heard) {
        if heard.message_id.is_none() && heard.wakes.is_empty() {
            return;
        }
        if !self.told(&heard).await {
            self.notes.hear_later(heard);
        }
    }

    /// Whether the store has taken it in time.
    pub(crate) async fn told(&self, heard: &Heard) -> bool {
        let told = self.store.hear(&heard.source, heard.message_id, heard.wakes.clone());
        let told = timeout(limits::HEAR_PATIENCE, told).await;
        match told {
            Ok(Ok(())) => {
                self.hearing.succeeded();
                true
            }
            failed => {
                let error = match failed {
                    Ok(Err(error)) => error.to_string(),
                    Ok(Ok(())) | Err(_) => "it does not answer in time".to_owned(),
                };
                self.hearing.failed(&error);
                false
            }
        }
    }

    /// `Ok` only after the broker's confirm.
    pub(crate) async fn publish(
        &self,
        source: &str,
        message: ferry_broker::Message,
    ) -> Result<(), PublishError> {
        let stored = match timeout(limits::PUSH_PATIENCE, self.publisher.publish(message)).await {
            Ok(stored) => stored,
            Err(_) => Err(PublishError::ConfirmTimeout(limits::PUSH_PATIENCE)),
        };
        match &stored {
            Ok(()) => self.publishing.succeeded(),
            Err(error @ PublishError::Unsendable(_)) => {
                warn!(source, %error, "a record is refused: it can never be stored");
            }
            Err(error) => self.publishing.failed(source, error),
        }
        stored
    }

    fn record(&self, push: Push<'_>, duration: Duration, answer: &Answer) {
        let Push { name, received_at: at, body, .. } = push;
        // A name nobody configured is not a label: anybody can make those up.
        let known = if self.systems.contains_key(name) { name } else { "unknown" };
        let status = answer.status.to_string();
        self.metrics.pushes.with_label_values(&[known, &status]).inc();
        self.metrics.push_duration.with_label_values(&[known]).observe(duration.as_secs_f64());
        let operation = match &answer.message_id {
            Some(id) => format!("push {id}"),
            None => "push".to_owned(),
        };
        let mut entry = journal::entry(at, known, operation, answer.became.word());
        match &answer.became {
            Became::Record(id) => entry.record_id = Some(*id),
            Became::Nothing(reason) => entry.detail = Some(reason.clone()),
            Became::Word | Became::Again | Became::Refused => {}
        }
        entry.status = Some(answer.status);
        entry.duration = Some(duration);
        entry.response = Some(answer.body.clone());
        // What nobody was authenticated for is not kept, and of the rest what the journal keeps.
        let kept = body.get(..BODY_BYTES.min(body.len())).unwrap_or_default();
        // Of a word nothing is used: what it woke has rows of its own.
        let is_kept = !matches!(answer.status, 401 | 404)
            && !matches!(answer.became, Became::Word | Became::Again);
        entry.request = is_kept.then(|| String::from_utf8_lossy(kept).into_owned());
        let records = u64::from(entry.record_id.is_some());
        self.notes.note(entry, records);
    }
}

fn header_pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}
