//! A private PostgreSQL cluster for tests, and the package it needs.
//!
//! A [`Cluster`] shares nothing with a system's one: folder, port, socket and password are its own,
//! and it listens on loopback only. It writes to the disk as a real one does. PostgreSQL refuses to
//! run as root; where we are root, it runs as the user `postgres`. Whatever starts one can be killed
//! at any moment: a leash stops the cluster when its owner dies. What lies in the folder is thrown
//! away with it.
//!
//! Only std, so that `cargo x` speaks within seconds. The package may make a cluster of the system's
//! own, which is neither started nor touched here.
#![expect(
    clippy::disallowed_methods,
    reason = "std only: deadlines need the monotonic clock, and there is no tokio to pause"
)]

mod cluster;
mod error;
mod user;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use cluster::Cluster;
pub use error::ClusterError;
pub use ferry_node::{Package, PackageError};

/// Where Debian keeps the programs of each major version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Makes sure that the programs of the package `postgresql` are there, as
/// [`ferry_node::ensure_package`] does it for the broker.
///
/// # Errors
/// When the package is missing and cannot be installed.
pub fn ensure_package(say: &mut dyn FnMut(&str)) -> Result<Package, PackageError> {
    let there = || programs().is_some();
    ferry_node::ensure("postgresql", "/usr/lib/postgresql/*/bin/postgres", &there, say)
}

/// The folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let folders = fs::read_dir(VERSIONS).ok()?;
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("bin/postgres").exists())
        .filter_map(|folder| Some((version(&folder)?, folder)))
        .max_by_key(|(version, _)| *version)?;
    Some(newest.1.join("bin"))
}
