//! Which RabbitMQ a node runs: the distribution's package, or another generation of it.
//!
//! Another one is a folder, named by `FERRY_RABBITMQ`: either a whole root file system with the
//! package in it (as debootstrap makes one, with its own Erlang), or the folder of programs of a
//! generic release, which finds Erlang in the usual places. A root file system is entered by its
//! programs only, in a mount namespace of their own, so nothing is left mounted when they end. That
//! takes root.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// Names the folder.
pub const RABBITMQ: &str = "FERRY_RABBITMQ";

/// Where the package keeps the programs themselves. `/usr/sbin/rabbitmq-server` is a wrapper that
/// changes to the user `rabbitmq`, who cannot enter our folder.
pub(crate) const PACKAGE: &str = "/usr/lib/rabbitmq/bin";

/// Arguments: the root, the folder that is to be seen in it, then program and arguments.
const ENTER: &str = r#"
set -eu
root=$1 folder=$2
shift 2
mkdir -p "$root$folder"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$folder" "$root$folder"
exec chroot "$root" /usr/bin/env -C "$folder" "$@"
"#;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Programs {
    /// The package of this system.
    Package,
    /// A root file system with the package in it.
    Root(PathBuf),
    /// The `sbin` of a generic release.
    Folder(PathBuf),
}

impl Programs {
    /// What `FERRY_RABBITMQ` names; without it, the package.
    ///
    /// # Errors
    /// When it names a folder in which there is no RabbitMQ.
    pub fn from_env() -> io::Result<Self> {
        env::var_os(RABBITMQ).map_or(Ok(Self::Package), |folder| Self::at(Path::new(&folder)))
    }

    /// # Errors
    /// When there is no RabbitMQ in this folder.
    pub fn at(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        if folder.join("rabbitmq-server").is_file() {
            return Ok(Self::Folder(folder));
        }
        if inside(&folder, PACKAGE).join("rabbitmq-server").is_file() {
            return Ok(Self::Root(folder));
        }
        let what = format!("{} has neither rabbitmq-server nor {PACKAGE}", folder.display());
        Err(io::Error::new(io::ErrorKind::NotFound, what))
    }

    /// A program of RabbitMQ.
    pub(crate) fn path(&self, name: &str) -> String {
        match self {
            Self::Package | Self::Root(_) => format!("{PACKAGE}/{name}"),
            Self::Folder(folder) => folder.join(name).display().to_string(),
        }
    }

    /// A command that sees `folder`, in which it starts; not yet its environment.
    pub(crate) fn command(&self, folder: &Path, program: &str) -> Command {
        match self {
            Self::Package | Self::Folder(_) => {
                let mut command = Command::new(program);
                command.current_dir(folder);
                command
            }
            Self::Root(root) => {
                let mut command = Command::new("/usr/bin/unshare");
                command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", ENTER, "sh"]);
                command.args([root.as_path(), folder]).arg(program).current_dir("/");
                command
            }
        }
    }

    /// As kept in a node's folder, for those who open it.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Package => String::new(),
            Self::Root(folder) | Self::Folder(folder) => folder.display().to_string(),
        }
    }

    pub(crate) fn kept(text: &str) -> io::Result<Self> {
        if text.is_empty() { Ok(Self::Package) } else { Self::at(Path::new(text)) }
    }

    /// The version that is installed there; `None` where it cannot be told without starting it.
    pub fn version(&self) -> Option<String> {
        let libraries = match self {
            Self::Package => PathBuf::from("/usr/lib/rabbitmq/lib"),
            Self::Root(root) => inside(root, "/usr/lib/rabbitmq/lib"),
            Self::Folder(folder) => folder.parent()?.parent()?.to_owned(),
        };
        let mut names = fs::read_dir(libraries).ok()?.flatten().map(|entry| entry.file_name());
        names.find_map(|name| name.to_str()?.strip_prefix("rabbitmq_server-").map(str::to_owned))
    }
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_a_release_and_nothing_are_told_apart() {
        let folder = env::temp_dir().join(format!("ferry-programs-{}", std::process::id()));
        let (root, release) = (folder.join("root"), folder.join("release/sbin"));
        for bin in [inside(&root, PACKAGE), release.clone()] {
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("rabbitmq-server"), "").unwrap();
        }
        let (root, release) = (root.canonicalize().unwrap(), release.canonicalize().unwrap());
        for programs in [Programs::Root(root.clone()), Programs::Folder(release)] {
            assert_eq!(Programs::kept(&programs.to_text()).unwrap(), programs);
        }
        assert_eq!(Programs::kept("").unwrap(), Programs::Package);
        let nothing = Programs::at(&folder).unwrap_err().to_string();
        assert!(nothing.contains("has neither"), "{nothing}");
        fs::create_dir_all(inside(&root, "/usr/lib/rabbitmq/lib/rabbitmq_server-4.3.6")).unwrap();
        assert_eq!(Programs::Root(root).version().as_deref(), Some("4.3.6"));
        fs::remove_dir_all(folder).unwrap();
    }
}
