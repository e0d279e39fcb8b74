//! The words of a text, as the journal is searched by them: runs of letters and digits, without
//! case and diacritics. PostgreSQL's own parser would read markup and take words apart its own way.

use std::collections::BTreeSet;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// What of a word is kept, in characters.
const WORD_CHARS: usize = 200;

/// Every word, in order.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut length = 0;
    let folded = text.nfd().filter(|letter| !is_combining_mark(*letter));
    for letter in folded.chain(Some(' ')) {
        if letter.is_alphanumeric() {
            if length < WORD_CHARS {
                word.extend(letter.to_lowercase());
            }
            length += 1;
        } else if length > 0 {
            words.push(std::mem::take(&mut word));
            length = 0;
        }
    }
    words
}

/// The words as a `tsvector`: each once, without positions.
pub(super) fn vector<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let all: BTreeSet<String> = texts.flat_map(words).collect();
    let quoted: Vec<String> = all.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(" ")
}

/// What a person asked for: words, or several words that must follow each other, like the parts of
/// an id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Phrases(Vec<Vec<String>>);

impl Phrases {
    pub(super) fn of(text: &str) -> Self {
        Self(text.split_whitespace().map(words).filter(|words| !words.is_empty()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A `tsquery` that everything asked for meets, and perhaps more: see [`Self::are_in`].
    pub(super) fn query(&self) -> String {
        let all: BTreeSet<&String> = self.0.iter().flatten().collect();
        let quoted: Vec<String> = all.iter().map(|word| format!("'{word}'")).collect();
        quoted.join(" & ")
    }

    /// Whether the query says all: no two words have to follow each other.
    pub(super) fn are_single(&self) -> bool {
        self.0.iter().all(|phrase| phrase.len() == 1)
    }

    /// Whether every phrase stands somewhere in one of the texts.
    pub(super) fn are_in<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        let texts: Vec<Vec<String>> = texts.map(words).collect();
        let stands = |phrase: &Vec<String>| {
            texts.iter().any(|text| text.windows(phrase.len()).any(|here| here == phrase))
        };
        self.0.iter().all(stands)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_have_neither_case_nor_diacritics_nor_marks_between_them() {
        assert_eq!(words("<id>WEB-1001_S2</id>"), ["id", "web", "1001", "s2", "id"]);
        assert_eq!(words("Grüße, CAFE\u{301}"), ["gruße", "cafe"]);
    }

    #[test]
    fn the_parts_of_an_id_must_follow_each_other() {
        let asked = Phrases::of("web-1001 sent");
        assert!(asked.are_in(["WEB 1001", "it was sent"].into_iter()));
        assert!(!asked.are_in(["1001 web", "sent"].into_iter()));
        assert_eq!(asked.query(), "'1001' & 'sent' & 'web'");
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_quotes(text in "\\PC{0,80}") {
            for word in words(&text) {
                prop_assert!(word.chars().all(|letter| letter != '\'' && letter != '\\'));
            }
        }
    }
}
