//! `ferry schedules removals`: what a scan has not found any more, and waits for a person.

use clap::{Args, Subcommand};
use ferry_service::exit;
use serde_json::{Value, json};

use crate::{
    Console, Done,
    consent::consent,
    console::{get, lines, post, show, text},
    schedules::{OneArgs, path},
    targets::By,
};

#[derive(Subcommand)]
pub(crate) enum RemovalsVerb {
    /// What waits of one scan.
    Ls(OneArgs),
    /// Have all that wait asked for once more, and told to whom they were brought.
    Approve(DecideArgs),
    /// Say nothing of them, unless they come back and are gone again.
    Dismiss(DecideArgs),
}

#[derive(Args)]
pub(crate) struct DecideArgs {
    /// The scan, as `ls` shows it.
    name: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    console: Console,
}

impl RemovalsVerb {
    pub(crate) fn console(&self) -> &Console {
        match self {
            Self::Ls(args) => &args.console,
            Self::Approve(args) | Self::Dismiss(args) => &args.console,
        }
    }
}

pub(crate) async fn run(url: &str, verb: &RemovalsVerb, as_json: bool) -> Done {
    match verb {
        RemovalsVerb::Ls(args) => {
            show(&get(url, &path(&args.name, "/removals")?).await?, as_json, list);
            Ok(exit::OK)
        }
        RemovalsVerb::Approve(args) => decide(url, args, "approve", as_json).await,
        RemovalsVerb::Dismiss(args) => decide(url, args, "dismiss", as_json).await,
    }
}

/// Of as many as were seen here: what has come meanwhile is refused by the console.
async fn decide(url: &str, args: &DecideArgs, verb: &str, as_json: bool) -> Done {
    let waiting = get(url, &path(&args.name, "/removals")?).await?;
    let count = waiting.get("count").and_then(Value::as_u64).unwrap_or(0);
    if count == 0 {
        show(&waiting, as_json, list);
        return Ok(exit::OK);
    }
    let question = format!("{verb} {count} removals of {}", args.name);
    consent(&question, usize::try_from(count).unwrap_or(usize::MAX), args.yes)?;
    let body = json!({ "by": args.by.by, "count": count });
    let answer = post(url, &path(&args.name, &format!("/removals/{verb}"))?, &body).await?;
    show(&answer, as_json, list);
    Ok(exit::OK)
}

/// `25 removals of scan/shop/customers wait`, and the first of them.
fn list(removals: &Value) -> String {
    let rows = removals["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let count = removals["count"].as_u64().unwrap_or(0);
    let head = format!("{count} removals of {} wait", text(&removals["schedule"]));
    let row = |row: &Value| format!("{} (id {})", text(&row["number"]), text(&row["id"]));
    lines(std::iter::once(head).chain(rows.iter().map(row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_and_named() {
        let removals = json!({"schedule": "scan/shop/customers", "count": 2,
            "rows": [{"id": "5", "number": "C-5"}, {"id": "7", "number": "C-7"}]});
        let expected = "2 removals of scan/shop/customers wait\nC-5 (id 5)\nC-7 (id 7)\n";
        assert_eq!(list(&removals), expected);
    }
}
