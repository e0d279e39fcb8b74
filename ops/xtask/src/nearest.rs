//! What a mistyped word was probably meant to be.

/// The candidate with the fewest edits, if that is at most half of the word.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (edits(word, candidate), candidate))
        .min()
        .filter(|(edits, _)| *edits * 2 <= word.chars().count())
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, one row at a time.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, left) in from.chars().enumerate() {
        let mut next = vec![above + 1];
        for ((right, diagonal), up) in to.iter().zip(&row).zip(row.iter().skip(1)) {
            let here = next.last().copied().unwrap_or_default();
            let kept = diagonal + usize::from(left != *right);
            next.push(kept.min(up + 1).min(here + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted_as_levenshtein_counts_them() {
        for (from, to, count) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3)] {
            assert_eq!(edits(from, to), count, "{from} {to}");
            assert_eq!(edits(to, from), count, "{to} {from}");
        }
    }

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_none() {
        let words = ["demo", "test", "sim"];
        assert_eq!(nearest("dmeo", words), Some("demo"));
        assert_eq!(nearest("tests", words), Some("test"));
        assert_eq!(nearest("deploy-everything", words), None);
        assert_eq!(nearest("", words), None);
    }
}
