//! What a page says to people, of pages that are no XML: most have a document type, and elements that
//! nobody closes.

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use crate::xml::Element;

/// Elements whose text is looked at; they stand anywhere in the page, and are shown in its body.
const SAID: [&str; 4] = ["h1", "h2", "p", "title"];
/// Of them, so many.
const SAID_MAX: usize = 50;

/// Whether a text begins as a page does.
pub(super) fn is_page(text: &str) -> bool {
    let begins =
        |name: &str| text.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    begins("<!doctype html") || begins("<html")
}

/// The page as `html/body` with its headings and paragraphs, as far as it can be read.
pub(super) fn page(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut said: Vec<Element> = Vec::new();
    let mut is_open = false;
    // Where it cannot be read on, what was read counts.
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(tag) => {
                if let Some(element) = heard(&tag) {
                    if said.len() == SAID_MAX {
                        break;
                    }
                    said.push(element);
                    is_open = true;
                }
            }
            Event::End(tag) => {
                let name = tag.name().as_ref().to_ascii_lowercase();
                is_open &= !SAID.contains(&name.as_str());
            }
            Event::Text(text) if is_open => append(&mut said, &text.xml10_content()),
            Event::GeneralRef(reference) if is_open => {
                let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                let name = reference.borrow().into_inner().into_owned();
                let known = quick_xml::escape::resolve_predefined_entity(&name);
                append(&mut said, &character.or(known.map(str::to_owned)).unwrap_or_default());
            }
            Event::Eof => break,
            Event::Text(_)
            | Event::GeneralRef(_)
            | Event::Empty(_)
            | Event::CData(_)
            | Event::DocType(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::Comment(_) => {}
        }
    }
    let around =
        |name: &str, children| Element { name: name.to_owned(), children, ..Element::default() };
    around("html", vec![around("body", said)])
}

fn heard(tag: &BytesStart<'_>) -> Option<Element> {
    let name = tag.name().as_ref().to_ascii_lowercase();
    SAID.contains(&name.as_str()).then(|| Element { name, ..Element::default() })
}

fn append(said: &mut [Element], text: &str) {
    if let Some(last) = said.last_mut() {
        last.text.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> Vec<(String, String)> {
        let body = page(text).children.pop().unwrap();
        let shown = |element: Element| (element.name, element.text.trim().to_owned());
        body.children.into_iter().map(shown).collect()
    }

    #[test]
    fn a_page_says_what_its_headings_and_paragraphs_say() {
        let text = "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x.dtd\">\n<html><head>\
            <META charset=utf-8><title>Oops</title><body><h2>ERROR</H2><br><p>Product A &amp; B &lt; C\
            <p>again<hr></body></html>";
        let expected =
            [("title", "Oops"), ("h2", "ERROR"), ("p", "Product A & B < C"), ("p", "again")];
        assert_eq!(said(text), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_page_is_told_from_a_document_by_how_it_begins() {
        for (text, is) in [
            ("<!DOCTYPE HTML>", true),
            ("<html lang=en>", true),
            ("<!DOCTYPE order>", false),
            ("<importResult/>", false),
            ("", false),
        ] {
            assert_eq!(is_page(text), is, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(text in "[<>/a-h12p&;\"'= !-]{0,200}") {
            let _ = page(&text);
        }
    }
}
