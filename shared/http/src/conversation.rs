//! The exchanges of one piece of work, kept for the journal.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    Alone, HttpError, HttpPort, LedgerPort, Request, Response, redacted_headers, redacted_url,
};

/// One request and what came of it, redacted.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub started_at: Timestamp,
    pub operation: &'static str,
    pub method: &'static str,
    pub url: String,
    pub request_headers: Vec<(String, String)>,
    pub request_body: Bytes,
    pub duration: Duration,
    /// The bodies held secrets and are not kept.
    pub secret: bool,
    /// Status and body, or the error's text.
    pub answer: Result<(u16, Bytes), String>,
    /// When it came, by the clock of this process.
    pub answered_at: Instant,
    /// The writes it was for, by their places in the call, in ascending order; none: all of them.
    pub about: Option<Arc<[usize]>>,
}

impl Exchange {
    /// Whether it was for this write of the call.
    pub fn is_about(&self, write: usize) -> bool {
        self.about.as_ref().is_none_or(|writes| writes.contains(&write))
    }
}

/// Sends through a port and remembers every exchange.
#[derive(Clone)]
pub struct Conversation {
    port: Arc<dyn HttpPort>,
    clock: fn() -> Timestamp,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    shared: Option<Shared>,
    about: Option<Arc<[usize]>>,
    /// Where it is of some of the call's writes only: their places in the call.
    places: Option<Arc<[usize]>>,
    subjects: Option<Arc<Subjects>>,
}

/// What a call writes: entities of one kind, by their canonical ids.
#[derive(Debug)]
pub struct Subjects {
    pub entity: &'static str,
    /// One of each write, in the order of the call.
    pub ids: Vec<String>,
    /// It can wait for others: a backfill.
    pub in_bulk: bool,
}

/// What is shared with others who write to one system, which is known there by its name.
#[derive(Clone)]
struct Shared {
    system: String,
    port: Arc<dyn LedgerPort>,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Conversation {
    pub fn new(port: Arc<dyn HttpPort>, clock: fn() -> Timestamp) -> Self {
        Self {
            port,
            clock,
            exchanges: Arc::default(),
            shared: None,
            about: None,
            places: None,
            subjects: None,
        }
    }

    /// With others who write to the same `system`, and share a ledger.
    #[must_use]
    pub fn among(self, system: &str, port: Arc<dyn LedgerPort>) -> Self {
        Self { shared: Some(Shared { system: system.to_owned(), port }), ..self }
    }

    /// A call that writes these.
    #[must_use]
    pub fn writing(self, subjects: Subjects) -> Self {
        Self { subjects: Some(Arc::new(subjects)), ..self }
    }

    /// Whether the call can wait for others.
    pub fn is_in_bulk(&self) -> bool {
        self.subjects.as_ref().is_some_and(|subjects| subjects.in_bulk)
    }

    /// The same conversation, where it is about these writes of its call.
    #[must_use]
    pub fn about(&self, writes: impl IntoIterator<Item = usize>) -> Self {
        let about = writes.into_iter().map(|write| self.place(write)).collect();
        Self { about: Some(about), ..self.clone() }
    }

    /// The same conversation for some writes of its call, given by their places in ascending order: who
    /// is handed it knows no others, and counts them from 0.
    #[must_use]
    pub fn among_these(&self, writes: &[usize]) -> Self {
        let places: Arc<[usize]> = writes.iter().map(|write| self.place(*write)).collect();
        Self { about: Some(Arc::clone(&places)), places: Some(places), ..self.clone() }
    }

    fn place(&self, write: usize) -> usize {
        let among = self.places.as_ref().and_then(|places| places.get(write));
        among.copied().unwrap_or(write)
    }

    /// The right to do alone, for so long, what `name` stands for. Is waited for a little while;
    /// [`HttpError::Withheld`]: somebody else has it.
    pub async fn alone(&self, name: &str, lasting: Duration) -> Result<Alone, HttpError> {
        match &self.shared {
            Some(Shared { system, port }) => {
                Alone::take(Arc::clone(port), format!("write/{system}/{name}"), lasting).await
            }
            None => Ok(Alone::anyway()),
        }
    }

    /// What the system calls each of these entities of one kind, by their canonical ids, as far as the
    /// ledger knows. [`HttpError::Withheld`]: it cannot be asked.
    pub async fn known(
        &self,
        entity: &str,
        ids: Vec<String>,
    ) -> Result<Vec<Option<String>>, HttpError> {
        let many = ids.len();
        match &self.shared {
            Some(Shared { system, port }) if many > 0 => {
                let known = port.known(system, entity, ids).await;
                let mut known = known.ok_or(HttpError::Withheld("the ledger cannot be asked"))?;
                known.resize(many, None);
                Ok(known)
            }
            Some(_) | None => Ok(vec![None; many]),
        }
    }

    /// The canonical id of the entity that the system calls `own_id`, if the ledger knows one.
    /// [`HttpError::Withheld`]: it cannot be asked.
    pub async fn owner(&self, entity: &str, own_id: &str) -> Result<Option<String>, HttpError> {
        match &self.shared {
            Some(Shared { system, port }) => {
                let owner = port.owner(system, entity, own_id).await;
                owner.ok_or(HttpError::Withheld("the ledger cannot be asked"))
            }
            None => Ok(None),
        }
    }

    /// Remembers that the system may write what this is about by `operation`. Nothing is remembered where
    /// nobody shares the ledger.
    pub async fn put_off(&self, operation: &str) {
        if let Some((Shared { system, port }, entity, ids)) = self.known_subjects() {
            port.put_off(system, entity, ids, operation).await;
        }
    }

    /// Forgets it: the operation has ended.
    pub async fn has_ended(&self, operation: &str) {
        if let Some((Shared { system, port }, entity, ids)) = self.known_subjects() {
            port.has_ended(system, entity, ids, operation).await;
        }
    }

    /// The operations by which the system may still write each that this is about, in their order.
    /// [`HttpError::Withheld`]: nobody can be asked.
    pub async fn operations(&self) -> Result<Vec<Vec<String>>, HttpError> {
        let Some((Shared { system, port }, entity, ids)) = self.known_subjects() else {
            return Ok(Vec::new());
        };
        let operations = port.operations(system, entity, ids).await;
        operations.ok_or(HttpError::Withheld("the ledger cannot be asked"))
    }

    fn known_subjects(&self) -> Option<(&Shared, &'static str, Vec<String>)> {
        let (entity, ids) = self.subjects()?;
        Some((self.shared.as_ref()?, entity, ids))
    }

    /// What this is about: without any place, all.
    fn subjects(&self) -> Option<(&'static str, Vec<String>)> {
        let Subjects { entity, ids, .. } = self.subjects.as_deref()?;
        let ids = match &self.about {
            Some(places) => places.iter().filter_map(|place| ids.get(*place)).cloned().collect(),
            None => ids.clone(),
        };
        Some((entity, ids))
    }

    /// The time, on the clock that exchanges are noted by.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let (started_at, started) = ((self.clock)(), Instant::now());
        let mut exchange = Exchange {
            started_at,
            operation: request.operation,
            method: request.method.as_str(),
            url: redacted_url(&request.url),
            request_headers: redacted_headers(&request.headers),
            request_body: if request.secret { Bytes::new() } else { request.body.clone() },
            duration: Duration::ZERO,
            secret: request.secret,
            answer: Err("cut off".to_owned()),
            answered_at: started,
            about: self.about.clone(),
        };
        let secret = request.secret;
        let answer = self.port.send(request).await;
        exchange.answered_at = Instant::now();
        exchange.duration = exchange.answered_at.duration_since(started);
        exchange.answer = match &answer {
            Ok(response) if secret => Ok((response.status, Bytes::new())),
            Ok(response) => Ok((response.status, response.body.clone())),
            Err(error) => Err(error.to_string()),
        };
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
        answer
    }

    /// Whether the other side has said yes to a request that changes something for this write of the
    /// call: what follows may fail, but something was changed. Token requests change nothing.
    pub fn has_written_for(&self, write: usize) -> bool {
        let write = self.place(write);
        let exchanges = self.exchanges.lock().unwrap_or_else(PoisonError::into_inner);
        exchanges.iter().any(|exchange| {
            let accepted = matches!(exchange.answer, Ok((200..=299, _)));
            accepted && !exchange.secret && exchange.method != "GET" && exchange.is_about(write)
        })
    }

    /// What was said so far; the list starts anew.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::Method;

    /// Says yes to everything.
    #[derive(Debug)]
    struct Yes;

    impl HttpPort for Yes {
        fn send(&self, _: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
            let response = Response { status: 200, headers: Vec::new(), body: Bytes::new() };
            Box::pin(std::future::ready(Ok(response)))
        }
    }

    fn request(method: Method) -> Request {
        Request {
            operation: "write",
            method,
            url: "http://shop.test/".to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            deadline: Duration::from_secs(1),
            secret: false,
            carries: 1,
        }
    }

    #[tokio::test]
    async fn what_was_written_for_one_is_not_written_for_another() {
        let whole = Conversation::new(Arc::new(Yes), || Timestamp::MAX);
        let written = || (0..3).map(|write| whole.has_written_for(write)).collect::<Vec<_>>();
        whole.about([0]).send(request(Method::Get)).await.unwrap();
        assert_eq!(written(), [false; 3], "a read changes nothing");
        whole.about([0, 2]).send(request(Method::Post)).await.unwrap();
        assert_eq!(written(), [true, false, true]);
        let about: Vec<_> = whole.take().into_iter().map(|exchange| exchange.about).collect();
        assert_eq!(about, [Some(Arc::from([0])), Some(Arc::from([0, 2]))]);
        whole.send(request(Method::Post)).await.unwrap();
        assert_eq!(written(), [true; 3], "what is about none of them in particular is about all");
    }

    #[tokio::test]
    async fn some_writes_of_a_call_are_counted_from_nought_and_noted_by_their_places_in_it() {
        let whole = Conversation::new(Arc::new(Yes), || Timestamp::MAX);
        let some = whole.among_these(&[1, 4]);
        some.about([1]).send(request(Method::Post)).await.unwrap();
        assert_eq!((some.has_written_for(0), some.has_written_for(1)), (false, true));
        assert_eq!((whole.has_written_for(1), whole.has_written_for(4)), (false, true));
        some.send(request(Method::Post)).await.unwrap();
        let about: Vec<_> = whole.take().into_iter().map(|exchange| exchange.about).collect();
        assert_eq!(about, [Some(Arc::from([4])), Some(Arc::from([1, 4]))]);
    }
}
