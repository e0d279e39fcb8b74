//! One connection: to a server that is known, as somebody it knows.

use std::sync::{Arc, OnceLock};

use russh::{
    Disconnect,
    client::{self, AuthResult, Handle},
    keys::{HashAlg, PrivateKeyWithHashAlg},
};
use russh_sftp::client::{Config, SftpSession};
use tokio::net::TcpStream;

use crate::{Account, SftpError, account::Proof};

/// A request that takes longer is given up with the whole exchange, by its deadline.
const REQUEST_SECS_MAX: u64 = 3_600;

pub(crate) struct Session {
    connection: Handle<KnownServer>,
    pub(crate) files: SftpSession,
}

/// Lets nobody in but a server that shows one of these keys.
struct KnownServer {
    host_keys: Vec<String>,
    /// What an unknown one has shown.
    shown: Arc<OnceLock<String>>,
}

impl client::Handler for KnownServer {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        let shown = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let is_known = self.host_keys.contains(&shown);
        if !is_known {
            let _ = self.shown.set(shown);
        }
        Ok(is_known)
    }
}

impl Session {
    pub(crate) async fn open(account: &Account) -> Result<Self, SftpError> {
        let (host, port) = (account.host.clone(), account.port);
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|source| SftpError::Unreachable { host: host.clone(), port, source })?;
        let shown = Arc::new(OnceLock::new());
        let server =
            KnownServer { host_keys: account.host_keys.clone(), shown: Arc::clone(&shown) };
        let config = Arc::new(client::Config { nodelay: true, ..client::Config::default() });
        let mut connection =
            client::connect_stream(config, stream, server).await.map_err(|error| {
                match shown.get().cloned() {
                    Some(shown) => SftpError::HostKey { host, port, shown },
                    None => SftpError::Handshake(error.to_string()),
                }
            })?;
        log_in(&mut connection, account).await?;
        let files = files(&connection).await?;
        Ok(Self { connection, files })
    }

    /// Says goodbye. What was done is done, whether it is heard or not.
    pub(crate) async fn close(self) {
        let _ = self.files.close().await;
        let _ = self.connection.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

async fn log_in(connection: &mut Handle<KnownServer>, account: &Account) -> Result<(), SftpError> {
    let user = account.user.clone();
    let answer = match &account.proof {
        Proof::Password(password) => connection.authenticate_password(user, password.clone()).await,
        Proof::Key(key) => {
            let key = PrivateKeyWithHashAlg::new(Arc::clone(key), None);
            connection.authenticate_publickey(user, key).await
        }
    };
    match answer {
        Ok(AuthResult::Success) => Ok(()),
        Ok(AuthResult::Failure { remaining_methods, .. }) => {
            let names: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
            let takes = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            Err(SftpError::Login { user: account.user.clone(), takes })
        }
        Err(_) => Err(SftpError::Lost("log in")),
    }
}

async fn files(connection: &Handle<KnownServer>) -> Result<SftpSession, SftpError> {
    const WHAT: &str = "open its files";
    let lost = |_| SftpError::Lost(WHAT);
    let channel = connection.channel_open_session().await.map_err(lost)?;
    channel.request_subsystem(true, "sftp").await.map_err(lost)?;
    let config = Config { request_timeout_secs: REQUEST_SECS_MAX, ..Config::default() };
    let opened = SftpSession::new_with_config(channel.into_stream(), config).await;
    opened.map_err(|error| SftpError::Refused { what: WHAT, said: error.to_string() })
}
