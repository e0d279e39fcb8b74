//! What makes a document well-formed beyond what the reader looks at by itself.

use quick_xml::events::{BytesStart, Event};

use super::XmlError;

/// Where an event stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Its first byte.
    pub(super) at: usize,
    /// Nothing stands before it.
    pub(super) is_first: bool,
    /// Within the root element.
    pub(super) inside: bool,
}

fn malformed(at: usize, reason: &str) -> XmlError {
    XmlError::Malformed { at, reason: reason.to_owned() }
}

/// Characters that no document may hold.
pub(super) fn check_characters(text: &str, skipped: usize) -> Result<(), XmlError> {
    match text.char_indices().find(|(_, character)| !is_character(*character)) {
        Some((at, character)) => {
            let reason = format!("the character U+{:04X} is not allowed", u32::from(character));
            Err(XmlError::Malformed { at: at + skipped, reason })
        }
        None => Ok(()),
    }
}

pub(super) fn check(
    event: &Event<'_>,
    Place { at, is_first, inside }: Place,
) -> Result<(), XmlError> {
    match event {
        Event::Start(tag) | Event::Empty(tag) => check_tag(tag, at),
        Event::Text(text) if text.contains("]]>") => Err(malformed(at, "`]]>` in a text")),
        Event::Text(text) if !inside && !text.chars().all(is_space) => {
            Err(malformed(at, "text outside the root element"))
        }
        Event::CData(_) | Event::GeneralRef(_) if !inside => {
            Err(malformed(at, "text outside the root element"))
        }
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(character)) if !is_character(character) => {
                Err(malformed(at, "a reference to a character that is not allowed"))
            }
            Ok(_) | Err(_) => Ok(()),
        },
        Event::Decl(_) if !is_first => {
            Err(malformed(at, "an XML declaration that is not at the start"))
        }
        Event::Text(_)
        | Event::CData(_)
        | Event::Decl(_)
        | Event::End(_)
        | Event::PI(_)
        | Event::Comment(_)
        | Event::DocType(_)
        | Event::Eof => Ok(()),
    }
}

fn check_tag(tag: &BytesStart<'_>, at: usize) -> Result<(), XmlError> {
    let name_of = |name: &str| is_name(name).then_some(()).ok_or(malformed(at, "not a name"));
    name_of(tag.name().as_ref())?;
    for attribute in tag.attributes().flatten() {
        name_of(attribute.key.as_ref())?;
        if attribute.value.contains('<') {
            return Err(malformed(at, "`<` in an attribute"));
        }
        // The reader replaces what it can; a forbidden character must not come in through a reference.
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0);
        if value.is_ok_and(|value| !value.chars().all(is_character)) {
            return Err(malformed(at, "a reference to a character that is not allowed"));
        }
    }
    if are_attributes_apart(tag) {
        Ok(())
    } else {
        Err(malformed(at, "no space between attributes"))
    }
}

/// Whether white space follows every value that something follows.
fn are_attributes_apart(tag: &BytesStart<'_>) -> bool {
    let mut quote = None;
    let mut closed = false;
    for character in tag.chars() {
        if closed && !is_space(character) && character != '/' {
            return false;
        }
        closed = quote == Some(character);
        quote = match quote {
            Some(open) if open != character => Some(open),
            Some(_) => None,
            None => ['"', '\''].contains(&character).then_some(character),
        };
    }
    true
}

const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

const fn is_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        character => character >= ' ',
    }
}

/// Names in ASCII to the letter, and beyond it whatever is a letter or a digit anywhere.
fn is_name(name: &str) -> bool {
    let starts = |character: char| character.is_alphabetic() || matches!(character, '_' | ':');
    let goes_on = |character: char| {
        starts(character)
            || character.is_alphanumeric()
            || matches!(character, '-' | '.' | '\u{b7}')
    };
    name.starts_with(starts) && name.chars().all(goes_on)
}

#[cfg(test)]
mod tests {
    use super::super::{XmlError, parse, well_formed};

    #[test]
    fn what_is_not_quite_well_formed_is_refused_with_its_place() {
        for (document, place) in [
            ("<a/><b/>", 4),
            ("<a/>x", 4),
            ("x<a/>", 0),
            ("<a/>&amp;", 4),
            ("<a/><![CDATA[x]]>", 4),
            ("<a>\u{1}</a>", 3),
            ("<a b=\"\u{b}\"/>", 6),
            ("<a>\u{ffff}</a>", 3),
            ("<a>&#1;</a>", 3),
            ("<a b=\"&#x8;\"/>", 0),
            ("<a>]]></a>", 3),
            ("<a b=\"<\"/>", 0),
            ("<a b=\"1\"c=\"2\"/>", 0),
            ("<a b=\"1\" b=\"2\"/>", 0),
            ("<1/>", 0),
            ("<a 1=\"x\"/>", 0),
            ("<a><b/><?xml version=\"1.0\"?></a>", 7),
            ("\n<?xml version=\"1.0\"?><a/>", 1),
        ] {
            match well_formed(document.as_bytes()) {
                Err(XmlError::Malformed { at, .. }) => assert_eq!(at, place, "{document:?}"),
                other => panic!("{document:?}: {other:?}"),
            }
        }
        for document in [
            "<a></b>",
            "<a b></a>",
            "<a b=1/>",
            "<a>&nbsp;</a>",
            "<a>&</a>",
            "</a>",
            "<a/></a>",
            "<a><!-- b -- c --></a>",
            "<a><b></a></b>",
            "<!DOCTYPE a><a/>",
        ] {
            assert!(well_formed(document.as_bytes()).is_err(), "{document:?}");
        }
    }

    #[test]
    fn a_place_counts_from_the_first_byte_sent() {
        let refused = well_formed("\u{feff}<a/>x".as_bytes());
        assert!(matches!(refused, Err(XmlError::Malformed { at: 7, .. })), "{refused:?}");
    }

    #[test]
    fn what_is_well_formed_is_taken_whatever_it_looks_like() {
        for document in [
            "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes'?>\r\n<!-- - -->\n<a/>\n<?x y?>\n",
            "<a b = '1>2'\n\tc=\"it's\" >\t&lt;&#233;&#x1F4E6;<![CDATA[<>]]]]><![CDATA[>]]></a >",
            "<m:a-1._\u{b7} xmlns:m=\"urn:x\" m:\u{e9}=\"\u{85}\u{1f4e6}\">]] > --</m:a-1._\u{b7}>",
            "<a b=\"1\"/>",
            "<a b='1' />",
        ] {
            let read = well_formed(document.as_bytes());
            assert_eq!(read, parse(document.as_bytes()));
            assert!(read.is_ok(), "{document:?}: {read:?}");
        }
    }
}
