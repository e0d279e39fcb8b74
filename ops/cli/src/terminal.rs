//! What came from elsewhere, as a terminal may show it: characters that a terminal obeys instead of
//! showing are written out, so that no record can move the cursor, hide a line or turn one round.
//!
//! `--json` needs none of it.

/// Lines stay lines.
pub(crate) fn shown(text: &str) -> String {
    written_out(text, |character| !matches!(character, '\n' | '\t'))
}

/// One line, whatever the text holds.
pub(crate) fn line(text: &str) -> String {
    written_out(text, |_| true)
}

fn written_out(text: &str, is_obeyed: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_order(character) && is_obeyed(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Control characters, and what changes the direction of writing.
fn is_order(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_no_orders_and_letters_stay_as_they_are() {
        let hostile = "a\u{1b}[2Jb\u{9b}31m\rc\u{7}\u{202e}d\n\te";
        let written = "a\\u{1b}[2Jb\\u{9b}31m\\rc\\u{7}\\u{202e}d";
        assert_eq!(shown(hostile), format!("{written}\n\te"));
        assert_eq!(line(hostile), format!("{written}\\n\\te"));
        for text in ["Łódź – \u{1f4e6} \\ \"", "", "\u{5e9}\u{5dc}"] {
            assert_eq!(shown(text), text);
            assert_eq!(line(text), text);
        }
    }
}
