//! Rows of CSV: where each ends, and what its columns say (RFC 4180, with any delimiter).
//!
//! A field that begins with a quote goes on to the quote that closes it, over line breaks as well.
//! Where the quotes of a row do not pair up, only its first line is that row, and the next line is
//! another one: a quote that nobody closed takes no good rows with it. They do not where they make a
//! row of other columns than the header's, or one out of lines that are rows: there the quote that
//! nobody closed met another one far below. Cutting a file anywhere between two rows changes nothing of
//! that.

use std::collections::BTreeSet;

use ferry_config::system::Delimiter;

/// A row longer than this is not a row: a quote was opened and never closed.
pub(super) const ROW_BYTES_MAX: usize = 1024 * 1024;

/// How a row is told whose quotes do not pair up.
const QUOTES: &str = "its quotes do not pair up to a row of the header's columns; expected: a field \
                      that begins with a quote ends with one, and a quote inside is doubled";

/// From so many columns on, a line that has as many is taken for a row: with fewer, a line of prose
/// has as many commas.
const COLUMNS_TELLING: usize = 5;

/// What all rows of a file have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) delimiter: u8,
    /// How many the header names; none: it is the header.
    pub(super) columns: Option<usize>,
}

/// Where the row ends that begins the bytes that were looked at; its line break is part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole(usize),
    /// The end of the first line of a row whose quotes do not pair up.
    Malformed(usize),
}

/// What the byte that comes next means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    FieldStart,
    Plain,
    Quoted,
    /// After a quote in a quoted field: it is closed, or the quote was the first of two.
    Closing,
    /// After a carriage return behind a closed field.
    Return,
}

/// Looks for the end of a row in bytes that may still grow.
#[derive(Debug)]
pub(super) struct Scan {
    shape: Shape,
    state: State,
    looked_at: usize,
    first_line: Option<usize>,
}

impl Scan {
    pub(super) fn new(shape: Shape) -> Self {
        Self { shape, state: State::default(), looked_at: 0, first_line: None }
    }

    /// Looks at what it has not seen of `bytes`, which begin as before and end in a line break.
    /// `None`: the row goes on.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Option<Extent> {
        let unseen = bytes.get(self.looked_at..).unwrap_or_default();
        for byte in unseen {
            self.looked_at += 1;
            if *byte == b'\n' {
                self.first_line.get_or_insert(self.looked_at);
            }
            if self.looked_at > ROW_BYTES_MAX {
                return Some(self.malformed(bytes));
            }
            self.state = match (self.state, *byte) {
                (State::Quoted, b'"') => State::Closing,
                (State::Quoted, _) | (State::Closing | State::FieldStart, b'"') => State::Quoted,
                (_, b'\n') => return Some(self.closed(bytes, self.looked_at)),
                (State::Closing, b'\r') => State::Return,
                (State::Return, _) => return Some(self.malformed(bytes)),
                (_, byte) if byte == self.shape.delimiter => State::FieldStart,
                (State::Closing, _) => return Some(self.malformed(bytes)),
                (State::FieldStart | State::Plain, _) => State::Plain,
            };
        }
        None
    }

    /// What it is where nothing follows. `None`: there is no row.
    pub(super) fn end(&self, bytes: &[u8]) -> Option<Extent> {
        if bytes.is_empty() {
            return None;
        }
        match self.state {
            State::Quoted => Some(self.malformed(bytes)),
            State::FieldStart | State::Plain | State::Closing | State::Return => {
                Some(self.closed(bytes, bytes.len()))
            }
        }
    }

    /// Its quotes are closed where it ends.
    fn closed(&self, bytes: &[u8], end: usize) -> Extent {
        let has_lines = self.first_line.is_some_and(|first| first < end);
        let row = bytes.get(..end).unwrap_or_default();
        if has_lines && !is_one_row(row, self.shape) {
            return self.malformed(bytes);
        }
        Extent::Whole(end)
    }

    fn malformed(&self, bytes: &[u8]) -> Extent {
        let line_end = || bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        Extent::Malformed(self.first_line.or_else(line_end).unwrap_or(bytes.len()))
    }
}

/// Whether what is quoted over line breaks is one row, and not several between two stray quotes.
fn is_one_row(row: &[u8], Shape { delimiter, columns }: Shape) -> bool {
    let (Some(columns), Ok(fields)) = (columns, split(row, delimiter)) else { return true };
    if fields.len() != columns {
        return false;
    }
    // Of a line that is a row.
    let delimiters = columns - 1;
    let is_one_field = |(before, field): (usize, &[u8])| {
        let lines: Vec<usize> =
            field.split(|byte| *byte == b'\n').map(|line| count(line, delimiter)).collect();
        let [first, inner @ .., last] = lines.as_slice() else { return true };
        let ends_are_rows = before + first == delimiters && *last == before;
        !ends_are_rows && !inner.contains(&delimiters)
    };
    columns < COLUMNS_TELLING || fields.iter().enumerate().all(is_one_field)
}

/// A row as it stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    pub(super) bytes: &'a [u8],
    /// Line breaks before it.
    pub(super) line: u32,
    is_whole: bool,
}

/// The rows of a text that is there as a whole.
pub(super) fn cut(text: &[u8], shape: Shape) -> impl Iterator<Item = Cut<'_>> {
    let (mut rest, mut line) = (text, 0_u32);
    std::iter::from_fn(move || {
        let mut scan = Scan::new(shape);
        let extent = scan.go_on(rest).or_else(|| scan.end(rest))?;
        let (end, is_whole) = match extent {
            Extent::Whole(end) => (end, true),
            Extent::Malformed(end) => (end, false),
        };
        let (bytes, after) = rest.split_at_checked(end)?;
        let cut = Cut { bytes, line, is_whole };
        line = line.saturating_add(line_breaks(bytes));
        rest = after;
        Some(cut)
    })
}

pub(super) fn line_breaks(bytes: &[u8]) -> u32 {
    u32::try_from(count(bytes, b'\n')).unwrap_or(u32::MAX)
}

fn count(bytes: &[u8], wanted: u8) -> usize {
    bytes.split(|byte| *byte == wanted).skip(1).count()
}

pub(super) fn is_blank(row: &[u8]) -> bool {
    row.iter().all(u8::is_ascii_whitespace)
}

/// A carriage return anywhere else is part of its field.
fn without_break(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// What stands between the columns, as the header's first line has it: what it has most of, outside
/// of quotes.
pub(super) fn delimiter_of(text: &[u8]) -> Delimiter {
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: Delimiter| {
        let mut is_quoted = false;
        let outside = first_line.iter().filter(|byte| {
            is_quoted ^= **byte == b'"';
            !is_quoted && **byte == delimiter.byte()
        });
        outside.count()
    };
    // Of two that are equally many the first one.
    let candidates = Delimiter::ALL.into_iter().rev();
    candidates.max_by_key(|delimiter| count(*delimiter)).unwrap_or(Delimiter::Comma)
}

/// A text's header, and what follows it.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) names: Vec<String>,
    pub(super) bytes: &'a [u8],
    pub(super) rest: &'a [u8],
}

pub(super) fn head(text: &[u8], delimiter: u8) -> Result<Head<'_>, String> {
    let Some(cut) = cut(text, Shape { delimiter, columns: None }).next() else {
        return Err("it is missing".to_owned());
    };
    let (bytes, rest) = text.split_at_checked(cut.bytes.len()).unwrap_or_default();
    Ok(Head { names: names(cut, delimiter)?, bytes, rest })
}

/// The names of the columns.
fn names(header: Cut<'_>, delimiter: u8) -> Result<Vec<String>, String> {
    let names = fields(header, delimiter)?;
    if names.iter().any(|name| name.contains('\0')) {
        return Err("it holds zero bytes; expected text: is it utf-16 without a mark?".to_owned());
    }
    if names.iter().any(|name| name.contains('\r')) {
        return Err("its lines end in carriage returns; expected line feeds".to_owned());
    }
    if names.iter().all(|name| name.trim().is_empty()) {
        return Err("it names no column; expected the names of the columns".to_owned());
    }
    let mut seen = BTreeSet::new();
    for name in names.iter().filter(|name| !name.is_empty()) {
        if !seen.insert(name) {
            let shown: String = name.chars().take(60).collect();
            return Err(format!("it names the column `{shown}` twice"));
        }
    }
    Ok(names)
}

/// The fields of a row, without a byte order mark before them; the error names the column by its place.
pub(super) fn fields(row: Cut<'_>, delimiter: u8) -> Result<Vec<String>, String> {
    if !row.is_whole {
        return Err(QUOTES.to_owned());
    }
    let record = split(row.bytes, delimiter).map_err(|error| format!("not CSV: {error}"))?;
    record
        .iter()
        .enumerate()
        .map(|(column, field)| {
            let text = std::str::from_utf8(field).map_err(|error| {
                let at = error.valid_up_to();
                format!("column {}: byte {} is not UTF-8", column + 1, at + 1)
            })?;
            Ok(text.to_owned())
        })
        .collect()
}

fn split(row: &[u8], delimiter: u8) -> Result<csv::ByteRecord, csv::Error> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .terminator(csv::Terminator::Any(b'\n'))
        .has_headers(false)
        .flexible(true)
        .from_reader(without_break(row));
    let mut record = csv::ByteRecord::new();
    // Without a row it stays empty.
    reader.read_byte_record(&mut record)?;
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: Shape = Shape { delimiter: b',', columns: None };

    /// The rows with the line breaks before each, and whether their quotes pair up.
    fn rows(text: &str, columns: usize) -> Vec<(u32, String, bool)> {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let cuts = cut(text.as_bytes(), Shape { columns: Some(columns), ..UNKNOWN });
        cuts.map(|cut| (cut.line, shown(cut.bytes), cut.is_whole)).collect()
    }

    fn read(row: &str) -> Result<Vec<String>, String> {
        fields(cut(row.as_bytes(), UNKNOWN).next().unwrap(), b',')
    }

    fn header(text: &str) -> Result<Vec<String>, String> {
        head(text.as_bytes(), b',').map(|head| head.names)
    }

    #[test]
    fn a_quoted_field_goes_on_over_line_breaks_and_delimiters() {
        let whole = |line, row: &str| (line, row.to_owned(), true);
        assert_eq!(
            rows("a,\"one,\ntwo \"\"more\"\"\"\r\nb,5\" pipe\nc", 2),
            [whole(0, "a,\"one,\ntwo \"\"more\"\"\"\r\n"), whole(2, "b,5\" pipe\n"), whole(3, "c")]
        );
        assert_eq!(read("a,\"b\r\n\"\"c\"\"\"\r\n").unwrap(), ["a", "b\r\n\"c\""]);
        assert_eq!(read("\u{feff}a,b\n").unwrap(), ["a", "b"]);
        assert_eq!(read("a,b\rc,5\" pipe\n").unwrap(), ["a", "b\rc", "5\" pipe"]);
    }

    #[test]
    fn a_quote_that_nobody_closed_takes_no_good_rows_with_it() {
        let text = "1,\"never closed,2\n2,fine,2\n3,\"fine, too\",2\n4,\"open\n";
        let told = [
            (0, "1,\"never closed,2\n".to_owned(), false),
            (1, "2,fine,2\n".to_owned(), true),
            (2, "3,\"fine, too\",2\n".to_owned(), true),
            (3, "4,\"open\n".to_owned(), false),
        ];
        assert_eq!(rows(text, 3), told);
        assert_eq!(read("1,\"a\"b,2\n").unwrap_err(), QUOTES);
    }

    #[test]
    fn a_quote_that_meets_another_one_below_takes_no_good_rows_with_it() {
        // Opened in one column and closed in another one.
        let text = "1,\"open,3\n2,b,3\n3,b,3\"\n4,b,3\n";
        let lines = |text: &str, columns| {
            rows(text, columns).into_iter().map(|(line, _, is_whole)| (line, is_whole))
        };
        assert!(lines(text, 3).eq([(0, false), (1, true), (2, true), (3, true)]));
        // In the same one: far below, on the next line, and in the first column.
        for text in [
            "1,b,c,d,\"e\n2,b,c,d,e\n3,b,c,d,e\"\n",
            "1,b,c,\"d,e\n2,b,c,d\",e\n3,b,c,d,e\n",
            "\"1,b,c,d,e\n2\",b,c,d,e\n3,b,c,d,e\n",
        ] {
            assert!(lines(text, 5).eq([(0, false), (1, true), (2, true)]), "{text}");
        }
        // Prose is no row.
        for text in [
            "1,b,c,d,\"dear sir,\nplease, twice, and soon,\nyours\"\n",
            "\"1\n1\",b,c,d,e\n",
            "1,\"b\nb\",\"c,\nc\",d,e\n",
        ] {
            assert!(lines(text, 5).eq([(0, true)]), "{text}");
        }
    }

    #[test]
    fn a_row_that_would_be_longer_than_a_row_may_be_is_its_first_line() {
        let long = format!("1,\"{}\n2,\"\n3,4\n", "x\n".repeat(ROW_BYTES_MAX / 2));
        let rows = rows(&long, 2);
        assert_eq!(rows[0], (0, "1,\"x\n".to_owned(), false));
        assert_eq!(rows.last().unwrap().1, "3,4\n");
    }

    #[test]
    fn the_header_tells_what_stands_between_its_columns() {
        let cases = [
            ("a,b;c,d\n1;2;3;4;5", Delimiter::Comma),
            ("a;b;\"c,d,e,f\"\n", Delimiter::Semicolon),
            ("a\tb\r\n", Delimiter::Tab),
            ("a|b|c,d", Delimiter::Pipe),
            ("a,b;c", Delimiter::Comma),
            ("alone", Delimiter::Comma),
        ];
        for (text, delimiter) in cases {
            assert_eq!(delimiter_of(text.as_bytes()), delimiter, "{text:?}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_one_is_told_why() {
        assert_eq!(header("sku,name,,\n").unwrap(), ["sku", "name", "", ""]);
        for (text, reason) in [
            ("sku,name,sku\n", "it names the column `sku` twice"),
            (",,\n", "it names no column"),
            ("s\0k\0u\0\n", "it holds zero bytes"),
            ("sku,name\rA,1\r", "its lines end in carriage returns"),
            ("sku,\"name\n", "its quotes do not pair up"),
        ] {
            let told = header(text).unwrap_err();
            assert!(told.starts_with(reason), "{text:?}: {told}");
        }
    }
}
