//! Alerts, with their secrets read.

use super::Reader;
use crate::{
    ConfigError,
    alerts::{AlertsConfig, MailConfig, MailLogin, WebhookConfig},
    raw::{RawAlerts, RawMail, RawWebhook},
};

pub(super) fn resolve(reader: &Reader<'_>, raw: RawAlerts) -> Result<AlertsConfig, ConfigError> {
    Ok(AlertsConfig {
        every: raw.every,
        repeat_every: raw.repeat_every,
        breaker_open_longer_than: raw.breaker_open_longer_than,
        paused_longer_than: raw.paused_longer_than,
        quiet_after: raw.quiet_after,
        dead_letters: raw.dead_letters,
        webhook: raw.webhook.map(|raw| webhook(reader, &raw)).transpose()?,
        mail: raw.mail.map(|raw| mail(reader, raw)).transpose()?,
    })
}

fn webhook(reader: &Reader<'_>, raw: &RawWebhook) -> Result<WebhookConfig, ConfigError> {
    let secret = raw.secret.as_ref();
    Ok(WebhookConfig {
        url: reader.secret("alerts.webhook.url", &raw.url)?,
        secret: secret.map(|key| reader.secret("alerts.webhook.secret", key)).transpose()?,
        timeout: raw.timeout,
    })
}

fn mail(reader: &Reader<'_>, raw: RawMail) -> Result<MailConfig, ConfigError> {
    let login = match (&raw.user, &raw.password) {
        (Some(user), Some(password)) => Some(MailLogin {
            user: reader.secret("alerts.mail.user", user)?,
            password: reader.secret("alerts.mail.password", password)?,
        }),
        (_, _) => None,
    };
    Ok(MailConfig {
        host: raw.host,
        port: raw.port,
        tls: raw.tls,
        login,
        from: raw.from,
        to: raw.to,
        timeout: raw.timeout,
    })
}
