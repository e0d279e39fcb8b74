//! A notice as it is told: the same content for every channel.

use ferry_store::{Notice, Phase};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::AlertKind;
use crate::targets::minute;

/// Something to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The same at every attempt: a receiver that has it may drop a copy.
    pub id: Uuid,
    /// What belongs together: all messages of one alert name it.
    pub thread: Uuid,
    pub at: Timestamp,
    /// One line.
    pub title: String,
    /// A few lines.
    pub text: String,
    /// What a program reads.
    pub document: Value,
}

impl Message {
    /// `installation` tells two installations apart: the broker's prefix.
    pub(crate) fn of(notice: &Notice, installation: &str, now: Timestamp) -> Self {
        let alert = &notice.alert;
        let known = AlertKind::parse(&alert.kind);
        let (advice, runbook) = match known {
            Some(kind) => (kind.advice().to_owned(), kind.runbook()),
            None => (String::new(), "ops/runbooks/README.md".to_owned()),
        };
        let heading = match notice.phase {
            Phase::Opened => "",
            Phase::Repeated => "Still: ",
            Phase::Resolved => "Over: ",
        };
        let title = format!("[{installation}] {heading}{}", alert.summary);
        let since = format!("Since {}.", minute(alert.opened_at));
        let text = match alert.resolved_at {
            Some(resolved_at) => {
                let over = over(known);
                format!("{}\n{since}\nOver since {}.{over}\n", alert.summary, minute(resolved_at))
            }
            None => format!("{}\n{since}\n\n{advice}\n\nRunbook: {runbook}\n", alert.summary),
        };
        let document = json!({
            "type": format!("ferry.alert.{}", notice.phase.as_str()),
            "timestamp": now,
            "text": title,
            "data": {
                "installation": installation,
                "alert": alert.id,
                "notice": notice.id,
                "kind": alert.kind,
                "subject": alert.subject,
                "summary": alert.summary,
                "count": alert.count,
                "advice": advice,
                "runbook": runbook,
                "opened_at": alert.opened_at,
                "resolved_at": alert.resolved_at,
            },
        });
        Self { id: notice.id, thread: alert.id, at: now, title, text, document }
    }

    /// What `ferry alerts test` sends.
    pub(crate) fn test(installation: &str, id: Uuid, now: Timestamp) -> Self {
        let title = format!("[{installation}] A test: nothing is wrong.");
        let text = "Somebody asked Ferry to send this test. Nothing is wrong.\n".to_owned();
        let data = json!({ "installation": installation, "notice": id, "summary": text.trim() });
        let document =
            json!({ "type": "ferry.alert.test", "timestamp": now, "text": title, "data": data });
        Self { id, thread: id, at: now, title, text, document }
    }
}

/// That letters have stopped dying does not mean that they are gone.
fn over(kind: Option<AlertKind>) -> &'static str {
    match kind {
        Some(AlertKind::RetriesExhausted | AlertKind::DeadLetters) => {
            " No further one has died for a while; those there are wait under `ferry dead ls`."
        }
        Some(
            AlertKind::CredentialsRefused
            | AlertKind::BreakerOpen
            | AlertKind::LongPause
            | AlertKind::ExportOverdue
            | AlertKind::Unrouted,
        )
        | None => "",
    }
}
