//! Why a file is not there.

use std::io;

/// None of these says that the file is *not* there: [`crate::put()`] again finds out. They are in our own
/// words: a server's are not repeated, but for the names of what it shows and takes.
#[derive(Debug, thiserror::Error)]
pub enum SftpError {
    #[error("no connection to {host}:{port}")]
    Unreachable { host: String, port: u16, source: io::Error },
    /// Not the server we know, or one whose key was changed.
    #[error(
        "{host}:{port} shows the host key {shown}, which is not known; if its owner says that it \
         was changed, put this one into host_keys"
    )]
    HostKey { host: String, port: u16, shown: String },
    #[error("no agreement with the server on how to speak: {0}")]
    Handshake(String),
    #[error("the server refuses the user {user}; it would take: {takes}")]
    Login { user: String, takes: String },
    #[error(
        "the server takes what the user {user} shows, and wants more: {takes}; only one of password \
         and key can be shown"
    )]
    HalfLogin { user: String, takes: String },
    #[error("the server asks the user {0} for something else than one password")]
    Questions(String),
    #[error("the server lets the user {0} in, and serves it no files: it has no subsystem sftp")]
    Unserved(String),
    #[error("the folder {0} does not exist, or is no folder")]
    NoFolder(String),
    #[error(
        "the account may put files there and not {0}, which is how it is known that a file has \
         arrived, and that none is written over"
    )]
    Unseen(&'static str),
    #[error("the server does not permit to {0}")]
    Denied(&'static str),
    #[error("{0} is there with another content, and nothing is written over it")]
    Taken(String),
    #[error("the server refuses to {what}: {said}")]
    Refused { what: &'static str, said: String },
    #[error("the connection was lost while it was to {0}")]
    Lost(&'static str),
    #[error("{host}:{port}: it was not done in time; at the end it was to {what}")]
    Timeout { host: String, port: u16, what: &'static str },
}
