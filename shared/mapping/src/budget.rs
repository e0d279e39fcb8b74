//! What one run may use, and the context that carries it to the filters.

use std::cell::Cell;

use jaq_core::{DataT, Exn, Lut, data::HasLut};
use jaq_json::{Num, Val};

use crate::MapError;

/// Calls, branches and iterations in one run. About a second on a slow machine.
const STEPS_MAX: u32 = 1_000_000;
/// How far the stack may grow in one run. A worker thread has 2 MiB.
const STACK_BYTES_MAX: usize = 512 * 1024;
/// The longest string that a step may hold.
const STRING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest array or object that a step may hold.
const ELEMENTS_MAX: usize = 1_000_000;
/// How deep a value may be nested along its first or its last elements. Dropping one recurses.
const NESTING_MAX: usize = 2_000;
/// The longest integer that a step may hold.
const INTEGER_BITS_MAX: u64 = 4_096;

/// The kind of jq that runs here: JSON values, bounded.
pub(crate) struct Bounded;

/// What filters are handed.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) lut: &'a Lut<Bounded>,
    pub(crate) budget: &'a Budget,
}

impl DataT for Bounded {
    type V<'a> = Val;
    type Data<'a> = Context<'a>;
}

impl<'a> HasLut<'a, Bounded> for Context<'a> {
    fn lut(&self) -> &'a Lut<Bounded> {
        self.lut
    }
}

/// Counts down during one run.
#[derive(Debug)]
pub(crate) struct Budget {
    steps: Cell<u32>,
    /// Address of the stack at the start.
    stack: usize,
    stop: Cell<Option<Stop>>,
}

#[derive(Clone, Copy, Debug)]
enum Stop {
    Steps,
    Stack,
    Size,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { steps: Cell::new(STEPS_MAX), stack: stack_address(), stop: Cell::new(None) }
    }

    /// One step, with the value it is at. The exception it raises cannot be caught by the program.
    pub(crate) fn step<'a>(&self, value: &Val) -> Result<(), Exn<'a, Val>> {
        let steps = self.steps.get();
        let stop = if self.stop.get().is_some() {
            self.stop.get()
        } else if steps == 0 {
            Some(Stop::Steps)
        } else if self.stack.abs_diff(stack_address()) > STACK_BYTES_MAX || nested(value) {
            Some(Stop::Stack)
        } else if oversized(value) {
            Some(Stop::Size)
        } else {
            None
        };
        self.steps.set(steps.saturating_sub(1));
        self.stop.set(stop);
        match stop {
            None => Ok(()),
            Some(_) => Err(Exn::halt(0)),
        }
    }

    /// Whether the run was stopped.
    pub(crate) fn verdict(&self) -> Result<(), MapError> {
        match self.stop.get() {
            None => Ok(()),
            Some(Stop::Steps) => Err(MapError::Endless { steps: STEPS_MAX }),
            Some(Stop::Stack) => Err(MapError::Deep),
            Some(Stop::Size) => Err(MapError::Large),
        }
    }
}

fn oversized(value: &Val) -> bool {
    match value {
        Val::TStr(text) | Val::BStr(text) => text.len() > STRING_BYTES_MAX,
        Val::Arr(array) => array.len() > ELEMENTS_MAX,
        Val::Obj(object) => object.len() > ELEMENTS_MAX,
        Val::Num(Num::BigInt(integer)) => integer.bits() > INTEGER_BITS_MAX,
        Val::Num(Num::Int(_) | Num::Float(_) | Num::Dec(_)) | Val::Null | Val::Bool(_) => false,
    }
}

/// Values grow deep where a fold wraps what it has so far, which stands first or last then.
fn nested(value: &Val) -> bool {
    let too_long = |chain: for<'v> fn(&'v Val) -> Option<&'v Val>| {
        std::iter::successors(Some(value), |value| chain(value)).nth(NESTING_MAX).is_some()
    };
    too_long(first) || too_long(last)
}

fn first(value: &Val) -> Option<&Val> {
    match value {
        Val::Arr(items) => items.first(),
        Val::Obj(fields) => fields.first().map(|(_, value)| value),
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::TStr(_) | Val::BStr(_) => None,
    }
}

fn last(value: &Val) -> Option<&Val> {
    match value {
        Val::Arr(items) => items.last(),
        Val::Obj(fields) => fields.last().map(|(_, value)| value),
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::TStr(_) | Val::BStr(_) => None,
    }
}

#[inline(never)]
fn stack_address() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}
