//! A list cut into its items, without a tree of all of it.

use ferry_canonical::limits;
use quick_xml::{Reader, events::Event};

/// A document whose root's children are items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Split<'a> {
    /// The root's name.
    pub(super) name: String,
    /// The root's opening tag.
    opening: &'a [u8],
    /// The children, each as it stands.
    pub(super) items: Vec<&'a [u8]>,
}

impl Split<'_> {
    /// A document of the same root with these items.
    pub(super) fn document(&self, items: &[&[u8]]) -> Vec<u8> {
        let mut out = self.opening.to_vec();
        // A root without children may have been an empty tag, which has no items to be written.
        for item in items {
            out.extend_from_slice(item);
        }
        out.extend_from_slice(format!("</{}>", self.name).as_bytes());
        out
    }
}

/// The error is a phrase.
pub(super) fn split(body: &[u8]) -> Result<Split<'_>, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| format!("byte {} is not UTF-8", error.valid_up_to()))?;
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    let body = body.get(skipped..).unwrap_or_default();
    let mut reader = Reader::from_str(text.get(skipped..).unwrap_or_default());
    let mut cutter = Cutter { body, depth: 0, item: 0, split: None };
    loop {
        let start = place(reader.buffer_position());
        let event = reader.read_event().map_err(|error| {
            format!("not well-formed XML at byte {}: {error}", reader.error_position())
        })?;
        let end = place(reader.buffer_position());
        match event {
            Event::Start(tag) => cutter.open(tag.name().as_ref(), start, end)?,
            Event::Empty(tag) => {
                cutter.open(tag.name().as_ref(), start, end)?;
                cutter.close(end);
            }
            Event::End(_) => cutter.close(end),
            Event::DocType(_) => return Err("a document type declaration".to_owned()),
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    match cutter.split {
        Some(_) if cutter.depth > 0 => Err("it ends in the middle".to_owned()),
        Some(split) => Ok(split),
        None => Err("no element at all".to_owned()),
    }
}

fn place(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

struct Cutter<'a> {
    body: &'a [u8],
    depth: usize,
    /// Where the item under way began.
    item: usize,
    split: Option<Split<'a>>,
}

impl Cutter<'_> {
    fn open(&mut self, name: &str, start: usize, end: usize) -> Result<(), String> {
        match (self.depth, &self.split) {
            (0, None) => {
                let opening = self.body.get(start..end).unwrap_or_default();
                let name = name.to_owned();
                self.split = Some(Split { name, opening, items: Vec::new() });
            }
            (0, Some(_)) => return Err("a second root element".to_owned()),
            (1, _) => self.item = start,
            (limits::DEPTH.., _) => return Err("elements are nested too deep".to_owned()),
            _ => {}
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, end: usize) {
        self.depth = self.depth.saturating_sub(1);
        if let (1, Some(split)) = (self.depth, self.split.as_mut()) {
            split.items.push(self.body.get(self.item..end).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn items_stand_as_they_were_and_make_documents_of_the_same_root() {
        let body = b"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<a k=\"1\"> <b/><c x=\"&lt;\">t<d/></c><!-- --></a>";
        let split = split(body).unwrap();
        assert_eq!(split.name, "a");
        assert_eq!(split.items, [&b"<b/>"[..], b"<c x=\"&lt;\">t<d/></c>"]);
        assert_eq!(split.document(&split.items[1..]), b"<a k=\"1\"><c x=\"&lt;\">t<d/></c></a>");
        assert_eq!(super::split(b"<a/>").unwrap().items, [b""; 0]);
    }

    #[test]
    fn what_is_cut_short_or_is_no_xml_says_so() {
        for body in
            [&b""[..], b"gateway", b"<a><b>", b"<a></a><b/>", b"<a>\xe9</a>", b"<!DOCTYPE x><a/>"]
        {
            assert!(split(body).is_err(), "{}", String::from_utf8_lossy(body));
        }
        assert!(split("<a>".repeat(limits::DEPTH + 2).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = split(&bytes);
        }

        #[test]
        fn no_markup_makes_it_panic(text in "[<>/a&;\"'= \\[\\]!?#x0-9-]{0,120}") {
            let _ = split(text.as_bytes());
        }
    }
}
