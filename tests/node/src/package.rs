//! The distribution's packages of private servers, and the broker's of another suite.
//!
//! Installing it never starts a service: Debian's maintainer scripts ask `/usr/sbin/policy-rc.d`,
//! and for the time of the install that says no. Nothing is removed, and a system node that runs
//! is never touched, because then the package is there and there is nothing to do.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io,
    os::unix::{
        fs::{FileExt, MetadataExt},
        process::CommandExt,
    },
    path::Path,
    process::{self, Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{PackageError, Programs, programs::PACKAGE};

const INSTALL: &str = include_str!("install.sh");
const GENERATION: &str = include_str!("generation.sh");

/// The line by which the installer's policy is known.
const DENIAL: &str = "# Denies services while ferry installs a package.";

/// A line of progress this often.
const SPEAK_EVERY: Duration = Duration::from_secs(3);

/// How much of what the installer said is looked at.
const TAIL_BYTES: usize = 4096;

/// How the package came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Package {
    AlreadyThere,
    Installed,
}

/// Makes sure that the programs of the package `rabbitmq-server` are there, installing it as root or
/// through `sudo` if need be. `say` gets a short line now and then.
///
/// # Errors
/// When the package is missing and cannot be installed. The error says why; what to do instead is
/// for the caller to say, who knows what the broker is wanted for.
pub fn ensure_package(say: &mut dyn FnMut(&str)) -> Result<Package, PackageError> {
    let program = format!("{PACKAGE}/rabbitmq-server");
    ensure("rabbitmq-server", &program, &|| Path::new(&program).exists(), say)
}

/// The same for another package. `programs` is a pattern of the shell, and `found` says whether one
/// of them is there.
///
/// # Errors
/// As for [`ensure_package`].
pub fn ensure(
    package: &str,
    programs: &str,
    found: &dyn Fn() -> bool,
    say: &mut dyn FnMut(&str),
) -> Result<Package, PackageError> {
    let there = found();
    if there && !in_the_middle() {
        return Ok(Package::AlreadyThere);
    }
    let prefix = match rights() {
        Ok(prefix) => prefix,
        // Somebody else's install: the broker may well run already, and if not, its start says so.
        Err(_) if there => return Ok(Package::AlreadyThere),
        Err(error) => return Err(error),
    };
    let state = if there { "half installed; finishing that" } else { "missing; installing it" };
    let through = if prefix.is_empty() { "" } else { " through sudo" };
    say(&format!("{package} is {state} with apt-get{through}, services denied"));
    let log = LogFile::create().map_err(PackageError::Run)?;
    let arguments = [OsStr::new(programs), OsStr::new(package)];
    let mut installer = spawn(prefix, INSTALL, &arguments, &log).map_err(PackageError::Run)?;
    let status = watch(&mut installer, &log, say).map_err(PackageError::Run)?;
    if !status.success() {
        return Err(PackageError::Failed { status: status.to_string(), log: log.tail(12) });
    }
    if Path::new("/run/systemd/system").exists() {
        say(&format!(
            "the service of {package} was not started; it starts at the next boot unless you \
             disable it with systemctl"
        ));
    }
    Ok(Package::Installed)
}

/// Makes sure that the programs of another suite's package are in a root file system at `root`, made
/// as root or through `sudo` if need be: some 400 MB, and a minute or two of download.
///
/// # Errors
/// When it is not there and cannot be had.
pub fn ensure_generation(
    root: &Path,
    suite: &str,
    say: &mut dyn FnMut(&str),
) -> Result<Package, PackageError> {
    if Programs::at(root).is_ok() {
        return Ok(Package::AlreadyThere);
    }
    let prefix = rights()?;
    say(&format!("fetching the rabbitmq-server of Debian {suite} into {}", root.display()));
    let log = LogFile::create().map_err(PackageError::Run)?;
    let arguments = [root.as_os_str(), OsStr::new(suite)];
    let mut fetching = spawn(prefix, GENERATION, &arguments, &log).map_err(PackageError::Run)?;
    let status = watch(&mut fetching, &log, say).map_err(PackageError::Run)?;
    if !status.success() {
        return Err(PackageError::Failed { status: status.to_string(), log: log.tail(12) });
    }
    Ok(Package::Installed)
}

/// Whether an install of ours is under way, or was killed before it could put the policy back.
fn in_the_middle() -> bool {
    fs::read_to_string("/usr/sbin/policy-rc.d").is_ok_and(|policy| policy.contains(DENIAL))
}

/// What goes before the shell to become root: nothing, or sudo.
fn rights() -> Result<&'static [&'static str], PackageError> {
    if !in_path("apt-get") {
        return Err(PackageError::NoInstaller);
    }
    // The owner of /proc/self is the effective user.
    if fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0) {
        return Ok(&[]);
    }
    let sudo = Command::new("sudo")
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if sudo.is_ok_and(|status| status.success()) {
        Ok(&["sudo", "-n"])
    } else {
        Err(PackageError::NoRights)
    }
}

fn in_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The installer has a group of its own: Ctrl-C ends us, while it finishes what dpkg has begun and
/// puts the policy back.
fn spawn(prefix: &[&str], script: &str, arguments: &[&OsStr], log: &LogFile) -> io::Result<Child> {
    let shell = ["/bin/sh", "-c", script, "install"];
    let mut words = prefix.iter().chain(&shell);
    let first = words.next().copied().unwrap_or_default();
    Command::new(first)
        .args(words)
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.file.try_clone()?)
        .stderr(log.file.try_clone()?)
        .process_group(0)
        .spawn()
}

fn watch(
    installer: &mut Child,
    log: &LogFile,
    say: &mut dyn FnMut(&str),
) -> io::Result<ExitStatus> {
    let start = Instant::now();
    let mut spoken = start;
    loop {
        if let Some(status) = installer.try_wait()? {
            return Ok(status);
        }
        if spoken.elapsed() >= SPEAK_EVERY {
            spoken = Instant::now();
            say(&format!("installing, {} s: {}", start.elapsed().as_secs(), log.tail(1)));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// What the installer says, in a file without a name: nothing is left of it, however this ends.
struct LogFile {
    file: File,
}

impl LogFile {
    fn create() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("ferry-install-{}.log", process::id()));
        // Somebody else's link at this name must not make root write elsewhere.
        let _absent = fs::remove_file(&path);
        let file = File::options().read(true).append(true).create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(Self { file })
    }

    /// The last non-empty lines.
    fn tail(&self, count: usize) -> String {
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = [0_u8; TAIL_BYTES];
        // Reading at a place leaves alone the position at which the installer appends.
        let read = self.file.read_at(&mut bytes, length.saturating_sub(TAIL_BYTES as u64));
        let log = bytes.get(..read.unwrap_or_default()).unwrap_or_default();
        let text = String::from_utf8_lossy(log);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_tail_of_a_log_is_its_last_lines_that_say_something() {
        let log = LogFile::create().unwrap();
        assert_eq!(log.tail(1), "");
        let padding = "x".repeat(TAIL_BYTES);
        write!(&log.file, "{padding}\none\n\ntwo\n\n").unwrap();
        assert_eq!(log.tail(1), "two");
        assert_eq!(log.tail(2), "one\ntwo");
    }

    #[test]
    fn the_installers_policy_is_known_by_the_line_it_writes() {
        assert!(INSTALL.contains(&format!("mark='{DENIAL}'")));
    }
}
