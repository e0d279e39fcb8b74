//! The distribution's package of the broker.
//!
//! Installing it never starts a service: Debian's maintainer scripts ask `/usr/sbin/policy-rc.d`,
//! and for the time of the install that says no. Nothing is removed, and a system node that runs
//! is never touched, because then the package is there and there is nothing to do.

use std::{
    env,
    fs::{self, File},
    io,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{PackageError, home::PROGRAMS};

const INSTALL: &str = include_str!("install.sh");

/// A line of progress this often.
const SPEAK_EVERY: Duration = Duration::from_secs(3);

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
    let program = Path::new(PROGRAMS).join("rabbitmq-server");
    if program.exists() {
        return Ok(Package::AlreadyThere);
    }
    let prefix = rights()?;
    let through = if prefix.is_empty() { "" } else { " through sudo" };
    say(&format!(
        "rabbitmq-server is missing; installing it with apt-get{through}, services denied"
    ));
    let log = LogFile::create().map_err(PackageError::Run)?;
    let mut installer = spawn(prefix, &program, &log).map_err(PackageError::Run)?;
    let status = watch(&mut installer, &log, say).map_err(PackageError::Run)?;
    if !status.success() {
        return Err(PackageError::Failed { status: status.to_string(), log: log.tail(12) });
    }
    if Path::new("/run/systemd/system").exists() {
        say(
            "the package's own service was not started; it starts at the next boot unless you run \
             `systemctl disable rabbitmq-server epmd.socket`",
        );
    }
    Ok(Package::Installed)
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
fn spawn(prefix: &[&str], program: &Path, log: &LogFile) -> io::Result<Child> {
    let shell = ["/bin/sh", "-c", INSTALL, "install"];
    let mut words = prefix.iter().chain(&shell);
    let first = words.next().copied().unwrap_or_default();
    Command::new(first)
        .args(words)
        .arg(program)
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

/// What the installer says, in a file that goes when it is no longer needed.
struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    fn create() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("ferry-install-{}.log", process::id()));
        // Somebody else's link at this name must not make root write elsewhere.
        let _absent = fs::remove_file(&path);
        let file = File::options().append(true).create_new(true).open(&path)?;
        Ok(Self { path, file })
    }

    /// The last non-empty lines.
    fn tail(&self, count: usize) -> String {
        let log = fs::read(&self.path).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.path);
    }
}
