//! What no other tool checks: that the layers hold, that links lead somewhere, that nothing
//! unfinished stays.
//!
//! A finding names the place, what is wrong and what to do. Each rule is a function of the
//! [`Tree`] alone, so that it can be tried on a small one. It does not judge what clippy, rustfmt or
//! the compiler judge already.

mod interleavings;
mod layers;
mod links;
mod manifest;
mod runbooks;
mod source;
mod tree;

use std::{fmt, io, path::Path};

use tree::Tree;

/// One untidy place. Ordered by where it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// 1-based.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Every finding in the repository at `root`, in the order of its files.
pub(crate) fn check(root: &Path) -> io::Result<Vec<Finding>> {
    Ok(judge(&Tree::read(root)?))
}

fn judge(tree: &Tree) -> Vec<Finding> {
    let rules = [
        layers::check,
        manifest::check,
        source::check,
        links::check,
        runbooks::check,
        interleavings::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(tree)).collect();
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_can_be_clicked_in_an_editor() {
        let finding = Finding::new("shared/retry/src/lib.rs", 7, "something; do this");
        assert_eq!(finding.to_string(), "shared/retry/src/lib.rs:7: something; do this");
    }

    #[test]
    fn an_empty_repository_is_tidy() {
        assert_eq!(judge(&Tree::of(&[])), []);
    }
}
