//! `ferry schedules`: what is done by itself, when, and an operator's hand on it.

use clap::{Args, Subcommand};
use ferry_service::exit;
use serde_json::{Value, json};

use crate::{
    Console, Done, Stop,
    console::{encode, get, lines, post, show, text},
    removals::{self, RemovalsVerb},
    targets::{By, end},
};

#[derive(Subcommand)]
pub(crate) enum SchedulesVerb {
    /// Every schedule: when it ran, how that ended, when it is due.
    Ls(Console),
    /// The last runs of one.
    History(OneArgs),
    /// Run one now, also while it is paused.
    Run(ActArgs),
    /// Hold one. What is missed is made up for as its `catch_up` says.
    Pause(PauseArgs),
    /// End a pause.
    Resume(ActArgs),
    /// What a scan has not found any more, and waits for a person.
    #[command(subcommand)]
    Removals(RemovalsVerb),
}

#[derive(Args)]
pub(crate) struct OneArgs {
    /// source/endpoint, as `ls` shows it.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) console: Console,
}

#[derive(Args)]
pub(crate) struct ActArgs {
    /// source/endpoint, as `ls` shows it.
    name: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct PauseArgs {
    /// source/endpoint, as `ls` shows it.
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

impl SchedulesVerb {
    pub(crate) fn console(&self) -> &Console {
        match self {
            Self::Ls(console) => console,
            Self::History(args) => &args.console,
            Self::Run(args) | Self::Resume(args) => &args.console,
            Self::Pause(args) => &args.console,
            Self::Removals(verb) => verb.console(),
        }
    }
}

pub(crate) async fn run(url: &str, verb: &SchedulesVerb, as_json: bool) -> Done {
    let answer = match verb {
        SchedulesVerb::Ls(_) => {
            show(&get(url, "/api/v1/schedules").await?, as_json, list);
            return Ok(exit::OK);
        }
        SchedulesVerb::History(args) => {
            show(&get(url, &path(&args.name, "")?).await?, as_json, history);
            return Ok(exit::OK);
        }
        SchedulesVerb::Removals(verb) => return removals::run(url, verb, as_json).await,
        SchedulesVerb::Run(args) => {
            post(url, &path(&args.name, "/run")?, &json!({ "by": args.by.by })).await?
        }
        SchedulesVerb::Resume(args) => {
            post(url, &path(&args.name, "/resume")?, &json!({ "by": args.by.by })).await?
        }
        SchedulesVerb::Pause(args) => {
            let until =
                args.until.as_deref().map(|text| end(text, ferry_service::now())).transpose()?;
            let body = json!({ "reason": args.reason, "until": until, "by": args.by.by });
            post(url, &path(&args.name, "/pause")?, &body).await?
        }
    };
    show(&answer, as_json, |schedule| format!("{}\n", words(schedule)));
    Ok(exit::OK)
}

pub(crate) fn path(name: &str, verb: &str) -> Result<String, Stop> {
    let (source, endpoint) = name.split_once('/').ok_or_else(|| Stop {
        code: exit::USAGE,
        text: format!(
            "`{name}` is no schedule: it is called source/endpoint, see `ferry schedules ls`"
        ),
    })?;
    Ok(format!("/api/v1/schedules/{}/{}{verb}", encode(source), encode(endpoint)))
}

fn list(schedules: &Value) -> String {
    lines(schedules.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(words))
}

fn words(schedule: &Value) -> String {
    let mut line = format!("{} {}", text(&schedule["state"]), text(&schedule["schedule"]));
    for (name, before) in [
        ("times", ": "),
        ("next_at", ", next "),
        ("last_success", ", last success "),
        ("by", ", by "),
        ("until", " until "),
        ("reason", ": "),
    ] {
        if let Some(value) = schedule[name].as_str() {
            line.push_str(before);
            line.push_str(value);
        }
    }
    line.push_str(&walked(&schedule["walk"]));
    let last = &schedule["last"];
    if last["ok"] == false {
        line.push_str("; failed: ");
        line.push_str(&text(&last["detail"]));
    }
    line
}

/// `, walked over 300 of about 5000 rows`, while a walk is under way.
fn walked(walk: &Value) -> String {
    let Some(rows) = walk["rows"].as_u64() else { return String::new() };
    if walk["ended_at"].is_string() {
        return format!(", {rows} rows");
    }
    let of = walk["of"].as_u64().map(|of| format!(" of about {of}")).unwrap_or_default();
    format!(", walked over {rows}{of} rows since {}", text(&walk["began_at"]))
}

fn history(schedule: &Value) -> String {
    let runs = schedule["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines(runs.iter().map(run_words))
}

/// `2026-11-23T10:00:00Z schedule ok, 3 records`; `… ×20 to …` for those that found nothing.
fn run_words(run: &Value) -> String {
    let result = if run["ok"] == true { "ok" } else { "failed" };
    let times = run["times"].as_u64().unwrap_or(1);
    let series = if times > 1 {
        format!(" ×{times} to {}", text(&run["started_at"]))
    } else {
        String::new()
    };
    let detail = run["detail"].as_str().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!(
        "{}{series} {} {result}, {} records{detail}",
        text(&run["first_at"]),
        text(&run["because"]),
        run["records"].as_u64().unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_called_by_its_source_and_endpoint() {
        let found = path("warehouse/report-returns", "/run").map_err(|stop| stop.code);
        assert_eq!(found, Ok("/api/v1/schedules/warehouse/report-returns/run".to_owned()));
        assert_eq!(path("warehouse", "").map_err(|stop| stop.code), Err(exit::USAGE));
    }

    #[test]
    fn a_scan_says_how_far_it_has_come() {
        let half = json!({ "rows": 300, "of": 5000, "began_at": "A", "ended_at": null });
        assert_eq!(walked(&half), ", walked over 300 of about 5000 rows since A");
        let first = json!({ "rows": 300, "of": null, "began_at": "A" });
        assert_eq!(walked(&first), ", walked over 300 rows since A");
        assert_eq!(
            walked(&json!({ "rows": 7, "of": 7, "began_at": "A", "ended_at": "B" })),
            ", 7 rows"
        );
        assert_eq!(walked(&Value::Null), "");
        let of = path("scan/shop/customers", "/run").map_err(|stop| stop.code);
        assert_eq!(of, Ok("/api/v1/schedules/scan/shop%2Fcustomers/run".to_owned()));
    }

    #[test]
    fn runs_that_found_nothing_are_one_line() {
        let runs = json!({ "runs": [
            { "first_at": "A", "started_at": "A", "because": "hand", "ok": false, "records": 0, "detail": "no", "times": 1 },
            { "first_at": "B", "started_at": "C", "because": "schedule", "ok": true, "records": 0, "times": 20 },
        ] });
        assert_eq!(
            history(&runs),
            "A hand failed, 0 records: no\nB ×20 to C schedule ok, 0 records\n"
        );
    }
}
