//! Servers and accounts that are set up in other ways.

use std::fs;

use ferry_sftp::{Account, AccountError, Login, Put, SftpError, probe, put};
use ferry_sshd::{Server, Setup};

use crate::{UNKNOWN, WITHIN, account, account_by_password, names, upload};

fn with(options: &'static [&'static str]) -> Server {
    Server::start_with(Setup { options, ..Setup::default() }).unwrap()
}

#[tokio::test]
async fn a_server_is_known_by_any_kind_of_key() {
    for host_keys in [&["rsa"], &["ecdsa"]] {
        let server = Server::start_with(Setup { host_keys, ..Setup::default() }).unwrap();
        probe(&account(&server), "", WITHIN).await.unwrap();
        let stranger = account_by_password(server.port(), "pw", UNKNOWN);
        match probe(&stranger, "", WITHIN).await.unwrap_err() {
            SftpError::HostKey { shown, .. } => assert_eq!(shown, server.host_key().unwrap()),
            other => panic!("{host_keys:?}: {other}"),
        }
    }
}

#[test]
fn a_login_key_is_of_a_kind_whose_signatures_do_not_tell_it() {
    let known = [UNKNOWN.to_owned()];
    for (host_keys, refused) in [(&["rsa"], Some(AccountError::Kind)), (&["ecdsa"], None)] {
        let server = Server::start_with(Setup { host_keys, ..Setup::default() }).unwrap();
        let path = server.inbox().with_file_name(format!("host-{}", host_keys[0]));
        let key = fs::read_to_string(path).unwrap();
        let account = Account::new(("partner.test", 22), "acme", Login::Key(&key), &known);
        assert_eq!(account.err(), refused, "{host_keys:?}");
    }
}

#[tokio::test]
async fn an_account_without_files_is_told_as_one() {
    let server = with(&["ForceCommand=none", "Subsystem=other internal-sftp"]);
    let unserved = probe(&account(&server), "", WITHIN).await.unwrap_err();
    assert!(matches!(&unserved, SftpError::Unserved(user) if user == server.user()), "{unserved}");
}

#[tokio::test]
async fn who_has_to_show_two_things_hears_which_is_missing() {
    let server = with(&["AuthenticationMethods=publickey,password"]);
    let half = probe(&account(&server), "", WITHIN).await.unwrap_err();
    assert!(matches!(&half, SftpError::HalfLogin { takes, .. } if takes == "password"), "{half:?}");
}

#[tokio::test]
async fn who_is_thrown_out_is_refused_and_not_cut_off() {
    let server = with(&["AuthenticationMethods=any", "MaxAuthTries=1"]);
    let stranger = account_by_password(server.port(), "pw", &server.host_key().unwrap());
    let refused = probe(&stranger, "", WITHIN).await.unwrap_err();
    assert!(matches!(refused, SftpError::Login { .. }), "{refused}");
}

#[tokio::test]
async fn an_account_that_may_only_put_is_told_what_it_lacks() {
    for (options, lacks) in [
        (&["ForceCommand=internal-sftp -P stat"], "look at files"),
        (&["ForceCommand=internal-sftp -P read"], "read files"),
    ] {
        let server = with(options);
        let inbox = server.inbox();
        fs::write(inbox.join("orders-00000001.csv"), "number\n").unwrap();
        let upload = upload(inbox.to_str().unwrap(), "a", b"number\n");
        let unseen = put(&account(&server), &upload, WITHIN).await.unwrap_err();
        assert!(matches!(unseen, SftpError::Unseen(what) if what == lacks), "{unseen}");
        assert_eq!(names(&inbox), ["orders-00000001.csv"]);
    }
}

#[tokio::test]
async fn what_cannot_be_swept_keeps_no_file_from_arriving() {
    for options in
        [&["ForceCommand=internal-sftp -P opendir"], &["ForceCommand=internal-sftp -P remove"]]
    {
        let server = with(options);
        let inbox = server.inbox();
        fs::write(inbox.join(".ferry-1-dead.part"), "half").unwrap();
        let upload = upload(inbox.to_str().unwrap(), "a", b"whole");
        assert_eq!(put(&account(&server), &upload, WITHIN).await.unwrap(), Put::Written);
        assert_eq!(names(&inbox), [".ferry-1-dead.part", "orders-00000001.csv"]);
    }
}
