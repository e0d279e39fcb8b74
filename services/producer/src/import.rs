//! One file on its way into the pipeline: every chunk durable, every row counted, every bad one told.
//!
//! Rows are looked at here as the transformer will look at them ([`Files::rows`]), so that whoever
//! sent the file hears what is wrong with it. Nothing is held back for that: the chunks go on as they
//! stand, and there a bad row becomes a dead letter.

use std::{
    fmt,
    io::{self, Read},
};

use ferry_broker::{Message, PublishError, Publisher};
use ferry_canonical::header;
use ferry_config::system::FileKind;
use ferry_systems::{
    Draft, Record,
    files::{BadRow, Chunk, ChunkError, Chunks, Files, Text},
};
use jiff::Timestamp;
use tokio::task::yield_now;

use crate::{ProducerMetrics, as_of::Place, limits, record};

/// A file, and where it goes.
#[derive(Debug)]
pub(crate) struct Import<'a, P> {
    pub(crate) origin: record::Origin,
    pub(crate) files: &'a Files,
    pub(crate) kind: &'a FileKind,
    /// Its name.
    pub(crate) file: &'a str,
    pub(crate) place: Place,
    pub(crate) publisher: &'a P,
    pub(crate) metrics: &'a ProducerMetrics,
    pub(crate) clock: fn() -> Timestamp,
}

/// How much of a file is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) good: u64,
    /// The mapping gives nothing for them.
    pub(crate) skipped: u64,
    pub(crate) bad: u64,
    pub(crate) records: u64,
}

/// Why a file is not read to its end. What was durable before stays so.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    /// It always will be: the file is like this.
    #[error(transparent)]
    Unreadable(#[from] ChunkError),
    #[error("making chunks durable")]
    NotStored(#[from] PublishError),
    #[error("writing the report")]
    Report(#[source] io::Error),
}

/// What the journal keeps of a file.
pub(crate) fn detail(parts: impl IntoIterator<Item = Option<String>>) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Where bad rows are told.
pub(crate) trait Tell: Send {
    fn bad_row(&mut self, line: u32, bad: &BadRow) -> io::Result<()>;
}

impl Counts {
    pub(crate) const fn rows(&self) -> u64 {
        self.good + self.skipped + self.bad
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, Self { skipped, bad, records, .. }) = (self.rows(), self);
        write!(f, "{rows} rows in {records} records, {bad} bad, {skipped} skipped by the mapping")
    }
}

impl<P: Publisher> Import<'_, P> {
    /// Makes all of it durable, chunk by chunk. The counts are of what is, whatever stopped it.
    pub(crate) async fn run(
        &self,
        reader: impl Read + Send,
        text: Text,
        tell: &mut impl Tell,
    ) -> (Counts, Result<(), Stopped>) {
        let mut durable = Counts::default();
        let mut chunks = Chunks::new(reader, self.kind, text);
        loop {
            let (mut counts, mut messages, mut stopped) = (durable, Vec::new(), Ok(()));
            while messages.len() < limits::CHUNKS && stopped.is_ok() {
                match chunks.next() {
                    Some(Ok(chunk)) => {
                        stopped = self.look(&chunk, &mut counts, tell);
                        messages.push(self.message(chunk));
                        // Looking at rows takes its time, and others wait for this thread.
                        yield_now().await;
                    }
                    Some(Err(error)) => stopped = Err(error.into()),
                    None => break,
                }
            }
            let is_end = messages.len() < limits::CHUNKS;
            if let Err(error) = self.publish(messages).await {
                return (durable, Err(error.into()));
            }
            self.count(durable, counts);
            durable = counts;
            if is_end || stopped.is_err() {
                return (durable, stopped);
            }
        }
    }

    /// What its rows are, as the transformer will see them.
    fn look(
        &self,
        chunk: &Chunk,
        counts: &mut Counts,
        tell: &mut impl Tell,
    ) -> Result<(), Stopped> {
        let as_of = self.place.as_of;
        let rows = self.files.rows(&Record {
            endpoint: &self.origin.endpoint,
            scope: None,
            message_id: None,
            received_at: as_of,
            as_of: Some(as_of),
            first_line: chunk.first_line,
            body: &chunk.body,
        });
        counts.records += 1;
        for row in rows {
            match row.draft {
                Ok(Draft::Part(_)) => counts.good += 1,
                Ok(Draft::Removed(_) | Draft::Skip { .. }) => counts.skipped += 1,
                Err(bad) => {
                    counts.bad += 1;
                    tell.bad_row(row.line, &bad).map_err(Stopped::Report)?;
                }
            }
        }
        Ok(())
    }

    fn message(&self, chunk: Chunk) -> Message {
        let extra = [
            (header::AS_OF, self.place.as_of.to_string()),
            (header::FIRST_LINE, chunk.first_line.to_string()),
            (header::FILE, self.file.to_owned()),
        ];
        let id = record::chunk_id(&self.origin, self.place, chunk.first_line, &chunk.body);
        let stamp = record::Stamp { id, received_at: (self.clock)() };
        record::message(&self.origin, stamp, "text/csv", &extra, chunk.body).1
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), PublishError> {
        if messages.is_empty() {
            return Ok(());
        }
        self.publisher.publish_until_confirmed(messages, limits::PUBLISH_PATIENCE).await
    }

    fn count(&self, before: Counts, after: Counts) {
        let record::Origin { source, endpoint, .. } = &self.origin;
        let records = after.records - before.records;
        self.metrics.records.with_label_values(&[source, endpoint]).inc_by(records);
        for (result, count) in [
            ("good", after.good - before.good),
            ("skipped", after.skipped - before.skipped),
            ("bad", after.bad - before.bad),
        ] {
            self.metrics.rows.with_label_values(&[source.as_str(), endpoint, result]).inc_by(count);
        }
    }
}
