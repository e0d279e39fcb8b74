//! HTTPS to programs on this machine, by a client that trusts one certificate and no other.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// No answer of a healthy program takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Two certificates for this machine with their keys, in PEM. None of them is a secret.
pub const FIRST: (&str, &str) = (
    include_str!("../../../shared/service/tls/first.pem"),
    include_str!("../../../shared/service/tls/first.key"),
);
pub const SECOND: (&str, &str) = (
    include_str!("../../../shared/service/tls/second.pem"),
    include_str!("../../../shared/service/tls/second.key"),
);

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

/// Posts to this port, if who listens there has the key of `trusted`.
///
/// # Errors
/// When nobody listens, somebody else does, or no whole answer comes.
pub fn post(
    (port, path): (u16, &str),
    trusted: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let client = ClientConnection::new(Arc::new(trusting(trusted)?), name);
    let mut stream = StreamOwned::new(client.map_err(io::Error::other)?, stream);
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let answer = String::from_utf8_lossy(&bytes).into_owned();
    let no_answer = || io::Error::other("no whole answer");
    let (head, text) = answer.split_once("\r\n\r\n").ok_or_else(no_answer)?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    Ok(Answer { status: status.ok_or_else(no_answer)?, text: text.to_owned() })
}

fn trusting(certificate: &str) -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
    roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
