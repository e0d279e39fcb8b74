//! Where the repository and its built programs are, and how cargo is called there.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) struct Workspace {
    root: PathBuf,
    programs: PathBuf,
    cargo: OsString,
}

impl Workspace {
    /// The workspace this program was built from. Cargo says where that is when it runs us; a
    /// checkout that was moved after the build is then found as well.
    pub(crate) fn of_this_build() -> Self {
        let package =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package).join("../..");
        let root = root.canonicalize().unwrap_or(root);
        let programs = env::current_exe()
            .ok()
            .and_then(|exe| exe.parent().map(Path::to_owned))
            .unwrap_or_else(|| root.join("target/debug"));
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self { root, programs, cargo }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A program cargo builds, in the target directory this program was built into.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A folder for things made while working, beside the built programs.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.programs.with_file_name(name)
    }

    /// Cargo in the workspace's root, given words separated by spaces.
    pub(crate) fn cargo(&self, words: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(words.split_whitespace()).current_dir(&self.root);
        command
    }
}
