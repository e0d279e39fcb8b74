//! Import documents: properties inside XML (OrderFlow reference §3.1).

use std::collections::{HashMap, HashSet};

use ferry_canonical::{FailureKind, value::Decimal};
use ferry_config::orderflow::{ImportOperation, ImportType};
use quick_xml::escape::escape;

use crate::Failure;

/// `key=value` lines in the order they were put. Empty values are left out, as the vendor's own
/// client does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(Vec<(String, String)>);

impl Properties {
    /// A key that was not put before.
    pub(super) fn put(&mut self, key: &str, value: &str) {
        let value = line(value);
        if !value.is_empty() {
            self.0.push((key.to_owned(), value));
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

    /// Lays `newer` over these; what has no value there is taken away.
    pub(super) fn overlay(&mut self, newer: &[(String, Option<String>)]) {
        let values: HashMap<&str, Option<&str>> =
            newer.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
        let mut placed = HashSet::new();
        for (key, value) in std::mem::take(&mut self.0) {
            match values.get(key.as_str()) {
                None => self.0.push((key, value)),
                Some(changed) => {
                    self.put_some(&key, *changed);
                    placed.insert(key);
                }
            }
        }
        for (key, _) in newer {
            if placed.insert(key.clone()) {
                self.put_some(key, values.get(key.as_str()).copied().flatten());
            }
        }
    }

    /// Gives a property that is there another value.
    pub(super) fn set(&mut self, key: &str, value: &str) {
        self.overlay(&[(key.to_owned(), Some(value.to_owned()))]);
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(found, _)| found != key);
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(found, _)| *found == key).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self.iter().map(|(key, value)| format!("{key}={value}")).collect();
        lines.join("\n")
    }
}

/// A value on one line: breaks become the token `[BR]`; control characters, which XML cannot carry,
/// and backslashes, whose meaning in a value is not known, are replaced.
pub(super) fn line(value: &str) -> String {
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

/// Characters of a value as OrderFlow keeps it: a break is one.
pub(super) fn length(value: &str) -> usize {
    value.replace(BREAK, "\n").chars().count()
}

/// At most `chars` characters: the beginning of the text.
pub(super) fn cut(text: &str, chars: usize) -> String {
    let kept: String = line(text).replace(BREAK, "\n").chars().take(chars).collect();
    kept.trim_end().replace('\n', BREAK)
}

/// One `<import>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) kind: ImportType,
    pub(super) operation: ImportOperation,
    pub(super) reference: String,
    pub(super) properties: Properties,
    /// Something a person should see although it is imported.
    pub(super) warning: Option<String>,
}

/// What stands before the first import of a document, and after the last.
pub(super) const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imports>\n";
pub(super) const TAIL: &str = "</imports>\n";

/// The request's document.
pub(super) fn document(imports: &[Import]) -> String {
    let mut out = String::from(HEAD);
    for import in imports {
        out.push_str(&element(import));
    }
    out.push_str(TAIL);
    out
}

/// One import, on lines of its own.
pub(super) fn element(import: &Import) -> String {
    format!(
        "<import type=\"{}\" operation=\"{}\" externalReference=\"{}\">{}</import>\n",
        import.kind,
        import.operation.as_str(),
        escape(line(&import.reference).as_str()),
        escape(import.properties.text()),
    )
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
        assert_eq!(properties.text(), "description=Red mug[BR]330 ml\npath=a/b");
    }

    #[test]
    fn an_overlay_changes_adds_and_takes_away() {
        let mut properties = Properties::default();
        for (key, value) in [("a", "1"), ("b", "2"), ("c", "3")] {
            properties.put(key, value);
        }
        let newer = [("z", Some("9")), ("b", None), ("y", Some("8\n8")), ("c", Some("4"))];
        let newer = newer.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
        properties.overlay(&newer);
        assert_eq!(properties.text(), "a=1\nc=4\nz=9\ny=8[BR]8");
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
            kind: ImportType::Product,
            operation: ImportOperation::Merge,
            reference: "A\"1".to_owned(),
            properties,
            warning: None,
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
        // A break is never cut in two.
        assert_eq!(cut("ab\ncd", 4), "ab[BR]c");
        assert_eq!(cut("ab\ncd", 3), "ab");
    }
}
