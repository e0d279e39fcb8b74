//! Steps with a heading, a duration, and a summary. The first failure ends the run.

use std::{
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

/// Why a run ended early. What happened has been said already, by whoever knew best.
#[derive(Debug)]
pub(crate) struct Failed;

pub(crate) struct Steps {
    start: Instant,
    done: Vec<(&'static str, Duration, &'static str)>,
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Self { start: Instant::now(), done: Vec::new() }
    }

    /// Runs one step under its heading.
    pub(crate) fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        eprintln!("\n==> {name} ({} s so far)", self.start.elapsed().as_secs());
        let start = Instant::now();
        let result = work();
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        self.done.push((name, start.elapsed(), verdict));
        result
    }

    /// Notes a step that has nothing to run on this machine.
    pub(crate) fn leave_out(&mut self, name: &'static str, reason: &str) {
        eprintln!("\n==> {name}: left out, {reason}");
        self.done.push((name, Duration::ZERO, "left out"));
    }

    /// Says how it went, step by step.
    pub(crate) fn summary(&self, result: &Result<(), Failed>) -> ExitCode {
        eprintln!("\n{:>8}  step", "seconds");
        for (name, elapsed, verdict) in &self.done {
            eprintln!("{:>8.1}  {name}: {verdict}", elapsed.as_secs_f64());
        }
        eprintln!("{:>8.1}  in all", self.start.elapsed().as_secs_f64());
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failed) => ExitCode::FAILURE,
        }
    }
}

/// Runs a command whose output goes straight through. The command line is said first, so that a
/// failed one can be repeated by hand.
pub(crate) fn run(mut command: Command) -> Result<(), Failed> {
    let line = in_words(&command);
    eprintln!("    {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            eprintln!("\n`{line}` ended with {status}");
            Err(Failed)
        }
        Err(error) => {
            eprintln!("\n`{line}` could not be started: {error}");
            Err(Failed)
        }
    }
}

fn in_words(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let program = program.file_name().unwrap_or(command.get_program());
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut words: Vec<String> = variables
        .map(|(name, value)| format!("{}='{}'", name.display(), value.display()))
        .collect();
    words.push(program.display().to_string());
    words.extend(command.get_args().map(|word| word.display().to_string()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_repeated_by_hand() {
        let mut command = Command::new("/usr/bin/env");
        command.args(["cargo", "doc"]).env("RUSTDOCFLAGS", "-D warnings").env_remove("CARGO");
        assert_eq!(in_words(&command), "RUSTDOCFLAGS='-D warnings' env cargo doc");
    }

    #[test]
    fn a_command_that_fails_or_is_not_there_fails_the_step() {
        assert!(run(Command::new("/bin/true")).is_ok());
        assert!(run(Command::new("/bin/false")).is_err());
        assert!(run(Command::new("/no/such/program")).is_err());
    }
}
