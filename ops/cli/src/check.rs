//! `ferry check`: reaches everything a configuration names.

use std::sync::Arc;

use ferry_config::{Config, StoreConfig, export::ExportWay};
use ferry_http::{Client, Conversation, HttpPort};
use ferry_service::exit;
use ferry_store::Store;
use ferry_systems::System;
use serde::Serialize;

use crate::{Done, Stop, terminal};

/// One thing that was reached, or not.
#[derive(Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

pub(crate) async fn check(config: &Config, as_json: bool) -> Done {
    let mut findings = vec![broker(config).await, store(config).await];
    let client = Client::new().map_err(|error| Stop::failed(error.to_string()))?;
    let port: Arc<dyn HttpPort> = Arc::new(client);
    for (name, system) in &config.systems {
        let what = format!("system {name}");
        let conversation = Conversation::new(Arc::clone(&port), ferry_service::now);
        let (ok, detail) = match System::new(name, system) {
            Ok(system) => match system.probe(&conversation).await {
                Ok(()) => {
                    (true, format!("{}{}", reached(&system), told(&system, &conversation).await))
                }
                Err(failure) => (
                    false,
                    format!("{}: {} {}", failure.kind, failure.detail, failure.kind.sentence()),
                ),
            },
            Err(error) => (false, error.to_string()),
        };
        findings.push(Finding { what, ok, detail });
    }
    let all = findings.iter().all(|finding| finding.ok);
    if as_json {
        println!("{}", serde_json::json!({ "ok": all, "findings": findings }));
    } else {
        for Finding { what, ok, detail } in &findings {
            let said = terminal::line(&format!("{what}: {detail}"));
            println!("{} {said}", if *ok { "ok " } else { "BAD" });
        }
    }
    Ok(if all { exit::OK } else { exit::UNREACHABLE })
}

/// What a probe has shown.
const fn reached(system: &System) -> &'static str {
    match system {
        System::Export(export) => match export.config().way {
            ExportWay::Folder(_) => "its folder is there",
            ExportWay::Http(_) => {
                "it can be rendered for; its address is asked with a document only"
            }
            ExportWay::Sftp(_) => "it is the server we know, lets us in and has the folder",
        },
        System::Orderflow(_) | System::Oro(_) | System::Rest(_) | System::Files(_) => {
            "it answers and takes our credentials"
        }
    }
}

/// What it can, where that depends on its version. It is reached all the same where it does not say.
async fn told(system: &System, conversation: &Conversation) -> String {
    match system.told(conversation).await {
        Some(Ok(told)) => format!("; {told}"),
        Some(Err(failure)) => format!("; what it can is not to be seen: {}", failure.detail),
        None => String::new(),
    }
}

async fn broker(config: &Config) -> Finding {
    let what = "broker".to_owned();
    match crate::broker::connect(config, &config.broker.prefix).await {
        Ok(broker) => {
            broker.close().await;
            Finding { what, ok: true, detail: "it answers and lets us in".to_owned() }
        }
        Err(detail) => Finding { what, ok: false, detail },
    }
}

async fn store(config: &Config) -> Finding {
    let what = "store".to_owned();
    let place = match &config.store {
        StoreConfig::Sqlite { folder } => format!("the files in {}", folder.display()),
        StoreConfig::Postgres { .. } => "the PostgreSQL database".to_owned(),
    };
    let reached = match Store::of(&config.store, ferry_service::now) {
        Ok(store) => store.ready().await,
        Err(error) => Err(error),
    };
    match reached {
        Ok(()) => Finding { what, ok: true, detail: format!("{place} can be used") },
        Err(error) => Finding { what, ok: false, detail: format!("{place}: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ferry_config::Environment;

    use super::*;

    /// What is told of the sample's export, with this as its way.
    fn told(way: &str) -> &'static str {
        const FOLDER: &str = "folder = \"accounts\"\n";
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config");
        let sample = ferry_config::config::read(&base.join("ferry.sample.toml")).unwrap();
        let text = sample.replacen(FOLDER, way, 1);
        let config = Config::parse(&text, &base, &Environment::permissive()).unwrap();
        reached(&System::new("accounts", &config.systems["accounts"]).unwrap())
    }

    #[test]
    fn what_was_reached_of_an_export_is_told_by_where_it_goes() {
        assert_eq!(told("folder = \"accounts\"\n"), "its folder is there");
        assert!(
            told("http = { url = \"https://accounts.example\" }\n")
                .contains("with a document only")
        );
        let sftp = "sftp = { host = \"partner.example\", user = \"acme\", key = { env = \"KEY\" }, \
            host_keys = [\"SHA256:uNiVztksCsDhcc0u9e8BrsMmvfNgUkAgBwy7VH5TSlQ\"] }\n";
        assert!(told(sftp).contains("lets us in"));
    }
}
