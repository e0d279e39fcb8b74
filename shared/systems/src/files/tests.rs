use std::io::Cursor;

use ferry_config::system;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn files(format: FileFormat) -> Files {
    let kind = FileKind {
        pattern: "catalogue*.csv".to_owned(),
        format,
        facet: Facet::Catalogue,
        mapping: system::Mapping {
            name: "m.jq".to_owned(),
            program: "{sku, name, weight_kg: .weight}".to_owned(),
        },
        chunk_rows: 2,
    };
    let files = BTreeMap::from([("products".to_owned(), kind)]);
    Files::new(&FilesConfig { folder: "drop".into(), files }).unwrap()
}

fn read(format: FileFormat, chunk: &Chunk) -> Vec<Item> {
    let record = Record {
        endpoint: "products",
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        first_line: chunk.first_line,
        body: &chunk.body,
    };
    files(format).read(&record)
}

fn chunks(text: &[u8]) -> Vec<Chunk> {
    Chunks::new(Cursor::new(text), FileFormat::Csv, 2).map(Result::unwrap).collect()
}

const FILE: &[u8] = b"\xef\xbb\xbfsku,name,weight\r\nA,\"one\nline \"\"more\"\"\",1\r\nB,two\r\n\r\nC,thr\xe9e,3\nD,four,heavy\nE,five,0.50";

#[test]
fn every_chunk_carries_the_header_and_its_rows_byte_for_byte() {
    let chunks = chunks(FILE);
    let lines: Vec<_> = chunks.iter().map(|chunk| (chunk.first_line, chunk.rows)).collect();
    assert_eq!(lines, [(2, 2), (5, 2), (8, 1)]);
    assert_eq!(chunks[0].body, b"sku,name,weight\r\nA,\"one\nline \"\"more\"\"\",1\r\nB,two\r\n");
    assert_eq!(chunks[2].body, b"sku,name,weight\r\nE,five,0.50");
}

#[test]
fn rows_know_their_line_and_bad_ones_are_cut_out_with_the_header() {
    let items: Vec<Item> =
        chunks(FILE).iter().flat_map(|chunk| read(FileFormat::Csv, chunk)).collect();
    let pointers: Vec<&str> = items.iter().map(|item| item.pointer.as_str()).collect();
    assert_eq!(pointers, ["line 2", "line 4", "line 6", "line 7", "line 8"]);
    let Draft::Part(draft) = items[0].draft.as_ref().unwrap() else { panic!() };
    assert_eq!(draft.sequence, Sequence(1_767_225_600_000_000_000_002));
    let bad = |index: usize| items[index].draft.as_ref().unwrap_err();
    assert_eq!(
        (bad(1).kind, bad(1).detail.as_str()),
        (FailureKind::Parse, "line 4: 2 columns, the header names 3")
    );
    assert_eq!(bad(1).fragment, b"sku,name,weight\r\nB,two\r\n");
    assert_eq!(bad(2).detail, "line 6: column 2: byte 4 is not UTF-8");
    assert_eq!(bad(3).kind, FailureKind::Validation);
    assert!(bad(3).detail.starts_with("line 7: /weight_kg"), "{}", bad(3).detail);
    assert_eq!(bad(3).key.as_deref(), Some("D"));
}

#[test]
fn json_lines_are_read_line_by_line() {
    let body = b"{\"sku\":\"A\",\"name\":\"one\"}\n\nnot json\n".to_vec();
    let chunk = Chunk { body, first_line: 10, rows: 2 };
    let items = read(FileFormat::Jsonl, &chunk);
    assert_eq!(items[1].pointer, "line 12");
    assert_eq!(items[1].draft.as_ref().unwrap_err().kind, FailureKind::Parse);
}

#[test]
fn a_pattern_takes_the_names_it_says() {
    assert!(matches("catalogue*.csv", "catalogue-2026.csv"));
    assert!(matches("*", "anything"));
    assert!(!matches("catalogue*.csv", "catalogue.csv.part"));
    assert!(!matches("a*a", "a"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for chunk in Chunks::new(Cursor::new(&bytes), FileFormat::Csv, 2).flatten() {
            read(FileFormat::Csv, &chunk);
            read(FileFormat::Jsonl, &chunk);
        }
    }
}
