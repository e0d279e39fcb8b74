//! The live view: one table, redrawn in place on a terminal, a line now and then elsewhere.

use std::{
    fmt::Write as _,
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use ferry_stage::told::Overview;

/// Between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

pub(crate) struct Live {
    terminal: bool,
    drawn: usize,
    last: Option<Instant>,
    started: Instant,
}

impl Live {
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { terminal, drawn: 0, last: None, started: Instant::now() }
    }

    pub(crate) fn show(&mut self, view: &Overview, console: &str) {
        if self.terminal {
            let table = table(view, console, self.started.elapsed());
            if self.drawn > 0 {
                // Up to the first line of the last table, and clear from there.
                eprint!("\x1b[{}A\x1b[J", self.drawn);
            }
            eprint!("{table}");
            self.drawn = table.lines().count();
        } else if self.last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
            self.last = Some(Instant::now());
            eprintln!("{}", line(view, self.started.elapsed()));
        }
    }
}

fn table(view: &Overview, console: &str, elapsed: Duration) -> String {
    let mut out = String::new();
    let heads = ["received", "delivered", "waiting", "retrying", "dead", "per s", "oldest"];
    // Writing to a string cannot fail.
    let _ = write!(out, "{:<34}", "route");
    for head in heads {
        let _ = write!(out, "{head:>10}");
    }
    out.push('\n');
    for route in &view.routes {
        let name = format!("{}: {} → {}", route.name, route.source, route.target);
        let outcome = |name: &str| route.outcomes.get(name).copied().unwrap_or(0);
        let waiting = route.waiting.map_or_else(|| "?".to_owned(), |ready| ready.to_string());
        let oldest = route.oldest_seconds.map_or_else(|| "–".to_owned(), |age| format!("{age} s"));
        let _ = writeln!(
            out,
            "{name:<34}{:>10}{:>10}{waiting:>10}{:>10}{:>10}{:>10.1}{oldest:>10}",
            route.received,
            outcome("delivered"),
            route.retrying,
            outcome("dead"),
            route.rate,
        );
    }
    let waiting = view.queues.get("transform").copied().flatten().unwrap_or(0);
    let records: u64 = view.records.values().sum();
    let _ = writeln!(
        out,
        "{records} records, {waiting} waiting to be transformed; {} dead letters in all; {} s",
        view.dead_total(),
        elapsed.as_secs()
    );
    let _ = writeln!(out, "console: {console}   Ctrl-C stops everything that was started here");
    out
}

fn line(view: &Overview, elapsed: Duration) -> String {
    let routes: Vec<String> = view
        .routes
        .iter()
        .map(|route| {
            let delivered = route.outcomes.get("delivered").copied().unwrap_or(0);
            format!("{}→{} {delivered}/{}", route.name, route.target, route.received)
        })
        .collect();
    format!("{:>4} s  {}  dead {}", elapsed.as_secs(), routes.join("  "), view.dead_total())
}
