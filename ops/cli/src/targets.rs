//! `ferry targets`: how every target is, and an operator's hand on it.

use clap::{Args, Subcommand};
use ferry_config::HumanDuration;
use ferry_service::exit;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    Console, Done, Stop,
    console::{encode, get, lines, post, show, text},
};

#[derive(Subcommand)]
pub(crate) enum TargetsVerb {
    /// Every target: running, or stopped by whom, since when and until when.
    Ls(Console),
    /// Stop all writes to a target. Its deliveries wait and burn no attempts.
    Pause(PauseArgs),
    /// End a pause, or a stop because of refused credentials; an open breaker is probed at once.
    Resume(ResumeArgs),
}

#[derive(Args)]
pub(crate) struct PauseArgs {
    name: String,
    /// For everybody who finds it paused.
    #[arg(long)]
    reason: String,
    /// When it ends by itself: 30m, 2h, 1d, or RFC 3339.
    #[arg(long)]
    until: Option<String>,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct ResumeArgs {
    name: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct By {
    /// Who does it, for the journal.
    #[arg(long, env = "USER", default_value = "unknown")]
    pub(crate) by: String,
}

impl TargetsVerb {
    pub(crate) fn console(&self) -> &Console {
        match self {
            Self::Ls(console) => console,
            Self::Pause(args) => &args.console,
            Self::Resume(args) => &args.console,
        }
    }
}

pub(crate) async fn run(url: &str, verb: &TargetsVerb, as_json: bool) -> Done {
    let answer = match verb {
        TargetsVerb::Ls(_) => {
            show(&get(url, "/api/v1/targets").await?, as_json, list);
            return Ok(exit::OK);
        }
        TargetsVerb::Pause(args) => {
            let until =
                args.until.as_deref().map(|text| end(text, ferry_service::now())).transpose()?;
            let body = json!({ "reason": args.reason, "until": until, "by": args.by.by });
            post(url, &format!("/api/v1/targets/{}/pause", encode(&args.name)), &body).await?
        }
        TargetsVerb::Resume(args) => {
            let body = json!({ "by": args.by.by });
            post(url, &format!("/api/v1/targets/{}/resume", encode(&args.name)), &body).await?
        }
    };
    show(&answer, as_json, |target| format!("{}\n", words(target)));
    Ok(exit::OK)
}

/// A span from `now`, or a time.
pub(crate) fn end(text: &str, now: Timestamp) -> Result<Timestamp, Stop> {
    let bad = || Stop {
        code: exit::USAGE,
        text: format!("--until: `{text}` is neither a span such as 2h nor an RFC 3339 time"),
    };
    match text.parse::<HumanDuration>() {
        Ok(span) => SignedDuration::try_from(span.0)
            .ok()
            .and_then(|span| now.checked_add(span).ok())
            .ok_or_else(bad),
        Err(_) => text.parse().map_err(|_| bad()),
    }
}

fn list(targets: &Value) -> String {
    lines(targets.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(words))
}

/// For `ferry status`: what waits, and why.
pub(crate) fn stopped(targets: &Value) -> String {
    let targets = targets.as_array().map(Vec::as_slice).unwrap_or_default();
    lines(
        targets
            .iter()
            .filter_map(|target| Some(format!("waits: {}", target["sentence"].as_str()?))),
    )
}

fn words(target: &Value) -> String {
    let breaker = target["breaker"].as_str().unwrap_or("closed");
    match target["sentence"].as_str() {
        Some(sentence) => format!("{} {sentence}", text(&target["state"])),
        None if breaker != "closed" => {
            format!("{} {} (breaker {breaker})", text(&target["state"]), text(&target["target"]))
        }
        None => format!("{} {}", text(&target["state"]), text(&target["target"])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_after_a_span_or_at_a_time() {
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let ends = |text| end(text, now).map(|end| end.to_string()).map_err(|stop| stop.code);
        assert_eq!(ends("2h"), Ok("2026-11-23T12:00:00Z".to_owned()));
        assert_eq!(ends("2026-11-24T08:00:00+01:00"), Ok("2026-11-24T07:00:00Z".to_owned()));
        for bad in ["", "soon", "2", "99999999999d"] {
            assert_eq!(ends(bad), Err(exit::USAGE), "{bad}");
        }
    }
}
