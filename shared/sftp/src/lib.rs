//! Whole files to an SFTP server (SFTP version 3, draft-ietf-secsh-filexfer-02).
//!
//! [`put()`] promises that a file is there under its name whole or not at all, that nothing of somebody
//! else's is written over, as far as the server renames over nothing, and that the same file put again
//! does no more than the first time. A server is spoken to only if it shows a key that is known; there
//! is no trust on first use. Once the time is over, or the call is dropped, nothing more is sent. It
//! does not retry, and keeps no connection. Only this crate names russh.

mod account;
mod error;
mod files;
mod line;
mod login;
mod put;
mod session;
mod work;

pub use account::{Account, AccountError, Login};
pub use error::SftpError;
pub use put::{Put, Upload, probe, put};
