//! A page for every failure kind and every alert: whoever meets one is told what to do.

use super::{Finding, tree::Tree};

/// Where the kinds are spelt: the arms of the first `as_str` in these files.
const KINDS: &str = "shared/canonical/src/failure.rs";
const ALERTS: &str = "services/console/src/alerts.rs";
const PAGES: &str = "ops/runbooks";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    if !tree.has(PAGES) {
        return Vec::new();
    }
    [KINDS, ALERTS].into_iter().flat_map(|path| missing(tree, path)).collect()
}

fn missing(tree: &Tree, path: &str) -> Vec<Finding> {
    let kinds = kinds(tree.text(path).unwrap_or_default());
    if kinds.is_empty() {
        let what = "no kinds are found here; teach ops/xtask/src/tidy/runbooks.rs where they are \
                    spelt";
        return vec![Finding::new(path, 1, what)];
    }
    kinds
        .into_iter()
        .filter(|(kind, _)| !tree.has(&format!("{PAGES}/{kind}.md")))
        .map(|(kind, line)| {
            let what = format!("`{kind}` has no page; write {PAGES}/{kind}.md");
            Finding::new(path, line, what)
        })
        .collect()
}

/// The spellings with their 1-based lines.
fn kinds(text: &str) -> Vec<(&str, usize)> {
    text.lines()
        .enumerate()
        .skip_while(|(_, line)| !line.contains("fn as_str("))
        .take_while(|(_, line)| *line != "    }")
        .filter_map(|(index, line)| {
            let (_, spelling) = line.trim().strip_prefix("Self::")?.split_once("=> \"")?;
            Some((spelling.strip_suffix("\",")?, index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "impl FailureKind {\n    pub const fn as_str(self) -> &'static str {\n\
        \x20       match self {\n            Self::Auth => \"auth\",\n\
        \x20           Self::TooLarge => \"too_large\",\n        }\n    }\n\
        \x20   const fn other(self) {\n        Self::Parse => \"parse\",\n    }\n}\n";

    #[test]
    fn a_kind_without_a_page_is_found_where_it_is_spelt() {
        let tree = Tree::of(&[(KINDS, SOURCE), (ALERTS, SOURCE), ("ops/runbooks/auth.md", "")]);
        let found = check(&tree);
        assert_eq!(found.len(), 2, "{found:?}");
        for (found, path) in found.iter().zip([KINDS, ALERTS]) {
            let place = format!("{path}:5: `too_large` has no page");
            assert!(found.to_string().starts_with(&place), "{found}");
        }
    }

    #[test]
    fn before_the_first_runbook_no_page_is_missed() {
        assert_eq!(check(&Tree::of(&[(KINDS, SOURCE)])), []);
    }

    #[test]
    fn kinds_that_moved_are_reported_rather_than_passed_over() {
        assert_eq!(check(&Tree::of(&[("ops/runbooks/auth.md", "")])).len(), 2);
    }
}
