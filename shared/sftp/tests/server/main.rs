//! Files to a real server, OpenSSH's.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on fails, whatever else it was"
)]

mod asking;
mod careless;
mod cut;
mod late;
mod others;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use bytes::Bytes;
use ferry_sftp::{Account, Login, Put, SftpError, Upload, probe, put};
use ferry_sshd::Server;

/// Nothing here takes long; on a busy machine everything does.
const WITHIN: Duration = Duration::from_mins(1);
const UNKNOWN: &str = "SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ";

fn account_by_password(port: u16, password: &str, host_key: &str) -> Account {
    let known = [host_key.to_owned()];
    Account::new(("127.0.0.1", port), "acme", Login::Password(password), &known).unwrap()
}

fn account_at(server: &Server, port: u16) -> Account {
    let (key, host_key) = (server.login_key().unwrap(), server.host_key().unwrap());
    let login = Login::Key(&key);
    Account::new(("127.0.0.1", port), server.user(), login, &[host_key]).unwrap()
}

fn account(server: &Server) -> Account {
    account_at(server, server.port())
}

/// What a folder holds, with the hidden ones.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn upload<'a>(folder: &'a str, attempt: &'a str, body: &'static [u8]) -> Upload<'a> {
    let body = Bytes::from_static(body);
    Upload { folder, name: "orders-00000001.csv", hidden: ".ferry-1-", attempt, body }
}

#[tokio::test]
async fn a_file_is_there_whole_and_put_again_it_stays_as_it_is() {
    let server = Server::start().unwrap();
    let (account, inbox) = (account(&server), server.inbox());
    let folder = inbox.to_str().unwrap();
    probe(&account, folder, WITHIN).await.unwrap();
    let first = put(&account, &upload(folder, "a", b"number\n1001\n"), WITHIN).await.unwrap();
    let path = inbox.join("orders-00000001.csv");
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    let again = put(&account, &upload(folder, "b", b"number\n1001\n"), WITHIN).await.unwrap();
    assert_eq!((first, again), (Put::Written, Put::WasThere));
    assert_eq!(fs::read(&path).unwrap(), b"number\n1001\n");
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    assert_eq!(names(&inbox), ["orders-00000001.csv"]);
}

#[tokio::test]
async fn a_large_file_arrives_to_the_byte() {
    let server = Server::start().unwrap();
    let inbox = server.inbox();
    let body: Vec<u8> =
        (0_u32..3_000_000).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let large =
        Upload { body: Bytes::from(body.clone()), ..upload(inbox.to_str().unwrap(), "a", b"") };
    put(&account(&server), &large, WITHIN).await.unwrap();
    assert!(fs::read(inbox.join(large.name)).unwrap() == body);
}

#[tokio::test]
async fn nothing_is_written_over_what_is_somebody_elses() {
    let server = Server::start().unwrap();
    let (account, inbox) = (account(&server), server.inbox());
    let path = inbox.join("orders-00000001.csv");
    for content in ["number\n2002\n", "theirs"] {
        fs::write(&path, content).unwrap();
        let upload = upload(inbox.to_str().unwrap(), "a", b"number\n1001\n");
        let taken = put(&account, &upload, WITHIN).await.unwrap_err();
        assert!(matches!(taken, SftpError::Taken(_)), "{taken}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(names(&inbox), ["orders-00000001.csv"]);
}

#[tokio::test]
async fn what_a_dead_try_has_left_is_swept_and_nothing_else() {
    let server = Server::start().unwrap();
    let inbox = server.inbox();
    for left in [".ferry-1-dead.part", ".ferry-2-other.part", ".profile"] {
        fs::write(inbox.join(left), "half").unwrap();
    }
    let upload = upload(inbox.to_str().unwrap(), "a", b"whole");
    put(&account(&server), &upload, WITHIN).await.unwrap();
    assert_eq!(names(&inbox), [".ferry-2-other.part", ".profile", "orders-00000001.csv"]);
}

#[tokio::test]
async fn a_server_with_another_key_is_told_nothing() {
    let server = Server::start().unwrap();
    let (key, inbox) = (server.login_key().unwrap(), server.inbox());
    let at = ("127.0.0.1", server.port());
    let known = [UNKNOWN.to_owned()];
    let account = Account::new(at, server.user(), Login::Key(&key), &known).unwrap();
    let upload = upload(inbox.to_str().unwrap(), "a", b"secret");
    match put(&account, &upload, WITHIN).await.unwrap_err() {
        SftpError::HostKey { shown, .. } => assert_eq!(shown, server.host_key().unwrap()),
        other => panic!("{other}"),
    }
    assert!(names(&inbox).is_empty());
}

#[tokio::test]
async fn who_is_not_let_in_hears_what_would_be_taken() {
    let server = Server::start().unwrap();
    let known = [server.host_key().unwrap()];
    let at = ("127.0.0.1", server.port());
    let password = Login::Password("hunter2");
    let account = Account::new(at, server.user(), password, &known).unwrap();
    let refused = probe(&account, "", WITHIN).await.unwrap_err();
    assert!(
        matches!(&refused, SftpError::Login { takes, .. } if takes == "publickey"),
        "{refused}"
    );
    assert!(!refused.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let server = Server::start().unwrap();
    let (account, inbox) = (account(&server), server.inbox());
    fs::write(inbox.join("file"), "").unwrap();
    for missing in ["nowhere", "file"] {
        let folder = inbox.join(missing);
        let folder = folder.to_str().unwrap();
        let probed = probe(&account, folder, WITHIN).await.unwrap_err();
        let unput = put(&account, &upload(folder, "a", b"x"), WITHIN).await.unwrap_err();
        assert!(probed.to_string().contains(missing), "{probed}");
        assert!(!matches!(unput, SftpError::Taken(_) | SftpError::Timeout { .. }), "{unput}");
    }
}

#[tokio::test]
async fn a_folder_that_takes_nothing_says_so() {
    let server = Server::start().unwrap();
    let (account, inbox) = (account(&server), server.inbox());
    // Rights bind root as little as his server: a file in the folder's place binds both.
    fs::set_permissions(&inbox, fs::Permissions::from_mode(0o500)).unwrap();
    let part = inbox.join(".ferry-1-a.part");
    fs::create_dir(&part).ok();
    let upload = upload(inbox.to_str().unwrap(), "a", b"x");
    let refused = put(&account, &upload, WITHIN).await.unwrap_err();
    fs::set_permissions(&inbox, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(refused, SftpError::Denied(_) | SftpError::Refused { .. }), "{refused}");
    assert!(!inbox.join("orders-00000001.csv").exists());
}

#[tokio::test]
async fn nobody_there_is_no_connection() {
    let mut server = Server::start().unwrap();
    let account = account(&server);
    server.stop();
    let unreachable = probe(&account, "", WITHIN).await.unwrap_err();
    assert!(matches!(unreachable, SftpError::Unreachable { .. }), "{unreachable}");
}
