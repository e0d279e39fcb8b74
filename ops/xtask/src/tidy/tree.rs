//! The repository's text files in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

/// Folders that hold nothing anybody wrote.
const SKIPPED: [&str; 4] = [".git", ".demo", "target", "node_modules"];

#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Path from the root, with `/`, to the text.
    texts: BTreeMap<String, String>,
    /// Every file and folder, text or not.
    names: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        Ok(tree)
    }

    fn walk(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(name) = file_name.to_str() else { continue };
            let path = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !SKIPPED.contains(&name) {
                    self.names.insert(path.clone());
                    self.walk(&entry.path(), &format!("{path}/"))?;
                }
            } else if kind.is_file() {
                // What is not UTF-8 is not text: a picture, a broken sample.
                if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                    self.texts.insert(path.clone(), text);
                }
                self.names.insert(path);
            }
        }
        Ok(())
    }

    /// The text files whose names end so, with their paths.
    pub(crate) fn texts<'a>(&'a self, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(ending))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.names.contains(path)
    }

    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.texts.insert((*path).to_owned(), (*text).to_owned());
            let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
            tree.names.extend(folders.chain([*path]).map(str::to_owned));
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_text_knows_of_the_rest_and_skips_what_is_built() {
        let root = std::env::temp_dir().join(format!("ferry-tidy-{}", std::process::id()));
        for folder in ["docs", "target/debug", ".git"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("docs/a.md"), "text").unwrap();
        fs::write(root.join("docs/a.png"), [0xff, 0xd8]).unwrap();
        fs::write(root.join("target/debug/b.md"), "built").unwrap();
        fs::write(root.join(".git/c.md"), "kept by git").unwrap();
        let tree = Tree::read(&root).unwrap();
        fs::remove_dir_all(root).unwrap();
        assert_eq!(tree.texts(".md").collect::<Vec<_>>(), [("docs/a.md", "text")]);
        assert!(tree.has("docs") && tree.has("docs/a.png") && !tree.has("target"));
        assert_eq!(tree.text("docs/a.png"), None);
    }
}
