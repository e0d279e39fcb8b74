//! Who logs in where, and how the server is known.

use std::{fmt, sync::Arc};

use russh::keys::{Algorithm, PrivateKey, decode_secret_key};

/// An account at a server. Its `Debug` form shows no secret.
#[derive(Clone)]
pub struct Account {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) host_keys: Vec<String>,
    pub(crate) proof: Proof,
}

/// How the account shows that it is its owner's.
#[derive(Clone, Copy)]
pub enum Login<'a> {
    Password(&'a str),
    /// A private key as OpenSSH or PKCS#8 write it, without a passphrase; Ed25519 or ECDSA.
    Key(&'a str),
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Key(_) => "Key",
        })
    }
}

#[derive(Clone)]
pub(crate) enum Proof {
    Password(String),
    Key(Arc<PrivateKey>),
}

/// What is wrong with an account before anybody is asked. Repeats no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error("no host key is known, so that no server can be trusted")]
    NoHostKey,
    #[error(
        "the key is no private key without a passphrase in the format of OpenSSH, Ed25519 or ECDSA"
    )]
    Key,
    #[error("a key is taken that is Ed25519 or ECDSA; make one with `ssh-keygen -t ed25519`")]
    Kind,
}

impl Account {
    /// `host_keys` are fingerprints as `ssh-keygen -lf` prints them, with `SHA256:`; one in another form
    /// is no server's.
    ///
    /// # Errors
    /// A key that cannot be read or is not taken.
    pub fn new(
        (host, port): (&str, u16),
        user: &str,
        login: Login<'_>,
        host_keys: &[String],
    ) -> Result<Self, AccountError> {
        if host_keys.is_empty() {
            return Err(AccountError::NoHostKey);
        }
        let proof = match login {
            Login::Password(password) => Proof::Password(password.to_owned()),
            Login::Key(text) => Proof::Key(Arc::new(key(text)?)),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            user: user.to_owned(),
            host_keys: host_keys.to_vec(),
            proof,
        })
    }
}

fn key(text: &str) -> Result<PrivateKey, AccountError> {
    let key = decode_secret_key(text, None).map_err(|_| AccountError::Key)?;
    // Signing with RSA tells the key to whoever takes the time: RUSTSEC-2023-0071.
    let is_taken = matches!(key.algorithm(), Algorithm::Ed25519 | Algorithm::Ecdsa { .. });
    if is_taken { Ok(key) } else { Err(AccountError::Kind) }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, user, .. } = self;
        f.debug_struct("Account")
            .field("host", host)
            .field("port", port)
            .field("user", user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, AccountError, Login};

    const FINGERPRINT: &str = "SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ";

    fn account(login: Login<'_>, host_keys: &[&str]) -> Result<Account, AccountError> {
        let host_keys: Vec<_> = host_keys.iter().map(|&key| key.to_owned()).collect();
        Account::new(("partner.test", 22), "acme", login, &host_keys)
    }

    #[test]
    fn no_server_is_trusted_without_a_fingerprint() {
        let password = Login::Password("pw");
        assert_eq!(account(password, &[]).unwrap_err(), AccountError::NoHostKey);
        account(password, &[FINGERPRINT]).unwrap();
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for text in ["", "hunter2", "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n"] {
            let refused = account(Login::Key(text), &[FINGERPRINT]).unwrap_err();
            assert_eq!(refused, AccountError::Key, "{text}");
            assert!(!refused.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn its_debug_form_shows_no_secret() {
        let account = account(Login::Password("hunter2"), &[FINGERPRINT]).unwrap();
        assert!(!format!("{account:?}").contains("hunter2"));
    }
}
