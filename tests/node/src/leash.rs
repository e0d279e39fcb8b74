//! Stops a node whose owner died without stopping it.
//!
//! The leash is a shell that reads from a pipe only the owner holds. When the owner is gone, however
//! it went (Ctrl-C, SIGKILL, a panic), the pipe closes and the leash stops the node's groups. It runs
//! in a group of its own, so that a terminal's Ctrl-C ends the owner and not the leash.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use crate::NodeError;

/// `$1` is the node's group, `$2` epmd's. The node gets 20 s to close its files.
const SCRIPT: &str = r#"
read -r word && [ "$word" = released ] && exit 0
kill -s TERM -- "-$1"
turns=200
while [ "$turns" -gt 0 ] && kill -s 0 -- "-$1"; do sleep 0.1; turns=$((turns - 1)); done
kill -s KILL -- "-$1" "-$2"
"#;

#[derive(Debug)]
pub(crate) struct Leash {
    shell: Child,
}

impl Leash {
    /// Ties two process groups to the life of this process. `shell` carries the environment.
    pub(crate) fn tie(mut shell: Command, node: u32, epmd: u32) -> Result<Self, NodeError> {
        let shell = shell
            .args(["-c", SCRIPT, "sh", &node.to_string(), &epmd.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| NodeError::Spawn { program: "/bin/sh".to_owned(), source })?;
        Ok(Self { shell })
    }

    /// Lets go: the owner has stopped the groups itself.
    pub(crate) fn release(mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _leash_is_gone = pipe.write_all(b"released\n");
        }
        let _reaped = self.shell.wait();
    }
}
