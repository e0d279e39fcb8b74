//! Who logs in where, and how the server is known.

use std::{fmt, sync::Arc};

use russh::keys::{PrivateKey, decode_secret_key};

/// What fingerprints look like: `SHA256:` and 43 characters of base64, as `ssh-keygen -l` prints them.
const FINGERPRINT: (&str, usize) = ("SHA256:", 43);

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
        "host key {0} is not a fingerprint such as `ssh-keygen -lf` prints: SHA256: and 43 characters"
    )]
    HostKey(usize),
    #[error(
        "the key is no private key without a passphrase in the format of OpenSSH, Ed25519 or ECDSA"
    )]
    Key,
    #[error("RSA keys are not taken; make one with `ssh-keygen -t ed25519`")]
    Rsa,
}

impl Account {
    /// # Errors
    /// A key or a fingerprint that cannot be read.
    pub fn new(
        (host, port): (&str, u16),
        user: &str,
        login: Login<'_>,
        host_keys: &[String],
    ) -> Result<Self, AccountError> {
        if host_keys.is_empty() {
            return Err(AccountError::NoHostKey);
        }
        if let Some(wrong) = host_keys.iter().position(|key| !is_fingerprint(key)) {
            return Err(AccountError::HostKey(wrong.saturating_add(1)));
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

/// Whether it is a fingerprint by its form.
fn is_fingerprint(text: &str) -> bool {
    let (prefix, length) = FINGERPRINT;
    let is_base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/');
    text.strip_prefix(prefix)
        .is_some_and(|hash| hash.len() == length && hash.bytes().all(is_base64))
}

fn key(text: &str) -> Result<PrivateKey, AccountError> {
    let key = decode_secret_key(text, None).map_err(|_| AccountError::Key)?;
    // Signing with it is not built in: RUSTSEC-2023-0071.
    if key.algorithm().is_rsa() { Err(AccountError::Rsa) } else { Ok(key) }
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
    fn no_server_is_trusted_without_a_fingerprint_in_full() {
        let password = Login::Password("pw");
        assert_eq!(account(password, &[]).unwrap_err(), AccountError::NoHostKey);
        for wrong in
            ["SHA256:short", "MD5:ab:cd", "uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ", ""]
        {
            let refused = account(password, &[FINGERPRINT, wrong]).unwrap_err();
            assert_eq!(refused, AccountError::HostKey(2), "{wrong}");
        }
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
