//! What a person is asked before anything is done that cannot be taken back.

use std::io::{IsTerminal as _, Write as _};

use ferry_service::exit;

use crate::Stop;

/// Goes on where `--yes` was said, or where the person at the terminal types how many it is about.
pub(crate) fn consent(question: &str, count: usize, yes: bool) -> Result<(), Stop> {
    if yes {
        return Ok(());
    }
    let stop = |text: String| Stop { code: exit::USAGE, text };
    if !std::io::stdin().is_terminal() {
        return Err(stop(format!("{question}? There is nobody to ask: say --yes")));
    }
    // The question is no result: standard output stays what a script reads.
    let _ = write!(std::io::stderr(), "{question}? Type {count} to go on: ");
    let mut typed = String::new();
    let read = std::io::stdin().read_line(&mut typed);
    if read.is_ok() && means(&typed, count) {
        return Ok(());
    }
    Err(stop("nothing was done".to_owned()))
}

fn means(typed: &str, count: usize) -> bool {
    typed.trim().parse() == Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_that_was_asked_for_is_consent() {
        assert!(means(" 3\n", 3));
        for typed in ["", "y\n", "yes", "2", "3 or so", "-3"] {
            assert!(!means(typed, 3), "{typed}");
        }
    }
}
