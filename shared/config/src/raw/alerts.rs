//! Alerts as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HumanDuration, alerts::MailTls, secret::SecretRef};

/// Whom the console tells when a person is needed. Without a channel it tells nobody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RawAlerts {
    /// Between two looks.
    pub(crate) every: HumanDuration,
    /// Between two notices of one alert that stays open.
    pub(crate) repeat_every: HumanDuration,
    /// A breaker that is open for longer is an alert.
    pub(crate) breaker_open_longer_than: HumanDuration,
    /// A target that somebody paused for longer is an alert.
    pub(crate) paused_longer_than: HumanDuration,
    /// An alert about dead letters is over when none of them has died for so long.
    pub(crate) quiet_after: HumanDuration,
    /// Whether letters that died without a retry are an alert as well.
    pub(crate) dead_letters: bool,
    /// A POST with JSON, signed as Standard Webhooks says where there is a `secret`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<RawWebhook>,
    /// A mail over SMTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mail: Option<RawMail>,
}

impl Default for RawAlerts {
    fn default() -> Self {
        Self {
            every: HumanDuration::from_secs(10),
            repeat_every: HumanDuration::from_secs(4 * 3_600),
            breaker_open_longer_than: HumanDuration::from_secs(300),
            paused_longer_than: HumanDuration::from_secs(24 * 3_600),
            quiet_after: HumanDuration::from_secs(3_600),
            dead_letters: false,
            webhook: None,
            mail: None,
        }
    }
}

/// A POST with JSON.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawWebhook {
    /// https, or http on this host only. Often holds a token, so it is named as a secret.
    pub(crate) url: SecretRef,
    /// Signs each call: base64, with or without `whsec_` in front.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<SecretRef>,
    /// The hard deadline of one call.
    #[serde(default = "seconds_10")]
    pub(crate) timeout: HumanDuration,
}

/// A mail over SMTP.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMail {
    /// The mail server.
    pub(crate) host: String,
    #[serde(default = "submission")]
    pub(crate) port: u16,
    /// starttls, tls or none; none is for a relay on this host.
    #[serde(default)]
    pub(crate) tls: MailTls,
    /// Given together with `password`, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<SecretRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<SecretRef>,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// The hard deadline of one mail.
    #[serde(default = "seconds_30")]
    pub(crate) timeout: HumanDuration,
}

const fn seconds_10() -> HumanDuration {
    HumanDuration::from_secs(10)
}

const fn seconds_30() -> HumanDuration {
    HumanDuration::from_secs(30)
}

/// RFC 6409: message submission.
const fn submission() -> u16 {
    587
}
