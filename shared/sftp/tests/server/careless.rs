//! A server in memory that says as little as it may, and renames over what is there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use ferry_sftp::{Account, Put, SftpError, Upload, probe, put};
use ferry_sshd::Server;
use russh::{
    Channel, ChannelId, Error,
    keys::{HashAlg, PrivateKey, decode_secret_key},
    server::{self, Auth, ChannelOpenHandle, Msg, Session},
};
use russh_sftp::protocol::{
    Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Packet, Status, StatusCode, Version,
};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{WITHIN, account_by_password, upload};

const NAME: &str = "in/orders-00000001.csv";

/// What it holds, and what was asked of it.
#[derive(Debug, Default)]
struct Held {
    files: BTreeMap<String, Vec<u8>>,
    /// Is there once a file has been closed that was being written.
    theirs: Option<Vec<u8>>,
    syncs: usize,
    /// Names that it makes up at every look at the folder, without an end.
    endless: bool,
    pages: usize,
}

#[derive(Clone, Debug, Default)]
struct Careless(Arc<Mutex<Held>>);

/// One connection to it.
struct Connection {
    server: Careless,
    channels: HashMap<ChannelId, Channel<Msg>>,
}

impl Careless {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection after the other, until it is dropped.
    async fn serve(&self, key: PrivateKey) -> (u16, JoinSet<()>) {
        let config = Arc::new(server::Config { keys: vec![key], ..server::Config::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = self.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection = Connection { server: server.clone(), channels: HashMap::new() };
                let running = server::run_stream(Arc::clone(&config), stream, connection).await;
                if let Ok(running) = running {
                    let _ = running.await;
                }
            }
        });
        (port, serving)
    }

    async fn account(&self) -> (Account, JoinSet<()>) {
        let key = Server::start().unwrap().login_key().unwrap();
        let key = decode_secret_key(&key, None).unwrap();
        let known = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let (port, serving) = self.serve(key).await;
        (account_by_password(port, "pw", &known), serving)
    }
}

impl server::Handler for Connection {
    type Error = Error;

    async fn auth_password(&mut self, _user: &str, _password: &str) -> Result<Auth, Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Error> {
        self.channels.insert(channel.id(), channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Error> {
        session.channel_success(channel)?;
        let channel = self.channels.remove(&channel).unwrap();
        russh_sftp::server::run(channel.into_stream(), self.server.clone()).await;
        Ok(())
    }
}

fn fine(id: u32) -> Status {
    let (error_message, language_tag) = (String::new(), String::new());
    Status { id, status_code: StatusCode::Ok, error_message, language_tag }
}

/// A handle is the path.
impl russh_sftp::server::Handler for Careless {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn init(&mut self, _: u32, _: HashMap<String, String>) -> Result<Version, StatusCode> {
        let mut version = Version::new();
        version.extensions.insert("fsync@openssh.com".to_owned(), "1".to_owned());
        Ok(version)
    }

    async fn open(
        &mut self,
        id: u32,
        filename: String,
        flags: OpenFlags,
        _: FileAttributes,
    ) -> Result<Handle, StatusCode> {
        let mut held = self.held();
        if flags.contains(OpenFlags::CREATE) {
            held.files.insert(filename.clone(), Vec::new());
        } else if !held.files.contains_key(&filename) {
            return Err(StatusCode::NoSuchFile);
        }
        Ok(Handle { id, handle: filename })
    }

    async fn close(&mut self, id: u32, handle: String) -> Result<Status, StatusCode> {
        let mut held = self.held();
        if handle.contains(".ferry-")
            && let Some(theirs) = held.theirs.take()
        {
            held.files.insert(NAME.to_owned(), theirs);
        }
        Ok(fine(id))
    }

    async fn read(
        &mut self,
        id: u32,
        handle: String,
        at: u64,
        len: u32,
    ) -> Result<Data, StatusCode> {
        const AT_ONCE: usize = 1_000;
        let at = usize::try_from(at).unwrap();
        let file = self.held().files.get(&handle).cloned().ok_or(StatusCode::NoSuchFile)?;
        let rest = file.get(at..).filter(|rest| !rest.is_empty()).ok_or(StatusCode::Eof)?;
        let len = AT_ONCE.min(usize::try_from(len).unwrap()).min(rest.len());
        Ok(Data { id, data: rest[..len].to_vec() })
    }

    async fn write(
        &mut self,
        id: u32,
        handle: String,
        at: u64,
        data: Vec<u8>,
    ) -> Result<Status, StatusCode> {
        let mut held = self.held();
        let file = held.files.get_mut(&handle).ok_or(StatusCode::NoSuchFile)?;
        let end = usize::try_from(at).unwrap() + data.len();
        file.resize(end.max(file.len()), 0);
        file[end - data.len()..end].copy_from_slice(&data);
        Ok(fine(id))
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        let is_there = path == "in" || self.held().files.contains_key(&path);
        let attrs = FileAttributes::empty();
        if is_there { Ok(Attrs { id, attrs }) } else { Err(StatusCode::NoSuchFile) }
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        if path == "in" { Ok(Handle { id, handle: path }) } else { Err(StatusCode::NoSuchFile) }
    }

    async fn readdir(&mut self, id: u32, _handle: String) -> Result<Name, StatusCode> {
        let mut held = self.held();
        if !held.endless {
            return Err(StatusCode::Eof);
        }
        held.pages += 1;
        let names = (0..100).map(|number| File::dummy(format!("{}-{number}", held.pages)));
        Ok(Name { id, files: names.collect() })
    }

    async fn remove(&mut self, id: u32, filename: String) -> Result<Status, StatusCode> {
        self.held().files.remove(&filename).ok_or(StatusCode::NoSuchFile)?;
        Ok(fine(id))
    }

    async fn rename(&mut self, id: u32, from: String, to: String) -> Result<Status, StatusCode> {
        let mut held = self.held();
        let file = held.files.remove(&from).ok_or(StatusCode::NoSuchFile)?;
        held.files.insert(to, file);
        Ok(fine(id))
    }

    async fn extended(&mut self, id: u32, _: String, _: Vec<u8>) -> Result<Packet, StatusCode> {
        self.held().syncs += 1;
        Ok(Packet::Status(fine(id)))
    }
}

fn large() -> Upload<'static> {
    let body = (0_u32..100_000).map(|n| n.to_le_bytes()[0]).collect::<Vec<u8>>();
    Upload { body: Bytes::from(body), ..upload("in", "a", b"") }
}

#[tokio::test]
async fn a_file_is_synced_once_and_compared_where_its_length_is_not_known() {
    let server = Careless::default();
    let (account, _serving) = server.account().await;
    probe(&account, "in/", WITHIN).await.unwrap();
    let nowhere = probe(&account, "out", WITHIN).await.unwrap_err();
    assert!(matches!(nowhere, SftpError::NoFolder(_)), "{nowhere}");
    let large = large();
    assert_eq!(put(&account, &large, WITHIN).await.unwrap(), Put::Written);
    assert_eq!(server.held().syncs, 1);
    assert_eq!(put(&account, &large, WITHIN).await.unwrap(), Put::WasThere);
    // Longer, shorter, and another.
    for body in [[&large.body[..], b"x"].concat(), large.body[1..].to_vec(), vec![0; 100_000]] {
        server.held().files.insert(NAME.to_owned(), body);
        let taken = put(&account, &large, WITHIN).await.unwrap_err();
        assert!(matches!(taken, SftpError::Taken(_)), "{taken}");
    }
}

#[tokio::test]
async fn what_has_come_under_the_name_during_the_upload_is_not_renamed_over() {
    let server = Careless::default();
    let (account, _serving) = server.account().await;
    server.held().theirs = Some(b"theirs".to_vec());
    let taken = put(&account, &large(), WITHIN).await.unwrap_err();
    assert!(matches!(taken, SftpError::Taken(_)), "{taken}");
    server.held().files.remove(NAME);
    server.held().theirs = Some(large().body.to_vec());
    assert_eq!(put(&account, &large(), WITHIN).await.unwrap(), Put::WasThere);
    let names: Vec<String> = server.held().files.keys().cloned().collect();
    assert_eq!(names, [NAME]);
}

#[tokio::test]
async fn a_folder_without_an_end_is_looked_through_no_further_than_is_of_use() {
    let server = Careless::default();
    let (account, _serving) = server.account().await;
    server.held().endless = true;
    assert_eq!(put(&account, &large(), WITHIN).await.unwrap(), Put::Written);
    assert_eq!(server.held().pages, 50);
}
