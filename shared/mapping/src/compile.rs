//! From a program's text to a filter, or to the place where it is wrong.

use jaq_core::{
    Compiler, Filter,
    compile::Undefined,
    load::{
        Arena, File, Lexer, Loader, Parser,
        lex::Token,
        parse::{Def, Term},
    },
};

use crate::{MappingError, budget::Bounded, filters, instrument};

/// The largest program.
const PROGRAM_BYTES_MAX: usize = 64 * 1024;
/// The parser recurses, at worst once for every byte, before the depth can be looked at. Only what
/// is used of it becomes memory.
const STACK_BYTES: usize = 256 * 1024 * 1024;
/// The definition that holds the program.
const PROGRAM: &str = "ferry_program";

/// What is wrong, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    at: usize,
    found: String,
    reason: String,
}

impl Fault {
    fn new(program: &str, part: &str, reason: String) -> Self {
        // Parts are slices of the program, or of a definition of ours: then there is no place.
        let at = part.as_ptr().addr().wrapping_sub(program.as_ptr().addr());
        let at = if at <= program.len() { at } else { 0 };
        let found = part.lines().next().unwrap_or_default().chars().take(40).collect();
        Self { at, found, reason }
    }

    fn whole(reason: &str) -> Self {
        Self { at: 0, found: String::new(), reason: reason.to_owned() }
    }

    pub(crate) fn of(self, name: &str, program: &str) -> MappingError {
        let before = program.get(..self.at).unwrap_or(program);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        MappingError {
            name: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            found: self.found,
            reason: self.reason,
        }
    }
}

/// Compiles in a thread of its own, for the sake of its stack.
pub(crate) fn compile(program: &str) -> Result<Filter<Bounded>, Fault> {
    if program.len() > PROGRAM_BYTES_MAX {
        return Err(Fault::whole("the program is larger than 64 KiB"));
    }
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, || compile_here(program));
        let thread = thread.map_err(|_| Fault::whole("there is no memory to compile it"))?;
        thread.join().map_err(|_| Fault::whole("the compiler gave up"))?
    })
}

fn compile_here(program: &str) -> Result<Filter<Bounded>, Fault> {
    let body = parse(program)?;
    let whole = instrument::definition(Def { name: PROGRAM, args: Vec::new(), body });
    let arena = Arena::default();
    let modules = Loader::new(filters::definitions().chain([whole]))
        .load(&arena, File { code: PROGRAM, path: () })
        .map_err(|_| Fault::whole("the program cannot be loaded"))?;
    Compiler::default().with_funs(filters::natives()).compile(modules).map_err(|errors| {
        errors
            .into_iter()
            .flat_map(|(_, errors)| errors)
            .map(|(part, undefined)| match part {
                instrument::TOO_DEEP => Fault::whole("the program is nested too deep"),
                part => Fault::new(program, part, undefined_reason(&undefined)),
            })
            .next()
            .unwrap_or_else(|| Fault::whole("the program cannot be compiled"))
    })
}

fn undefined_reason(undefined: &Undefined) -> String {
    if let Undefined::Filter(arity) = undefined {
        return format!("there is no such filter with {arity} arguments");
    }
    format!("there is no such {}", undefined.as_str())
}

fn parse(program: &str) -> Result<Term<&str>, Fault> {
    let tokens = Lexer::new(program).lex().map_err(|errors| {
        let first = errors.into_iter().next();
        let (reason, part) =
            first.map_or(("a token", ""), |(expected, at)| (expected.as_str(), at));
        Fault::new(program, part, format!("expected {reason}"))
    })?;
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let Some((expected, token)) = errors.into_iter().next() else {
            return Fault::whole("the program cannot be parsed");
        };
        let part = Token::opt_as_str(token, program);
        Fault::new(program, part, format!("expected {}", expected.as_str()))
    })
}
