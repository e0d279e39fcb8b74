//! What can go wrong with a private node and with its package.

use std::{error::Error, fmt, io, path::PathBuf, time::Duration};

/// Why a private node could not be started, asked or stopped.
#[derive(Debug)]
pub enum NodeError {
    /// A file or folder of the node could not be read or written.
    Folder { path: PathBuf, source: io::Error },
    /// Another process on this machine runs a node in this folder.
    InUse { folder: PathBuf },
    /// No four free loopback ports were found below the ephemeral range.
    NoPorts,
    /// A program could not be started.
    Spawn { program: String, source: io::Error },
    /// The node ended before it answered. `log` quotes its logs from the first error on.
    Exited { status: String, log: String },
    /// The node did not answer in time. `log` quotes its logs.
    NotReady { waited: Duration, log: String },
    /// A process of this folder survived SIGKILL.
    Survivors { pids: Vec<u32> },
    /// `rabbitmqctl` answered with an error.
    Control { arguments: String, answer: String },
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, .. } => {
                write!(f, "cannot use {}; check its permissions and the disk", path.display())
            }
            Self::InUse { folder } => write!(
                f,
                "another process runs a node in {}; stop it or choose another folder",
                folder.display()
            ),
            Self::NoPorts => write!(f, "no free loopback ports between 10240 and 28671"),
            Self::Spawn { program, .. } => {
                write!(f, "cannot start {program}; is the package rabbitmq-server installed?")
            }
            Self::Exited { status, log } => {
                write!(f, "the node ended before it answered ({status}); its logs say:\n{log}")
            }
            Self::NotReady { waited, log } => write!(
                f,
                "the node did not answer within {} s; its logs say:\n{log}",
                waited.as_secs()
            ),
            Self::Survivors { pids } => {
                write!(f, "processes {pids:?} of this node cannot be killed; end them by hand")
            }
            Self::Control { arguments, answer } => {
                write!(f, "rabbitmqctl {arguments} was refused: {answer}")
            }
        }
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Folder { source, .. } | Self::Spawn { source, .. } => Some(source),
            Self::InUse { .. }
            | Self::NoPorts
            | Self::Exited { .. }
            | Self::NotReady { .. }
            | Self::Survivors { .. }
            | Self::Control { .. } => None,
        }
    }
}

/// Why a package is not there and could not be brought.
#[derive(Debug)]
pub enum PackageError {
    /// This machine has no `apt-get`.
    NoInstaller,
    /// Neither root nor `sudo` without a password.
    NoRights,
    /// The installer ended with an error. `log` is the tail of what it said.
    Failed { status: String, log: String },
    /// The installer could not be run or watched.
    Run(io::Error),
}

impl fmt::Display for PackageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInstaller => {
                write!(f, "the package is not installed and there is no apt-get to install it with")
            }
            Self::NoRights => write!(
                f,
                "the package is not installed, and installing it needs root or sudo without a \
                 password"
            ),
            Self::Failed { status, log } => {
                write!(f, "installing the package ended with {status}; it said:\n{log}")
            }
            Self::Run(_) => write!(f, "the installer of the package could not be run"),
        }
    }
}

impl Error for PackageError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Run(source) => Some(source),
            Self::NoInstaller | Self::NoRights | Self::Failed { .. } => None,
        }
    }
}
