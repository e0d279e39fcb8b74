//! Cutting a file into chunks of rows, byte for byte, without reading it whole.

use std::io::{self, BufRead, Read as _};

use ferry_config::system::FileFormat;

/// A row longer than this is not a row: a quote was opened and never closed.
const ROW_BYTES_MAX: usize = 1024 * 1024;
/// A chunk is closed when it has grown to this.
const CHUNK_BYTES: usize = 2 * 1024 * 1024;

const _: () = assert!(CHUNK_BYTES + ROW_BYTES_MAX < ferry_canonical::limits::RECORD_BYTES);

/// Rows that travel as one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// For CSV the header line, then the rows.
    pub body: Vec<u8>,
    /// The line of the file on which the first row stands, 1-based.
    pub first_line: u32,
    pub rows: u32,
}

#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    #[error("the file cannot be read")]
    Read(#[source] io::Error),
    #[error("line {line}: it goes on for more than {ROW_BYTES_MAX} bytes; is a quote not closed?")]
    Row { line: u32 },
}

/// Reads chunk by chunk; memory is bounded by one chunk.
#[derive(Debug)]
pub struct Chunks<R> {
    reader: R,
    format: FileFormat,
    rows_max: u32,
    header: Option<Vec<u8>>,
    /// The line the next row starts on.
    line: u32,
    done: bool,
}

impl<R: BufRead> Chunks<R> {
    pub fn new(reader: R, format: FileFormat, rows_max: u32) -> Self {
        Self { reader, format, rows_max: rows_max.max(1), header: None, line: 1, done: false }
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, ChunkError> {
        if self.format == FileFormat::Csv && self.header.is_none() {
            let mut header = self.row()?.unwrap_or_default();
            if header.starts_with(b"\xef\xbb\xbf") {
                header.drain(..3);
            }
            self.header = Some(header);
        }
        let mut body = self.header.clone().unwrap_or_default();
        let (first_line, mut rows) = (self.line, 0);
        while rows < self.rows_max && body.len() < CHUNK_BYTES {
            let Some(row) = self.row()? else {
                self.done = true;
                break;
            };
            rows += u32::from(!is_blank(&row));
            body.extend_from_slice(&row);
        }
        Ok((rows > 0).then_some(Chunk { body, first_line, rows }))
    }

    /// One row with its line break; a quoted field may hold line breaks of its own.
    fn row(&mut self) -> Result<Option<Vec<u8>>, ChunkError> {
        let (mut row, start, mut quoted) = (Vec::new(), self.line, false);
        loop {
            // One byte more than a row may have: a line without an end does not fill the memory.
            let room = u64::try_from(ROW_BYTES_MAX + 1).unwrap_or(u64::MAX);
            let mut bounded = self.reader.by_ref().take(room);
            let read = bounded.read_until(b'\n', &mut row).map_err(ChunkError::Read)?;
            if row.len() > ROW_BYTES_MAX {
                return Err(ChunkError::Row { line: start });
            }
            if read == 0 {
                return Ok((!row.is_empty()).then_some(row));
            }
            self.line = self.line.saturating_add(1);
            // Only what is new is looked at: a field may go on for many lines.
            quoted ^= inside_quotes(row.get(row.len() - read..).unwrap_or_default());
            if self.format == FileFormat::Jsonl || !quoted {
                return Ok(Some(row));
            }
        }
    }
}

impl<R: BufRead> Iterator for Chunks<R> {
    type Item = Result<Chunk, ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.next_chunk() {
                Ok(Some(chunk)) => return Some(Ok(chunk)),
                Ok(None) => {}
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// Quotes come in pairs, doubled ones included; an odd count means that a field is still open.
fn inside_quotes(row: &[u8]) -> bool {
    row.iter().fold(false, |inside, byte| inside ^ (*byte == b'"'))
}

pub(super) fn is_blank(row: &[u8]) -> bool {
    row.iter().all(u8::is_ascii_whitespace)
}

/// The rows of a chunk with the number of line breaks before each.
pub(super) fn split_rows(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = body;
    let mut line = 0;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut end, mut quoted, mut breaks) = (rest.len(), false, 0);
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => {
                    (end, breaks) = (at + 1, breaks + 1);
                    break;
                }
                b'\n' => breaks += 1,
                _ => {}
            }
        }
        let (row, after) = rest.split_at(end);
        let start = line;
        (rest, line) = (after, line + breaks);
        Some((start, row))
    })
}
