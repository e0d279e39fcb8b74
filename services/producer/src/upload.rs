//! Uploads: a whole file, or one chunk of a file that somebody on this host backfills.
//!
//! A file is answered when all of it is durable, with what is wrong with its rows. It is the same
//! file as one that is dropped: read in the same way, with a time of its own that a repeat keeps.

use std::{io::Cursor, time::Duration};

use axum::{
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use ferry_broker::Publisher;
use ferry_canonical::{Facet, Lane, header, limits as contract};
use ferry_config::system::FileKind;
use ferry_store::{Cursors, Wakes, journal::BODY_BYTES};
use ferry_systems::{
    Refusal, System,
    files::{self, BadRow, Files},
};
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::{
    as_of::{self, Found, Place},
    import::{self, Import, Stopped, Tell},
    journal, limits,
    receive::{Answer, Became, Receiving, Shared, read},
    record,
};

/// What a file is called whose sender gives it no name.
const NAMELESS: &str = "upload";
/// The store is asked twice for each file, and a sender waits for it.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// `POST /upload/{system}/{kind}`: with the line it stands on it is a chunk, else a file.
pub(crate) async fn upload<P: Publisher, S: Wakes + Cursors + 'static>(
    State(receiver): State<Shared<P, S>>,
    Path((name, kind)): Path<(String, String)>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    // A proxy on this host reaches us on loopback as well, and so does a page in a browser here.
    let passed_on = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "origin", "via"];
    let passed_on = passed_on.iter().any(|name| headers.contains_key(*name));
    if !receiver.listens_on.is_loopback() || passed_on {
        let reason = "uploads carry no credentials and are taken from this host only, directly";
        return (StatusCode::FORBIDDEN, reason).into_response();
    }
    let known = match receiver.systems.get(&name) {
        Some(System::Files(files)) => files.kind(&kind).map(|found| (files, found)),
        Some(System::Orderflow(_) | System::Oro(_) | System::Rest(_) | System::Export(_))
        | None => None,
    };
    let Some((files, found)) = known else {
        let reason = format!("no files of kind `{kind}` are configured under `{name}`");
        return (StatusCode::NOT_FOUND, reason).into_response();
    };
    let is_chunk = headers.contains_key(header::FIRST_LINE);
    let room = (!is_chunk).then(|| receiver.uploads.try_acquire()).transpose();
    let Ok(_room) = room else { return Answer::unavailable().into_response() };
    let body = match read(request, limits::UPLOAD_BYTES).await {
        Ok(body) => body,
        Err(refusal) => return Answer::refused(refusal).into_response(),
    };
    let upload = Upload { name: &name, kind: (&kind, found), headers: &headers, body };
    if is_chunk { receiver.chunk(&upload).await } else { receiver.file(files, &upload).await }
}

/// An upload as it came in.
struct Upload<'a> {
    /// The system's.
    name: &'a str,
    kind: (&'a str, &'a FileKind),
    headers: &'a HeaderMap,
    body: Bytes,
}

impl Upload<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What the journal keeps of a file that was read.
#[derive(Debug)]
struct Taken {
    detail: String,
    records: u64,
}

/// What the sender of a file hears.
#[derive(Debug, Serialize)]
struct Told {
    rows: u64,
    good: u64,
    skipped: u64,
    bad: u64,
    records: u64,
    as_of: String,
    encoding: String,
    /// Why it was not read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
    errors: Vec<RowError>,
    /// Beyond those listed.
    errors_left_out: u64,
}

#[derive(Debug, Serialize)]
struct RowError {
    line: u32,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    problem: String,
}

impl Told {
    fn answer(&self) -> Answer {
        Answer {
            status: if self.unreadable.is_some() { 422 } else { 201 },
            headers: vec![("content-type", "application/json".to_owned())],
            // It is numbers and strings: it always has a JSON form.
            body: serde_json::to_string(self).unwrap_or_default(),
            message_id: None,
            became: Became::Refused,
        }
    }
}

/// The first bad rows.
#[derive(Debug, Default)]
struct Errors(Vec<RowError>);

impl Errors {
    fn listed(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

impl Tell for Errors {
    fn bad_row(&mut self, line: u32, bad: &BadRow) -> std::io::Result<()> {
        if self.0.len() < limits::UPLOAD_ERRORS {
            let (field, problem) = (bad.field.clone(), bad.problem.clone());
            self.0.push(RowError { line, kind: bad.kind.as_str(), field, problem });
        }
        Ok(())
    }
}

impl<P: Publisher, S: Wakes + Cursors> Receiving<P, S> {
    async fn file(&self, files: &Files, upload: &Upload<'_>) -> Response {
        let started = Instant::now();
        let taken = self.take(files, upload).await;
        let (answer, taken) = taken.unwrap_or_else(|answer| (answer, None));
        self.note_file(upload, &answer, taken, started.elapsed());
        answer.into_response()
    }

    /// Makes all of it durable. What it says of the rows is for the sender and, in short, the journal.
    async fn take(
        &self,
        files: &Files,
        upload: &Upload<'_>,
    ) -> Result<(Answer, Option<Taken>), Answer> {
        let (kind_name, kind) = upload.kind;
        let refused = |status, reason: String| Answer::refused(Refusal::new(status, reason));
        let examined = files::examine(Cursor::new(&upload.body), kind.encoding);
        let examined = examined.map_err(|error| refused(400, error.to_string()))?;
        let text = examined.text().map_err(|error| refused(422, error.to_string()))?;
        let file = upload.header(header::FILE).unwrap_or(NAMELESS);
        let remembered = format!("{kind_name}/{file}");
        let place = match upload.header(header::AS_OF) {
            Some(said) => {
                let expected = format!("header {}: expected an RFC 3339 time", header::AS_OF);
                let as_of = said.parse::<Timestamp>().map_err(|_| refused(400, expected))?;
                Place { as_of, before: 0 }
            }
            None => self.place(upload.name, kind.facet, &remembered, examined.digest).await?,
        };
        let import = Import {
            origin: record::Origin::of_file(upload.name, kind_name, Lane::Live),
            files,
            kind,
            file,
            place,
            publisher: &self.publisher,
            metrics: &self.metrics,
            clock: self.clock,
        };
        let mut errors = Errors::default();
        let (counts, ended) = import.run(Cursor::new(&upload.body), text, &mut errors).await;
        let unreadable = match ended {
            Ok(()) => None,
            Err(Stopped::Unreadable(error)) => Some(ferry_service::Chain(&error).to_string()),
            Err(Stopped::NotStored(error)) => return Err(Answer::not_stored(&error)),
            Err(Stopped::Report(_)) => return Err(Answer::unavailable()),
        };
        self.done(upload.name, &remembered).await;
        let read_as = Some(format!("read as {text}"));
        let detail = [Some(counts.to_string()), read_as, unreadable.clone(), place.told()];
        let taken = Taken { detail: import::detail(detail), records: counts.records };
        let told = Told {
            rows: counts.rows(),
            good: counts.good,
            skipped: counts.skipped,
            bad: counts.bad,
            records: counts.records,
            as_of: place.as_of.to_string(),
            encoding: text.to_string(),
            unreadable,
            errors_left_out: counts.bad.saturating_sub(errors.listed()),
            errors: errors.0,
        };
        Ok((told.answer(), Some(taken)))
    }

    /// The file's place among all that its source says, durably: sent again, it has the same one.
    async fn place(
        &self,
        source: &str,
        facet: Facet,
        name: &str,
        digest: String,
    ) -> Result<Place, Answer> {
        let (name, modified) = (name.to_owned(), (self.clock)());
        let restates = facet.written_through();
        let found = Found { name, digest, modified, restates, is_uploaded: true };
        for _ in 0..limits::GIVE_TRIES {
            let give = |given: &mut as_of::Given| given.give(vec![found.clone()]);
            let given = timeout(STORE_PATIENCE, as_of::change(&self.store, source, give)).await;
            match given {
                Ok(Ok(Some(places))) => {
                    let place = places.first().map(|(_, place)| *place);
                    return place.ok_or_else(Answer::unavailable);
                }
                // Another producer was faster.
                Ok(Ok(None)) => {}
                Ok(Err(error)) => {
                    warn!(source, error = format!("{error:#}"), "a file can't have its as-of time");
                    return Err(Answer::unavailable());
                }
                Err(_) => return Err(Answer::unavailable()),
            }
        }
        Err(Answer::unavailable())
    }

    /// Only for the next one of its name. Where it isn't remembered, that one is taken for a repeat of
    /// the same try, and what of it was durable is not said twice.
    async fn done(&self, source: &str, name: &str) {
        let done = as_of::change(&self.store, source, |given| given.done(name));
        let _outcome = timeout(STORE_PATIENCE, done).await;
    }

    fn note_file(
        &self,
        upload: &Upload<'_>,
        answer: &Answer,
        taken: Option<Taken>,
        duration: Duration,
    ) {
        let operation = format!("upload {}/{}", upload.name, upload.kind.0);
        let result = match (&taken, answer.status) {
            (Some(_), 201) => "received",
            (Some(_), _) => "failed",
            (None, _) => "refused",
        };
        let mut entry = journal::entry((self.clock)(), upload.name, operation, result);
        entry.status = Some(answer.status);
        entry.duration = Some(duration);
        let nothing = || Taken { detail: answer.body.clone(), records: 0 };
        let Taken { detail, records } = taken.unwrap_or_else(nothing);
        entry.detail = Some(detail);
        self.notes.note(entry, records);
    }

    /// One chunk, through the bulk lane.
    async fn chunk(&self, upload: &Upload<'_>) -> Response {
        if upload.body.len() > contract::RECORD_BYTES {
            let reason = format!("a chunk is at most {} bytes", contract::RECORD_BYTES);
            return Answer::refused(Refusal::new(413, reason)).into_response();
        }
        let received_at = (self.clock)();
        let mut extra = Vec::new();
        for name in [header::AS_OF, header::FIRST_LINE, header::FILE] {
            if let Some(value) = upload.header(name) {
                extra.push((name, value.to_owned()));
            }
        }
        let origin = record::Origin::of_file(upload.name, upload.kind.0, Lane::Bulk);
        let stamp = record::Stamp { id: (self.ids)(), received_at };
        let body = upload.body.to_vec();
        let (id, message) = record::message(&origin, stamp, "text/csv", &extra, body);
        if let Err(error) = self.publish(upload.name, message).await {
            return Answer::not_stored(&error).into_response();
        }
        self.metrics.records.with_label_values(&[upload.name, &origin.endpoint]).inc();
        let operation = format!("upload {origin}");
        let mut entry = journal::entry(received_at, upload.name, operation, "received");
        entry.record_id = Some(id);
        let kept = upload.body.get(..BODY_BYTES.min(upload.body.len())).unwrap_or_default();
        entry.request = Some(String::from_utf8_lossy(kept).into_owned());
        self.notes.note(entry, 1);
        (StatusCode::CREATED, id.to_string()).into_response()
    }
}
