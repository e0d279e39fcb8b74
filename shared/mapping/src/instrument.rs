//! Puts a step before or behind everything by which a jq program can repeat itself.
//!
//! The language has few such things: calls of definitions (recursion), both sides of `,`,
//! iteration (`.[]`, `..`), and arithmetic, by which values grow. The built-in `range` counts for
//! itself.

use jaq_core::load::{
    lex::StrPart,
    parse::{BinaryOp, Def, Pattern, Term},
};
use jaq_core::path::{Part, Path};

/// The filter that takes a step: identity, until the budget is used up.
pub(crate) const STEP: &str = "!step";

/// Stands for what is nested deeper than [`DEPTH_MAX`]: there is no such filter.
pub(crate) const TOO_DEEP: &str = "!deep";
/// Nesting of a program, each `|` of a chain counted: compiling and running recurse.
const DEPTH_MAX: usize = 1_000;

type Node<'s> = Term<&'s str>;

/// A definition with steps in it, one of them at its start.
pub(crate) fn definition(def: Def<&str>) -> Def<&str> {
    Walk { depth: 0 }.definition(def)
}

/// `!step | term`. Keeps `term` in tail position.
fn before(term: Node<'_>) -> Node<'_> {
    piped(step(), term)
}

/// `term | !step`
fn behind(term: Node<'_>) -> Node<'_> {
    piped(term, step())
}

fn step<'s>() -> Node<'s> {
    Term::Call(STEP, Vec::new())
}

fn piped<'s>(left: Node<'s>, right: Node<'s>) -> Node<'s> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}

/// At a depth of the program.
#[derive(Clone, Copy)]
struct Walk {
    depth: usize,
}

impl Walk {
    fn definition(self, def: Def<&str>) -> Def<&str> {
        Def { name: def.name, args: def.args, body: before(self.term(def.body)) }
    }

    fn term(self, node: Node<'_>) -> Node<'_> {
        if self.depth == DEPTH_MAX {
            return Term::Call(TOO_DEEP, Vec::new());
        }
        Self { depth: self.depth + 1 }.inside(node)
    }

    fn inside(self, node: Node<'_>) -> Node<'_> {
        match node {
            Term::Recurse => behind(Term::Recurse),
            Term::Path(head, path) => self.path(*head, path),
            Term::BinOp(left, operator, right) => self.operation(*left, operator, *right),
            Term::Str(format, parts) => {
                Term::Str(format, parts.into_iter().map(|part| self.string_part(part)).collect())
            }
            Term::Arr(inner) => Term::Arr(inner.map(|inner| self.boxed(*inner))),
            Term::Obj(pairs) => {
                let pair = |(key, value): (_, Option<_>)| {
                    (self.term(key), value.map(|value| self.term(value)))
                };
                Term::Obj(pairs.into_iter().map(pair).collect())
            }
            Term::Neg(inner) => Term::Neg(self.boxed(*inner)),
            Term::Label(name, inner) => Term::Label(name, self.boxed(*inner)),
            Term::Fold(name, source, bound, steps) => Term::Fold(
                name,
                self.boxed(*source),
                self.pattern(bound),
                steps.into_iter().map(|each| before(self.term(each))).collect(),
            ),
            Term::TryCatch(inner, catch) => {
                Term::TryCatch(self.boxed(*inner), catch.map(|catch| self.boxed(*catch)))
            }
            Term::IfThenElse(branches, otherwise) => {
                let branch = |(when, then)| (self.term(when), self.term(then));
                let branches = branches.into_iter().map(branch).collect();
                Term::IfThenElse(branches, otherwise.map(|otherwise| self.boxed(*otherwise)))
            }
            Term::Def(definitions, inner) => {
                let definitions = definitions.into_iter().map(|def| self.definition(def));
                Term::Def(definitions.collect(), self.boxed(*inner))
            }
            Term::Call(name, arguments) => {
                Term::Call(name, arguments.into_iter().map(|each| self.term(each)).collect())
            }
            leaf @ (Term::Id | Term::Num(_) | Term::Break(_) | Term::Var(_)) => leaf,
        }
    }

    fn boxed(self, node: Node<'_>) -> Box<Node<'_>> {
        Box::new(self.term(node))
    }

    fn operation<'s>(
        self,
        left: Node<'s>,
        operator: BinaryOp<&'s str>,
        right: Node<'s>,
    ) -> Node<'s> {
        let (left, right) = (self.term(left), self.term(right));
        match operator {
            BinaryOp::Comma => {
                Term::BinOp(Box::new(before(left)), BinaryOp::Comma, Box::new(before(right)))
            }
            operator @ BinaryOp::Math(_) => {
                behind(Term::BinOp(Box::new(left), operator, Box::new(right)))
            }
            BinaryOp::Pipe(bound) => {
                let bound = bound.map(|bound| self.pattern(bound));
                Term::BinOp(Box::new(left), BinaryOp::Pipe(bound), Box::new(right))
            }
            operator @ (BinaryOp::Alt
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Cmp(_)
            | BinaryOp::Assign
            | BinaryOp::Update
            | BinaryOp::UpdateMath(_)
            | BinaryOp::UpdateAlt) => Term::BinOp(Box::new(left), operator, Box::new(right)),
        }
    }

    /// A path that iterates takes a step for each element.
    fn path<'s>(self, head: Node<'s>, Path(parts): Path<Node<'s>>) -> Node<'s> {
        let iterates = parts.iter().any(|(part, _)| matches!(part, Part::Range(None, None)));
        let part = |part| match part {
            Part::Index(index) => Part::Index(self.term(index)),
            Part::Range(from, to) => {
                Part::Range(from.map(|from| self.term(from)), to.map(|to| self.term(to)))
            }
        };
        let parts = parts.into_iter().map(|(each, optional)| (part(each), optional)).collect();
        let path = Term::Path(self.boxed(head), Path(parts));
        if iterates { behind(path) } else { path }
    }

    fn string_part<'s>(self, part: StrPart<&'s str, Node<'s>>) -> StrPart<&'s str, Node<'s>> {
        match part {
            StrPart::Term(inner) => StrPart::Term(self.term(inner)),
            text @ (StrPart::Str(_) | StrPart::Char(_)) => text,
        }
    }

    fn pattern(self, bound: Pattern<&str>) -> Pattern<&str> {
        match bound {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(items) => {
                Pattern::Arr(items.into_iter().map(|item| self.pattern(item)).collect())
            }
            Pattern::Obj(fields) => {
                let field = |(key, value)| (self.term(key), self.pattern(value));
                Pattern::Obj(fields.into_iter().map(field).collect())
            }
        }
    }
}
