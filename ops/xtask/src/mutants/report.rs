//! What became of the mutants, as a table and as JSON.

use super::Patch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A test was red.
    Caught,
    /// Every test was green: nobody would miss the mechanism.
    Survived,
    /// The patch does not fit what is here any more.
    Torn,
    /// It does not compile, or its tests are not there or red without it: nothing was shown.
    Broken,
}

impl Verdict {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Caught => "caught",
            Self::Survived => "SURVIVED",
            Self::Torn => "TORN",
            Self::Broken => "BROKEN",
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) patch: Patch,
    pub(crate) verdict: Verdict,
    /// Building included.
    pub(crate) seconds: f64,
}

/// Markdown, as it stands in the folder's README.
pub(crate) fn table(entries: &[Entry]) -> String {
    let rows = entries.iter().map(|Entry { patch, verdict, seconds }| {
        let (name, breaks, by) = (&patch.name, &patch.breaks, patch.tests.join("`, `"));
        format!("| {name} | {breaks} | {} | `{by}` | {seconds:.0} |\n", verdict.word())
    });
    let heading = "| mutant | breaks | verdict | by | s |\n|---|---|---|---|---:|\n";
    std::iter::once(heading.to_owned()).chain(rows).collect()
}

pub(crate) fn json(entries: &[Entry]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|Entry { patch, verdict, seconds }| {
            let tests: Vec<String> = patch.tests.iter().map(|test| quoted(test)).collect();
            format!(
                "{{\"mutant\":{},\"breaks\":{},\"verdict\":{},\"by\":[{}],\"seconds\":{seconds:.1}}}",
                quoted(&patch.name),
                quoted(&patch.breaks),
                quoted(&verdict.word().to_lowercase()),
                tests.join(",")
            )
        })
        .collect();
    format!("[\n{}\n]\n", entries.join(",\n"))
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether `cargo test` ran at least one test: a filter that fits nothing is green as well.
pub(crate) fn ran_something(said: &str) -> bool {
    said.lines().any(|line| {
        let passed = line.split("ok. ").nth(1).and_then(|rest| rest.split(" passed").next());
        passed.and_then(|count| count.parse::<u32>().ok()).is_some_and(|count| count > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_fits_no_test_shows_nothing() {
        assert!(!ran_something("test result: ok. 0 passed; 0 failed; 0 ignored"));
        assert!(ran_something("running 2 tests\n..\ntest result: ok. 2 passed; 0 failed"));
    }

    #[test]
    fn a_report_is_json_whatever_stands_in_it() {
        let patch = Patch {
            name: "a".to_owned(),
            path: "a".into(),
            breaks: "says \"no\"".to_owned(),
            tests: vec!["-p b c".to_owned()],
        };
        let entry = Entry { patch, verdict: Verdict::Survived, seconds: 1.0 };
        assert_eq!(
            json(&[entry]),
            "[\n{\"mutant\":\"a\",\"breaks\":\"says \\\"no\\\"\",\"verdict\":\"survived\",\
             \"by\":[\"-p b c\"],\"seconds\":1.0}\n]\n"
        );
    }
}
