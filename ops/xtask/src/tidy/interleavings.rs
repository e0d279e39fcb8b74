//! The index of the interleavings: every name has its test, and every test its name.

use std::collections::BTreeSet;

use super::{Finding, tree::Tree};

/// Where the index stands, under this heading.
const PAGE: &str = "ARCHITECTURE.md";
const HEADING: &str = "## The interleavings";
/// Tests here are in the index.
const FOLDER: &str = "services/loader/tests/desk/interleavings/";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let rows = rows(tree.text(PAGE).unwrap_or_default());
    let mut findings: Vec<Finding> = rows.iter().flat_map(|row| unproven(tree, row)).collect();
    let named: BTreeSet<(&str, &str)> = rows.iter().flat_map(|row| row.tests.clone()).collect();
    for (path, text) in tree.texts(".rs").filter(|(path, _)| path.starts_with(FOLDER)) {
        for (test, line) in tests(text) {
            if !named.contains(&(test, path)) {
                let what = format!("`{test}` is not in the index; add it to {PAGE}, {HEADING}");
                findings.push(Finding::new(path, line, what));
            }
        }
    }
    findings
}

/// One line of the index.
struct Row<'a> {
    /// 1-based.
    line: usize,
    /// Name and path of each test it links to.
    tests: Vec<(&'a str, &'a str)>,
    /// It says that nothing proves it yet.
    open: bool,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    text.lines()
        .enumerate()
        .skip_while(|(_, line)| *line != HEADING)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "))
        // The head of the table and its rule are no rows.
        .filter(|(_, line)| line.starts_with("| ") && !line.starts_with("| interleaving"))
        .map(|(index, line)| Row {
            line: index + 1,
            tests: links(line),
            open: line.contains("| none yet"),
        })
        .collect()
}

/// Every ``[`test`](path)``.
fn links(line: &str) -> Vec<(&str, &str)> {
    line.split("[`")
        .skip(1)
        .filter_map(|rest| {
            let (test, rest) = rest.split_once("`](")?;
            Some((test, rest.split_once(')')?.0))
        })
        .collect()
}

fn unproven(tree: &Tree, row: &Row<'_>) -> Vec<Finding> {
    if row.tests.is_empty() && !row.open {
        let what = "an interleaving without a test; link to it, or say `none yet`".to_owned();
        return vec![Finding::new(PAGE, row.line, what)];
    }
    let missing = row.tests.iter().filter(|(test, path)| {
        let function = format!("fn {test}(");
        !tree.text(path).is_some_and(|text| text.contains(&function))
    });
    missing
        .map(|(test, path)| {
            let what = format!("{path} has no test `{test}`; correct the index or write the test");
            Finding::new(PAGE, row.line, what)
        })
        .collect()
}

/// The names of a file's tests, with their 1-based lines.
fn tests(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut marked = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("#[tokio::test") || line.starts_with("#[test]") {
            marked = true;
        } else if let (true, Some((_, rest))) = (marked, line.split_once("fn ")) {
            found.extend(rest.split_once('(').map(|(name, _)| (name, index + 1)));
            marked = false;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "services/loader/tests/desk/interleavings/lost.rs";
    const TESTS: &str =
        "#[tokio::test(start_paused = true)]\nasync fn a_crash() {}\nfn help() {}\n";

    fn found(index: &str) -> Vec<String> {
        let page =
            format!("# A\n\n{HEADING}\n\n| interleaving | test |\n|---|---|\n{index}\n\n## B\n");
        let tree = Tree::of(&[(PAGE, page.as_str()), (FILE, TESTS)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_index_that_names_every_test_is_tidy() {
        assert_eq!(found(&format!("| a crash | [`a_crash`]({FILE}) |")), [""; 0]);
    }

    #[test]
    fn a_name_whose_test_is_gone_and_a_test_without_a_name_are_found() {
        let found = found(&format!("| a crash | [`a_cut`]({FILE}) |"));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("ARCHITECTURE.md:7: "), "{found:?}");
        assert!(found[1].starts_with(&format!("{FILE}:2: `a_crash` is not in the index")));
    }

    #[test]
    fn an_interleaving_without_a_test_says_so() {
        let row = format!("| a crash | [`a_crash`]({FILE}) |\n");
        assert_eq!(found(&format!("{row}| a flood | |")).len(), 1);
        assert_eq!(found(&format!("{row}| a flood | none yet: it needs a dam |")), [""; 0]);
    }
}
