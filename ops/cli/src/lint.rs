//! `ferry lint`: everything that can be said about a configuration without a socket.

use std::path::Path;

use ferry_config::{Config, Environment, SystemConfig, worst_case_timeline};
use ferry_mapping::Mapping;
use ferry_service::exit;
use ferry_systems::System;
use serde_json::json;

use crate::{Done, Stop};

pub(crate) fn lint(path: &Path, as_json: bool) -> Done {
    let text = ferry_config::config::read(path).map_err(|error| Stop {
        code: exit::BAD_CONFIGURATION,
        text: ferry_service::Chain(&error).to_string(),
    })?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let findings = ferry_config::lint(&text, base);
    // Secrets are no matter of lint: a variable that is not set here may be set there.
    let config = Config::parse(&text, base, &Environment::permissive()).ok();
    let mappings = config.as_ref().map(mapping_problems).unwrap_or_default();
    let problems = findings.iter().any(ferry_config::Finding::is_error) || !mappings.is_empty();
    if as_json {
        println!("{}", json!({ "findings": findings, "mappings": mappings, "ok": !problems }));
    } else {
        for finding in &findings {
            println!("{}:{finding}", path.display());
        }
        for problem in &mappings {
            println!("{}: {problem}", path.display());
        }
        if let Some(config) = &config {
            timelines(config);
        }
        println!("{}", if problems { "It cannot work like this." } else { "It is fine." });
    }
    Ok(if problems { exit::FOUND_PROBLEMS } else { exit::OK })
}

fn mapping_problems(config: &Config) -> Vec<String> {
    let (mut programs, mut problems) = (Vec::new(), Vec::new());
    for (name, system) in &config.systems {
        match system {
            SystemConfig::Rest(rest) => {
                programs.extend(rest.endpoints.values().map(|endpoint| &endpoint.mapping));
                programs.extend(rest.targets.values().map(|target| &target.mapping));
            }
            SystemConfig::Files(files) => {
                programs.extend(files.files.values().filter_map(|kind| kind.mapping.as_ref()));
            }
            // They know more of what they write than their mappings.
            SystemConfig::Orderflow(_) | SystemConfig::Export(_) => {
                problems.extend(System::new(name, system).err());
            }
            SystemConfig::Oro(_) => {}
        }
    }
    let problems = problems.iter().map(|error| ferry_service::Chain(error).to_string());
    let faulty = programs
        .into_iter()
        .filter_map(|mapping| Mapping::compile(&mapping.name, &mapping.program).err())
        .map(|error| ferry_service::Chain(&error).to_string());
    problems.chain(faulty).collect()
}

/// When what always fails is tried again, and when it is given up: people ask every time.
fn timelines(config: &Config) {
    for route in &config.routes {
        let steps = worst_case_timeline(&route.retry, &config.broker.levels);
        let times: Vec<String> = steps
            .iter()
            .take(8)
            .map(|step| ferry_config::HumanDuration(step.after).to_string())
            .collect();
        let more = if steps.len() > times.len() { ", …" } else { "" };
        let until = ferry_config::HumanDuration(route.retry.give_up_after);
        println!(
            "route {}: what fails is tried again after {}{more}; given up after {until}",
            route.name,
            times.join(", "),
        );
    }
}
