//! Links in Markdown that should lead to a file of the repository.

use super::{Finding, tree::Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    tree.texts(".md").flat_map(|(path, text)| page(tree, path, text)).collect()
}

fn page(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let dead = targets(&without_code(line))
                .into_iter()
                .filter(|target| leads_nowhere(tree, path, target))
                .map(|target| {
                    let what =
                        format!("`{target}` leads nowhere; correct the link or add the file");
                    Finding::new(path, index + 1, what)
                });
            findings.extend(dead);
        }
    }
    findings
}

/// Code spans are quoted text, whatever is in them.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The targets of `[text](target)` and of `[label]: target`.
fn targets(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let definition = line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
        .map(|(_, target)| target.trim());
    inline
        .chain(definition)
        // A title may follow the target.
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_matches(['<', '>']).to_owned())
        .collect()
}

fn leads_nowhere(tree: &Tree, page: &str, target: &str) -> bool {
    let file = target.split('#').next().unwrap_or_default();
    let elsewhere = target.contains("://") || target.starts_with("mailto:");
    if elsewhere || file.is_empty() {
        return false;
    }
    !resolve(page, file).is_some_and(|path| path.is_empty() || tree.has(&path))
}

/// The path from the root that a link in `page` leads to; nothing if it leaves the repository.
fn resolve(page: &str, link: &str) -> Option<String> {
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let base = if link.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let tree = Tree::of(&[("ops/docs/a.md", text), ("README.md", ""), ("ops/docs/b.md", "")]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_to_files_folders_and_elsewhere_hold() {
        let text = "[a](b.md) [b](../../README.md#top) ![c](./b.md \"title\") [d](/ops/docs)\n\
                    [e](https://example.org/x) [f](#here) [g](mailto:a@example.org) [h](../..)\n\
                    [i]: b.md\n";
        assert_eq!(findings(text), Vec::<String>::new());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found_on_its_line() {
        for text in
            ["[a](c.md)", "[a](../../../README.md)", "see [a](b.md), [b](<c.md>)", "[a]: /b.md"]
        {
            let found = findings(&format!("\n{text}\n"));
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].starts_with("ops/docs/a.md:2: "), "{found:?}");
        }
    }

    #[test]
    fn code_is_not_read_for_links() {
        assert_eq!(findings("`[a](c.md)` and\n```text\n[a](c.md)\n```\n"), Vec::<String>::new());
    }
}
