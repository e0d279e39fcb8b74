//! TLS on what a service listens on.
//!
//! Certificate and key are read at start: a service that cannot speak for itself does not start.
//! They are looked at again every [`LOOK_EVERY`]; a pair that fits serves all connections from then
//! on, so that a renewal needs no restart, and one that does not is told in the log while the former
//! goes on. It asks clients for no certificate: who they are is for the routes to find out.

use std::{
    collections::VecDeque,
    fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context as _;
use ferry_config::TlsConfig;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A client that has not introduced itself by then is dropped.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Clients that introduce themselves at one time. Of more the first to come is dropped: whoever is
/// silent for long must not keep those out who are not.
const HANDSHAKES_MAX: usize = 256;
/// After the system could not take a connection: usually it has no more file handles.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// What the files hold at the moment.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    files: TlsConfig,
    current: Arc<RwLock<Held>>,
}

#[derive(Clone)]
struct Held {
    /// As read, to see a change.
    pems: (Vec<u8>, Vec<u8>),
    server: Arc<ServerConfig>,
}

/// One of the files is a private key.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl Identity {
    /// Reads the files.
    pub(crate) fn read(files: &TlsConfig) -> anyhow::Result<Self> {
        let current = Arc::new(RwLock::new(held(files)?));
        Ok(Self { files: files.clone(), current })
    }

    fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).server)
    }

    /// Looks again; whether something else is held now.
    fn look(&self) -> anyhow::Result<bool> {
        let pems = pems(&self.files)?;
        if pems == self.current.read().unwrap_or_else(PoisonError::into_inner).pems {
            return Ok(false);
        }
        let renewed = held(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(true)
    }

    /// Follows the files until `draining`.
    pub(crate) async fn follow(self, draining: CancellationToken) {
        let mut told = None;
        loop {
            tokio::select! {
                biased;
                () = draining.cancelled() => return,
                () = sleep(LOOK_EVERY) => {}
            }
            match self.look() {
                Ok(true) => info!("the certificate is renewed"),
                Ok(false) => told = None,
                Err(unfit) => {
                    let text = format!("{unfit:#}");
                    if told.as_ref() != Some(&text) {
                        error!(
                            error = text,
                            "the renewed certificate cannot be used; the former goes on"
                        );
                        told = Some(text);
                    }
                }
            }
        }
    }
}

fn pems(files: &TlsConfig) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    Ok((read(&files.certificate)?, read(&files.key)?))
}

fn held(files: &TlsConfig) -> anyhow::Result<Held> {
    let pems = pems(files)?;
    let place = |path: &PathBuf| path.display().to_string();
    let chain = CertificateDer::pem_slice_iter(&pems.0)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("{} is not PEM", place(&files.certificate)))?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", place(&files.certificate));
    let key = PrivateKeyDer::from_pem_slice(&pems.1)
        .with_context(|| format!("{} holds no private key in PEM", place(&files.key)))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .context("preparing TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .with_context(|| format!("{} does not belong to its certificate", place(&files.key)))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Held { pems, server: Arc::new(server) })
}

/// Hands over connections whose client has introduced itself. A slow one holds nobody up.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    identity: Identity,
    shaking: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
    /// Handles on those, the first to come first; some may have ended.
    began: VecDeque<AbortHandle>,
}

impl TlsListener {
    pub(crate) fn new(tcp: TcpListener, identity: Identity) -> Self {
        Self { tcp, identity, shaking: JoinSet::new(), began: VecDeque::new() }
    }

    fn shake(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.began.len() >= HANDSHAKES_MAX {
            self.began.retain(|handle| !handle.is_finished());
        }
        if self.began.len() >= HANDSHAKES_MAX
            && let Some(first) = self.began.pop_front()
        {
            first.abort();
            debug!("a client that does not introduce itself makes room for another");
        }
        let acceptor = TlsAcceptor::from(self.identity.server());
        let handle = self.shaking.spawn(async move {
            match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => return Some((stream, peer)),
                Ok(Err(error)) => debug!(%error, "a client did not agree on TLS"),
                Err(_) => debug!("a client did not introduce itself in time"),
            }
            None
        });
        self.began.push_back(handle);
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                biased;
                Some(shaken) = self.shaking.join_next() => {
                    if let Ok(Some(connection)) = shaken {
                        return connection;
                    }
                }
                taken = self.tcp.accept() => match taken {
                    Ok((stream, peer)) => self.shake(stream, peer),
                    Err(error) => {
                        debug!(%error, "a connection cannot be taken");
                        sleep(ACCEPT_AGAIN).await;
                    }
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::{Lifecycle, http};

    const FIRST: (&str, &str) =
        (include_str!("../tls/first.pem"), include_str!("../tls/first.key"));
    const SECOND: (&str, &str) =
        (include_str!("../tls/second.pem"), include_str!("../tls/second.key"));

    /// A folder with a pair of files.
    fn files(folder: &Path, (certificate, key): (&str, &str)) -> TlsConfig {
        let files = TlsConfig { certificate: folder.join("tls.pem"), key: folder.join("tls.key") };
        fs::write(&files.certificate, certificate).unwrap();
        fs::write(&files.key, key).unwrap();
        files
    }

    /// What a client that trusts only this certificate gets.
    async fn get(address: SocketAddr, trusted: &str) -> io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
        stream
            .write_all(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    async fn served(identity: &Identity) -> (Lifecycle, SocketAddr) {
        let life = Lifecycle::default();
        let router = axum::Router::new().route("/x", axum::routing::get(async || "hello"));
        let address = "127.0.0.1:0".parse().unwrap();
        let bound = http::serve(&life, address, router, Some(identity.clone())).await.unwrap();
        (life, bound)
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_certificate_is_served_and_one_that_speaks_plainly_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::read(&files(folder.path(), FIRST)).unwrap();
        let (_life, address) = served(&identity).await;
        let answer = get(address, FIRST.0).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
        assert!(get(address, SECOND.0).await.is_err(), "the certificate was not looked at");
        let mut plain = TcpStream::connect(address).await.unwrap();
        plain.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains("hello"));
    }

    #[tokio::test]
    async fn a_client_that_does_not_introduce_itself_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::read(&files(folder.path(), FIRST)).unwrap();
        let (_life, address) = served(&identity).await;
        let _silent = TcpStream::connect(address).await.unwrap();
        assert!(get(address, FIRST.0).await.unwrap().ends_with("hello"));
    }

    #[tokio::test]
    async fn clients_that_never_introduce_themselves_keep_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::read(&files(folder.path(), FIRST)).unwrap();
        let (_life, address) = served(&identity).await;
        let mut silent = Vec::new();
        for _ in 0..HANDSHAKES_MAX + 8 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let answer = timeout(HANDSHAKE / 2, get(address, FIRST.0)).await;
        assert!(answer.unwrap().unwrap().ends_with("hello"));
        // Those that were first made room.
        let mut end = Vec::new();
        let dropped = timeout(HANDSHAKE / 2, silent[0].read_to_end(&mut end)).await;
        assert!(dropped.is_ok());
    }

    #[test]
    fn a_private_key_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::read(&files(folder.path(), FIRST)).unwrap();
        let first = format!("{:?}", &FIRST.1.as_bytes()[..8]);
        let first = first.trim_matches(['[', ']']);
        let shown = format!("{identity:?}");
        assert!(!shown.contains("PRIVATE") && !shown.contains(first), "{shown}");
    }

    #[tokio::test]
    async fn a_renewed_certificate_serves_new_connections_and_one_that_does_not_fit_changes_nothing()
     {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::read(&files(folder.path(), FIRST)).unwrap();
        let (_life, address) = served(&identity).await;
        assert!(!identity.look().unwrap());
        files(folder.path(), (SECOND.0, FIRST.1));
        let unfit = format!("{:#}", identity.look().unwrap_err());
        assert!(unfit.contains("tls.key does not belong to its certificate"), "{unfit}");
        assert!(get(address, FIRST.0).await.is_ok());
        files(folder.path(), SECOND);
        assert!(identity.look().unwrap());
        assert!(get(address, SECOND.0).await.unwrap().ends_with("hello"));
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_file_and_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        for (pair, expected) in [
            (("", FIRST.1), "tls.pem holds no certificate"),
            ((FIRST.0, "no key"), "tls.key holds no private key in PEM"),
            ((FIRST.0, SECOND.1), "tls.key does not belong to its certificate"),
        ] {
            let told = format!("{:#}", Identity::read(&files(folder.path(), pair)).unwrap_err());
            assert!(told.contains(expected), "{told}");
            assert!(!told.contains("PRIVATE"), "{told}");
        }
        let missing = TlsConfig { certificate: "no/such.pem".into(), key: "no/such.key".into() };
        assert!(format!("{:#}", Identity::read(&missing).unwrap_err()).contains("no/such.pem"));
    }
}
