//! What characters a file is written in, and its text as UTF-8.
//!
//! A byte order mark says it; without one the configuration does, and without that the file itself:
//! it is UTF-8, unless it has something beyond ASCII and none of that is. Nothing is replaced: what
//! is no character becomes a byte that is not UTF-8 either, so that its row is told as a bad one.

use std::{
    fmt,
    io::{self, Read},
};

use ferry_config::system::Encoding;
use sha2::{Digest as _, Sha256};

use super::ChunkError;

/// Bytes that are looked at together.
const BLOCK: usize = 64 * 1024;
/// In the place of what is no character.
const NO_CHARACTER: u8 = 0xff;

/// How the bytes of one file are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
    Latin1,
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le | Self::Utf16Be => "utf-16",
            Self::Windows1252 => "windows-1252",
            Self::Latin1 => "iso-8859-1",
        })
    }
}

/// What one look at a whole file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// SHA-256 of its bytes, in hexadecimal digits: equal for equal content.
    pub digest: String,
    text: Result<Text, String>,
}

impl Examined {
    /// How to read it; an error where it contradicts the configuration.
    pub fn text(&self) -> Result<Text, ChunkError> {
        self.text.clone().map_err(|reason| ChunkError::Contradiction { reason })
    }
}

/// Looks at a file from its first to its last byte; memory is bounded by one block.
pub fn examine(
    mut reader: impl Read,
    configured: Option<Encoding>,
) -> Result<Examined, ChunkError> {
    let (mut hash, mut census) = (Sha256::new(), Census::default());
    let mut block = next_block(&mut reader)?;
    let marked = mark(&block).map(|(text, _)| text);
    while !block.is_empty() {
        hash.update(&block);
        census.add(&block);
        block = next_block(&mut reader)?;
    }
    let text = decide(marked, configured, census.nothing_is_utf8());
    let digest = hash.finalize().iter().fold(String::with_capacity(64), |mut digest, byte| {
        for nibble in [byte >> 4, byte & 0xf] {
            digest.extend(char::from_digit(u32::from(nibble), 16));
        }
        digest
    });
    Ok(Examined { digest, text })
}

/// The next block, filled unless the file ends.
fn next_block(reader: &mut impl Read) -> Result<Vec<u8>, ChunkError> {
    let mut block = Vec::new();
    let size = u64::try_from(BLOCK).unwrap_or(u64::MAX);
    reader.by_ref().take(size).read_to_end(&mut block).map_err(ChunkError::Read)?;
    Ok(block)
}

/// The byte order mark, and its length.
fn mark(bytes: &[u8]) -> Option<(Text, usize)> {
    let marks: [(Text, &[u8]); 3] =
        [(Text::Utf8, b"\xef\xbb\xbf"), (Text::Utf16Le, b"\xff\xfe"), (Text::Utf16Be, b"\xfe\xff")];
    let found = marks.into_iter().find(|(_, mark)| bytes.starts_with(mark))?;
    Some((found.0, found.1.len()))
}

fn decide(
    marked: Option<Text>,
    configured: Option<Encoding>,
    nothing_is_utf8: bool,
) -> Result<Text, String> {
    let said = configured.map(|encoding| match encoding {
        Encoding::Utf8 => Text::Utf8,
        Encoding::Utf16 => Text::Utf16Le,
        Encoding::Windows1252 => Text::Windows1252,
        Encoding::Latin1 => Text::Latin1,
    });
    match (marked, said) {
        (Some(marked), Some(said)) if marked.to_string() != said.to_string() => {
            Err(format!("it begins with the mark of {marked}, and the configuration says {said}"))
        }
        (Some(marked), _) => Ok(marked),
        (None, Some(said)) => Ok(said),
        (None, None) if nothing_is_utf8 => Ok(Text::Windows1252),
        (None, None) => Ok(Text::Utf8),
    }
}

/// What of a file is UTF-8 beyond ASCII, and what is not.
#[derive(Debug, Default)]
struct Census {
    /// The beginning of a character that the last block ended in.
    open: Vec<u8>,
    characters: bool,
    others: bool,
}

impl Census {
    fn add(&mut self, block: &[u8]) {
        if self.open.is_empty() && block.is_ascii() {
            return;
        }
        let mut bytes = std::mem::take(&mut self.open);
        bytes.extend_from_slice(block);
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            self.characters |= !chunk.valid().is_ascii();
            let cut = chunk.invalid();
            let goes_on =
                |bytes| std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
            if chunks.peek().is_none() && goes_on(cut) {
                self.open = cut.to_vec();
            } else {
                self.others |= !cut.is_empty();
            }
        }
    }

    fn nothing_is_utf8(&self) -> bool {
        !self.characters && (self.others || !self.open.is_empty())
    }
}

/// A file's text as UTF-8, without its mark.
#[derive(Debug)]
pub(super) struct Decoded<R> {
    reader: R,
    text: Text,
    /// Read, and not decoded.
    raw: Vec<u8>,
    /// Decoded, and from where on not handed out.
    ready: Vec<u8>,
    from: usize,
    has_begun: bool,
    has_ended: bool,
}

impl<R: Read> Decoded<R> {
    pub(super) fn new(reader: R, text: Text) -> Self {
        let (raw, ready) = (Vec::new(), Vec::new());
        Self { reader, text, raw, ready, from: 0, has_begun: false, has_ended: false }
    }

    /// Decodes what comes next, which may be nothing as yet.
    fn fill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.from = 0;
        let size = u64::try_from(BLOCK).unwrap_or(u64::MAX);
        let read = self.reader.by_ref().take(size).read_to_end(&mut self.raw)?;
        self.has_ended = read == 0;
        if !self.has_begun {
            self.has_begun = true;
            let length = mark(&self.raw).filter(|(text, _)| *text == self.text);
            self.raw.drain(..length.map_or(0, |(_, length)| length));
        }
        let raw = std::mem::take(&mut self.raw);
        match self.text {
            Text::Utf8 => self.ready = raw,
            Text::Windows1252 | Text::Latin1 => {
                for byte in raw {
                    push(&mut self.ready, character(self.text, byte));
                }
            }
            Text::Utf16Le | Text::Utf16Be => self.utf16(&raw),
        }
        Ok(())
    }

    /// Decodes whole characters; the beginning of one is kept unless nothing follows.
    fn utf16(&mut self, raw: &[u8]) {
        let unit = |pair: &[u8; 2]| match self.text {
            Text::Utf16Be => u16::from_be_bytes(*pair),
            Text::Utf8 | Text::Utf16Le | Text::Windows1252 | Text::Latin1 => {
                u16::from_le_bytes(*pair)
            }
        };
        let (pairs, odd) = raw.as_chunks::<2>();
        let mut units: Vec<u16> = pairs.iter().map(unit).collect();
        let is_first_half = |unit: &u16| (0xd800..0xdc00).contains(unit);
        let mut kept = odd.len();
        if !self.has_ended && units.last().is_some_and(is_first_half) {
            units.pop();
            kept += 2;
        }
        for decoded in char::decode_utf16(units) {
            push(&mut self.ready, decoded.ok());
        }
        if self.has_ended {
            self.ready.extend(odd.iter().map(|_| NO_CHARACTER));
        } else {
            self.raw = raw.get(raw.len() - kept..).unwrap_or_default().to_vec();
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.from == self.ready.len() && !self.has_ended {
            self.fill()?;
        }
        let mut rest = self.ready.get(self.from..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.from += read;
        Ok(read)
    }
}

fn push(text: &mut Vec<u8>, character: Option<char>) {
    match character {
        Some(character) => {
            text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        None => text.push(NO_CHARACTER),
    }
}

/// What a byte stands for, in an encoding of one byte each.
fn character(text: Text, byte: u8) -> Option<char> {
    match (text, byte) {
        (Text::Windows1252, 0x80..=0x9f) => HIGH.get(usize::from(byte - 0x80)).copied().flatten(),
        _ => Some(char::from(byte)),
    }
}

/// Where windows-1252 is not ISO 8859-1: 0x80 to 0x9f.
#[rustfmt::skip]
const HIGH: [Option<char>; 32] = [
    Some('€'), None,      Some('‚'), Some('ƒ'), Some('„'), Some('…'), Some('†'), Some('‡'),
    Some('ˆ'), Some('‰'), Some('Š'), Some('‹'), Some('Œ'), None,      Some('Ž'), None,
    None,      Some('‘'), Some('’'), Some('“'), Some('”'), Some('•'), Some('–'), Some('—'),
    Some('˜'), Some('™'), Some('š'), Some('›'), Some('œ'), None,      Some('ž'), Some('Ÿ'),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn examined(bytes: &[u8], configured: Option<Encoding>) -> Result<Text, String> {
        examine(bytes, configured).unwrap().text().map_err(|error| error.to_string())
    }

    fn decoded(bytes: &[u8], text: Text) -> Vec<u8> {
        let mut decoded = Vec::new();
        Decoded::new(bytes, text).read_to_end(&mut decoded).unwrap();
        decoded
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_mark_then_the_configuration_then_the_content_say_how_a_file_is_written() {
        let cases: [(&[u8], Option<Encoding>, Text); 8] = [
            (b"\xef\xbb\xbfsku", None, Text::Utf8),
            (b"\xff\xfes\0", None, Text::Utf16Le),
            (b"\xfe\xff\0s", Some(Encoding::Utf16), Text::Utf16Be),
            (b"s\0", Some(Encoding::Utf16), Text::Utf16Le),
            (b"stra\xdfe", None, Text::Windows1252),
            (b"stra\xdfe", Some(Encoding::Latin1), Text::Latin1),
            (b"stra\xdfe \xc3\x9f", None, Text::Utf8),
            (b"plain", None, Text::Utf8),
        ];
        for (bytes, configured, text) in cases {
            assert_eq!(examined(bytes, configured), Ok(text), "{bytes:?}");
        }
    }

    #[test]
    fn a_mark_that_contradicts_the_configuration_is_told() {
        let told = examined(b"\xef\xbb\xbfsku", Some(Encoding::Windows1252)).unwrap_err();
        let expected = "it begins with the mark of utf-8, and the configuration says windows-1252";
        assert_eq!(told, expected);
    }

    #[test]
    fn a_character_that_two_blocks_share_is_one() {
        let long = format!("{}ß", "x".repeat(BLOCK - 1));
        assert_eq!(examined(long.as_bytes(), None), Ok(Text::Utf8));
        // Cut off in its middle, it is none.
        let cut = &long.as_bytes()[..long.len() - 1];
        assert_eq!(examined(cut, None), Ok(Text::Windows1252));
        let long = format!("{}🥨!", "x".repeat(BLOCK / 2 - 1));
        assert_eq!(decoded(&utf16(&long), Text::Utf16Le), long.as_bytes());
    }

    #[test]
    fn what_is_no_character_is_not_made_one() {
        assert_eq!(decoded(b"\x80\x81\xe9", Text::Windows1252), b"\xe2\x82\xac\xff\xc3\xa9");
        assert_eq!(decoded(b"\x80", Text::Latin1), "\u{80}".as_bytes());
        assert_eq!(decoded(b"a\0\0\xd8b\0c", Text::Utf16Le), b"a\xffb\xff");
        assert_eq!(decoded(b"\xfe\xff\0a", Text::Utf16Be), b"a");
        assert_eq!(decoded(b"\xef\xbb\xbfa\xff", Text::Utf8), b"a\xff");
    }

    #[test]
    fn content_has_one_digest_however_it_is_named() {
        let digest = examine(&b"abc"[..], None).unwrap().digest;
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    proptest! {
        #[test]
        fn every_text_comes_through_utf_16_as_it_was(text in ".{0,200}") {
            let said = text.strip_prefix('\u{feff}').unwrap_or(&text);
            prop_assert_eq!(decoded(&utf16(&text), Text::Utf16Le), said.as_bytes());
        }
    }
}
