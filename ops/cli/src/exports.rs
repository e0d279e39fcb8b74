//! `ferry exports`: what waits for a document, the documents there were, and an operator's hand on
//! them.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use ferry_service::exit;
use serde_json::{Value, json};

use crate::{
    Console, Done,
    console::{encode, get, lines, post, show, text},
    targets::By,
};

#[derive(Subcommand)]
pub(crate) enum ExportsVerb {
    /// Every export: what waits, what is on its way, when it last arrived.
    Ls(Console),
    /// The last documents of one.
    History(OneArgs),
    /// One document and what is in it.
    Show(DocumentArgs),
    /// Make and send a document now, also while it is paused.
    Run(ActArgs),
    /// Take apart the document that is on its way: what is in it goes into the next one, in its newest
    /// state. What may have arrived of it arrives once more.
    Dissolve(DissolveArgs),
}

#[derive(Args)]
pub(crate) struct OneArgs {
    /// The system's name.
    name: String,
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct DocumentArgs {
    /// The system's name.
    name: String,
    number: u64,
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct ActArgs {
    /// The system's name.
    name: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    console: Console,
}

#[derive(Args)]
pub(crate) struct DissolveArgs {
    /// The system's name.
    name: String,
    /// As `ls` shows it.
    number: u64,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    console: Console,
}

impl ExportsVerb {
    pub(crate) fn console(&self) -> &Console {
        match self {
            Self::Ls(console) => console,
            Self::History(args) => &args.console,
            Self::Show(args) => &args.console,
            Self::Run(args) => &args.console,
            Self::Dissolve(args) => &args.console,
        }
    }
}

pub(crate) async fn run(url: &str, verb: &ExportsVerb, as_json: bool) -> Done {
    match verb {
        ExportsVerb::Ls(_) => show(&get(url, &path("", "")).await?, as_json, list),
        ExportsVerb::History(args) => {
            show(&get(url, &path(&args.name, "")).await?, as_json, history);
        }
        ExportsVerb::Show(args) => {
            let path = path(&args.name, &format!("/documents/{}", args.number));
            show(&get(url, &path).await?, as_json, document);
        }
        ExportsVerb::Run(args) => {
            let body = json!({ "by": args.by.by });
            let answer = post(url, &path(&args.name, "/run"), &body).await?;
            show(&answer, as_json, |export| format!("{}\n", words(export)));
        }
        ExportsVerb::Dissolve(args) => {
            let path = path(&args.name, &format!("/documents/{}/dissolve", args.number));
            let answer = post(url, &path, &json!({ "by": args.by.by })).await?;
            show(&answer, as_json, |export| format!("{}\n", words(export)));
        }
    }
    Ok(exit::OK)
}

fn path(name: &str, verb: &str) -> String {
    if name.is_empty() {
        return "/api/v1/exports".to_owned();
    }
    format!("/api/v1/exports/{}{verb}", encode(name))
}

fn list(exports: &Value) -> String {
    lines(exports.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(words))
}

/// `waiting accounts: 0 18 * * * (UTC), 12 parts wait since …, last document 7 arrived …`
fn words(export: &Value) -> String {
    let mut line = format!("{} {}", text(&export["state"]), text(&export["export"]));
    if let Some(times) = export["times"].as_str() {
        let _ = write!(line, ": {times}");
    }
    let _ = write!(line, ", {} parts wait", export["waiting"].as_u64().unwrap_or(0));
    for (name, before) in [
        ("waiting_since", " since "),
        ("next_at", ", next "),
        ("delivered_at", ", last document arrived "),
    ] {
        if let Some(value) = export.get(name).and_then(Value::as_str) {
            line.push_str(before);
            line.push_str(value);
        }
    }
    let open = &export["open"];
    if open.is_object() {
        let _ = write!(line, "; on its way: {}", facts(open));
    } else if export.pointer("/last/ok").and_then(Value::as_bool) == Some(false) {
        let detail = export.pointer("/last/detail").unwrap_or(&Value::Null);
        let _ = write!(line, "; failed: {}", text(detail));
    }
    line
}

fn history(export: &Value) -> String {
    let documents = export["documents"].as_array().map(Vec::as_slice).unwrap_or_default();
    lines(documents.iter().map(|document| {
        let at = ["ended_at", "frozen_at"].iter().find_map(|at| document.get(at)?.as_str());
        format!("{} {} {}", at.unwrap_or("-"), text(&document["phase"]), facts(document))
    }))
}

fn document(answer: &Value) -> String {
    let document = &answer["document"];
    let parts = answer["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let head = [
        format!("{} {}", text(&document["phase"]), facts(document)),
        format!("id {}, sha256 {}", text(&document["id"]), text(&document["sha256"])),
    ];
    lines(head.into_iter().chain(parts.iter().map(text)))
}

/// `7 orders-00000007.csv, 12 rows, 480 bytes, 3 tries: timeout: no answer`
fn facts(document: &Value) -> String {
    let number = |field: &str| document[field].as_u64().unwrap_or(0);
    let detail = document["detail"].as_str().map(|detail| format!(": {detail}"));
    format!(
        "{} {}, {} rows, {} bytes, {} tries{}",
        number("number"),
        text(&document["name"]),
        number("rows"),
        number("bytes"),
        number("tries"),
        detail.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_with_a_document_on_its_way_says_why_it_has_not_arrived() {
        let export = json!({
            "export": "accounts", "state": "waiting", "times": "0 18 * * * (UTC)", "waiting": 2,
            "waiting_since": "A", "next_at": "B", "delivered_at": null,
            "open": {"number": 7, "name": "orders-7.csv", "rows": 12, "bytes": 480, "tries": 3,
                     "detail": "timeout: no answer"},
        });
        assert_eq!(
            words(&export),
            "waiting accounts: 0 18 * * * (UTC), 2 parts wait since A, next B; on its way: 7 \
             orders-7.csv, 12 rows, 480 bytes, 3 tries: timeout: no answer"
        );
    }

    #[test]
    fn a_document_is_shown_with_what_is_in_it() {
        let answer = json!({
            "document": {"number": 7, "name": "o.csv", "rows": 1, "bytes": 2, "tries": 1,
                         "phase": "delivered", "id": "I", "sha256": "S", "detail": null},
            "parts": ["order/WEB-1/placed"],
        });
        let expected =
            "delivered 7 o.csv, 1 rows, 2 bytes, 1 tries\nid I, sha256 S\norder/WEB-1/placed\n";
        assert_eq!(document(&answer), expected);
    }

    #[test]
    fn a_name_cannot_lead_to_another_address() {
        assert_eq!(path("a/b", "/run"), "/api/v1/exports/a%2Fb/run");
        assert_eq!(path("", ""), "/api/v1/exports");
    }
}
