//! What can go wrong with a private cluster.

use std::{error::Error, fmt, io, path::PathBuf, time::Duration};

#[derive(Debug)]
pub enum ClusterError {
    /// The package's programs are not there.
    NoPrograms,
    /// No free loopback port was found below the ephemeral range.
    NoPort,
    Folder {
        path: PathBuf,
        source: io::Error,
    },
    Spawn {
        program: PathBuf,
        source: io::Error,
    },
    /// A program ended with an error. `said` is what it said.
    Failed {
        program: PathBuf,
        said: String,
    },
    NotReady {
        waited: Duration,
        log: String,
    },
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPrograms => {
                write!(f, "PostgreSQL is not installed; install the package postgresql")
            }
            Self::NoPort => write!(f, "no free loopback port between 10240 and 28671"),
            Self::Folder { path, .. } => {
                write!(f, "cannot use {}; check its permissions and the disk", path.display())
            }
            Self::Spawn { program, .. } => write!(f, "cannot start {}", program.display()),
            Self::Failed { program, said } => {
                write!(f, "{} failed; it said:\n{said}", program.display())
            }
            Self::NotReady { waited, log } => write!(
                f,
                "the cluster did not answer within {} s; its log says:\n{log}",
                waited.as_secs()
            ),
        }
    }
}

impl Error for ClusterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Folder { source, .. } | Self::Spawn { source, .. } => Some(source),
            Self::NoPrograms | Self::NoPort | Self::Failed { .. } | Self::NotReady { .. } => None,
        }
    }
}
