//! The demo: runs the main job with simulators, real services and a real broker, shows it live, and
//! settles the account at the end from what the simulators saw.
//!
//! It starts everything in process groups of its own, on a leash that ends them however the demo
//! ends, and touches nothing else. It knows Ferry only from outside: its configuration file, its
//! programs and its console's API.
#![expect(
    clippy::disallowed_methods,
    reason = "std only: deadlines need the monotonic clock, and the environment is read at the edge"
)]
#![expect(clippy::print_stderr, reason = "a demo shows itself")]

mod account;
mod arguments;
mod broker;
mod live;
mod misfortune;
mod stage;

use std::{
    io::Write as _,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use arguments::Arguments;
use ferry_stage::{Dropper, told};
use ferry_world::World;
use stage::Stage;

/// Between two looks at everything.
const LOOK: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    match demo(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo(arguments: &Arguments) -> anyhow::Result<bool> {
    let started = Instant::now();
    let world = World::new(arguments.seed, arguments.records);
    let stage = Stage::set(arguments)?;
    if arguments.misfortune {
        misfortune::script(&stage)?;
    }
    eprintln!("console: {}", stage.console);
    eprintln!("logs and state: {}", stage.folder.display());
    let mut dropper = Dropper::begin(&stage.folder, &world)?;
    if arguments.once {
        once(stage, &mut dropper, (&world, arguments), started)
    } else {
        forever(stage, &mut dropper, &world)
    }
}

/// Runs until Ctrl-C: the leash ends what was started.
fn forever(mut stage: Stage, dropper: &mut Dropper, world: &World) -> anyhow::Result<bool> {
    let mut live = live::Live::new();
    loop {
        stage.check_alive()?;
        dropper.drop_due(world, stage.erp.progress()?.tick)?;
        if let Ok(view) = told::overview(&stage.console) {
            live.show(&view, &stage.console);
        }
        thread::sleep(LOOK);
    }
}

/// Runs until every simulator has done its part and the account is settled, or nothing moves.
fn once(
    mut stage: Stage,
    dropper: &mut Dropper,
    (world, arguments): (&World, &Arguments),
    started: Instant,
) -> anyhow::Result<bool> {
    let mut live = live::Live::new();
    let mut misfortune = arguments.misfortune.then(misfortune::Misfortune::default);
    let (mut last_moved, mut last_total) = (Instant::now(), String::new());
    loop {
        stage.check_alive()?;
        dropper.drop_due(world, stage.erp.progress()?.tick)?;
        let view = told::overview(&stage.console).context("asking the console")?;
        live.show(&view, &stage.console);
        if let Some(misfortune) = &mut misfortune {
            misfortune.strike(&mut stage, &view)?;
        }
        let total = view.fingerprint();
        if total != last_total {
            (last_moved, last_total) = (Instant::now(), total);
        }
        let done = dropper.tick() == arguments.ticks && stage.simulators_done()? && view.is_quiet();
        if done && last_moved.elapsed() >= Duration::from_secs(3) {
            break;
        }
        if last_moved.elapsed() > arguments.patience {
            eprintln!(
                "nothing has moved for {} s; settling the account",
                arguments.patience.as_secs()
            );
            break;
        }
        thread::sleep(LOOK);
    }
    let verdict = account::settle(&stage, world, arguments, started, misfortune.as_ref())?;
    for line in &verdict.explanations {
        eprintln!("{line}");
    }
    stage.strike_set();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", verdict.json).context("writing the result")?;
    Ok(verdict.clean)
}
