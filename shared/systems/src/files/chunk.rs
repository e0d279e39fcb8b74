//! Cutting a file into chunks of rows without reading it whole.
//!
//! A chunk has its rows as they stood, in UTF-8 (see [`super::text`]), and can be read without the
//! rest of its file: for CSV the header comes first in each.

use std::io::{self, BufRead as _, BufReader, Read};

use ferry_config::system::{FileFormat, FileKind};

use super::{
    Text, orders,
    rows::{self, Extent, ROW_BYTES_MAX, Scan, Shape},
    text::Decoded,
};

/// A chunk is closed when it has grown to this.
const CHUNK_BYTES: usize = 2 * 1024 * 1024;

// A chunk of one row more, and the header before them.
const _: () = assert!(CHUNK_BYTES + 2 * ROW_BYTES_MAX < ferry_canonical::limits::RECORD_BYTES);

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
    #[error("line {line}: it goes on for more than {ROW_BYTES_MAX} bytes; is this a text?")]
    Line { line: u32 },
    #[error("line {line}: the header cannot be read: {reason}")]
    Header { line: u32, reason: String },
    #[error("{reason}")]
    Contradiction { reason: String },
}

/// Reads chunk by chunk; memory is bounded by one chunk.
#[derive(Debug)]
pub struct Chunks<'a, R> {
    reader: BufReader<Decoded<R>>,
    kind: &'a FileKind,
    header: Option<Vec<u8>>,
    shape: Shape,
    /// Lines that were read, and from where on they belong to no row yet.
    lines: Vec<u8>,
    from: usize,
    /// The line the next row starts on.
    line: u32,
    failed: Option<ChunkError>,
    done: bool,
}

impl<'a, R: Read> Chunks<'a, R> {
    /// `text` is what [`super::examine`] says of the same file.
    pub fn new(reader: R, kind: &'a FileKind, text: Text) -> Self {
        Self {
            reader: BufReader::new(Decoded::new(reader, text)),
            kind,
            header: None,
            shape: Shape { delimiter: b',', columns: None },
            lines: Vec::new(),
            from: 0,
            line: 1,
            failed: None,
            done: false,
        }
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>, ChunkError> {
        if self.kind.format == FileFormat::Csv && self.header.is_none() {
            self.header = Some(self.read_header()?);
        }
        let mut body = self.header.clone().unwrap_or_default();
        let (first_line, mut rows) = (self.line, 0);
        while rows < self.kind.chunk_rows.max(1) && body.len() < CHUNK_BYTES {
            let row = match self.row() {
                Ok(Some(row)) => row,
                Ok(None) => {
                    self.done = true;
                    break;
                }
                // The rows before it go on.
                Err(error) if rows > 0 => {
                    self.failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            };
            rows += u32::from(!rows::is_blank(&row));
            body.extend_from_slice(&row);
        }
        Ok((rows > 0).then_some(Chunk { body, first_line, rows }))
    }

    /// The header line, which is one that rows can be read by. Empty lines may stand before it.
    fn read_header(&mut self) -> Result<Vec<u8>, ChunkError> {
        while self.read_line()? && rows::is_blank(&self.lines) {
            self.from = self.lines.len();
            self.line = self.line.saturating_add(1);
        }
        let line = self.line;
        let wanted = self.kind.delimiter;
        let delimiter = wanted.unwrap_or_else(|| rows::delimiter_of(&self.lines)).byte();
        self.shape.delimiter = delimiter;
        let mut header = self.row()?.unwrap_or_default();
        if !header.ends_with(b"\n") {
            header.push(b'\n');
        }
        let fault = |reason| ChunkError::Header { line, reason };
        let names = rows::head(&header, delimiter).map_err(fault)?.names;
        self.shape.columns = Some(names.len());
        if self.kind.columns.is_some() {
            orders::check_header(&names).map_err(fault)?;
        }
        Ok(header)
    }

    /// One row with its line break; a quoted field may hold line breaks of its own.
    fn row(&mut self) -> Result<Option<Vec<u8>>, ChunkError> {
        let mut scan = Scan::new(self.shape);
        let end = loop {
            let lines = self.lines.get(self.from..).unwrap_or_default();
            if let Some(extent) = self.go_on(&mut scan, lines) {
                break extent;
            }
            if !self.read_line()? {
                let rest = self.lines.get(self.from..).unwrap_or_default();
                match scan.end(rest) {
                    Some(extent) => break extent,
                    None => return Ok(None),
                }
            }
        };
        let (Extent::Whole(end) | Extent::Malformed(end)) = end;
        let row = self.lines.get(self.from..self.from + end).unwrap_or_default().to_vec();
        self.from += end;
        self.line = self.line.saturating_add(rows::line_breaks(&row));
        Ok(Some(row))
    }

    fn go_on(&self, scan: &mut Scan, lines: &[u8]) -> Option<Extent> {
        match self.kind.format {
            FileFormat::Csv => scan.go_on(lines),
            FileFormat::Jsonl => {
                let end = lines.iter().position(|byte| *byte == b'\n');
                end.map(|at| Extent::Whole(at + 1))
            }
        }
    }

    /// One line more; `false` where there is none.
    fn read_line(&mut self) -> Result<bool, ChunkError> {
        self.lines.drain(..self.from);
        self.from = 0;
        let before = self.lines.len();
        // One byte more than a row may have: a line without an end does not fill the memory.
        let room = u64::try_from(ROW_BYTES_MAX + 1).unwrap_or(u64::MAX);
        let mut bounded = self.reader.by_ref().take(room);
        let read = bounded.read_until(b'\n', &mut self.lines).map_err(ChunkError::Read)?;
        if read > ROW_BYTES_MAX {
            let earlier = self.lines.get(..before).unwrap_or_default();
            let line = self.line.saturating_add(rows::line_breaks(earlier));
            return Err(ChunkError::Line { line });
        }
        Ok(read > 0)
    }
}

impl<R: Read> Iterator for Chunks<'_, R> {
    type Item = Result<Chunk, ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            let next = self.failed.take().map_or_else(|| self.next_chunk(), Err);
            match next {
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
