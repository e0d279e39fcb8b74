//! `ferry lint` as it is called.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::{fs, path::Path, process::Command};

/// The sample's export, and the same on a server whose key is a variable that is set elsewhere.
const FOLDER: &str = "folder = \"accounts\"\n";
const SFTP: &str = "sftp = { host = \"partner.example\", user = \"acme\", key = { env = \"PARTNER_KEY\" }, \
    host_keys = [\"SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ\"] }\n";

/// How it ends, and what it says of the sample where one line is another.
fn linted(name: &str, from: &str, to: &str) -> (Option<i32>, String) {
    let ops = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sample = fs::read_to_string(ops.join("config/ferry.sample.toml")).unwrap();
    assert_eq!(sample.matches(from).count(), 1);
    let changed = sample.replacen(from, to, 1).replace("\"../", &format!("\"{}/", ops.display()));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, changed).unwrap();
    let mut ferry = Command::new(env!("CARGO_BIN_EXE_ferry"));
    let output = ferry.arg("lint").arg("--config").arg(path).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_key_that_is_elsewhere_is_no_fault_of_the_configuration() {
    let (code, said) = linted("key.toml", FOLDER, SFTP);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = linted("fingerprint.toml", FOLDER, &SFTP.replace("SHA256:", "MD5:"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("systems.accounts.sftp.host_keys[0]: it must be SHA256:"), "{said}");
}
