use ferry_config::system::{self, Delimiter, Encoding};
use jiff::Timestamp;

use super::*;

fn kind(format: FileFormat) -> FileKind {
    FileKind {
        pattern: "catalogue*.csv".to_owned(),
        format,
        delimiter: None,
        encoding: None,
        columns: None,
        time_zone: None,
        facet: Facet::Catalogue,
        mapping: Some(system::Mapping {
            name: "m.jq".to_owned(),
            program: "{sku, name, weight_kg: .weight}".to_owned(),
        }),
        chunk_rows: 2,
    }
}

fn files(kind: FileKind) -> Files {
    let files = BTreeMap::from([("products".to_owned(), kind)]);
    Files::new(&FilesConfig { folder: "drop".into(), files }).unwrap()
}

fn read(kind: FileKind, chunk: &Chunk) -> Vec<Item> {
    let record = Record {
        endpoint: "products",
        scope: None,
        message_id: None,
        received_at: Timestamp::UNIX_EPOCH,
        as_of: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        first_line: chunk.first_line,
        body: &chunk.body,
    };
    files(kind).read(&record)
}

fn chunks_of(kind: &FileKind, bytes: &[u8]) -> Vec<Result<Chunk, ChunkError>> {
    match examine(bytes, kind.encoding).unwrap().text() {
        Ok(text) => Chunks::new(bytes, kind, text).collect(),
        Err(error) => vec![Err(error)],
    }
}

fn chunks(bytes: &[u8]) -> Vec<Chunk> {
    let chunks = chunks_of(&kind(FileFormat::Csv), bytes);
    chunks.into_iter().map(Result::unwrap).collect()
}

/// What a file of orders says, row by row: the line, and what it is or what is wrong with it.
fn orders(bytes: &[u8], change: impl Fn(&mut FileKind)) -> Vec<(u32, String)> {
    let mut kind = FileKind {
        facet: Facet::Placed,
        columns: Some(FileColumns::Orders),
        mapping: None,
        ..kind(FileFormat::Csv)
    };
    change(&mut kind);
    let mut said = Vec::new();
    for chunk in chunks_of(&kind, bytes) {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return vec![(0, error.to_string())],
        };
        let record = Record {
            endpoint: "products",
            scope: None,
            message_id: None,
            received_at: Timestamp::UNIX_EPOCH,
            as_of: None,
            first_line: chunk.first_line,
            body: &chunk.body,
        };
        for row in files(kind.clone()).rows(&record) {
            let word = match row.draft {
                Ok(Draft::Part(draft)) => draft.part.to_json(),
                Ok(Draft::Skip { reason, .. }) => reason,
                Ok(Draft::Removed(removed)) => panic!("{removed:?}"),
                Err(bad) => format!("{}: {}", bad.field.unwrap_or_default(), bad.problem),
            };
            said.push((row.line, word));
        }
    }
    said
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
        chunks(FILE).iter().flat_map(|chunk| read(kind(FileFormat::Csv), chunk)).collect();
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
    let items = read(kind(FileFormat::Jsonl), &chunk);
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

const ORDERS: &str = "externalReference;placed;currency;totalPriceGross;deliveryContactName;\
                      deliveryAddressLine1;deliveryAddressLine5;deliveryCountryCode;\
                      orderLine.1.product.externalReference;orderLine.1.quantity;\
                      orderLine.1.unitPriceNet\r\n\
                      W-1;2026-01-01T09:00:00Z;EUR;11.90;Jörg Müller;Straße 1;Köln;DE;MUG;2;5.00\r\n\
                      W-2;2026-01-01T09:00:00Z;EUR;11.90;Zoë;Straße 2;Köln;DE;MUG;two;5.00\r\n\
                      W-3;2026-01-01T09:00:00Z;EUR;11.90;Renée;Straße 3;Köln;DE;MUG;2;5.00\r\n";

/// As windows-1252 writes what [`ORDERS`] has.
fn windows_1252(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn utf_16(text: &str) -> Vec<u8> {
    let marked = format!("\u{feff}{text}");
    marked.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn orders_with_semicolons_are_read_in_whatever_they_are_written() {
    let said = orders(ORDERS.as_bytes(), |_| {});
    let lines: Vec<u32> = said.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4]);
    assert!(said[0].1.contains("\"identifier\":\"W-1\"") && said[0].1.contains("Jörg Müller"));
    let problem = "orderLine.1.quantity: `two` is not a decimal number such as 12.50";
    assert_eq!(said[1].1, problem);
    for bytes in [windows_1252(ORDERS), utf_16(ORDERS), format!("\u{feff}{ORDERS}").into_bytes()] {
        assert_eq!(orders(&bytes, |_| {}), said);
    }
    let latin = |kind: &mut FileKind| kind.encoding = Some(Encoding::Latin1);
    assert_eq!(orders(&windows_1252(ORDERS), latin), said);
    let piped = ORDERS.replace(';', "|");
    assert_eq!(orders(piped.as_bytes(), |kind| kind.delimiter = Some(Delimiter::Pipe)), said);
    assert_eq!(orders(ORDERS.replace(';', "\t").as_bytes(), |_| {}), said);
}

#[test]
fn what_the_configuration_says_of_a_file_is_not_second_guessed() {
    let comma = |kind: &mut FileKind| kind.delimiter = Some(Delimiter::Comma);
    let told = orders(ORDERS.as_bytes(), comma);
    let header = "line 1: the header cannot be read: it has no column `externalReference`";
    assert!(matches!(&told[..], [(0, told)] if told.starts_with(header)), "{told:?}");
    let utf_8 = |kind: &mut FileKind| kind.encoding = Some(Encoding::Utf8);
    let told = orders(&windows_1252(ORDERS), utf_8);
    assert_eq!(told[0].1, ": column 5: byte 2 is not UTF-8");
}

#[test]
fn a_mapping_gets_the_document_that_known_columns_make() {
    let said = orders(ORDERS.replace("EUR", "").as_bytes(), |kind| {
        let program = ".currency = \"CHF\" | select(.identifier != \"W-3\")".to_owned();
        kind.mapping = Some(system::Mapping { name: "orders.jq".to_owned(), program });
    });
    assert!(said[0].1.contains("\"currency\":\"CHF\""), "{said:?}");
    assert!(said[1].1.starts_with("/lines/0/quantity: `two`"), "{said:?}");
    assert_eq!(said[2].1, "mapping orders.jq gives nothing for it");
}

#[test]
fn rows_before_a_line_that_is_no_text_go_on() {
    let endless = format!("sku,name,weight\nA,one,1\nB,{}", "x".repeat(2 * 1024 * 1024));
    let mut chunks = chunks_of(&kind(FileFormat::Csv), endless.as_bytes());
    let error = chunks.pop().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("line 3: it goes on for more than"), "{error}");
    assert_eq!(chunks.pop().unwrap().unwrap().rows, 1);
}

#[test]
fn a_quote_that_nobody_closed_costs_one_row_and_no_line_number() {
    let text = b"sku,name,weight\nA,\"open,1\nB,\"two\nlines\",2\nC,three,3\n";
    let items: Vec<Item> =
        chunks(text).iter().flat_map(|chunk| read(kind(FileFormat::Csv), chunk)).collect();
    let told: Vec<_> = items.iter().map(|i| (i.pointer.as_str(), i.draft.is_ok())).collect();
    assert_eq!(told, [("line 2", false), ("line 3", true), ("line 5", true)]);
}

#[test]
fn empty_lines_say_nothing_wherever_they_stand_and_are_counted() {
    let said = |text: &str| {
        let chunks = chunks(text.as_bytes());
        let items = chunks.iter().flat_map(|chunk| read(kind(FileFormat::Csv), chunk));
        items.map(|item| (item.pointer, item.draft.is_ok())).collect::<Vec<_>>()
    };
    let told = [("line 4".to_owned(), true), ("line 6".to_owned(), false)];
    assert_eq!(said("\r\n  \nsku,name,weight\nA,one,1\n\nB\n\n\n"), told);
    let headless = chunks_of(&kind(FileFormat::Csv), b"\n\nsku,sku\nA,1\n");
    let error = headless.into_iter().next().unwrap().unwrap_err().to_string();
    assert!(error.starts_with("line 3: the header cannot be read: it names"), "{error}");
    assert!(chunks_of(&kind(FileFormat::Csv), b"\n\n")[0].is_err());
}

#[test]
fn a_header_that_cannot_be_read_is_one_bad_row_and_not_every_one() {
    let chunk = Chunk { body: b"sku,sku\nA,1\nB,2\n".to_vec(), first_line: 7, rows: 2 };
    let items = read(kind(FileFormat::Csv), &chunk);
    let [item] = &items[..] else { panic!("{items:?}") };
    let bad = item.draft.as_ref().unwrap_err();
    let detail = "line 7: the header cannot be read: it names the column `sku` twice";
    assert_eq!((bad.detail.as_str(), &bad.fragment), (detail, &chunk.body));
}

#[test]
fn a_report_is_no_file_to_be_read() {
    let files = files(FileKind { pattern: "*.csv".to_owned(), ..kind(FileFormat::Csv) });
    assert!(files.kind_of("products.csv").is_some());
    assert!(files.kind_of("products.csv.errors.csv").is_none());
}
