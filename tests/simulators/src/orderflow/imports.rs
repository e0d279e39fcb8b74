//! The body of `importitems.xml` requests: `<imports>` with 1..n `<import>` (OrderFlow reference
//! §3.1).
//!
//! Promises to read text and CDATA alike, to name what is wrong with a document it cannot read, and
//! never to expand entities: a document type is refused. What an import says about products or
//! orders is not judged here; one bad import does not spoil its neighbours.

use std::fmt;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{XmlVersion, escape::resolve_predefined_entity};

/// `imports`, `import`, and one level of children such as `productAlias`.
const DEPTH_MAX: usize = 4;
/// More than this in one request is refused as a whole.
const IMPORTS_MAX: usize = 10_000;

/// One `<import>`: its attributes as they stand and the raw text inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) kind: String,
    pub(super) operation: String,
    pub(super) external_reference: Option<String>,
    pub(super) text: String,
}

/// Why a whole request cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    NotUtf8,
    Malformed(quick_xml::Error),
    DocumentType,
    UnknownEntity,
    TooDeep,
    TooMany,
    Root(String),
    Unexpected(String),
    Unfinished,
    Empty,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("the document is not UTF-8"),
            Self::Malformed(error) => write!(f, "the document is not well-formed XML: {error}"),
            Self::DocumentType => f.write_str("a document type is not allowed"),
            Self::UnknownEntity => f.write_str("the document refers to an unknown entity"),
            Self::TooDeep => f.write_str("the document is nested too deep"),
            Self::TooMany => write!(f, "more than {IMPORTS_MAX} imports in one request"),
            Self::Root(name) => write!(f, "expected root element imports, found {name}"),
            Self::Unexpected(name) => write!(f, "unexpected {name} directly below imports"),
            Self::Unfinished => f.write_str("the document ends too early"),
            Self::Empty => f.write_str("the document holds no import"),
        }
    }
}

impl From<quick_xml::Error> for Unreadable {
    fn from(error: quick_xml::Error) -> Self {
        Self::Malformed(error)
    }
}

/// Reads a request body.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Import>, Unreadable> {
    let text = str::from_utf8(body).map_err(|_| Unreadable::NotUtf8)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{FEFF}'));
    let mut found = Found::default();
    loop {
        match reader.read_event()? {
            Event::Start(start) => found.open(&start)?,
            Event::Empty(start) => {
                found.open(&start)?;
                found.close();
            }
            Event::End(_) => found.close(),
            Event::Text(text) => found.text(&text.xml10_content())?,
            Event::CData(text) => found.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => found.text(&resolved(&reference)?)?,
            Event::DocType(_) => return Err(Unreadable::DocumentType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return found.finish(),
        }
    }
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, Unreadable> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    resolve_predefined_entity(reference).map(str::to_owned).ok_or(Unreadable::UnknownEntity)
}

#[derive(Default)]
struct Found {
    depth: usize,
    seen_root: bool,
    imports: Vec<Import>,
}

impl Found {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        let name = start.name().into_inner().to_owned();
        match self.depth {
            0 if self.seen_root || name != "imports" => return Err(Unreadable::Root(name)),
            0 => self.seen_root = true,
            1 if name != "import" => return Err(Unreadable::Unexpected(name)),
            1 if self.imports.len() == IMPORTS_MAX => return Err(Unreadable::TooMany),
            1 => self.imports.push(import(start)?),
            DEPTH_MAX.. => return Err(Unreadable::TooDeep),
            _ => {}
        }
        self.depth += 1;
        Ok(())
    }

    /// The reader has checked that every end matches its start.
    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn text(&mut self, text: &str) -> Result<(), Unreadable> {
        match (self.depth, self.imports.last_mut()) {
            (2, Some(import)) => import.text.push_str(text),
            (0 | 1, _) if !text.trim().is_empty() => {
                return Err(Unreadable::Unexpected("text".to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Vec<Import>, Unreadable> {
        if self.depth > 0 || !self.seen_root {
            return Err(Unreadable::Unfinished);
        }
        if self.imports.is_empty() { Err(Unreadable::Empty) } else { Ok(self.imports) }
    }
}

fn import(start: &BytesStart<'_>) -> Result<Import, Unreadable> {
    let mut import = Import::default();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(quick_xml::Error::from)?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0)?.trim().to_owned();
        match attribute.key.into_inner() {
            "type" => import.kind = value,
            "operation" => import.operation = value,
            "externalReference" => import.external_reference = Some(value),
            _ => {}
        }
    }
    Ok(import)
}

#[cfg(test)]
mod tests {
    use super::{Import, Unreadable, parse};

    fn texts(body: &str) -> Vec<String> {
        parse(body.as_bytes()).unwrap().into_iter().map(|import| import.text).collect()
    }

    #[test]
    fn text_and_cdata_are_read_alike() {
        let body = "<imports><import type='product'>a=1 &amp; 2&#10;b=&lt;x&gt;</import>\
                    <import type='product'><![CDATA[a=1 & 2\nb=<x>]]></import></imports>";
        assert_eq!(texts(body), ["a=1 & 2\nb=<x>", "a=1 & 2\nb=<x>"]);
    }

    #[test]
    fn the_attributes_of_each_import_are_kept_and_unknown_ones_ignored() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imports>\n\
            <import type=\"order\" operation=\"insert\" externalReference=\"A&amp;B\" x=\"y\"/>\n</imports>";
        assert_eq!(
            parse(body.as_bytes()).unwrap(),
            [Import {
                kind: "order".into(),
                operation: "insert".into(),
                external_reference: Some("A&B".into()),
                text: String::new(),
            }]
        );
    }

    #[test]
    fn children_of_an_import_add_nothing_to_its_text() {
        let body =
            "<imports><import>a=1<productAlias type='barcode'>z</productAlias></import></imports>";
        assert_eq!(texts(body), ["a=1"]);
    }

    #[test]
    fn a_document_type_is_refused_before_any_entity_is_expanded() {
        let body = "<!DOCTYPE x [<!ENTITY a 'b'>]><imports><import>&a;</import></imports>";
        assert!(matches!(parse(body.as_bytes()), Err(Unreadable::DocumentType)));
        let body = "<imports><import>&a;</import></imports>";
        assert!(matches!(parse(body.as_bytes()), Err(Unreadable::UnknownEntity)));
    }

    #[test]
    fn what_is_not_an_import_request_is_refused_as_a_whole() {
        for body in [
            "",
            "hello",
            "<imports/>",
            "<order/>",
            "<imports><import>",
            "<imports><import></imports></import>",
            "<imports><order/></imports>",
            "<imports>x</imports>",
            "<imports><import/></imports><imports/>",
            "<imports><import type=x/></imports>",
            "<imports><import><a><b><c/></b></a></import></imports>",
        ] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
        assert!(matches!(parse(b"<imports>\xE9</imports>"), Err(Unreadable::NotUtf8)));
    }
}
