//! Who the server runs as.

use std::{
    fs, io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

/// A user other than root, where we are root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// `None`: we are not root, and the server runs as we do.
    pub(crate) fn of_server() -> Option<Self> {
        // The owner of /proc/self is the effective user.
        let root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
        root.then(|| {
            let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
            named(&users, "postgres").unwrap_or(Self { uid: 65_534, gid: 65_534 })
        })
    }

    pub(crate) fn gets(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }

    pub(crate) fn runs(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }
}

fn named(users: &str, name: &str) -> Option<User> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    Some(User { uid: numbers.next()?.ok()?, gid: numbers.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let users = "postgresql:x:1:1::/:/bin/sh\npostgres:x:105:113:,,,:/var/lib:/bin/bash\n";
        let found = named(users, "postgres").unwrap();
        assert_eq!((found.uid, found.gid), (105, 113));
        assert!(named(users, "post").is_none());
    }
}
