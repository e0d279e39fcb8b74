//! `ferry test`: answers that were recorded, held against what a configuration makes of them.
//!
//! A recording is a TOML file: the system it is of, the status and the body of its answer, and what each
//! item of it is to come to. It opens no socket, and needs none of the configuration's secrets.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use ferry_config::{Config, Environment, SystemConfig};
use ferry_http::Response;
use ferry_service::exit;
use ferry_systems::{Asked, Reading, System};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Done, Stop, terminal};

/// The largest recording that is read.
const FILE_BYTES_MAX: u64 = 20 * 1024 * 1024;

#[derive(Args)]
pub(crate) struct TestArgs {
    /// Recordings, and folders whose `.toml` files are recordings.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// An answer, and what it is to come to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    /// Its name in the configuration.
    system: String,
    /// create, change, cancel, notify or read.
    #[serde(default)]
    asked: Asked,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: String,
    #[serde(default)]
    expect: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Of an answer with items: `order/WEB-1`.
    item: Option<String>,
    verdict: String,
    /// Not looked at where it is not said.
    rule: Option<String>,
    detail: Option<String>,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    file: String,
    item: Option<String>,
    ok: bool,
    verdict: String,
    rule: Option<String>,
    detail: Option<String>,
    /// What is not as expected.
    problem: Option<String>,
}

pub(crate) fn test(path: &Path, args: &TestArgs, as_json: bool) -> Done {
    let systems = systems(path)?;
    let files = files(&args.paths)?;
    let lines: Vec<Line> = files.iter().flat_map(|file| held(&systems, file)).collect();
    let all = lines.iter().all(|line| line.ok);
    if as_json {
        println!("{}", json!({ "ok": all, "answers": lines }));
    } else {
        for line in &lines {
            println!("{}", shown(line));
        }
        let right = lines.iter().filter(|line| line.ok).count();
        println!("{right} of {} are as expected.", lines.len());
    }
    Ok(if all { exit::OK } else { exit::FOUND_PROBLEMS })
}

/// The systems of a configuration whose secrets may be elsewhere.
fn systems(path: &Path) -> Result<BTreeMap<String, SystemConfig>, Stop> {
    let bad = |error: &dyn std::error::Error| Stop {
        code: exit::BAD_CONFIGURATION,
        text: format!("{}: {}", path.display(), ferry_service::Chain(error)),
    };
    let text = ferry_config::config::read(path).map_err(|error| bad(&error))?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let config =
        Config::parse(&text, base, &Environment::permissive()).map_err(|error| bad(&error))?;
    Ok(config.systems)
}

/// The files themselves, and of folders what may be recordings, by name.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Stop> {
    let failed = |path: &Path, error: std::io::Error| {
        Stop::failed(format!("cannot read {}: {error}", path.display()))
    };
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(|error| failed(path, error))? {
            let file = entry.map_err(|error| failed(path, error))?.path();
            if file.extension().is_some_and(|extension| extension == "toml") {
                inside.push(file);
            }
        }
        if inside.is_empty() {
            let text = format!("{} holds no recording: no .toml file", path.display());
            return Err(Stop::failed(text));
        }
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

/// What became of one recording, item by item.
fn held(systems: &BTreeMap<String, SystemConfig>, file: &Path) -> Vec<Line> {
    let name = file.display().to_string();
    match text(file) {
        Ok(text) => compared(systems, &name, &text),
        Err(problem) => vec![wrong(&name, problem)],
    }
}

fn text(file: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("it cannot be read: {error}");
    if fs::metadata(file).map_err(cannot)?.len() > FILE_BYTES_MAX {
        return Err("it is larger than 20 MiB".to_owned());
    }
    fs::read_to_string(file).map_err(cannot)
}

fn wrong(file: &str, problem: String) -> Line {
    Line {
        file: file.to_owned(),
        item: None,
        ok: false,
        verdict: "-".to_owned(),
        rule: None,
        detail: None,
        problem: Some(problem),
    }
}

fn compared(systems: &BTreeMap<String, SystemConfig>, file: &str, text: &str) -> Vec<Line> {
    let recording: Recording = match toml_edit::de::from_str(text) {
        Ok(recording) => recording,
        Err(error) => {
            return vec![wrong(file, format!("it is no recording: {}", told(&error, text)))];
        }
    };
    let Some(system) = systems.get(&recording.system) else {
        let problem = format!("system: the configuration has no `{}`", recording.system);
        return vec![wrong(file, problem)];
    };
    // The others may need secrets that are elsewhere.
    let system = match System::new(&recording.system, system) {
        Ok(system) => system,
        Err(error) => return vec![wrong(file, ferry_service::Chain(&error).to_string())],
    };
    let headers = recording.headers.iter();
    let response = Response {
        status: recording.status,
        headers: headers.map(|(name, value)| (name.to_lowercase(), value.clone())).collect(),
        body: recording.body.clone().into(),
    };
    let readings = system.answered(&response, recording.asked);
    let mut lines: Vec<Line> = readings
        .iter()
        .map(|reading| {
            let expected = recording.expect.iter().find(|expected| expected.item == reading.item);
            let problem = match expected {
                Some(expected) => difference(expected, reading),
                None => Some("nothing is expected of it".to_owned()),
            };
            Line {
                item: reading.item.clone(),
                ok: problem.is_none(),
                verdict: reading.verdict.to_owned(),
                rule: reading.rule.clone(),
                detail: reading.detail.clone(),
                problem,
                ..wrong(file, String::new())
            }
        })
        .collect();
    let is_there = |expected: &&Expected| readings.iter().any(|it| it.item == expected.item);
    let missing = recording.expect.iter().filter(|expected| !is_there(expected));
    lines.extend(missing.map(|expected| {
        let problem = format!("expected {}, and the answer has no such item", expected.verdict);
        Line { item: expected.item.clone(), ..wrong(file, problem) }
    }));
    lines
}

/// An error with its line and without what stands there, which may be a person's.
fn told(error: &toml_edit::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// Where a reading is not what is expected.
fn difference(expected: &Expected, reading: &Reading) -> Option<String> {
    if expected.verdict != reading.verdict {
        return Some(format!("expected {}", expected.verdict));
    }
    for (what, wanted, found) in [
        ("rule", expected.rule.as_deref(), reading.rule.as_deref()),
        ("detail", expected.detail.as_deref(), reading.detail.as_deref()),
    ] {
        if let Some(wanted) = wanted
            && found != Some(wanted)
        {
            return Some(format!("expected {what} {wanted}"));
        }
    }
    None
}

fn shown(line: &Line) -> String {
    let parts = [
        Some(line.file.clone()),
        line.item.as_deref().map(|item| format!(" {item}")),
        Some(format!(": {}", line.verdict)),
        line.rule.as_deref().map(|rule| format!(" by `{rule}`")),
        line.detail.as_deref().map(|detail| format!(": {detail}")),
        line.problem.as_deref().map(|problem| format!(" ({problem})")),
    ];
    let text: String = parts.into_iter().flatten().collect();
    format!("{} {}", if line.ok { "ok " } else { "BAD" }, terminal::line(&text))
}

#[cfg(test)]
mod tests {
    use ferry_config::{
        Secret,
        export::{ExportSftp, ExportWay, SftpLogin},
    };

    use super::*;

    fn ops(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
    }

    fn sample() -> BTreeMap<String, SystemConfig> {
        systems(&ops("config/ferry.sample.toml")).unwrap_or_else(|stop| panic!("{}", stop.text))
    }

    fn recorded() -> Vec<PathBuf> {
        let files = files(&[ops("responses/orderflow"), ops("responses/rest")]);
        files.unwrap_or_else(|stop| panic!("{}", stop.text))
    }

    #[test]
    fn every_recorded_answer_comes_to_what_it_says_with_the_samples_configuration() {
        let systems = sample();
        let lines: Vec<Line> = recorded().iter().flat_map(|file| held(&systems, file)).collect();
        let wrong: Vec<&Line> = lines.iter().filter(|line| !line.ok).collect();
        assert_eq!(wrong, Vec::<&Line>::new());
        for verdict in ["ok", "duplicate", "retry", "rejected", "missing_reference", "auth"] {
            assert!(lines.iter().any(|line| line.verdict == verdict), "no recording of {verdict}");
        }
    }

    #[test]
    fn a_system_whose_key_is_elsewhere_keeps_no_other_from_being_asked() {
        let mut systems = sample();
        let Some(SystemConfig::Export(accounts)) = systems.get_mut("accounts") else { panic!() };
        accounts.way = ExportWay::Sftp(ExportSftp {
            host: "partner.test".to_owned(),
            port: 22,
            user: "acme".to_owned(),
            login: SftpLogin::Key(Secret::new("unread")),
            host_keys: vec!["SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ".to_owned()],
            folder: String::new(),
        });
        let recording = |system: &str| {
            let text = format!(
                "system = \"{system}\"\nstatus = 200\nbody = \"{{}}\"\n\
                                [[expect]]\nverdict = \"ok\"\n"
            );
            compared(&systems, "one.toml", &text).remove(0)
        };
        assert!(recording("erp").ok);
        let told = recording("accounts").problem.unwrap();
        assert_eq!(told, "expected ok, and the answer has no such item");
    }

    #[test]
    fn what_is_not_as_expected_is_told() {
        let reading = |verdict, rule: Option<&str>| Reading {
            item: None,
            verdict,
            rule: rule.map(str::to_owned),
            detail: Some("closed".to_owned()),
        };
        let expected = |verdict: &str, rule: Option<&str>, detail: Option<&str>| Expected {
            item: None,
            verdict: verdict.to_owned(),
            rule: rule.map(str::to_owned),
            detail: detail.map(str::to_owned),
        };
        let closed = reading("rejected", Some("closed"));
        for (wanted, told) in [
            (expected("rejected", None, None), None),
            (expected("rejected", Some("closed"), Some("closed")), None),
            (expected("retry", None, None), Some("expected retry")),
            (expected("rejected", Some("open"), None), Some("expected rule open")),
            (expected("rejected", None, Some("open")), Some("expected detail open")),
        ] {
            assert_eq!(difference(&wanted, &closed).as_deref(), told);
        }
        let none = difference(&expected("ok", Some("closed"), None), &reading("ok", None));
        assert_eq!(none.as_deref(), Some("expected rule closed"));
    }

    #[test]
    fn a_file_that_is_no_recording_is_a_line_that_says_so() {
        let lines = held(&sample(), &ops("config/demo.toml"));
        let [Line { ok: false, problem: Some(problem), .. }] = &lines[..] else {
            panic!("{lines:?}")
        };
        assert!(problem.starts_with("it is no recording: "), "{problem}");
        let text = "system = \"erp\"\nstatus = 200\nbody = \"Ada Lovelace\nx\"\n";
        let lines = compared(&sample(), "one.toml", text);
        let problem = lines[0].problem.as_ref().unwrap();
        assert!(problem.starts_with("it is no recording: line "), "{problem}");
        assert!(!problem.contains("Ada"), "{problem}");
        let nowhere = held(&sample(), Path::new("nowhere.toml"));
        assert!(nowhere[0].problem.as_ref().unwrap().starts_with("it cannot be read: "));
    }

    #[test]
    fn an_item_that_nothing_is_expected_of_and_one_that_is_not_there_are_both_told() {
        let text = "system = \"warehouse\"\nstatus = 200\nbody = '''<importResult><importSuccesses>\
                    <import type=\"order\" externalReference=\"A\"/></importSuccesses></importResult>'''\n\
                    [[expect]]\nitem = \"order/B\"\nverdict = \"ok\"\n";
        let lines = compared(&sample(), "one.toml", text);
        let told: Vec<_> = lines.iter().map(|line| (line.item.as_deref(), line.ok)).collect();
        assert_eq!(told, [(Some("order/A"), false), (Some("order/B"), false)]);
    }
}
