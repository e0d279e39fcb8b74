//! `ferry alerts`: what a person is told, and whether they would hear it.

use clap::{Args, Subcommand};
use ferry_service::exit;
use serde_json::{Value, json};

use crate::{
    Console, Done,
    console::{get, lines, post, show, text},
};

#[derive(Subcommand)]
pub(crate) enum AlertsVerb {
    /// Alerts, open ones first, and how far the telling has come.
    Ls(LsArgs),
    /// Send a test through every channel of the console and say what came of it.
    Test(Console),
}

#[derive(Args)]
pub(crate) struct LsArgs {
    /// At most 500.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    console: Console,
}

impl AlertsVerb {
    pub(crate) fn console(&self) -> &Console {
        match self {
            Self::Ls(args) => &args.console,
            Self::Test(console) => console,
        }
    }
}

pub(crate) async fn run(url: &str, verb: &AlertsVerb, as_json: bool) -> Done {
    match verb {
        AlertsVerb::Ls(args) => {
            let answer = get(url, &format!("/api/v1/alerts?limit={}", args.limit)).await?;
            show(&answer, as_json, |alerts| rows(alerts, alert_line));
            Ok(exit::OK)
        }
        AlertsVerb::Test(_) => {
            let answer = post(url, "/api/v1/alerts/test", &json!({})).await?;
            show(&answer, as_json, said);
            let channels = answer.as_array().map(Vec::as_slice).unwrap_or_default();
            let all = !channels.is_empty() && channels.iter().all(|each| each["ok"] == true);
            Ok(if all { exit::OK } else { exit::FOUND_PROBLEMS })
        }
    }
}

fn rows(answer: &Value, line: impl Fn(&Value) -> String) -> String {
    lines(answer.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(line))
}

fn alert_line(alert: &Value) -> String {
    let state = match alert["resolved_at"].as_str() {
        Some(at) => format!("over since {at}"),
        None => "open".to_owned(),
    };
    let told = alert["told"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told: Vec<String> = told.iter().map(told_words).collect();
    let told = if told.is_empty() { "nobody is told".to_owned() } else { told.join(", ") };
    format!(
        "{} {} {} [{state}; {told}]",
        text(&alert["opened_at"]),
        text(&alert["kind"]),
        text(&alert["summary"]),
    )
}

fn told_words(told: &Value) -> String {
    let (channel, phase) = (text(&told["channel"]), text(&told["phase"]));
    match (told["at"].as_str(), told["because"].as_str()) {
        (Some(at), _) => format!("{channel}: {phase} told at {at}"),
        (None, Some(because)) => {
            format!("{channel}: {phase} not told, {} attempts: {because}", told["attempts"])
        }
        (None, None) => format!("{channel}: {phase} not told yet"),
    }
}

fn said(channels: &Value) -> String {
    if channels.as_array().is_none_or(Vec::is_empty) {
        return "no channel is configured: see [alerts] in the configuration\n".to_owned();
    }
    rows(channels, |each| {
        let verdict = if each["ok"] == true { "ok " } else { "BAD" };
        format!("{verdict} {}: {}", text(&each["channel"]), text(&each["detail"]))
    })
}
