//! Import documents: properties inside XML (OrderFlow reference §3.1).

use std::fmt::Write as _;

use ferry_canonical::{FailureKind, value::Decimal};
use quick_xml::escape::escape;

use crate::Failure;

/// `key=value` lines in the order they were put. Empty values are left out, as the vendor's own
/// client does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(String);

impl Properties {
    pub(super) fn put(&mut self, key: &str, value: &str) {
        let value = line(value);
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(self.0, "{key}={value}");
        }
    }

    pub(super) fn put_some(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    pub(super) fn put_decimal(&mut self, key: &str, value: Option<&Decimal>) {
        self.put_some(key, value.map(Decimal::as_str));
    }
}

/// A value on one line: breaks become the token `[BR]`; control characters, which XML cannot carry,
/// and backslashes, whose meaning in a value is not known, are replaced.
fn line(value: &str) -> String {
    let broken = value.trim().replace("\r\n", "\n").replace(['\n', '\r'], BREAK);
    broken
        .chars()
        .filter_map(|c| match c {
            '\\' => Some('/'),
            '\t' => Some(' '),
            c if c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}') => None,
            c => Some(c),
        })
        .collect()
}

/// What stands for a line break at OrderFlow.
const BREAK: &str = "[BR]";

/// Checks that a key comes to OrderFlow as it is: what is imported under another one is found neither
/// in the answer nor later.
pub(super) fn key(field: &str, value: &str) -> Result<(), Failure> {
    const SHOWN_CHARS: usize = 60;
    if !value.is_empty() && line(value) == value && !value.contains(BREAK) {
        return Ok(());
    }
    let shown: String = value.chars().take(SHOWN_CHARS).collect();
    let detail = format!(
        "{field}: {shown:?} cannot be a key at OrderFlow; expected a text without backslashes, \
         control characters, {BREAK}, and white space at its ends"
    );
    Err(Failure::new(FailureKind::Validation, detail))
}

/// At most `chars` characters: the beginning of the text.
pub(super) fn cut(text: &str, chars: usize) -> String {
    line(text).chars().take(chars).collect()
}

/// One `<import>`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) kind: &'static str,
    pub(super) operation: &'static str,
    pub(super) reference: String,
    pub(super) properties: Properties,
}

/// The request's document.
pub(super) fn document(imports: &[Import]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imports>\n");
    for import in imports {
        let _ = writeln!(
            out,
            "<import type=\"{}\" operation=\"{}\" externalReference=\"{}\">{}</import>",
            import.kind,
            import.operation,
            escape(line(&import.reference).as_str()),
            escape(import.properties.0.trim_end()),
        );
    }
    out.push_str("</imports>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_become_the_token_and_empty_values_are_left_out() {
        let mut properties = Properties::default();
        properties.put("description", " Red mug\r\n330 ml ");
        properties.put("size", "  ");
        properties.put_some("colour", None);
        properties.put("path", "a\\b\u{1}");
        assert_eq!(properties.0, "description=Red mug[BR]330 ml\npath=a/b\n");
    }

    #[test]
    fn a_key_that_would_come_to_orderflow_as_another_one_is_refused_by_name() {
        let altered =
            ["a\\b", " a", "a\u{a0}", "a\nb", "a\tb", "a\0", "a\u{85}b", "a\u{ffff}", "a[BR]b"];
        for value in altered.into_iter().chain([""]) {
            let failure = key("/sku", value).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Validation, "{value:?}");
            assert!(failure.detail.starts_with(&format!("/sku: {value:?} ")), "{}", failure.detail);
        }
        for value in ["WEB-1", "a b", "Stra\u{df}e=1", "<&\"'>", "#1!", "\u{1f4e6}"] {
            assert_eq!(key("/sku", value), Ok(()), "{value:?}");
        }
    }

    #[test]
    fn a_document_survives_what_its_values_hold() {
        let mut properties = Properties::default();
        properties.put("description", "a ]]> b & <c>");
        let import = Import {
            kind: "product",
            operation: "merge",
            reference: "A\"1".to_owned(),
            properties,
        };
        let document = document(&[import]);
        let root = crate::xml::parse(document.as_bytes()).unwrap();
        let import = root.child("import").unwrap();
        assert_eq!(import.attribute("externalReference"), Some("A\"1"));
        assert_eq!(import.text, "description=a ]]> b & <c>");
    }

    #[test]
    fn a_long_text_is_cut_to_its_length_in_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äöü");
    }
}
