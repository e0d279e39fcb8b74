//! What a fuzzer feeds the reader of files: a plain function, which runs on stable as well. It panics
//! where, for whatever bytes, one of these does not hold:
//!
//! - nothing panics; what cannot be read says why;
//! - rows stand on the lines they stand on, and say the same, wherever a file is cut into chunks;
//! - a row that cannot be read can be sent again as its fragment, and fails for the same reason.

use std::collections::BTreeMap;

use ferry_canonical::Facet;
use ferry_config::system::{FileColumns, FileFormat, FileKind, FilesConfig, Mapping};
use jiff::Timestamp;

use super::{BadRow, Chunks, Files, Row, examine};
use crate::{Draft, Record};

/// What became of a row, without the bytes that it was cut out with.
type Outcome = (u32, Result<String, (String, Option<String>, String)>);

/// A whole file, as each kind.
///
/// # Panics
/// When a promise is broken.
pub fn file(bytes: &[u8]) {
    for (name, kind) in kinds() {
        let files = files(name, &kind);
        let row_by_row = FileKind { chunk_rows: 1, ..kind.clone() };
        let apart = outcomes(&files, (name, &row_by_row), bytes);
        let together = outcomes(&files, (name, &kind), bytes);
        assert_eq!(apart, together, "{name}");
        let lines: Vec<u32> = together.iter().map(|(line, _)| *line).collect();
        assert!(lines.is_sorted_by(|one, two| one < two), "{name}: {lines:?}");
    }
}

/// What becomes of every row, up to where the file cannot be read on.
fn outcomes(files: &Files, (name, kind): (&str, &FileKind), bytes: &[u8]) -> Vec<Outcome> {
    let text = examine(bytes, kind.encoding).and_then(|examined| examined.text());
    // Nothing is configured that a mark could contradict.
    let Ok(text) = text else { unreachable!("bytes in memory can be read") };
    let mut outcomes = Vec::new();
    for chunk in Chunks::new(bytes, kind, text) {
        let Ok(chunk) = chunk else { break };
        let rows = files.rows(&record(name, chunk.first_line, &chunk.body));
        assert_eq!(rows.len(), usize::try_from(chunk.rows).unwrap_or_default(), "{name}");
        for row in &rows {
            if let Err(bad) = &row.draft {
                fails_again(files, name, row.line, bad);
            }
        }
        outcomes.extend(rows.into_iter().map(outcome));
    }
    outcomes
}

fn outcome(row: Row) -> Outcome {
    let said = match row.draft {
        Ok(Draft::Part(draft)) => Ok(format!("{} {}", draft.sequence, draft.part.to_json())),
        Ok(Draft::Removed(draft)) => Ok(draft.subject.to_string()),
        Ok(Draft::Skip { what, reason }) => Ok(format!("{what} {reason}")),
        Err(bad) => Err((bad.kind.to_string(), bad.field, bad.problem)),
    };
    (row.line, said)
}

fn fails_again(files: &Files, name: &str, line: u32, bad: &BadRow) {
    assert!(!bad.problem.is_empty(), "{bad:?}");
    let again = files.rows(&record(name, line, &bad.fragment));
    let [row] = &again[..] else { unreachable!("{bad:?} is {again:?}") };
    assert_eq!((row.line, row.draft.as_ref().err()), (line, Some(bad)), "{name}");
}

fn record<'a>(endpoint: &'a str, first_line: u32, body: &'a [u8]) -> Record<'a> {
    Record {
        endpoint,
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: None,
        first_line,
        body,
    }
}

fn files(name: &str, kind: &FileKind) -> Files {
    let files = BTreeMap::from([(name.to_owned(), kind.clone())]);
    match Files::new(&FilesConfig { folder: "unused".into(), files }) {
        Ok(files) => files,
        Err(reason) => unreachable!("{reason}"),
    }
}

fn kinds() -> [(&'static str, FileKind); 3] {
    let products = FileKind {
        pattern: "*".to_owned(),
        format: FileFormat::Csv,
        delimiter: None,
        encoding: None,
        columns: None,
        time_zone: None,
        facet: Facet::Catalogue,
        mapping: Some(Mapping { name: "m.jq".to_owned(), program: "{sku, name}".to_owned() }),
        chunk_rows: 1_000,
    };
    let orders = FileKind {
        columns: Some(FileColumns::Orders),
        time_zone: Some("Europe/London".to_owned()),
        facet: Facet::Placed,
        mapping: None,
        ..products.clone()
    };
    let lines = FileKind { format: FileFormat::Jsonl, ..products.clone() };
    [("products", products), ("orders", orders), ("lines", lines)]
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::select};

    use super::file;

    const PIECES: [&str; 24] = [
        "sku",
        "name",
        "externalReference",
        "placed",
        "currency",
        "orderLine.1.quantity",
        "orderLine.1.product.externalReference",
        ",",
        ",",
        ";",
        "\t",
        "|",
        "\"",
        "\"",
        "\"\"",
        "\n",
        "\n",
        "\r\n",
        "\r",
        "A",
        "2026-01-01 09:00:00",
        "1.50",
        "{\"sku\":\"A\",\"name\":\"b\"}",
        "ß",
    ];

    #[test]
    fn files_that_were_troublesome_keep_every_promise() {
        let files: [&[u8]; 9] = [
            b"",
            b"\n",
            b"sku,name\nA,\"b",
            b"sku,name\nA,\"b\"\r",
            b"sku,\"na\nme\"\nA,b\n",
            b"sku,name\nA,\"b\nB,\"c\nC,d\n\"\n",
            b"\xff\xfes",
            b"sku;name\r\n\r\n;\r\n \r\n",
            b"\xef\xbb\xbf",
        ];
        for bytes in files {
            file(bytes);
        }
    }

    proptest! {
        #[test]
        fn what_is_nearly_csv_keeps_every_promise(pieces in vec(select(&PIECES[..]), 0..60)) {
            file(format!("sku,name\n{}", pieces.concat()).as_bytes());
            file(format!("externalReference;placed\n{}", pieces.concat()).as_bytes());
            file(pieces.concat().as_bytes());
        }

        #[test]
        fn no_bytes_break_a_promise(bytes in vec(any::<u8>(), 0..300)) {
            file(&bytes);
        }
    }
}
