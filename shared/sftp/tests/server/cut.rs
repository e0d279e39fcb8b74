//! Connections that are lost, wherever that may be.

use std::fs;

use bytes::Bytes;
use ferry_sftp::{Put, SftpError, put};
use ferry_sshd::Server;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy},
    net::{TcpListener, TcpStream},
};

use crate::{WITHIN, account, account_at, names, upload};

/// Takes one connection through to the server, and cuts it after so many bytes to it.
async fn cut_after(listener: &TcpListener, server: u16, bytes: u64) {
    let (client, _) = listener.accept().await.unwrap();
    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let (client_read, mut client_write) = client.into_split();
    let (mut server_read, mut server_write) = server.into_split();
    let mut there = client_read.take(bytes);
    tokio::select! {
        _ = copy(&mut there, &mut server_write) => {}
        _ = copy(&mut server_read, &mut client_write) => {}
    }
    let _ = server_write.shutdown().await;
}

fn is_of_the_connection(error: &SftpError) -> bool {
    matches!(error, SftpError::Lost(_) | SftpError::Handshake(_) | SftpError::Unreachable { .. })
}

#[tokio::test]
async fn a_connection_that_is_lost_anywhere_leaves_the_file_whole_or_not_there() {
    const BODY: &[u8] = &[b'x'; 40_000];
    let server = Server::start().unwrap();
    let inbox = server.inbox();
    let folder = inbox.to_str().unwrap();
    let path = inbox.join("orders-00000001.csv");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = account_at(&server, listener.local_addr().unwrap().port());
    let (mut lost, mut after) = (0, 500);
    loop {
        let attempt = after.to_string();
        let upload = upload(folder, &attempt, BODY);
        let whole = async { put(&through, &upload, WITHIN).await };
        let (put, ()) = tokio::join!(whole, cut_after(&listener, server.port(), after));
        if let Ok(content) = fs::read(&path) {
            assert!(content == BODY, "after {after} bytes it is there with {}", content.len());
        }
        match put {
            Ok(put) => {
                assert!(put == Put::Written || put == Put::WasThere);
                break;
            }
            Err(error) => {
                assert!(is_of_the_connection(&error), "after {after} bytes: {error:?}");
                lost += 1;
            }
        }
        after += 700;
    }
    assert!(lost > 20, "{lost} connections were cut");
    assert_eq!(names(&inbox), ["orders-00000001.csv"]);
}

/// The answer to the rename is lost: the next try finds the file, and writes nothing.
#[tokio::test]
async fn a_file_that_came_through_unheard_is_found_by_the_next_try() {
    let server = Server::start().unwrap();
    let inbox = server.inbox();
    let body = Bytes::from_static(b"number\n1001\n");
    fs::write(inbox.join("orders-00000001.csv"), &body).unwrap();
    fs::write(inbox.join(".ferry-1-lost.part"), &body).unwrap();
    let upload = upload(inbox.to_str().unwrap(), "next", b"number\n1001\n");
    assert_eq!(put(&account(&server), &upload, WITHIN).await.unwrap(), Put::WasThere);
    assert_eq!(names(&inbox), ["orders-00000001.csv"]);
}
