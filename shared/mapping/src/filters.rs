//! The built-in filters: jq's own without those that look outside, and the bounded ones.

use jaq_core::{
    Exn, Native, ValX,
    box_iter::box_once,
    load::parse::Def,
    native::{Fun, bome, run, v},
};
use jaq_json::Val;

use crate::{
    budget::{Bounded, Budget},
    convert, instrument,
};

/// What would reach out of the program: the environment, the clock, the host's time zone, standard
/// error, the process. `fromjson` and `range` are replaced by bounded ones.
const LEFT_OUT: &[&str] = &[
    "debug",
    "debug_empty",
    "env",
    "fromjson",
    "halt",
    "halt_error",
    "localtime",
    "now",
    "range",
    "stderr",
    "stderr_empty",
    "strflocaltime",
];

/// jq's definitions, each with its steps.
pub(crate) fn definitions<'s>() -> impl Iterator<Item = Def<&'s str>> {
    jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .filter(|def| def.name == "range" || !LEFT_OUT.contains(&def.name))
        // The closure shortens the lifetime to that of the program beside them.
        .map(|def| -> Def<&'s str> { instrument::definition(def) })
}

/// jq's native filters, and ours.
pub(crate) fn natives() -> impl Iterator<Item = Fun<Bounded>> {
    let step = Native::<Bounded>::new(|cv| box_once(cv.0.data().budget.step(&cv.1).map(|()| cv.1)))
        .with_paths(|cv| {
            let taken = cv.0.data().budget.step(&cv.1.0);
            box_once(taken.map(|()| cv.1))
        })
        .with_update(|cv, update| match cv.0.data().budget.step(&cv.1) {
            Ok(()) => update(cv.1),
            Err(stop) => box_once(Err(stop)),
        });
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !LEFT_OUT.contains(name))
        .chain([
            (instrument::STEP, v(0), step),
            run(("fromjson", v(0), |cv| bome(convert::parse(&cv.1)))),
            run(("range", v(3), |mut cv| {
                let by = cv.0.pop_var();
                let to = cv.0.pop_var();
                let budget = cv.0.data().budget;
                Box::new(range(cv.0.pop_var(), to, by, budget))
            })),
        ])
}

/// `range`, with a step for each value.
fn range(from: Val, to: Val, by: Val, budget: &Budget) -> impl Iterator<Item = ValX<'_, Val>> {
    let zero = Val::from(0_usize);
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let value = next.take()?;
        let goes_on = match by.cmp(&zero) {
            std::cmp::Ordering::Greater => value < to,
            std::cmp::Ordering::Less => value > to,
            std::cmp::Ordering::Equal => value != to,
        };
        if !goes_on {
            return None;
        }
        if let Err(stop) = budget.step(&value) {
            return Some(Err(stop));
        }
        match value.clone() + by.clone() {
            Ok(after) => next = Some(after),
            Err(error) => return Some(Err(Exn::from(error))),
        }
        Some(Ok(value))
    })
}
