//! A mail over SMTP, one connection for each.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use ferry_config::{MailConfig, MailTls};
use futures_util::future::BoxFuture;
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message as Letter, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use tokio::time::timeout;

use super::{Channel, ChannelError, SendError};
use crate::alerts::Message;

pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    timeout: Duration,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail")
    }
}

impl Mail {
    /// # Errors
    /// An address is none; TLS cannot be prepared.
    pub fn new(config: &MailConfig) -> Result<Self, ChannelError> {
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host.as_str())
                .port(config.port)
                .tls(tls(config)?)
                .timeout(Some(config.timeout.0));
        if let Some(login) = &config.login {
            let (user, password) = (login.user.reveal(), login.password.reveal());
            builder = builder.credentials(Credentials::new(user.to_owned(), password.to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from: mailbox("alerts.mail.from", &config.from)?,
            to: config
                .to
                .iter()
                .map(|to| mailbox("alerts.mail.to", to))
                .collect::<Result<_, _>>()?,
            timeout: config.timeout.0,
        })
    }

    fn letter(&self, message: &Message) -> Result<Letter, lettre::error::Error> {
        // RFC 2606: no such domain exists, and none is asked for.
        let id = |id| format!("<{id}@ferry.invalid>");
        let mut builder = Letter::builder()
            .from(self.from.clone())
            .subject(message.title.as_str())
            .date(SystemTime::from(message.at))
            .message_id(Some(id(message.id)))
            .references(id(message.thread))
            .header(ContentType::TEXT_PLAIN)
            // RFC 3834: nobody's absence is to answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        builder.body(message.text.clone())
    }

    async fn mail(&self, message: &Message) -> Result<(), SendError> {
        let letter =
            self.letter(message).map_err(|error| SendError::Unsendable(error.to_string()))?;
        match timeout(self.timeout, self.transport.send(letter)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(SendError::Timeout(self.timeout)),
        }
    }
}

impl Channel for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn deadline(&self) -> Duration {
        self.timeout
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), SendError>> {
        Box::pin(self.mail(message))
    }
}

/// The server's own words are left out: they may repeat an address.
fn failed(error: &lettre::transport::smtp::Error) -> SendError {
    if let Some(code) = error.status() {
        return SendError::Answered(code.into());
    }
    // Unlike ours, its text holds its cause.
    SendError::Unreachable(error.to_string())
}

fn tls(config: &MailConfig) -> Result<Tls, ChannelError> {
    let parameters = || {
        TlsParameters::new(config.host.clone())
            .map_err(|error| ChannelError { key: "alerts.mail.host", fault: error.to_string() })
    };
    Ok(match config.tls {
        MailTls::Starttls => Tls::Required(parameters()?),
        MailTls::Tls => Tls::Wrapper(parameters()?),
        MailTls::None => Tls::None,
    })
}

fn mailbox(key: &'static str, text: &str) -> Result<Mailbox, ChannelError> {
    let address: Result<Address, _> = text.parse();
    match address {
        Ok(address) => Ok(Mailbox::new(None, address)),
        Err(_) => Err(ChannelError { key, fault: "it is not a mail address".to_owned() }),
    }
}
