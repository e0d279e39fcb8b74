//! What a broker delivers, made readable to the library that reads it.
//!
//! A broker carries any bytes where AMQP says "short string", and tables of any depth. The library
//! wants UTF-8 there and drops the whole connection where it finds something else; and it follows
//! tables by recursion, as deep as they go. One such message would end every subscription of the
//! connection, again and again. So frames are looked through before the library sees them: bytes
//! that are no UTF-8 become `?`, tables below [`DEPTH_MAX`] become the bytes they are, and
//! properties that make no sense are left out. Bodies pass as they are, without being looked at.
//!
//! It promises that no delivered message can break the reading of those behind it. It does not
//! judge what is not a message: what else is wrong on a connection may well end it.

use std::mem;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// Kind, channel and length.
const HEAD_BYTES: usize = 7;

/// The end mark.
const TAIL_BYTES: usize = 1;

/// A frame that is held until it is whole. Eight times what RabbitMQ agrees to by default; a larger
/// one passes unseen.
const HELD_BYTES_MAX: usize = 1024 * 1024;

/// How deep tables are followed: our own are flat, and the broker's `x-death` has two levels.
const DEPTH_MAX: usize = 16;

const UNREADABLE: u8 = b'?';

/// Class and method of what brings a message.
const DELIVER: (u16, u16) = (60, 60);
const RETURN: (u16, u16) = (60, 50);

/// The properties in the order of their flags, highest bit first.
const PROPERTIES: [Property; 14] = [
    Property::Short,    // content type
    Property::Short,    // content encoding
    Property::Table,    // headers
    Property::Bytes(1), // delivery mode
    Property::Bytes(1), // priority
    Property::Short,    // correlation id
    Property::Short,    // reply to
    Property::Short,    // expiration
    Property::Short,    // message id
    Property::Bytes(8), // timestamp
    Property::Short,    // type
    Property::Short,    // user id
    Property::Short,    // app id
    Property::Short,    // cluster id
];

#[derive(Clone, Copy)]
enum Property {
    Short,
    Table,
    Bytes(usize),
}

/// Bytes in, the same bytes out, but for what could not be read. Holds at most one frame.
#[derive(Debug, Default)]
pub(crate) struct Cleaner {
    /// The beginning of a frame that is not whole yet.
    held: Vec<u8>,
    /// How many of the next bytes need no looking at.
    passing: usize,
    clean: Vec<u8>,
    /// How many clean bytes were taken.
    taken: usize,
}

impl Cleaner {
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        if self.taken == self.clean.len() {
            self.clean.clear();
            self.taken = 0;
        }
        while !bytes.is_empty() {
            let want = self.wanted();
            let (now, rest) = bytes.split_at(want.min(bytes.len()));
            bytes = rest;
            if self.passing > 0 {
                self.passing = self.passing.saturating_sub(now.len());
                self.clean.extend_from_slice(now);
            } else {
                self.held.extend_from_slice(now);
                if now.len() == want {
                    self.look();
                }
            }
        }
    }

    /// How many bytes belong together from here on.
    fn wanted(&self) -> usize {
        if self.passing > 0 {
            return self.passing;
        }
        let whole = if self.held.len() < HEAD_BYTES { HEAD_BYTES } else { self.frame_bytes() };
        whole - self.held.len()
    }

    /// Of the frame whose head is held.
    fn frame_bytes(&self) -> usize {
        let length = self.held.get(3..HEAD_BYTES).and_then(|bytes| bytes.try_into().ok());
        let payload = u32::from_be_bytes(length.unwrap_or_default());
        usize::try_from(payload).unwrap_or(usize::MAX).saturating_add(HEAD_BYTES + TAIL_BYTES)
    }

    /// A head has come, or a whole frame.
    fn look(&mut self) {
        let bytes = self.frame_bytes();
        match self.held.first() {
            Some(&(METHOD | HEADER)) if self.held.len() < bytes && bytes <= HELD_BYTES_MAX => {}
            Some(&METHOD) if self.held.len() == bytes => self.release(|frame| clean_method(frame)),
            Some(&HEADER) if self.held.len() == bytes => self.release(clean_header),
            Some(&(METHOD | HEADER | BODY | HEARTBEAT)) => {
                self.passing = bytes.saturating_sub(self.held.len());
                self.release(|_| {});
            }
            // Not AMQP: the library says so.
            Some(_) | None => {
                self.passing = usize::MAX;
                self.release(|_| {});
            }
        }
    }

    fn release(&mut self, clean: impl FnOnce(&mut Vec<u8>)) {
        let mut frame = mem::take(&mut self.held);
        clean(&mut frame);
        self.clean.extend_from_slice(&frame);
        frame.clear();
        self.held = frame;
    }

    /// Moves clean bytes into `buffer`; how many.
    pub(crate) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let ready = self.clean.get(self.taken..).unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        count
    }
}

fn clean_method(frame: &mut [u8]) {
    let mut cursor = Cursor::after_head(frame);
    // What is shorter than its method says is the library's to refuse.
    let _whole = cursor.method();
}

/// Properties that can't be walked through are left out, so that the body still comes.
fn clean_header(frame: &mut Vec<u8>) {
    /// Class, weight and the length of the body.
    const FIXED: usize = 2 + 2 + 8;
    let mut cursor = Cursor::after_head(frame);
    if cursor.skip(FIXED).is_some() && cursor.properties().is_some_and(|end| end == cursor.end) {
        return;
    }
    let Some(fixed) = frame.get(HEAD_BYTES..HEAD_BYTES + FIXED).map(<[u8]>::to_vec) else { return };
    let (head, end) = (frame.get(..3).unwrap_or_default().to_vec(), frame.last().copied());
    let length = u32::try_from(FIXED + 2).unwrap_or_default().to_be_bytes();
    *frame = [&head[..], &length, &fixed, &[0, 0]].concat();
    frame.extend(end);
}

/// A place in a frame; moving beyond its payload is `None`.
struct Cursor<'a> {
    bytes: &'a mut [u8],
    at: usize,
    /// Where the payload ends.
    end: usize,
}

impl<'a> Cursor<'a> {
    fn after_head(frame: &'a mut [u8]) -> Self {
        let end = frame.len().saturating_sub(TAIL_BYTES);
        Self { bytes: frame, at: HEAD_BYTES, end }
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        let at = self.at.checked_add(count).filter(|at| *at <= self.end)?;
        self.at = at;
        Some(())
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let from = self.at;
        self.skip(N)?;
        self.bytes.get(from..self.at)?.try_into().ok()
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.number()?)).ok()
    }

    fn method(&mut self) -> Option<()> {
        match (u16::from_be_bytes(self.number()?), u16::from_be_bytes(self.number()?)) {
            // Consumer tag; delivery tag and whether it is redelivered; exchange and key.
            DELIVER => {
                self.short()?;
                self.skip(8 + 1)?;
            }
            // Code and text; exchange and key.
            RETURN => {
                self.skip(2)?;
                self.short()?;
            }
            _ => return Some(()),
        }
        self.short()?;
        self.short()
    }

    /// Where they end.
    fn properties(&mut self) -> Option<usize> {
        let flags = u16::from_be_bytes(self.number()?);
        for (bit, property) in PROPERTIES.into_iter().enumerate() {
            if flags & (1 << (15 - bit)) != 0 {
                match property {
                    Property::Short => self.short()?,
                    Property::Table => self.table(0)?,
                    Property::Bytes(count) => self.skip(count)?,
                }
            }
        }
        Some(self.at)
    }

    fn short(&mut self) -> Option<()> {
        let [length] = self.number()?;
        let from = self.at;
        self.skip(length.into())?;
        make_utf8(self.bytes.get_mut(from..self.at)?);
        Some(())
    }

    fn table(&mut self, depth: usize) -> Option<()> {
        self.within(|cursor| {
            cursor.short()?;
            cursor.value(depth)
        })
    }

    /// Repeats `entry` until the length that stands here is used up, exactly.
    fn within(&mut self, mut entry: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let length = self.length()?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.end)?;
        let outer = mem::replace(&mut self.end, end);
        while self.at < end {
            entry(self)?;
        }
        self.end = outer;
        Some(())
    }

    /// The types that RabbitMQ knows.
    fn value(&mut self, depth: usize) -> Option<()> {
        let kind = self.at;
        let [letter] = self.number()?;
        match letter {
            b'V' => Some(()),
            b't' | b'b' | b'B' => self.skip(1),
            b's' | b'u' | b'U' => self.skip(2),
            b'I' | b'i' | b'f' => self.skip(4),
            b'D' => self.skip(5),
            b'L' | b'l' | b'd' | b'T' => self.skip(8),
            b'S' | b'x' => self.blob(),
            b'A' | b'F' if depth == DEPTH_MAX => {
                *self.bytes.get_mut(kind)? = b'x';
                self.blob()
            }
            b'F' => self.table(depth + 1),
            b'A' => self.within(|cursor| cursor.value(depth + 1)),
            _ => None,
        }
    }

    fn blob(&mut self) -> Option<()> {
        let length = self.length()?;
        self.skip(length)
    }
}

/// The same length, readable.
fn make_utf8(mut bytes: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(bytes) {
        let bad = error.error_len().unwrap_or(bytes.len() - error.valid_up_to());
        let (_, rest) = mem::take(&mut bytes).split_at_mut(error.valid_up_to());
        let (unreadable, rest) = rest.split_at_mut(bad);
        unreadable.fill(UNREADABLE);
        bytes = rest;
    }
}

#[cfg(test)]
mod tests;
