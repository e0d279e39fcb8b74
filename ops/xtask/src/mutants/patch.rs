//! A patch file: a heading for people and this program, then the difference.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// One mechanism taken away.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    /// The file's name without its ending.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// One line: what is broken then.
    pub(crate) breaks: String,
    /// Words for `cargo test`, one line each: a package and a filter. One red test is enough.
    pub(crate) tests: Vec<String>,
}

impl Patch {
    /// The heading's lines are `breaks: …` and `caught by: …`.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let heading = text.lines().take_while(|line| !line.starts_with("diff "));
        let mut found = Self {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            path: path.canonicalize()?,
            breaks: String::new(),
            tests: Vec::new(),
        };
        for line in heading {
            if let Some(breaks) = line.strip_prefix("breaks: ") {
                breaks.trim().clone_into(&mut found.breaks);
            } else if let Some(test) = line.strip_prefix("caught by: ") {
                found.tests.push(test.trim().to_owned());
            }
        }
        Ok(found)
    }
}
