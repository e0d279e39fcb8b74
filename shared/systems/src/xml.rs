//! XML as a small tree with byte positions, read within bounds.
//!
//! Promises never to panic, never to expand an entity beyond the five of XML and character
//! references, and to end early on depth or size. Document type declarations are refused: nothing
//! we receive needs one, and they are how XML attacks begin. Namespaces are not resolved.
//!
//! [`parse`] takes what can be read; [`well_formed`] refuses what another parser would.

use ferry_canonical::limits;
use quick_xml::{
    Reader,
    escape::resolve_predefined_entity,
    events::{BytesRef, BytesStart, Event},
};

mod letter;

use letter::Place;

/// Elements and attributes together, at most.
const NODES_MAX: usize = 400_000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
    /// All text directly inside, CDATA included.
    pub(crate) text: String,
    /// Byte offsets of `<` and of what follows the element.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("not UTF-8: byte {at} cannot be read")]
    Encoding { at: usize },
    #[error("not well-formed XML at byte {at}: {reason}")]
    Malformed { at: usize, reason: String },
    #[error("elements are nested deeper than {}", limits::DEPTH)]
    Depth,
    #[error("more than {NODES_MAX} elements and attributes")]
    Nodes,
    #[error("a document type declaration is not accepted (byte {at})")]
    Doctype { at: usize },
    #[error("entity `{name}` at byte {at} is not one of XML's own")]
    Entity { name: String, at: usize },
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The trimmed text of a child, where there is any.
    pub(crate) fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// The first descendant on a path of names.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }
}

/// Reads a whole document, also one that is not quite well-formed: an answer that can be understood
/// is better than none.
pub(crate) fn parse(bytes: &[u8]) -> Result<Element, XmlError> {
    read(bytes, false)
}

/// Reads a document that is XML 1.0 to the letter, as far as it concerns documents without a type.
pub(crate) fn well_formed(bytes: &[u8]) -> Result<Element, XmlError> {
    read(bytes, true)
}

/// The encoding that a document's declaration names.
pub(crate) fn declared_encoding(bytes: &[u8]) -> Option<String> {
    /// A declaration is short.
    const DECLARATION: usize = 200;
    let start = bytes.get(..DECLARATION.min(bytes.len()))?;
    // Whatever the encoding is, what can be declared is ASCII.
    let start = String::from_utf8_lossy(start);
    let (declaration, _) =
        start.trim_start_matches('\u{feff}').strip_prefix("<?xml")?.split_once("?>")?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, _) = value.get(1..)?.split_once(quote)?;
    Some(name.to_owned())
}

fn read(bytes: &[u8], strict: bool) -> Result<Element, XmlError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| XmlError::Encoding { at: error.valid_up_to() })?;
    let text = text.trim_start_matches('\u{feff}');
    let skipped = bytes.len() - text.len();
    let mut tree = Tree::default();
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = strict;
    if strict {
        letter::check_characters(text, skipped)?;
    }
    loop {
        let start = position(reader.buffer_position()) + skipped;
        let event = reader.read_event().map_err(|error| XmlError::Malformed {
            at: position(reader.error_position()) + skipped,
            reason: error.to_string(),
        })?;
        let end = position(reader.buffer_position()) + skipped;
        if strict {
            let place = Place { at: start, is_first: start == skipped, inside: tree.is_inside() };
            letter::check(&event, place)?;
        }
        match event {
            Event::Start(tag) => tree.open(&tag, start)?,
            Event::Empty(tag) => {
                tree.open(&tag, start)?;
                tree.close(end);
            }
            Event::End(_) => tree.close(end),
            Event::Text(text) => tree.text(&text.xml10_content()),
            Event::CData(text) => tree.text(&text.xml10_content()),
            Event::GeneralRef(reference) => tree.text(&resolve(&reference, start)?),
            Event::DocType(_) => return Err(XmlError::Doctype { at: start }),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    tree.finish(bytes.len())
}

fn position(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn resolve(reference: &BytesRef<'_>, at: usize) -> Result<String, XmlError> {
    let name = reference.borrow().into_inner().into_owned();
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    match resolve_predefined_entity(&name) {
        Some(text) => Ok(text.to_owned()),
        None => Err(XmlError::Entity { name: name.chars().take(40).collect(), at }),
    }
}

#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    nodes: usize,
}

impl Tree {
    fn is_inside(&self) -> bool {
        !self.open.is_empty()
    }

    fn open(&mut self, tag: &BytesStart<'_>, start: usize) -> Result<(), XmlError> {
        let malformed = |reason: String| XmlError::Malformed { at: start, reason };
        if self.root.is_some() && self.open.is_empty() {
            return Err(malformed("a second root element".to_owned()));
        }
        if self.open.len() >= limits::DEPTH {
            return Err(XmlError::Depth);
        }
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Implicit1_0)
                .map_err(|error| malformed(error.to_string()))?;
            attributes.push((text_of(attribute.key.as_ref()), value.into_owned()));
        }
        self.nodes += 1 + attributes.len();
        if self.nodes > NODES_MAX {
            return Err(XmlError::Nodes);
        }
        let name = text_of(tag.name().as_ref());
        self.open.push(Element { name, attributes, start, ..Element::default() });
        Ok(())
    }

    fn close(&mut self, end: usize) {
        let Some(mut element) = self.open.pop() else { return };
        element.end = end;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn finish(self, at: usize) -> Result<Element, XmlError> {
        let malformed = |reason: String| XmlError::Malformed { at, reason };
        if let Some(element) = self.open.last() {
            return Err(malformed(format!("element `{}` is not closed", element.name)));
        }
        self.root.ok_or_else(|| malformed("no element at all".to_owned()))
    }
}

fn text_of(name: &str) -> String {
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_cdata_and_references_come_out_as_one_text() {
        let root = parse(b"<a x=\"1 &lt; 2\"> b <![CDATA[<c>]]>&amp;&#233;</a>").unwrap();
        assert_eq!(root.text, " b <c>&\u{e9}");
        assert_eq!(root.attribute("x"), Some("1 < 2"));
    }

    #[test]
    fn an_element_knows_where_it_stood() {
        let bytes = b"<a><b k=\"1\"/><c>t</c></a>";
        let root = parse(bytes).unwrap();
        let c = root.child("c").unwrap();
        assert_eq!(&bytes[c.start..c.end], b"<c>t</c>");
        assert_eq!(&bytes[root.children[0].start..root.children[0].end], b"<b k=\"1\"/>");
    }

    #[test]
    fn an_entity_bomb_is_refused_before_it_grows() {
        let bomb = b"<!DOCTYPE a [<!ENTITY b \"cc\"><!ENTITY d \"&b;&b;\">]><a>&d;</a>";
        assert_eq!(parse(bomb), Err(XmlError::Doctype { at: 0 }));
        let entity = XmlError::Entity { name: "d".to_owned(), at: 3 };
        assert_eq!(parse(b"<a>&d;</a>"), Err(entity));
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "<a>".repeat(limits::DEPTH + 1);
        assert_eq!(parse(deep.as_bytes()), Err(XmlError::Depth));
    }

    #[test]
    fn what_is_not_xml_says_where() {
        assert!(matches!(parse(b"<a><b></a>"), Err(XmlError::Malformed { .. })));
        assert!(matches!(parse(b"<a>"), Err(XmlError::Malformed { .. })));
        assert!(matches!(parse(b""), Err(XmlError::Malformed { .. })));
        assert_eq!(parse(b"<a>\xe9</a>"), Err(XmlError::Encoding { at: 3 }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
            let _ = well_formed(&bytes);
        }

        #[test]
        fn no_markup_makes_it_panic(text in "[<>/a&;\"'= \\[\\]!?#x0-9-]{0,120}") {
            let _ = parse(text.as_bytes());
            let _ = well_formed(text.as_bytes());
        }
    }
}
