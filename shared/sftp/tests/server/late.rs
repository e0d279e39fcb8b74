//! Servers that fall silent: they are given up in time, and then for good.

use std::time::Duration;

use ferry_sftp::{SftpError, Upload, probe, put};
use ferry_sshd::Server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest, copy},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};

use crate::{UNKNOWN, account_at, account_by_password, names, upload};

const SHORT: Duration = Duration::from_millis(800);
/// For what is to happen at once; on a busy machine nothing does.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_in_time_and_hung_up_on() {
    for greeting in [&b""[..], b"SSH-2.0-x\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let account = account_by_password(port, "pw", UNKNOWN);
        let silent = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(greeting).await.unwrap();
            // The end or a reset, either will do.
            timeout(SOON, stream.read_to_end(&mut Vec::new())).await
        };
        let upload = upload("", "a", b"x");
        let (given_up, hung_up) = tokio::join!(put(&account, &upload, SHORT), silent);
        let given_up = given_up.unwrap_err();
        assert!(matches!(given_up, SftpError::Timeout { .. }), "{given_up}");
        let told = given_up.to_string();
        assert!(told.starts_with(&format!("127.0.0.1:{port}: ")), "{told}");
        assert!(told.ends_with("to agree with the server on how to speak"), "{told}");
        assert!(hung_up.is_ok(), "the connection lives on after the work");
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_connection_behind() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let account = account_by_password(listener.local_addr().unwrap().port(), "pw", UNKNOWN);
    let mut stream = tokio::select! {
        _ = probe(&account, "", SOON) => panic!("nobody has answered"),
        accepted = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"SSH-2.0-x\r\n").await.unwrap();
            // Its greeting, and the beginning of what it says to ours.
            stream.read_exact(&mut [0; 200]).await.unwrap();
            stream
        } => accepted,
    };
    timeout(SOON, stream.read_to_end(&mut Vec::new())).await.unwrap().ok();
}

/// What had not been sent when the time was over is never sent, even if the way is free again.
#[tokio::test]
async fn a_server_that_stalls_in_an_upload_gets_nothing_more_once_it_is_given_up() {
    let server = Server::start().unwrap();
    let inbox = server.inbox();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = account_at(&server, listener.local_addr().unwrap().port());
    let (given_up, is_given_up) = oneshot::channel();
    let stalling = async {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
        let (client_read, mut client_write) = client.into_split();
        let (mut server_read, mut server_write) = server.into_split();
        let mut there = client_read.take(200_000);
        tokio::select! {
            _ = copy(&mut there, &mut server_write) => {}
            _ = copy(&mut server_read, &mut client_write) => {}
        }
        is_given_up.await.unwrap();
        // A goodbye would be no error: only a reset drops what is still to be sent.
        let reset = timeout(SOON, there.get_ref().ready(Interest::ERROR)).await;
        let mut stream = there.into_inner();
        let _ = timeout(SOON, copy(&mut stream, &mut server_write)).await;
        reset
    };
    let body = vec![b'x'; 20_000_000].into();
    let large = Upload { body, ..upload(inbox.to_str().unwrap(), "a", b"") };
    let putting = async {
        let put = put(&through, &large, 5 * SHORT).await;
        given_up.send(()).unwrap();
        put.unwrap_err()
    };
    let (given_up, reset) = tokio::join!(putting, stalling);
    assert!(matches!(given_up, SftpError::Timeout { what: "write the file", .. }), "{given_up}");
    assert!(reset.is_ok(), "what was still to be sent may be sent after the work");
    assert!(!names(&inbox).contains(&large.name.to_owned()));
}
