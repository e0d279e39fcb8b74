//! Process groups: signals to all of a group, and a leash that outlives whoever holds it.

use std::{
    fmt,
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

/// The arguments are the groups. They get 20 s to close their files.
const SCRIPT: &str = r#"
read -r word && [ "$word" = released ] && exit 0
living() { for group; do kill -s 0 -- "-$group" && return 0; done; return 1; }
for group; do kill -s TERM -- "-$group"; done
turns=200
while [ "$turns" -gt 0 ] && living "$@"; do sleep 0.1; turns=$((turns - 1)); done
for group; do kill -s KILL -- "-$group"; done
"#;

/// What a process group is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Finish what is in hand and leave.
    Terminate,
    /// Be gone. It cannot be refused.
    Kill,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "TERM",
            Self::Kill => "KILL",
        })
    }
}

/// Tells every process of a group. A group that is already gone is what the sender wanted.
pub fn signal_group(group: u32, signal: Signal) {
    send(signal, &format!("-{group}"));
}

/// Tells one process.
pub(crate) fn signal_one(pid: u32, signal: Signal) {
    send(signal, &pid.to_string());
}

fn send(signal: Signal, receiver: &str) {
    let _gone = Command::new("/bin/sh")
        .args(["-c", r#"kill -s "$1" -- "$2""#, "sh", &signal.to_string(), receiver])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Stops process groups when their owner is gone.
///
/// It is a shell that reads from a pipe only the owner holds. However the owner went (Ctrl-C,
/// SIGKILL, a panic), the pipe closes, and the leash tells the groups to end, and after 20 s kills
/// them. It runs in a group of its own, so that a terminal's Ctrl-C ends the owner and not the leash.
/// Dropping it closes the pipe as well, and does not wait for what follows.
#[derive(Debug)]
pub struct Leash {
    shell: Child,
}

impl Leash {
    /// Ties process groups, named by their leaders' process numbers, to the life of this process.
    ///
    /// # Errors
    /// When `/bin/sh` cannot be started.
    pub fn tie(groups: &[u32]) -> io::Result<Self> {
        Self::tie_in(Command::new("/bin/sh"), groups)
    }

    /// The same through a shell with an environment of its own.
    pub(crate) fn tie_in(mut shell: Command, groups: &[u32]) -> io::Result<Self> {
        shell
            .args(["-c", SCRIPT, "sh"])
            .args(groups.iter().map(u32::to_string))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map(|shell| Self { shell })
    }

    /// Lets go: the owner has stopped the groups itself.
    pub fn release(mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _leash_is_gone = pipe.write_all(b"released\n");
        }
        let _reaped = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that lives until its standard input closes, in a group of its own.
    fn child() -> Child {
        Command::new("/bin/cat").stdin(Stdio::piped()).process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_is_on_a_leash_ends_with_it() {
        let (mut one, mut two) = (child(), child());
        // Waiting for a child closes its input, which would end it as well.
        let _held_open = (one.stdin.take(), two.stdin.take());
        drop(Leash::tie(&[one.id(), two.id()]).unwrap());
        assert!(!one.wait().unwrap().success());
        assert!(!two.wait().unwrap().success());
    }

    #[test]
    fn what_was_released_lives_on() {
        let mut child = child();
        Leash::tie(&[child.id()]).unwrap().release();
        assert!(child.try_wait().unwrap().is_none());
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }

    #[test]
    fn a_group_is_told_as_a_whole() {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "cat; exit 0"])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        signal_group(shell.id(), Signal::Kill);
        assert!(!shell.wait().unwrap().success());
    }
}
