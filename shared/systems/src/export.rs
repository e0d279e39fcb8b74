//! Exports: documents of many parts, as CSV or XML, into a folder, over HTTP or on an SFTP
//! server.
//!
//! Every part is rendered by itself: once when it comes, which shows whether it can be brought at all,
//! and again for its document. Rendering is pure, and the same part gives the same rows. A document is
//! delivered whole or not at all, under the name it is given; the same document delivered again does
//! no more than the first time, as far as the receiver still has it or knows `Idempotency-Key`.
//!
//! It does not know when a document is due, what waits for it, and which documents there were.

mod content;
mod folder;
mod sending;
mod server;

use std::path::PathBuf;

use bytes::Bytes;
use ferry_canonical::Part;
use ferry_config::export::{ExportConfig, ExportSftp, ExportWay, NUMBER};
use ferry_http::{Conversation, Response};
use uuid::Uuid;

use self::{content::Content, sending::Receiver};
use crate::{Applied, Effect, Failure, Reading, Write};

/// What is seen of a document that somebody has put there before.
const THERE: &str = "it was there already, with the same content";

#[derive(Debug)]
pub struct Export {
    config: ExportConfig,
    content: Content,
    way: Way,
}

/// Where documents go. Keys are read by whoever sends: all others render without them.
#[derive(Debug)]
enum Way {
    Folder(PathBuf),
    Http(Box<Receiver>),
    Sftp(Box<ExportSftp>),
}

/// What stands for one part in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    Rows {
        text: Vec<u8>,
        count: u64,
        /// Something a person should see.
        warning: Option<String>,
    },
    /// No row: the reason is what the operator reads.
    Nothing(String),
}

/// A document that is to arrive.
#[derive(Clone, Debug)]
pub struct Document {
    /// The same at every try.
    pub id: Uuid,
    /// Another at every try: one that was given up may still be under way.
    pub attempt: Uuid,
    pub name: String,
    pub media_type: String,
    pub body: Bytes,
}

impl Export {
    pub fn new(config: &ExportConfig) -> Result<Self, String> {
        let way = match &config.way {
            ExportWay::Folder(folder) => Way::Folder(folder.clone()),
            ExportWay::Http(http) => Way::Http(Box::new(Receiver::new(http))),
            ExportWay::Sftp(sftp) => Way::Sftp(Box::new(sftp.clone())),
        };
        Ok(Self { config: config.clone(), content: Content::new(&config.content)?, way })
    }

    /// Whether a document could be sent from here, as far as that can be said without a socket.
    pub fn equipped(&self) -> Result<(), String> {
        match &self.way {
            Way::Folder(_) | Way::Http(_) => Ok(()),
            Way::Sftp(sftp) => server::account(sftp).map(drop),
        }
    }

    pub const fn config(&self) -> &ExportConfig {
        &self.config
    }

    /// The rows of one part.
    pub fn render(&self, part: &Part) -> Result<Rendered, Failure> {
        self.content.render(part)
    }

    /// What stands before the first row.
    pub fn head(&self) -> Vec<u8> {
        self.content.head()
    }

    /// What stands after the last.
    pub fn tail(&self) -> Vec<u8> {
        self.content.tail()
    }

    pub const fn media_type(&self) -> &'static str {
        self.content.media_type()
    }

    /// What a document is called.
    pub fn name(&self, number: u64) -> String {
        self.config.name.replace(NUMBER, &format!("{number:08}"))
    }

    /// Whether each can be brought. That it is brought is for whoever settles it to see to.
    pub fn apply(&self, writes: &[Write<'_>]) -> Vec<Result<Applied, Failure>> {
        let applied = |write: &Write<'_>| {
            let (effect, warning) = match self.render(write.part)? {
                Rendered::Rows { warning, .. } => (Effect::Updated, warning),
                Rendered::Nothing(reason) => (Effect::Skipped(reason), None),
            };
            Ok::<_, Failure>(Applied { effect, target_id: None, warning, rule: None })
        };
        writes.iter().map(applied).collect()
    }

    /// Brings a document where it is to go. What is answered is worth seeing although it worked.
    pub async fn deliver(
        &self,
        conversation: &Conversation,
        document: &Document,
    ) -> Result<Option<String>, Failure> {
        let within = self.config.timeout.0;
        match &self.way {
            Way::Folder(folder) => folder::put(folder, document, within).await,
            Way::Http(receiver) => {
                sending::send((receiver.as_ref(), within), conversation, document).await
            }
            Way::Sftp(sftp) => server::put(sftp, document, within).await,
        }
    }

    /// What an answer to a document comes to; of a file there is none.
    pub fn answered(&self, response: &Response) -> Vec<Reading> {
        match &self.way {
            Way::Http(receiver) => vec![receiver.answered(response)],
            Way::Folder(_) | Way::Sftp(_) => Vec::new(),
        }
    }

    /// Of an address nothing can be said without a document.
    pub async fn probe(&self) -> Result<(), Failure> {
        match &self.way {
            Way::Folder(folder) => folder::probe(folder),
            Way::Http(_) => Ok(()),
            Way::Sftp(sftp) => server::probe(sftp, self.config.timeout.0).await,
        }
    }
}

#[cfg(test)]
mod tests;
