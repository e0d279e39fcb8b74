//! Verbs that read through the console's API.

use std::{fmt::Write as _, time::Duration};

use bytes::Bytes;
use clap::Args;
use ferry_http::{Client, HttpPort as _, Method, Request};
use ferry_service::exit;
use serde_json::Value;

use crate::{Console, Done, Stop, terminal};

/// Longer than the console's own calls of a test alert take.
const DEADLINE: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(crate) struct SearchArgs {
    /// Words that must all occur in ids, details or bodies.
    words: Vec<String>,
    #[arg(long)]
    system: Option<String>,
    /// in, out or note.
    #[arg(long)]
    direction: Option<String>,
    #[arg(long)]
    entity: Option<String>,
    #[arg(long)]
    entity_id: Option<String>,
    /// An outcome or a failure kind.
    #[arg(long)]
    result: Option<String>,
    /// RFC 3339.
    #[arg(long)]
    after: Option<String>,
    /// RFC 3339.
    #[arg(long)]
    before: Option<String>,
    /// At most 500.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    pub(crate) console: Console,
}

#[derive(Args)]
pub(crate) struct DeadArgs {
    /// A failure kind.
    #[arg(long)]
    kind: Option<String>,
    /// The queue it died in, such as load.shop.order.
    #[arg(long)]
    origin: Option<String>,
    #[arg(long)]
    entity_id: Option<String>,
    /// Occurs in the detail.
    #[arg(long)]
    text: Option<String>,
    /// Those that are dealt with instead of those that are open.
    #[arg(long)]
    resolved: bool,
    /// At most 500.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    pub(crate) console: Console,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    pub(crate) id: i64,
    #[command(flatten)]
    pub(crate) console: Console,
}

pub(crate) async fn search(url: &str, args: &SearchArgs, as_json: bool) -> Done {
    let words = (!args.words.is_empty()).then(|| args.words.join(" "));
    let limit = Some(args.limit.to_string());
    let query = query(&[
        ("text", &words),
        ("system", &args.system),
        ("direction", &args.direction),
        ("entity", &args.entity),
        ("entity_id", &args.entity_id),
        ("result", &args.result),
        ("after", &args.after),
        ("before", &args.before),
        ("limit", &limit),
    ]);
    print(url, &format!("/api/v1/journal{query}"), as_json, |rows| {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        lines(rows.iter().map(journal_line))
    })
    .await
}

fn journal_line(row: &Value) -> String {
    let entry = &row["entry"];
    let about = [&entry["entity"], &entry["entity_id"], &entry["part"]];
    let about: Vec<&str> = about.into_iter().filter_map(Value::as_str).collect();
    let detail = entry["detail"].as_str().map(|detail| format!(" – {detail}")).unwrap_or_default();
    let rule = entry["rule"].as_str().map(|rule| format!(" (rule {rule})")).unwrap_or_default();
    format!(
        "{} {:4} {:12} {:12} {} [{}]{detail}{rule}",
        text(&entry["at"]),
        text(&entry["direction"]),
        text(&entry["system"]),
        text(&entry["result"]),
        text(&entry["operation"]),
        about.join(" "),
    )
}

pub(crate) async fn dead(url: &str, args: &DeadArgs, as_json: bool) -> Done {
    let limit = Some(args.limit.to_string());
    let resolved = args.resolved.then(|| "true".to_owned());
    let query = query(&[
        ("resolved", &resolved),
        ("kind", &args.kind),
        ("origin", &args.origin),
        ("entity_id", &args.entity_id),
        ("text", &args.text),
        ("limit", &limit),
    ]);
    print(url, &format!("/api/v1/dead{query}"), as_json, |letters| {
        let letters = letters.as_array().map(Vec::as_slice).unwrap_or_default();
        lines(letters.iter().map(|letter| {
            let about = [&letter["entity"], &letter["entity_id"], &letter["pointer"]];
            let about: Vec<&str> = about.into_iter().filter_map(Value::as_str).collect();
            format!(
                "{} {} {} {} [{}] {}",
                letter["id"],
                text(&letter["died_at"]),
                text(&letter["origin"]),
                text(&letter["kind"]),
                about.join(" "),
                text(&letter["detail"]),
            )
        }))
    })
    .await
}

pub(crate) async fn letter(url: &str, id: i64, as_json: bool) -> Done {
    print(url, &format!("/api/v1/dead/{id}"), as_json, |letter| {
        let summary = &letter["summary"];
        let mut out = String::new();
        for (name, value) in [
            ("cause", &summary["kind"]),
            ("detail", &summary["detail"]),
            ("what to do", &summary["sentence"]),
            ("died in", &summary["origin"]),
            ("died at", &summary["died_at"]),
            ("route", &summary["route"]),
            ("missing", &summary["missing"]),
            ("closed at", &summary["resolved_at"]),
            ("closed by", &summary["resolved_by"]),
            ("answer", &letter["response"]),
        ] {
            if !value.is_null() {
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{name}: {}", terminal::line(&text(value)));
            }
        }
        let _ = writeln!(out, "headers: {}", letter["headers"]);
        let _ = writeln!(out, "body:\n{}", text(&letter["body"]));
        out
    })
    .await
}

pub(crate) async fn explain(url: &str, entity: &str, id: &str, as_json: bool) -> Done {
    let path = format!("/api/v1/explain/{entity}/{}", encode(id));
    print(url, &path, as_json, |answer| {
        let sentences = answer["sentences"].as_array().map(Vec::as_slice).unwrap_or_default();
        lines(sentences.iter().map(text))
    })
    .await
}

pub(crate) async fn status(url: &str, as_json: bool) -> Done {
    print(url, "/api/v1/overview", as_json, |view| {
        let mut out = String::new();
        let routes = view["routes"].as_array().map(Vec::as_slice).unwrap_or_default();
        for route in routes {
            let name = format!(
                "{} ({} to {})",
                text(&route["route"]),
                text(&route["source"]),
                text(&route["target"])
            );
            let outcomes = route["outcomes"].as_object();
            let outcomes: Vec<String> = outcomes
                .into_iter()
                .flatten()
                .map(|(outcome, count)| format!("{outcome} {count}"))
                .collect();
            let _ = writeln!(
                out,
                "{name}: received {}, {}; waiting {}, retrying {}",
                route["received"],
                outcomes.join(", "),
                route["waiting"],
                route["retrying"],
            );
        }
        out.push_str(&crate::targets::stopped(&view["targets"]));
        let alerts = view["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        for alert in alerts {
            let _ = writeln!(out, "alert: {}", text(&alert["summary"]));
        }
        out
    })
    .await
}

pub(crate) async fn print(
    url: &str,
    path: &str,
    as_json: bool,
    render: impl Fn(&Value) -> String,
) -> Done {
    show(&get(url, path).await?, as_json, render);
    Ok(exit::OK)
}

pub(crate) fn show(answer: &Value, as_json: bool, render: impl Fn(&Value) -> String) {
    if as_json {
        println!("{answer}");
    } else {
        print!("{}", terminal::shown(&render(answer)));
    }
}

/// What the console at `url` answers.
pub(crate) async fn get(url: &str, path: &str) -> Result<Value, Stop> {
    call(url, Method::Get, path, Bytes::new()).await
}

/// What the console answers to a verb that changes something.
pub(crate) async fn post(url: &str, path: &str, body: &Value) -> Result<Value, Stop> {
    call(url, Method::Post, path, Bytes::from(body.to_string())).await
}

async fn call(url: &str, method: Method, path: &str, body: Bytes) -> Result<Value, Stop> {
    let client = Client::new().map_err(|error| Stop::failed(error.to_string()))?;
    let json = "application/json".to_owned();
    let request = Request {
        operation: "console",
        method,
        url: format!("{url}{path}"),
        headers: vec![("accept".to_owned(), json.clone()), ("content-type".to_owned(), json)],
        body,
        deadline: DEADLINE,
        secret: false,
        carries: 1,
    };
    let response = client.send(request).await.map_err(|error| {
        let advice = "is the console running? Start it with `ferry run console`";
        Stop::unreachable(format!("{url}: {error}; {advice}"))
    })?;
    let answer: Value = serde_json::from_slice(&response.body)
        .map_err(|_| Stop::failed(format!("{url} does not answer as a console does")))?;
    if response.status >= 300 {
        let detail = answer.get("detail").and_then(Value::as_str).unwrap_or("no reason given");
        let status = response.status;
        return Err(Stop::failed(format!("the console answered {status}: {detail}")));
    }
    Ok(answer)
}

fn query(parameters: &[(&str, &Option<String>)]) -> String {
    let given: Vec<String> = parameters
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_deref()?))))
        .collect();
    if given.is_empty() { String::new() } else { format!("?{}", given.join("&")) }
}

pub(crate) fn lines(lines: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(&terminal::line(&line));
        out.push('\n');
    }
    out
}

/// RFC 3986: everything but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
