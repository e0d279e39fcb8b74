//! Alerts: what a person is told, and through which channels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HumanDuration, Secret};

/// Without a channel nobody is told; the console shows what is wrong all the same.
#[derive(Clone, Debug)]
pub struct AlertsConfig {
    /// Between two looks. Default 10 s.
    pub every: HumanDuration,
    /// Between two notices of one alert that stays open. Default 4 h.
    pub repeat_every: HumanDuration,
    /// A breaker that is open for longer is an alert. Default 5 min.
    pub breaker_open_longer_than: HumanDuration,
    /// A target that somebody paused for longer is an alert. Default 1 d.
    pub paused_longer_than: HumanDuration,
    /// Letters of one kind have stopped dying when none has died for so long. Default 1 h.
    pub quiet_after: HumanDuration,
    /// Whether letters that died without a retry are an alert as well. Default false.
    pub dead_letters: bool,
    pub webhook: Option<WebhookConfig>,
    pub mail: Option<MailConfig>,
}

#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// Often holds a token, so it is a secret as a whole.
    pub url: Secret,
    /// Signs as Standard Webhooks says; base64, with or without `whsec_`.
    pub secret: Option<Secret>,
    /// The hard deadline of one call. Default 10 s.
    pub timeout: HumanDuration,
}

#[derive(Clone, Debug)]
pub struct MailConfig {
    pub host: String,
    /// Default 587.
    pub port: u16,
    pub tls: MailTls,
    pub login: Option<MailLogin>,
    pub from: String,
    /// At least one.
    pub to: Vec<String>,
    /// The hard deadline of one mail. Default 30 s.
    pub timeout: HumanDuration,
}

#[derive(Clone, Debug)]
pub struct MailLogin {
    pub user: Secret,
    pub password: Secret,
}

/// How a connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// The connection becomes TLS before anything is said; a server that can't do that gets no mail.
    #[default]
    Starttls,
    /// TLS from the first byte, usually on port 465.
    Tls,
    /// Plain text: for a relay on this host.
    None,
}
