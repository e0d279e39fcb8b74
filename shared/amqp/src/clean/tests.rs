use amq_protocol::frame::{AMQPFrame, parse_frame};
use lapin::types::AMQPValue;
use proptest::prelude::*;

use super::*;

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0, 1][..], &long(payload), &[0xCE]].concat()
}

/// A header frame with a body of five bytes to come.
fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
    let fixed = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5];
    frame(HEADER, &[&fixed[..], &flags.to_be_bytes(), properties].concat())
}

const HEADERS: u16 = 1 << 13;
const MESSAGE_ID: u16 = 1 << 7;

fn cleaned(bytes: &[u8]) -> Vec<u8> {
    let mut cleaner = Cleaner::default();
    cleaner.feed(bytes);
    let mut clean = vec![0; bytes.len() + 64];
    let count = cleaner.take(&mut clean);
    clean.truncate(count);
    clean
}

/// As the library reads it.
fn read(bytes: &[u8]) -> AMQPFrame {
    let (rest, frame) = parse_frame(bytes).unwrap();
    assert_eq!(rest, b"");
    frame
}

fn properties(bytes: &[u8]) -> lapin::BasicProperties {
    let AMQPFrame::Header(_, header) = read(bytes) else { panic!("no header") };
    header.properties
}

#[test]
fn what_is_readable_passes_byte_for_byte_however_it_is_cut() {
    let table = [short("Zürich".as_bytes()), b"S".to_vec(), long(b"\xff")].concat();
    let sent = [
        frame(
            METHOD,
            &[&[0, 60, 0, 60][..], &short(b"tag"), &[0; 9], &short(b"e"), &short(b"k")].concat(),
        ),
        header(HEADERS | MESSAGE_ID, &[long(&table), short(b"id")].concat()),
        frame(BODY, b"\xff\xfe\xfd\xfc\xfb"),
        frame(HEARTBEAT, b""),
        frame(METHOD, &[0, 60, 0, 31]),
    ]
    .concat();
    for size in 1..sent.len() {
        let mut cleaner = Cleaner::default();
        let mut got = Vec::new();
        for piece in sent.chunks(size) {
            cleaner.feed(piece);
            let mut buffer = [0; 7];
            while let count @ 1.. = cleaner.take(&mut buffer) {
                got.extend_from_slice(&buffer[..count]);
            }
        }
        assert_eq!(got, sent, "in pieces of {size}");
    }
}

#[test]
fn names_and_ids_that_are_no_utf8_are_shown_as_far_as_they_are() {
    let table = [short(b"ferry-\xffx"), b"V".to_vec()].concat();
    let properties_sent = [long(&table), short("Z\u{fc}".as_bytes())].concat();
    let sent = header(HEADERS | MESSAGE_ID, &properties_sent);
    let got = properties(&cleaned(&sent));
    assert_eq!(got.message_id().as_ref().unwrap().as_str(), "Zü");
    assert!(got.headers().as_ref().unwrap().inner().contains_key("ferry-?x"));
    let cut = header(MESSAGE_ID, &short(b"\xc3\xbc \xe2\x82"));
    assert_eq!(properties(&cleaned(&cut)).message_id().as_ref().unwrap().as_str(), "ü ??");
}

#[test]
fn a_key_that_is_no_utf8_is_readable_in_deliveries_and_returns() {
    let key = short(b"a.\xff\xfe");
    let deliver = [&[0, 60, 0, 60][..], &short(b"tag"), &[0; 9], &short(b"e"), &key].concat();
    let returned = [&[0, 60, 0, 50, 1, 56][..], &short(b"NO_ROUTE"), &short(b"e"), &key].concat();
    for method in [deliver, returned] {
        let got = format!("{:?}", read(&cleaned(&frame(METHOD, &method))));
        assert!(got.contains("a.??"), "{got}");
    }
}

#[test]
fn a_table_of_any_depth_is_followed_so_deep_and_then_taken_as_bytes() {
    let deep = (0..20_000).fold(b"V".to_vec(), |inner, _| [b"A".to_vec(), long(&inner)].concat());
    let table = [short(b"deep"), deep].concat();
    let got = properties(&cleaned(&header(HEADERS, &long(&table))));
    let mut value = got.headers().as_ref().unwrap().inner().get("deep").unwrap();
    let mut depth = 0;
    while let AMQPValue::FieldArray(array) = value {
        value = &array.as_slice()[0];
        depth += 1;
    }
    assert_eq!(depth, DEPTH_MAX);
    assert!(matches!(value, AMQPValue::ByteArray(_)), "{value:?}");
}

#[test]
fn properties_that_make_no_sense_are_left_out_and_the_body_comes() {
    let unknown = [short(b"a"), b"?12".to_vec()].concat();
    let longer = [&[0, 0, 0, 200][..], b"V"].concat();
    for nonsense in [long(&unknown), longer, Vec::new()] {
        let clean = cleaned(&header(HEADERS, &nonsense));
        assert_eq!(properties(&clean), lapin::BasicProperties::default());
        assert!(matches!(read(&clean), AMQPFrame::Header(1, header) if header.body_size == 5));
    }
}

#[test]
fn what_is_not_amqp_passes() {
    assert_eq!(cleaned(b"AMQP\x00\x00\x09\x01"), b"AMQP\x00\x00\x09\x01");
    assert_eq!(cleaned(b"HTTP/1.1 400 Bad Request\r\n"), b"HTTP/1.1 400 Bad Request\r\n");
}

/// Bytes that are nearly a table.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::collection::vec(any::<u8>(), 0..6).prop_map(|name| short(&name));
    let leaf = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12),
        Just(b"V".to_vec()),
        any::<[u8; 8]>().prop_map(|bytes| [&b"l"[..], &bytes].concat()),
        prop::collection::vec(any::<u8>(), 0..9)
            .prop_map(|text| [b"S".to_vec(), long(&text)].concat()),
    ];
    let value = leaf.prop_recursive(24, 48, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| [
                b"A".to_vec(),
                long(&all.concat())
            ]
            .concat()),
            (inner.clone(), inner).prop_map(|(a, b)| {
                [b"F".to_vec(), long(&[short(b"\xff"), a, short(b"b"), b].concat())].concat()
            }),
        ]
    });
    prop::collection::vec((name, value), 0..4).prop_map(|all| {
        long(&all.into_iter().flat_map(|(name, value)| [name, value]).collect::<Vec<_>>().concat())
    })
}

proptest! {
    /// The library reads whatever comes out, and nothing of the next frame is touched.
    #[test]
    fn whatever_properties_come_the_library_reads_them(
        flags in any::<u16>(),
        table in nearly(),
        rest in prop::collection::vec(any::<u8>(), 0..40),
        headers_only in any::<bool>(),
    ) {
        let flags = if headers_only { HEADERS } else { flags };
        let sent = header(flags, &[table, if headers_only { Vec::new() } else { rest }].concat());
        let next = frame(BODY, b"12345");
        let clean = cleaned(&[&sent[..], &next].concat());
        let (rest, first) = parse_frame(&clean[..]).unwrap();
        prop_assert!(matches!(first, AMQPFrame::Header(1, header) if header.body_size == 5));
        prop_assert_eq!(rest, &next[..]);
    }

    #[test]
    fn any_bytes_are_taken_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut cleaner = Cleaner::default();
        for piece in bytes.chunks(3) {
            cleaner.feed(piece);
        }
        let mut buffer = vec![0; 400];
        prop_assert!(cleaner.take(&mut buffer) <= bytes.len() + 16);
    }
}
