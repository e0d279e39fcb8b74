//! Built programs as processes of their own.

use std::{
    env, fs,
    io::{self, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use ferry_node::{Leash, Signal, signal_group};

use crate::wait_for;

/// How much of a service's log a failed test prints.
const TAIL_BYTES: usize = 8192;

/// A built program of this workspace, beside the running test.
///
/// # Panics
/// When it is not built.
pub fn binary(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap_or_else(|error| panic!("where am I? {error}"));
    // target/debug/deps/<test> → target/debug/<name>
    let path = test.ancestors().nth(2).unwrap_or(Path::new("")).join(name);
    assert!(path.is_file(), "{} is not built; run `cargo x test`", path.display());
    path
}

/// A program in a process group of its own, its output in a file. Dropping it kills the group.
#[derive(Debug)]
pub struct Service {
    name: String,
    child: Child,
    leash: Option<Leash>,
    folder: PathBuf,
}

impl Service {
    /// Starts it. `name` is for people: it heads the log of a failed test.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(name: &str, mut command: Command) -> Self {
        let folder = scratch();
        let child = start(&mut command, &folder)
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut service = Self { name: name.to_owned(), child, leash: None, folder };
        match Leash::tie(&[service.child.id()]) {
            Ok(leash) => service.leash = Some(leash),
            Err(error) => panic!("{name} cannot be put on a leash: {error}"),
        }
        service
    }

    /// The process number, which is the group's as well.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        let mut text = Vec::new();
        if let Ok(mut file) = fs::File::open(self.folder.join("log")) {
            let _what_was_read = file.read_to_end(&mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Waits for a line that holds `part` and returns it.
    ///
    /// # Panics
    /// When the line does not come in time, or the service ends without it.
    pub fn wait_for_line(&mut self, part: &str, within: Duration) -> String {
        let what = format!("a line with {part:?} from {}", self.name);
        wait_for(&what, within, || {
            let ended = self.ended();
            let found = self.log().lines().find(|line| line.contains(part)).map(str::to_owned);
            assert!(found.is_some() || ended.is_none(), "{} ended before {what}", self.name);
            found
        })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        signal_group(self.child.id(), Signal::Kill);
        let _reaped = self.child.wait();
    }

    /// Tells it to end, and returns how it did.
    ///
    /// # Panics
    /// When it has not ended in time.
    pub fn terminate(&mut self, within: Duration) -> ExitStatus {
        signal_group(self.child.id(), Signal::Terminate);
        let what = format!("the end of {}", self.name);
        wait_for(&what, within, || self.ended())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
        if let Some(leash) = self.leash.take() {
            leash.release();
        }
        if thread::panicking() {
            let log = self.log();
            let start = log.ceil_char_boundary(log.len().saturating_sub(TAIL_BYTES));
            let tail = log.get(start..).unwrap_or_default();
            eprintln!("---- the log of {} ends with ----\n{tail}", self.name);
        }
        let _leftover = fs::remove_dir_all(&self.folder);
    }
}

fn start(command: &mut Command, folder: &Path) -> io::Result<Child> {
    fs::create_dir_all(folder)?;
    let log = fs::File::create(folder.join("log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0).spawn()
}

/// A folder nobody else uses.
fn scratch() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("ferry-e2e-{}-{number}", process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_dropped_service_takes_its_children_and_its_log_with_it() {
        let mut service = Service::spawn("parent", shell("sleep 600 & echo child $!; wait"));
        let line = service.wait_for_line("child", SOON);
        let child = PathBuf::from("/proc").join(line.trim_start_matches("child ")).join("exe");
        assert!(fs::read_link(&child).is_ok());
        let folder = service.folder.clone();
        drop(service);
        wait_for("the child's end", SOON, || fs::read_link(&child).is_err().then_some(()));
        assert!(!folder.exists());
    }

    #[test]
    fn a_service_that_is_told_to_end_says_how_it_ended() {
        let mut service = Service::spawn(
            "polite",
            shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"),
        );
        service.wait_for_line("ready", SOON);
        assert!(service.ended().is_none());
        assert_eq!(service.terminate(SOON).code(), Some(7));
    }

    #[test]
    #[should_panic(expected = "hasty ended before")]
    fn a_service_that_ends_early_is_not_waited_for() {
        let mut service = Service::spawn("hasty", shell("echo gone; exit 1"));
        service.wait_for_line("ready", SOON);
    }

    #[test]
    #[should_panic(expected = "run `cargo x test`")]
    fn a_program_that_is_not_built_is_named_with_the_remedy() {
        binary("ferry-nonesuch");
    }
}
