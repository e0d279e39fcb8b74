//! Files with rows that cannot be read: the others go on, and the report says which and why.

use std::collections::BTreeSet;

use ferry_canonical::header;
use ferry_sim::Fault;
use ferry_systems::{Draft, Record};
use tokio::time::sleep;

use crate::{
    bench::{RECORDS, SECOND},
    folders::{Dropping, prepared},
};

pub(crate) const HEADER: &str = "externalReference,placed,currency,totalPriceGross,\
    deliveryAddressLine1,deliveryAddressLine5,deliveryCountryCode,\
    orderLine.1.product.externalReference,orderLine.1.quantity,orderLine.1.unitPriceNet\n";

/// How a file is written.
#[derive(Clone, Copy)]
struct Written {
    mark: &'static str,
    delimiter: &'static str,
    line_end: &'static str,
    is_windows_1252: bool,
}

const PLAIN: Written = Written { mark: "", delimiter: ",", line_end: "\n", is_windows_1252: false };

/// What is wrong with a broken row, by its hundred: its quantity or its whole line, and what is told.
const WAYS: [(&str, &str); 15] = [
    ("two", "orderLine.1.quantity: `two` is not a decimal number such as 12.50"),
    ("\"2", ": its quotes do not pair up"),
    ("2 columns", ": 3 columns, the header names 10"),
    ("11 columns", ": 11 columns, the header names 10"),
    ("\u{1}", ": column 9: byte 1 is not UTF-8"),
    ("\"1,5\"", "orderLine.1.quantity: `1,5` is not a decimal number such as 12.50"),
    ("1.2.3", "orderLine.1.quantity: `1.2.3` is not a decimal number such as 12.50"),
    ("30 February", "placed: `2026-02-30T09:00:00Z` is no time with its zone such as"),
    ("local", "placed: `01.02.2026 09:00` is no time with its zone such as"),
    ("no reference", "externalReference: it is missing"),
    ("UK", "deliveryCountryCode: `UK` is not an assigned ISO 3166 country code"),
    ("header", ": it is the header once more"),
    ("\"2\" pieces", ": its quotes do not pair up"),
    ("\"open", ": its quotes do not pair up"),
    // It would close the one before, and all in between was one quantity.
    ("close\"", "orderLine.1.quantity: `close\"` is not a decimal number such as 12.50"),
];

/// A row of one line, with commas.
fn row(number: u32, way: &str) -> String {
    let (mut reference, mut placed) = (format!("W-{number}"), "2026-01-01T09:00:00Z");
    let (mut country, mut quantity, mut more) = ("DE", "2", "");
    match way {
        "" => {}
        "2 columns" => return format!("{reference},{placed},EUR\n"),
        "header" => return HEADER.to_owned(),
        "11 columns" => more = ",more",
        "30 February" => placed = "2026-02-30T09:00:00Z",
        "local" => placed = "01.02.2026 09:00",
        "no reference" => reference.clear(),
        "UK" => country = "UK",
        _ => quantity = way,
    }
    // Of the first ones every seventh has quotes, which pair up.
    let street = if number < 1_300 && number.is_multiple_of(7) {
        "\"Straße \"\"1\"\"\""
    } else {
        "Straße 1"
    };
    format!("{reference},{placed},EUR,11.90,{street},Köln,{country},MUG,{quantity},5.00{more}\n")
}

/// Ten thousand orders, every hundredth of them broken, an empty line behind every thousandth. And
/// what is to be told of the broken ones: the line, and how it begins.
fn ten_thousand(written: Written) -> (Vec<u8>, Vec<(u32, &'static str)>) {
    let (mut text, mut told, mut line) = (HEADER.to_owned(), Vec::new(), 1);
    let mut ways = WAYS.iter().cycle();
    for number in 1..=10_000_u32 {
        line += 1;
        let broken = if number.is_multiple_of(100) { ways.next() } else { None };
        text.push_str(&row(number, broken.map_or("", |(way, _)| way)));
        told.extend(broken.map(|(_, problem)| (line, *problem)));
        if number.is_multiple_of(1_000) {
            text.push('\n');
            line += 1;
        }
    }
    let text = text.replace('\n', written.line_end);
    let text = format!("{}{text}", written.mark);
    let text = if written.delimiter == "," {
        text
    } else {
        // The comma of an amount stays.
        text.replace("1,5", "1\u{2}5").replace(',', written.delimiter).replace('\u{2}', ",")
    };
    let mut bytes = text.into_bytes();
    if written.is_windows_1252 {
        let text = String::from_utf8(bytes).unwrap();
        bytes = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    }
    // No character in either of them.
    bytes.iter_mut().filter(|byte| **byte == 1).for_each(|byte| *byte = 0x81);
    (bytes, told)
}

/// What a transformer will make of the records: the lines of good rows, and those of bad ones.
fn transformed(dropping: &Dropping) -> (Vec<u32>, Vec<u32>) {
    let system = &dropping.bench.systems.get("catalogue").unwrap();
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for message in dropping.bench.broker.messages(RECORDS) {
        let header = |name| message.headers.text(name);
        let items = system.read(&Record {
            endpoint: header(header::ENDPOINT).unwrap(),
            scope: None,
            message_id: None,
            received_at: header(header::RECEIVED_AT).unwrap().parse().unwrap(),
            as_of: Some(header(header::AS_OF).unwrap().parse().unwrap()),
            first_line: header(header::FIRST_LINE).unwrap().parse().unwrap(),
            body: &message.body,
        });
        for item in items {
            let line = item.pointer.strip_prefix("line ").unwrap().parse().unwrap();
            match item.draft {
                Ok(Draft::Part(_)) => good.push(line),
                Ok(Draft::Removed(_) | Draft::Skip { .. }) => {}
                Err(_) => bad.push(line),
            }
        }
    }
    (good, bad)
}

/// The rows of a report: the line, and its field and its problem.
fn reported(report: &str) -> Vec<(u32, String)> {
    let mut reader = csv::Reader::from_reader(report.as_bytes());
    assert_eq!(reader.headers().unwrap(), &["line", "kind", "field", "problem"][..]);
    let told = |row: csv::StringRecord| {
        let [line, _, field, problem]: [&str; 4] =
            row.iter().collect::<Vec<_>>().try_into().unwrap();
        (line.parse().unwrap(), format!("{field}: {problem}"))
    };
    reader.records().map(|row| told(row.unwrap())).collect()
}

/// Drops ten thousand rows, and looks at what becomes of each.
async fn nine_thousand_nine_hundred_go_on(written: Written) -> Dropping {
    let mut dropping = prepared();
    let (content, told) = ten_thousand(written);
    dropping.drop_file("orders.csv", content);
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 50).await;
    sleep(SECOND).await;
    assert_eq!(dropping.files("done"), ["orders.csv", "orders.csv.errors.csv"]);
    let report = reported(&dropping.read("done/orders.csv.errors.csv"));
    assert_eq!((report.len(), told.len()), (100, 100));
    for ((line, problem), expected) in report.iter().zip(&told) {
        assert_eq!(*line, expected.0, "{problem}");
        assert!(problem.starts_with(expected.1), "line {line}: {problem}, not {}", expected.1);
    }
    let (good, bad) = transformed(&dropping);
    let broken: Vec<u32> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!((good.len(), bad), (9_900, broken));
    dropping
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_rows_with_every_hundredth_broken_the_others_go_on() {
    let mut dropping = nine_thousand_nine_hundred_go_on(PLAIN).await;
    let count = |result| {
        dropping.bench.metrics.rows.with_label_values(&["catalogue", "orders", result]).get()
    };
    assert_eq!((count("good"), count("bad")), (9_900, 100));
    let noted = dropping.bench.noted().await.remove(0);
    let detail = noted.detail.unwrap();
    assert!(detail.starts_with("10000 rows in 50 records, 100 bad"), "{detail}");
    assert!(detail.contains("; read as utf-8; "), "{detail}");
    assert!(detail.ends_with("see orders.csv.errors.csv beside it"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_rows_as_a_spreadsheet_writes_them_the_good_ones_go_on() {
    let mark = "\u{feff}";
    let written = Written { mark, delimiter: ";", line_end: "\r\n", is_windows_1252: false };
    nine_thousand_nine_hundred_go_on(written).await;
}

#[tokio::test(start_paused = true)]
async fn of_ten_thousand_rows_in_windows_1252_the_good_ones_go_on() {
    let written = Written { is_windows_1252: true, delimiter: "\t", line_end: "\r\n", ..PLAIN };
    nine_thousand_nine_hundred_go_on(written).await;
}

#[tokio::test(start_paused = true)]
async fn files_that_were_joined_to_one_are_told_and_no_product_is_called_sku() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv", "\u{feff}sku,name\nA,1\n\u{feff}sku,name\nB,2\nsku,name\n");
    dropping.start();
    sleep(5 * SECOND).await;
    let report = reported(&dropping.read("done/products.csv.errors.csv"));
    let told = ": it is the header once more, as where files were joined".to_owned();
    assert_eq!(report, [(3, told.clone()), (5, told)]);
    assert_eq!(transformed(&dropping), (vec![2, 4], vec![3, 5]));
}

#[tokio::test(start_paused = true)]
async fn a_file_with_semicolons_in_windows_1252_becomes_records_in_utf_8() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv", b"sku;name\r\nA;Stra\xdfe\r\n");
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    assert_eq!(dropping.bench.bodies(), ["sku;name\r\nA;Straße\r\n"]);
    assert_eq!(transformed(&dropping), (vec![2], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_file_in_utf_16_becomes_records_in_utf_8() {
    let mut dropping = prepared();
    let text = "\u{feff}sku\tname\nA\tStraße\nB\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    dropping.drop_file("products.csv", bytes);
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 1).await;
    assert_eq!(dropping.bench.bodies(), ["sku\tname\nA\tStraße\nB\n"]);
    assert_eq!(transformed(&dropping), (vec![2], vec![3]));
}

#[tokio::test(start_paused = true)]
async fn line_breaks_in_quotes_move_no_line_number() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv", "sku,name\nA,\"one\ntwo\n\"\nB\nC,\"\n\"\nD\n");
    dropping.start();
    sleep(5 * SECOND).await;
    let report = dropping.read("done/products.csv.errors.csv");
    let lines: Vec<&str> =
        report.lines().skip(1).map(|row| row.split_once(',').unwrap().0).collect();
    assert_eq!(lines, ["5", "8"]);
    assert_eq!(transformed(&dropping), (vec![2, 6], vec![5, 8]));
}

#[tokio::test(start_paused = true)]
async fn a_file_whose_header_cannot_be_read_sends_nothing() {
    let mut dropping = prepared();
    dropping.drop_file("orders.csv", "sku,name\nA,1\n");
    dropping.start();
    sleep(5 * SECOND).await;
    assert_eq!(dropping.files("failed"), ["orders.csv", "orders.csv.errors.csv"]);
    let report = dropping.read("failed/orders.csv.errors.csv");
    assert!(report.contains("it has no column `externalReference`"), "{report}");
    assert_eq!(dropping.bench.broker.tried("records").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_there_twice_says_the_same_twice() {
    let mut dropping = prepared();
    dropping.start();
    for _ in 0..2 {
        dropping.drop_file("products.csv", "sku,name\nA,1\n");
        sleep(5 * SECOND).await;
    }
    let times = dropping.as_of();
    assert_eq!((times.len(), &times[0]), (2, &times[1]));
    // What died of the first one is tried again: these are other events.
    let records = dropping.bench.broker.messages(RECORDS);
    assert_ne!(records[0].id, records[1].id);
    let noted = dropping.bench.noted().await;
    let told = |entry: &ferry_store::JournalEntry| {
        entry.detail.as_ref().is_some_and(|detail| detail.contains("was there before"))
    };
    assert_eq!(noted.iter().filter(|entry| told(entry)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_corrected_file_is_newer_than_what_it_corrects() {
    let mut dropping = prepared();
    dropping.start();
    for content in ["sku,name\nA,Rde\n", "sku,name\nA,Red\n", "sku,name\nA,Rde\n"] {
        dropping.drop_file("products.csv", content);
        sleep(5 * SECOND).await;
    }
    let times: Vec<jiff::Timestamp> =
        dropping.as_of().iter().map(|time| time.parse().unwrap()).collect();
    assert!(times.len() == 3 && times.is_sorted_by(|one, two| one < two), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_report_and_move_leaves_one_file_and_one_report() {
    let mut dropping = prepared();
    dropping.drop_file("orders.csv", ten_thousand(PLAIN).0);
    // All of it is durable, and of the last confirm nobody hears.
    dropping.bench.broker.script("records", [Fault::Pass; 49]);
    dropping.bench.broker.script("records", [Fault::Hold]);
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 50).await;
    dropping.kill();
    dropping.bench.broker.release();
    assert_eq!(dropping.files("done"), [".orders.csv.errors.part"]);
    // As it is where the report was kept, and the file not moved.
    dropping.drop_file("done/orders.csv.errors.csv", "line,kind,field,problem\n9,parse,,older\n");
    sleep(20 * SECOND).await;
    dropping.start();
    dropping.bench.broker.until(|broker| broker.messages(RECORDS).len() == 100).await;
    sleep(SECOND).await;
    assert_eq!(dropping.files(""), [""; 0]);
    assert_eq!(dropping.files("done"), ["orders.csv", "orders.csv.errors.csv"]);
    assert_eq!(dropping.read("done/orders.csv.errors.csv").lines().count(), 101);
    // The repeats are the same records: what became of both is one.
    let records = dropping.bench.broker.messages(RECORDS);
    let ids: BTreeSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_report_in_the_folder_is_left_alone() {
    let mut dropping = prepared();
    dropping.drop_file("products.csv.errors.csv", "line,kind,field,problem\n");
    dropping.drop_file("products.csv", "sku,name\nA,1\n");
    dropping.start();
    sleep(5 * SECOND).await;
    assert_eq!(dropping.files(""), ["products.csv.errors.csv"]);
    assert_eq!(dropping.files("done"), ["products.csv"]);
}
