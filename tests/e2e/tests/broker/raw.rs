//! AMQP 0-9-1 by hand: what no well-behaved library lets a client send.
//!
//! Knows just enough to publish one message as the guest of a private node, with the broker's
//! confirm read.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;

/// Class and number of a method.
type Method = (u16, u16);

/// Puts a message into a queue: its message id and its header table as they are to go out.
pub(crate) fn put(url: &str, queue: &str, message_id: &[u8], table: &[u8], body: &[u8]) {
    let host = url.split(['@', '/']).nth(3).unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(b"AMQP\x00\x00\x09\x01").unwrap();
    expect(&mut stream, (10, 10));
    let login = [long(b""), short(b"PLAIN"), long(b"\0guest\0guest"), short(b"en_US")].concat();
    call(&mut stream, 0, (10, 11), &login);
    let limits = expect(&mut stream, (10, 30));
    // The broker's own limits, without a heartbeat.
    call(&mut stream, 0, (10, 31), &[&limits[..6], &[0, 0]].concat());
    call(&mut stream, 0, (10, 40), &[short(b"/"), short(b""), vec![0]].concat());
    expect(&mut stream, (10, 41));
    call(&mut stream, 1, (20, 10), &short(b""));
    expect(&mut stream, (20, 11));
    call(&mut stream, 1, (85, 10), &[0]);
    expect(&mut stream, (85, 11));
    let publish = [vec![0, 0], short(b""), short(queue.as_bytes()), vec![0]].concat();
    call(&mut stream, 1, (60, 40), &publish);
    let length = u64::try_from(body.len()).unwrap().to_be_bytes();
    // Headers, delivery mode and message id are there.
    let flags = (1_u16 << 13 | 1 << 12 | 1 << 7).to_be_bytes();
    let properties = [&long(table), &[2][..], &short(message_id)].concat();
    let header = [&[0, 60, 0, 0], &length[..], &flags, &properties].concat();
    frame(&mut stream, HEADER, 1, &header);
    frame(&mut stream, BODY, 1, body);
    expect(&mut stream, (60, 80));
}

/// A table with one text.
pub(crate) fn table(name: &[u8], value: &[u8]) -> Vec<u8> {
    [short(name), b"S".to_vec(), long(value)].concat()
}

/// A table with one list in a list in a list, and so on.
pub(crate) fn deep_table(name: &[u8], levels: usize) -> Vec<u8> {
    // From the inside out: each level knows how long what it holds is.
    let bytes = levels * 5 + 1;
    let level = |depth: usize| {
        let inner = u32::try_from(bytes - (depth + 1) * 5).unwrap();
        [&b"A"[..], &inner.to_be_bytes()].concat()
    };
    [short(name), (0..levels).flat_map(level).collect(), b"V".to_vec()].concat()
}

fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

fn long(text: &[u8]) -> Vec<u8> {
    [&u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
}

fn call(stream: &mut TcpStream, channel: u16, (class, number): Method, arguments: &[u8]) {
    let payload = [&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat();
    frame(stream, METHOD, channel, &payload);
}

fn frame(stream: &mut TcpStream, kind: u8, channel: u16, payload: &[u8]) {
    let head = [&[kind][..], &channel.to_be_bytes()].concat();
    stream.write_all(&[&head[..], &long(payload), &[0xCE]].concat()).unwrap();
}

/// Reads to the next method, which must be this one; returns its arguments.
fn expect(stream: &mut TcpStream, wanted: Method) -> Vec<u8> {
    let mut head = [0; 7];
    stream.read_exact(&mut head).unwrap();
    let length = u32::from_be_bytes(head[3..].try_into().unwrap());
    let mut payload = vec![0; usize::try_from(length).unwrap() + 1];
    stream.read_exact(&mut payload).unwrap();
    payload.pop();
    assert_eq!(head[0], METHOD, "a frame that is no method");
    let number = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    assert_eq!((number(0), number(2)), wanted, "{}", String::from_utf8_lossy(&payload));
    payload.split_off(4)
}
