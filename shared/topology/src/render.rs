//! The topology as text, one line for each thing: for people, and for the test that keeps it.

use std::fmt;

use crate::{Argument, Arguments, Topology};

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exchange in &self.exchanges {
            write!(f, "exchange {} {}", exchange.name, exchange.kind.as_str())?;
            write_arguments(f, &exchange.arguments)?;
        }
        for queue in &self.queues {
            write!(f, "queue {}", queue.name)?;
            write_arguments(f, &queue.arguments)?;
        }
        for binding in &self.bindings {
            writeln!(f, "binding {} -[{}]-> {}", binding.exchange, binding.key, binding.queue)?;
        }
        Ok(())
    }
}

fn write_arguments(f: &mut fmt::Formatter<'_>, arguments: &Arguments) -> fmt::Result {
    for (name, value) in arguments {
        write!(f, " {name}={value}")?;
    }
    writeln!(f)
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}
