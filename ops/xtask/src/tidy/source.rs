//! Text: sizes, leftovers, sleeps in tests, paths of somebody's machine.

use super::{Finding, tree::Tree};

/// Tests included; a longer file has a second noun inside.
const LINES_MAX: usize = 500;

/// Words in code that must not stay, and what to do about them. Written in halves, so that this
/// file is tidy itself.
const LEFTOVERS: [(&str, &str); 6] = [
    (concat!("to", "do!("), "write what is missing, or open an issue and remove this"),
    (concat!("unimpl", "emented!("), "write what is missing, or open an issue and remove this"),
    (concat!("FIX", "ME"), "mend it, or open an issue and remove this"),
    (concat!("// XX", "X"), "mend it, or open an issue and remove this"),
    (concat!("#[ign", "ore"), "make the test run, or delete it"),
    (concat!("fn te", "st_"), "name the test after the promise it proves"),
];

/// Ways to wait for time where a state is meant.
const SLEEPS: [&str; 2] = [concat!("thread::sl", "eep("), concat!("time::sl", "eep(")];

/// Folders of a machine, not of the project.
const MACHINE: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// Files whose text a person writes.
const WRITTEN: [&str; 8] = [".rs", ".toml", ".md", ".yml", ".yaml", ".sh", ".json", ".conf"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(".rs") {
        findings.extend(size(path, text));
        findings.extend(leftovers(path, text));
        findings.extend(sleeps(path, text));
    }
    for ending in WRITTEN {
        findings.extend(tree.texts(ending).flat_map(|(path, text)| machine_paths(path, text)));
    }
    for ending in [".toml", ".md"] {
        findings.extend(tree.texts(ending).flat_map(|(path, text)| trailing_space(path, text)));
    }
    findings
}

fn size(path: &str, text: &str) -> Option<Finding> {
    let lines = text.lines().count();
    (lines > LINES_MAX).then(|| {
        let what = format!("{lines} lines are more than {LINES_MAX}; split the file by noun");
        Finding::new(path, LINES_MAX + 1, what)
    })
}

fn leftovers(path: &str, text: &str) -> Vec<Finding> {
    on_lines(path, text, |line| {
        let (word, remedy) = LEFTOVERS.iter().find(|(word, _)| line.contains(word))?;
        Some(format!("`{}` is left over; {remedy}", word.trim_end_matches('(')))
    })
}

/// In a package's `tests/`, and below `mod tests` in its sources.
fn sleeps(path: &str, text: &str) -> Vec<Finding> {
    let tests_from = if is_test_file(path) {
        Some(0)
    } else {
        text.lines().position(|line| line.trim_start().starts_with("mod tests {"))
    };
    let Some(tests_from) = tests_from else { return Vec::new() };
    let found = on_lines(path, text, |line| {
        let sleep = SLEEPS.iter().any(|sleep| line.contains(sleep));
        sleep.then(|| "a test waits for time; wait for a state with a deadline".to_owned())
    });
    found.into_iter().filter(|finding| finding.line > tests_from).collect()
}

/// `tests/` at the root is a folder of packages; one inside a package holds tests, and so does a
/// `tests.rs` beside the code.
fn is_test_file(path: &str) -> bool {
    let in_package = path.strip_prefix("tests/").unwrap_or(path);
    in_package.contains("/tests/") || path.ends_with("/tests.rs")
}

fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    on_lines(path, text, |line| {
        let found = MACHINE.iter().find(|folder| {
            line.match_indices(**folder).any(|(at, _)| {
                // Part of a URL's path or of a relative one: no folder at a machine's root.
                let before = line.get(..at).and_then(|before| before.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || "._-}>*".contains(c))
            })
        })?;
        Some(format!("`{found}` is a folder of one machine; use a path from the repository's root"))
    })
}

fn trailing_space(path: &str, text: &str) -> Vec<Finding> {
    on_lines(path, text, |line| {
        line.ends_with([' ', '\t'])
            .then(|| "white space at the end of the line; remove it".to_owned())
    })
}

fn on_lines(path: &str, text: &str, judge: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    let lines = text.split('\n').enumerate();
    lines.filter_map(|(index, line)| Some(Finding::new(path, index + 1, judge(line)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Tree::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_may_have_500_lines_and_no_more() {
        assert_eq!(findings("a/src/lib.rs", &"\n".repeat(500)).len(), 0);
        let found = findings("a/src/lib.rs", &"\n".repeat(501));
        assert!(found[0].starts_with("a/src/lib.rs:501: 501 lines"), "{found:?}");
    }

    #[test]
    fn every_leftover_is_found_on_its_line() {
        for (word, remedy) in LEFTOVERS {
            let found = findings("a/src/lib.rs", &format!("fn a() {{}}\n    {word}\n"));
            assert_eq!(found.len(), 1, "{word}");
            assert!(found[0].starts_with("a/src/lib.rs:2: ") && found[0].ends_with(remedy));
        }
        assert_eq!(findings("a/src/lib.rs", "fn tests_passed() {}\n").len(), 0);
    }

    #[test]
    fn tests_do_not_sleep_but_programs_may() {
        for sleep in SLEEPS {
            let line = format!("    {sleep}second);\n");
            assert_eq!(findings("tests/e2e/tests/main.rs", &line).len(), 1);
            assert_eq!(findings("shared/a/src/outbox/tests.rs", &line).len(), 1);
            assert_eq!(findings("tests/simulators/src/faults.rs", &line).len(), 0);
            let unit = format!("{line}#[cfg(test)]\nmod tests {{\n{line}}}\n");
            let found = findings("shared/a/src/lib.rs", &unit);
            assert_eq!(found.len(), 1);
            assert!(found[0].starts_with("shared/a/src/lib.rs:4:"), "{found:?}");
        }
    }

    #[test]
    fn a_machines_folders_are_found_and_addresses_are_not() {
        for folder in MACHINE {
            let absolute = format!("see `{folder}notes`\n");
            assert_eq!(findings("README.md", &absolute).len(), 1, "{absolute}");
            let address = format!("https://host{folder}a {{base}}{folder} a{folder}b\n");
            assert_eq!(findings("README.md", &address).len(), 0, "{address}");
        }
    }

    #[test]
    fn white_space_at_the_end_of_a_line_is_found() {
        assert_eq!(findings("a.md", "a \nb\nc\t\n").len(), 2);
        assert_eq!(findings("a.toml", "a = 1\n").len(), 0);
    }
}
