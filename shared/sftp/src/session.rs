//! One connection: to a server that is known, as somebody it knows.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use russh::{
    ChannelMsg, ChannelOpenFailure, Disconnect, Error,
    client::{self, DisconnectReason, Handle},
    keys::{HashAlg, PublicKeyOrCertificate},
};
use russh_sftp::client::{Config, RawSftpSession};
use tokio::time::timeout;

use crate::{Account, SftpError, files::Files, line::Line, login, work::Work};

/// A request that takes longer is given up with the whole exchange, by its deadline.
const REQUEST_SECS_MAX: u64 = 3_600;
/// Everything is done by then.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);
/// The version of `fsync@openssh.com` that is known here.
const FSYNC: (&str, &str) = ("fsync@openssh.com", "1");

pub(crate) struct Session {
    connection: Handle<KnownServer>,
    pub(crate) files: Files,
}

/// Lets nobody in but a server that shows one of these keys.
pub(crate) struct KnownServer {
    host_keys: Vec<String>,
    heard: Arc<Heard>,
}

/// What a server has said that no call gives back.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The key that an unknown one has shown.
    shown: OnceLock<String>,
    refused: AtomicBool,
}

impl Heard {
    /// Whether the conversation ended because the server said so, or takes nothing any more.
    pub(crate) fn refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }
}

impl client::Handler for KnownServer {
    type Error = Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let shown = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let is_known = self.host_keys.contains(&shown);
        if !is_known {
            let _ = self.heard.shown.set(shown);
        }
        Ok(is_known)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Error>) -> Result<(), Error> {
        let refused = match &reason {
            DisconnectReason::ReceivedDisconnect(_) => true,
            DisconnectReason::Error(error) => matches!(error, Error::NoAuthMethod),
        };
        self.heard.refused.store(refused, Ordering::SeqCst);
        Ok(())
    }
}

impl Session {
    pub(crate) async fn open(work: &Work<'_>) -> Result<Self, SftpError> {
        let Account { host, port, user, host_keys, .. } = work.account;
        work.step("connect");
        let line = Line::lay((host, *port), work.until, work.cut()).await;
        let line = line.map_err(|source| {
            let host = host.clone();
            SftpError::Unreachable { host, port: *port, source }
        })?;
        let what = work.step("agree with the server on how to speak");
        let heard = Arc::new(Heard::default());
        let server = KnownServer { host_keys: host_keys.clone(), heard: Arc::clone(&heard) };
        // The line is cut before that, with the work. It says so to the library as well.
        let inactivity_timeout = Some(work.within);
        let config = client::Config { inactivity_timeout, ..client::Config::default() };
        let connected = client::connect_stream(Arc::new(config), line, server).await;
        let mut connection = connected.map_err(|error| match heard.shown.get().cloned() {
            Some(shown) => SftpError::HostKey { host: host.clone(), port: *port, shown },
            None => disagreement(&error, what),
        })?;
        let what = work.step("log in");
        login::log_in(&mut connection, &heard, work.account, what).await?;
        let what = work.step("open its files");
        let files = files(&connection, user, what).await?;
        Ok(Self { connection, files })
    }

    /// Says goodbye. What was done is done, whether it is heard or not.
    pub(crate) async fn close(self) {
        let Self { connection, files } = self;
        let goodbye = async {
            files.close();
            let _ = connection.disconnect(Disconnect::ByApplication, "", "").await;
            let _ = connection.await;
        };
        let _unheard = timeout(GOODBYE_WITHIN, goodbye).await;
    }
}

/// By what it was: some errors repeat what the server has said.
fn disagreement(error: &Error, what: &'static str) -> SftpError {
    if is_end(error) {
        return SftpError::Lost(what);
    }
    SftpError::Handshake(if let Error::NoCommonAlgo { kind, .. } = error {
        format!("no common {kind:?} algorithm")
    } else if matches!(error, Error::Version) {
        "it is no SSH server of version 2".to_owned()
    } else if matches!(error, Error::WrongServerSig) {
        "it does not hold the key it shows".to_owned()
    } else {
        "what it says makes no sense".to_owned()
    })
}

/// Whether it says no more than that the connection is over.
fn is_end(error: &Error) -> bool {
    matches!(
        error,
        Error::IO(_)
            | Error::HUP
            | Error::Disconnect
            | Error::ConnectionTimeout
            | Error::InactivityTimeout
            | Error::SendError
            | Error::RecvError
    )
}

const fn in_our_words(reason: &ChannelOpenFailure) -> &'static str {
    match reason {
        ChannelOpenFailure::AdministrativelyProhibited => "it is prohibited",
        ChannelOpenFailure::ConnectFailed => "it could not connect",
        ChannelOpenFailure::UnknownChannelType => "it knows no sessions",
        ChannelOpenFailure::ResourceShortage => "it has no room for another session",
        ChannelOpenFailure::Other { .. } => "for a reason of its own",
    }
}

async fn files(
    connection: &Handle<KnownServer>,
    user: &str,
    what: &'static str,
) -> Result<Files, SftpError> {
    let unopened = |error| {
        if let Error::ChannelOpenFailure(reason) = error {
            SftpError::Refused { what, said: in_our_words(&reason).to_owned() }
        } else {
            SftpError::Lost(what)
        }
    };
    let mut channel = connection.channel_open_session().await.map_err(unopened)?;
    channel.request_subsystem(true, "sftp").await.map_err(unopened)?;
    loop {
        match channel.wait().await {
            Some(ChannelMsg::Success) => break,
            Some(ChannelMsg::Failure) => return Err(SftpError::Unserved(user.to_owned())),
            Some(ChannelMsg::WindowAdjusted { .. }) => {}
            _ => return Err(SftpError::Lost(what)),
        }
    }
    let config = Config { request_timeout_secs: REQUEST_SECS_MAX, ..Config::default() };
    let session = RawSftpSession::new_with_config(channel.into_stream(), config);
    let version = session.init().await.map_err(|_| SftpError::Lost(what))?;
    let syncs = version.extensions.get(FSYNC.0).is_some_and(|version| version == FSYNC.1);
    Ok(Files { session, syncs })
}
