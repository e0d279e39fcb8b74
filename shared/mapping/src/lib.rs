//! jq programs: what only this installation knows about its fields.
//!
//! A [`Mapping`] is compiled once and run on any number of items, from any thread. It is pure: it
//! reads no file, no environment, no clock and no further input. It is bounded: a program that
//! recurses or iterates without end stops with [`MapError::Endless`], one that nests too deep with
//! [`MapError::Deep`], one that grows too large with [`MapError::Large`].
//!
//! Counted are calls of definitions, branches of `,` and elements of iterations, which is where jq
//! repeats itself. Not bounded is the work of a single built-in operation on values that are within
//! the bounds: `"x" * 1000000000`, a costly regular expression, or printing a value that shares one
//! part very often; nor filters that wrap their own argument without end, `def f(g): f(g | g); f(.)`,
//! which overflow the stack. A mapping is written by those who run Ferry, not by those who send
//! records.

mod budget;
mod compile;
mod convert;
mod error;
mod filters;
mod instrument;

use std::sync::Arc;

pub use error::{MapError, MappingError};

/// A compiled jq program. Clones share it.
#[derive(Clone)]
pub struct Mapping {
    name: String,
    program: Arc<str>,
    filter: Arc<jaq_core::Filter<budget::Bounded>>,
}

impl Mapping {
    /// Compiles `program`. `name` is what errors call it: its file's name.
    pub fn compile(name: &str, program: &str) -> Result<Self, MappingError> {
        let filter = compile::compile(program).map_err(|fault| fault.of(name, program))?;
        Ok(Self { name: name.to_owned(), program: program.into(), filter: Arc::new(filter) })
    }

    /// The program's one output for `item`. No output at all is [`MapError::Nothing`], which means
    /// that the item is to be skipped.
    pub fn run(&self, item: &serde_json::Value) -> Result<serde_json::Value, MapError> {
        let item = convert::to_jq(item)?;
        let budget = budget::Budget::new();
        let context = budget::Context { lut: &self.filter.lut, budget: &budget };
        let context = jaq_core::Ctx::<budget::Bounded>::new(context, jaq_core::Vars::new([]));
        let mut outputs = self.filter.id.run((context, item));
        let first = outputs.next();
        let second = if matches!(first, Some(Ok(_))) { outputs.next() } else { None };
        budget.verdict()?;
        match (first, second) {
            (None, _) => Err(MapError::Nothing),
            (Some(Err(cause)), _) | (Some(Ok(_)), Some(Err(cause))) => {
                Err(error::told(cause, &self.program))
            }
            (Some(Ok(_)), Some(Ok(_))) => Err(MapError::Several),
            (Some(Ok(value)), None) => convert::from_jq(&value),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
