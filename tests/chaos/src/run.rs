//! One run: load under misfortune, calm, drain, account.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use ferry_stage::{Dropper, told::Overview};

use crate::{
    arguments::{Arguments, Plan},
    interrupt,
    load::Load,
    misfortune::{self, Misfortune},
    report::{self, Report, Took},
    schedule,
    stage::Stage,
};

/// Between two looks at everything.
const LOOK: Duration = Duration::from_millis(50);
/// Between two lines about progress, and two looks at the simulators' ticks.
const LINE_EVERY: Duration = Duration::from_secs(5);
const TICK_EVERY: Duration = Duration::from_millis(500);
/// Nothing may move for so long before the account is settled as it is. Longer than any retry, any
/// lease and any wait of the warehouse before it pushes again.
///
/// A broker that is started again may find a delay queue due before the queue behind it is there; it
/// tries again after three minutes (RabbitMQ's `dead_letter_worker_publisher_confirm_timeout`).
const PATIENCE: Duration = Duration::from_mins(4);
/// All must have been quiet for so long before it counts as drained.
const QUIET: Duration = Duration::from_secs(5);

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let folder = folder(arguments)?;
    let load = Load::of(arguments);
    eprintln!(
        "{} changes over {} entities in {} s, {} orders a second; logs and state: {}",
        load.events,
        arguments.entities,
        load.length().as_secs(),
        load.orders_per_second,
        folder.display()
    );
    let mut stage = Stage::set(&folder, arguments.store, &load)?;
    let result = play(&mut stage, arguments, &load);
    let broken = !result.as_ref().is_ok_and(|report| report.kept);
    if broken {
        stage.keep_histories()?;
    }
    stage.strike_set();
    if broken || arguments.keep {
        eprintln!("kept: {}", folder.display());
    } else {
        fs::remove_dir_all(&folder).context("clearing the folder")?;
    }
    result
}

fn play(stage: &mut Stage, arguments: &Arguments, load: &Load) -> anyhow::Result<Report> {
    let planned = schedule::plan(
        arguments.seed,
        (arguments.plan, arguments.store),
        arguments.duration(),
        arguments.outage(),
    );
    let mut misfortune = Misfortune::new(planned);
    if arguments.plan == Plan::All {
        misfortune::script_answers(stage)?;
    }
    let started = Instant::now();
    let mut dropper = Dropper::begin(&stage.folder, &load.world)?;
    suffer(stage, &mut misfortune, (arguments, load), &mut dropper)?;
    let mut faults = std::mem::take(&mut misfortune.counts);
    for simulator in [&stage.erp, &stage.shop, &stage.warehouse] {
        simulator.count_fired(&mut faults)?;
    }
    let suffered = started.elapsed();
    eprintln!(
        "{:>5} s  calm: all links, answers, services and the broker are well",
        suffered.as_secs()
    );
    stage.calm()?;
    stage.raise_all()?;
    let quiet = drain(stage, load, &mut dropper, started)?;
    let drain = started.elapsed().saturating_sub(suffered);
    let took = Took { load: suffered.as_secs(), drain: drain.as_secs(), quiet };
    report::settle(stage, (arguments, load), &faults, took)
}

/// Load and misfortune until their time is over.
fn suffer(
    stage: &mut Stage,
    misfortune: &mut Misfortune,
    (arguments, load): (&Arguments, &Load),
    dropper: &mut Dropper,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut told, mut ticked) = (started, started);
    while started.elapsed() < arguments.duration() {
        interrupt::check()?;
        misfortune.strike(stage, started.elapsed())?;
        if ticked.elapsed() >= TICK_EVERY {
            ticked = Instant::now();
            stage.look()?;
            dropper.drop_due(&load.world, stage.erp.progress()?.tick)?;
        }
        if told.elapsed() >= LINE_EVERY {
            told = Instant::now();
            let faults: u64 = misfortune.counts.values().sum();
            say(started.elapsed(), faults, stage.overview().ok().as_ref());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Waits until everything has come to its end, or nothing moves; true in the first case.
fn drain(
    stage: &mut Stage,
    load: &Load,
    dropper: &mut Dropper,
    started: Instant,
) -> anyhow::Result<bool> {
    let (mut last_moved, mut last, mut told) = (Instant::now(), String::new(), Instant::now());
    loop {
        interrupt::check()?;
        stage.look()?;
        dropper.drop_due(&load.world, stage.erp.progress()?.tick)?;
        let view = stage.overview().context("asking the console")?;
        let fingerprint = view.fingerprint();
        if fingerprint != last {
            (last_moved, last) = (Instant::now(), fingerprint);
        }
        let all_told = dropper.tick() == load.options.ticks;
        if all_told && view.is_quiet() && last_moved.elapsed() > QUIET && stage.simulators_done()? {
            return Ok(true);
        }
        if last_moved.elapsed() > PATIENCE {
            eprintln!("nothing has moved for {} s; settling the account", PATIENCE.as_secs());
            return Ok(false);
        }
        if told.elapsed() >= LINE_EVERY {
            told = Instant::now();
            say(started.elapsed(), 0, Some(&view));
        }
        thread::sleep(TICK_EVERY);
    }
}

fn say(elapsed: Duration, faults: u64, view: Option<&Overview>) {
    let seconds = elapsed.as_secs();
    let Some(view) = view else {
        eprintln!("{seconds:>5} s  {faults} faults; the console does not answer");
        return;
    };
    let received: u64 = view.routes.iter().map(|route| route.received).sum();
    let ended: u64 = view.routes.iter().flat_map(|route| route.outcomes.values()).sum();
    let retrying: u64 = view.routes.iter().map(|route| route.retrying).sum();
    let waiting: u64 = view.queues.values().map(|ready| u64::from(ready.unwrap_or(0))).sum();
    eprintln!(
        "{seconds:>5} s  {faults} faults; {received} received, {ended} ended, {retrying} retrying, \
         {waiting} in queues, {} dead",
        view.dead_total()
    );
}

/// A folder of this run's own.
fn folder(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    let runs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.chaos");
    let folder = runs.join(format!("seed-{}-{}", arguments.seed, std::process::id()));
    fs::create_dir_all(&folder).context("making the run's folder")?;
    folder.canonicalize().context("finding the run's folder")
}
