//! The workshop: `cargo x demo | test | chaos | sim | seed | mutants | tidy | fmt | lint`.
//!
//! It says something at once, shows what it builds, and then steps aside: the demo and the
//! simulators replace it. Its own words go to standard error, so that standard output belongs to the
//! program it starts. It depends on std and the private node only, so that it is built in seconds.
#![expect(clippy::print_stderr, reason = "speaking to a person is what this program does")]
#![expect(
    clippy::disallowed_methods,
    reason = "std only: elapsed time needs the monotonic clock, and there is no tokio to pause"
)]

mod checks;
mod generations;
mod launch;
mod mutants;
mod nearest;
mod steps;
mod tidy;
mod workspace;

use std::{env, process::ExitCode};

use workspace::Workspace;

/// What was asked for does not exist, or not in this form.
const USAGE_ERROR: u8 = 2;

struct Verb {
    name: &'static str,
    arguments: &'static str,
    purpose: &'static str,
    run: fn(&Workspace, &[String]) -> ExitCode,
}

const VERBS: [Verb; 9] = [
    Verb {
        name: "demo",
        arguments: "[OPTIONS OF THE DEMO]",
        purpose: "run the main job here: broker, simulators, services, a live view",
        run: launch::demo,
    },
    Verb {
        name: "test",
        arguments: "[--full]",
        purpose: "everything that must hold, end to end on a private broker",
        run: checks::test,
    },
    Verb {
        name: "chaos",
        arguments: "[OPTIONS OF CHAOS]",
        purpose: "the main job under seeded misfortune, and what became of every promise",
        run: launch::chaos,
    },
    Verb {
        name: "sim",
        arguments: "orderflow|oro|erp [OPTIONS OF THE SIMULATOR]",
        purpose: "run one simulated system",
        run: launch::sim,
    },
    Verb {
        name: "seed",
        arguments: "N|N..M [--trace] [--without MECHANISM]",
        purpose: "run the simulation of these seeds and say what they came to",
        run: launch::seed,
    },
    Verb {
        name: "mutants",
        arguments: "[--full|NAME…]",
        purpose: "break one mechanism after the other; a test must catch each",
        run: mutants::mutants,
    },
    Verb {
        name: "tidy",
        arguments: "",
        purpose: "check what no other tool checks: layers, links, leftovers",
        run: checks::tidy,
    },
    Verb { name: "fmt", arguments: "", purpose: "format everything", run: checks::fmt },
    Verb { name: "lint", arguments: "", purpose: "clippy, warnings denied", run: checks::lint },
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let Some((name, rest)) = words.split_first() else {
        usage();
        return ExitCode::from(USAGE_ERROR);
    };
    if ["help", "--help", "-h"].contains(&name.as_str()) {
        usage();
        return ExitCode::SUCCESS;
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        return unknown(name);
    };
    if verb.arguments.is_empty() && !rest.is_empty() {
        eprintln!("cargo x {name} takes no arguments; it was given: {}", rest.join(" "));
        return ExitCode::from(USAGE_ERROR);
    }
    eprintln!("cargo x {name}: {}", verb.purpose);
    (verb.run)(&Workspace::of_this_build(), rest)
}

fn unknown(name: &str) -> ExitCode {
    match nearest::nearest(name, VERBS.iter().map(|verb| verb.name)) {
        Some(near) => eprintln!("cargo x {name}: there is no such command; did you mean `{near}`?"),
        None => eprintln!("cargo x {name}: there is no such command"),
    }
    usage();
    ExitCode::from(USAGE_ERROR)
}

fn usage() {
    eprintln!("usage: cargo x COMMAND");
    for verb in &VERBS {
        eprintln!("  {:<7} {}", verb.name, verb.purpose);
        if !verb.arguments.is_empty() {
            eprintln!("        cargo x {} {}", verb.name, verb.arguments);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_its_own_nearest_match() {
        for verb in &VERBS {
            let names = VERBS.iter().map(|verb| verb.name);
            assert_eq!(nearest::nearest(verb.name, names), Some(verb.name));
        }
    }
}
