//! `cargo x mutants`: breaks one mechanism after the other and shows which test catches it.
//!
//! Every file in `tests/mutants` is a patch with a heading that says what it breaks and which test
//! is expected to catch it. Each is applied alone to a second checkout of what is committed here,
//! which keeps its own build between runs. A patch that no longer applies, does not compile, or is
//! caught by nothing is an answer of its own, and none of them is a success.

mod patch;
mod report;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use crate::{USAGE_ERROR, workspace::Workspace};
use patch::Patch;
use report::{Entry, Verdict};

/// Something was found: a mechanism nobody would miss.
const FOUND: u8 = 3;
/// The folder of the patches, in the repository.
const PATCHES: &str = "tests/mutants";

/// Without a word: whether every patch applies. With `--full` all of them, else those whose name
/// contains a word given.
pub(crate) fn mutants(workspace: &Workspace, arguments: &[String]) -> ExitCode {
    let patches = match patches(workspace.root()) {
        Ok(patches) => patches,
        Err(error) => {
            eprintln!("the patches in {PATCHES} cannot be read: {error}");
            return ExitCode::FAILURE;
        }
    };
    let full = arguments.iter().any(|word| word == "--full");
    let chosen: Vec<Patch> = patches
        .into_iter()
        .filter(|patch| {
            full || arguments.is_empty() || arguments.iter().any(|word| patch.name.contains(word))
        })
        .collect();
    if chosen.is_empty() {
        eprintln!("no patch has such a name; {PATCHES} holds them");
        return ExitCode::from(USAGE_ERROR);
    }
    if arguments.is_empty() {
        return checked(workspace, &chosen);
    }
    match run(workspace, &chosen) {
        Ok(entries) => conclude(workspace, &entries),
        Err(error) => {
            eprintln!("the second checkout cannot be used: {error}");
            ExitCode::FAILURE
        }
    }
}

fn checked(workspace: &Workspace, patches: &[Patch]) -> ExitCode {
    let torn: Vec<&Patch> =
        patches.iter().filter(|patch| !applies(workspace.root(), patch)).collect();
    for patch in &torn {
        eprintln!("{} no longer applies", patch.name);
    }
    let count = patches.len();
    eprintln!("{} of {count} patches apply; --full runs their tests", count - torn.len());
    if torn.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FOUND) }
}

/// Every patch in the folder, by name.
fn patches(root: &Path) -> io::Result<Vec<Patch>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(root.join(PATCHES))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "patch") {
            patches.push(Patch::read(&path)?);
        }
    }
    patches.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(patches)
}

/// Whether the patch fits what stands in `tree`. Lines may have moved.
fn applies(tree: &Path, patch: &Patch) -> bool {
    git(tree, &["apply", "--check", "-C1"]).arg(&patch.path).status().is_ok_and(|s| s.success())
}

fn git(tree: &Path, words: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(tree).args(words).stdin(Stdio::null());
    git
}

fn run(workspace: &Workspace, patches: &[Patch]) -> io::Result<Vec<Entry>> {
    let bench = Bench::prepare(workspace)?;
    // A test that is red without a mutant would catch every one of them.
    let tests: BTreeSet<&String> = patches.iter().flat_map(|patch| &patch.tests).collect();
    let mut red = BTreeSet::new();
    for test in tests {
        let (green, said) = bench.cargo(test, &[])?;
        if !green {
            eprintln!("`cargo test {test}` is red as it stands:\n{said}");
            red.insert(test.clone());
        }
    }
    let mut entries = Vec::new();
    for patch in patches {
        let start = Instant::now();
        let spoilt = patch.tests.iter().any(|test| red.contains(test));
        let verdict = if spoilt { Verdict::Broken } else { bench.verdict(patch)? };
        let seconds = start.elapsed().as_secs_f64();
        eprintln!("{:<10} {:<34} {seconds:>6.1} s", verdict.word(), patch.name);
        entries.push(Entry { patch: patch.clone(), verdict, seconds });
    }
    Ok(entries)
}

fn conclude(workspace: &Workspace, entries: &[Entry]) -> ExitCode {
    print_table(entries);
    let path = workspace.scratch("mutants").join("report.json");
    match fs::write(&path, report::json(entries)) {
        Ok(()) => eprintln!("\nas JSON: {}", path.display()),
        Err(error) => eprintln!("\nthe report cannot be written to {}: {error}", path.display()),
    }
    let all_caught = entries.iter().all(|entry| entry.verdict == Verdict::Caught);
    if all_caught { ExitCode::SUCCESS } else { ExitCode::from(FOUND) }
}

#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
fn print_table(entries: &[Entry]) {
    print!("{}", report::table(entries));
}

/// The second checkout and its build.
struct Bench<'a> {
    workspace: &'a Workspace,
    tree: PathBuf,
    build: PathBuf,
}

impl<'a> Bench<'a> {
    /// At what is committed here.
    fn prepare(workspace: &'a Workspace) -> io::Result<Self> {
        let scratch = workspace.scratch("mutants");
        fs::create_dir_all(&scratch)?;
        let (tree, build) = (scratch.join("tree"), scratch.join("build"));
        let head = git(workspace.root(), &["rev-parse", "HEAD"]).output()?;
        let head = String::from_utf8_lossy(&head.stdout).trim().to_owned();
        if !tree.join("Cargo.toml").exists() {
            said(&mut git(workspace.root(), &["worktree", "prune"]))?;
            let add = ["worktree", "add", "--detach", "--force"];
            said(git(workspace.root(), &add).arg(&tree).arg(&head))?;
        }
        said(git(&tree, &["checkout", "--quiet", "--force", "--detach"]).arg(&head))?;
        Ok(Self { workspace, tree, build })
    }

    fn verdict(&self, patch: &Patch) -> io::Result<Verdict> {
        if !applies(&self.tree, patch) {
            return Ok(Verdict::Torn);
        }
        said(git(&self.tree, &["apply", "-C1"]).arg(&patch.path))?;
        let verdict = self.tested(patch);
        said(&mut git(&self.tree, &["checkout", "--quiet", "--force", "--", "."]))?;
        verdict
    }

    /// Red tests catch a mutant, but only if there were tests and if they compiled.
    fn tested(&self, patch: &Patch) -> io::Result<Verdict> {
        for test in &patch.tests {
            let (built, said) = self.cargo(test, &["--no-run"])?;
            if !built {
                eprintln!("{said}");
                return Ok(Verdict::Broken);
            }
            let (green, said) = self.cargo(test, &[])?;
            if !green {
                return Ok(Verdict::Caught);
            }
            if !report::ran_something(&said) {
                eprintln!("`cargo test {test}` runs no test");
                return Ok(Verdict::Broken);
            }
        }
        Ok(Verdict::Survived)
    }

    /// Whether `cargo test` succeeded, and what it said.
    fn cargo(&self, words: &str, more: &[&str]) -> io::Result<(bool, String)> {
        let mut cargo = self.workspace.cargo("test --locked --quiet");
        cargo.args(words.split_whitespace()).args(more);
        cargo.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.build);
        let output = cargo.stdin(Stdio::null()).output()?;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), said))
    }
}

/// Runs a command that has to succeed.
fn said(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_still_applies_and_says_what_it_breaks() {
        let root = Workspace::of_this_build().root().to_owned();
        let patches = patches(&root).unwrap();
        assert!(patches.len() >= 18, "{} patches", patches.len());
        for patch in patches {
            assert!(!patch.breaks.is_empty(), "{} does not say what it breaks", patch.name);
            assert!(!patch.tests.is_empty(), "{} does not say what catches it", patch.name);
            assert!(applies(&root, &patch), "{} no longer applies", patch.name);
        }
    }
}
