//! The mark that says which processes belong to a node's folder.
//!
//! Every process a node starts inherits `FERRY_NODE_FOLDER=<folder>`. The kernel keeps the
//! environment a process was started with in `/proc/<pid>/environ`, so a process number that was
//! reused by somebody else's program is never mistaken for ours.

use std::{
    fs, io,
    os::unix::ffi::OsStrExt,
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use crate::{
    NodeError,
    group::{Signal, signal_one},
};

/// The name of the mark in the environment.
pub(crate) const MARK: &str = "FERRY_NODE_FOLDER";

/// SIGKILL needs no cooperation; only a process in uninterruptible sleep outlives this.
const SWEEP_WITHIN: Duration = Duration::from_secs(10);

/// The living processes that carry the folder's mark, this process excepted.
pub(crate) fn bearers(folder: &Path) -> io::Result<Vec<u32>> {
    let mark = [MARK.as_bytes(), b"=", folder.as_os_str().as_bytes()].concat();
    let mut pids = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // Unreadable means another user's or already gone: not ours either way.
        let Ok(environment) = fs::read(entry.path().join("environ")) else { continue };
        if pid != process::id() && carries(&environment, &mark) {
            pids.push(pid);
        }
    }
    Ok(pids)
}

fn carries(environment: &[u8], mark: &[u8]) -> bool {
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

/// Kills every process of the folder and returns how many there were.
pub(crate) fn sweep(folder: &Path) -> Result<usize, NodeError> {
    let deadline = Instant::now() + SWEEP_WITHIN;
    let mut found = None;
    loop {
        let pids =
            bearers(folder).map_err(|source| NodeError::Folder { path: "/proc".into(), source })?;
        let count = *found.get_or_insert(pids.len());
        if pids.is_empty() {
            return Ok(count);
        }
        if Instant::now() > deadline {
            return Err(NodeError::Survivors { pids });
        }
        for pid in pids {
            signal_one(pid, Signal::Kill);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        process::{Command, Stdio},
    };

    use super::*;

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("ferry-marks-{name}-{}", process::id()))
    }

    /// A child that lives until its standard input closes.
    fn child(mark: &Path) -> process::Child {
        Command::new("/bin/cat").env(MARK, mark).stdin(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn only_processes_with_the_folders_own_mark_are_swept() {
        let (ours, others) = (folder("ours"), folder("ours-too"));
        let mut marked = child(&ours);
        let mut foreign = child(&others);
        assert_eq!(bearers(&ours).unwrap(), [marked.id()]);
        assert_eq!(sweep(&ours).unwrap(), 1);
        assert!(!marked.wait().unwrap().success());
        assert!(foreign.try_wait().unwrap().is_none(), "a foreign process was killed");
        drop(foreign.stdin.take());
        assert!(foreign.wait().unwrap().success());
    }

    #[test]
    fn a_folder_without_processes_needs_no_sweeping() {
        assert_eq!(sweep(&folder("empty")).unwrap(), 0);
    }

    #[test]
    fn a_mark_inside_another_variable_is_not_a_mark() {
        let mark = b"FERRY_NODE_FOLDER=/a";
        assert!(carries(b"X=1\0FERRY_NODE_FOLDER=/a\0Y=2\0", mark));
        assert!(!carries(b"X=FERRY_NODE_FOLDER=/a\0FERRY_NODE_FOLDER=/a/b\0", mark));
    }
}
