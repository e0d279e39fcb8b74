//! Alerts that would reach nobody, or somebody else.

use super::{
    Findings,
    systems::{is_loopback, secret},
};
use crate::{
    alerts::MailTls,
    raw::{RawAlerts, RawConfig, RawMail},
};

pub(super) fn check(raw: &RawConfig, findings: &mut Findings<'_>) {
    let alerts = &raw.alerts;
    spans(alerts, findings);
    if let Some(webhook) = &alerts.webhook {
        secret("alerts.webhook.url", &webhook.url, findings);
        if let Some(key) = &webhook.secret {
            secret("alerts.webhook.secret", key, findings);
        }
        if webhook.timeout.0.is_zero() {
            findings.error("alerts.webhook.timeout", "no call can end in no time");
        }
    }
    if let Some(mail) = &alerts.mail {
        addresses(mail, findings);
        login(mail, findings);
        if mail.timeout.0.is_zero() {
            findings.error("alerts.mail.timeout", "no mail can be sent in no time");
        }
    }
}

fn spans(alerts: &RawAlerts, findings: &mut Findings<'_>) {
    if alerts.every.0.is_zero() {
        findings.error("alerts.every", "looking all the time would leave time for nothing else");
    }
    if alerts.repeat_every < alerts.every {
        let message = format!("{} is shorter than alerts.every", alerts.repeat_every);
        findings.error("alerts.repeat_every", message);
    }
    if alerts.quiet_after < alerts.every {
        let message = format!("{} is shorter than alerts.every", alerts.quiet_after);
        findings.error("alerts.quiet_after", message);
    }
}

fn addresses(mail: &RawMail, findings: &mut Findings<'_>) {
    if mail.host.is_empty() {
        findings.error("alerts.mail.host", "it must name a mail server");
    }
    if mail.to.is_empty() {
        findings.error("alerts.mail.to", "it must name somebody");
    }
    let all = mail.to.iter().map(|to| ("alerts.mail.to", to));
    for (key, address) in all.chain([("alerts.mail.from", &mail.from)]) {
        if !is_address(address) {
            findings.error(key, "it must be an address such as ops@example.com, without a name");
        }
    }
}

fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,;\"".contains(&byte));
    let parts: Vec<&str> = text.split('@').collect();
    plain && parts.len() == 2 && parts.iter().all(|part| !part.is_empty())
}

fn login(mail: &RawMail, findings: &mut Findings<'_>) {
    let given = [("alerts.mail.user", &mail.user), ("alerts.mail.password", &mail.password)];
    for (key, reference) in given {
        if let Some(reference) = reference {
            secret(key, reference, findings);
        }
    }
    if mail.user.is_some() != mail.password.is_some() {
        findings.error("alerts.mail", "`user` and `password` are given together, or not at all");
    }
    if mail.user.is_some() && mail.tls == MailTls::None && !is_loopback(&mail.host) {
        findings.error("alerts.mail.tls", "credentials would go over a plain connection");
    }
}
