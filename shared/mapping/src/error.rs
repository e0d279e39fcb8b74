//! What can be wrong with a mapping, and with an item that it meets.

use jaq_core::Exn;
use jaq_json::Val;
use serde::de::IgnoredAny;

/// The longest text that an error takes from a program.
const TEXT_CHARS_MAX: usize = 1_000;

/// The program does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}:{line}:{column}: {reason}{}", at(.found))]
pub struct MappingError {
    pub name: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The offending text; empty at the end of the program.
    pub found: String,
    pub reason: String,
}

fn at(found: &str) -> String {
    if found.is_empty() { String::new() } else { format!(", at `{found}`") }
}

/// The program has no single output for this item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// No output: the mapping passes this item over.
    #[error("the mapping has no output for this item")]
    Nothing,
    #[error("the mapping has several outputs for one item; collect them in an array or choose one")]
    Several,
    /// The text of `error("…")`, or what jq says, without the values it met.
    #[error("{0}")]
    Failed(String),
    #[error("the mapping was stopped after {steps} steps; it may never end")]
    Endless { steps: u32 },
    #[error("the mapping, its item or its output is nested too deep")]
    Deep,
    #[error("the mapping's output, or a value on the way to it, is too large")]
    Large,
}

/// What the program's exception tells a person.
pub(crate) fn told(exception: Exn<'_, Val>, program: &str) -> MapError {
    match exception.get_err() {
        Ok(error) => {
            let value = error.into_val();
            let text = match &value {
                Val::TStr(text) => String::from_utf8_lossy(text).into_owned(),
                Val::Null
                | Val::Bool(_)
                | Val::Num(_)
                | Val::BStr(_)
                | Val::Arr(_)
                | Val::Obj(_) => value.to_string(),
            };
            MapError::Failed(without_values(&text, program))
        }
        Err(_) => MapError::Failed("the mapping ended without a result".to_owned()),
    }
}

/// jq's own errors repeat the values they met, which may be a person's: only their types are kept,
/// and keys that stand in the program. The program's own texts, from `error("…")`, stay as they are.
fn without_values(text: &str, program: &str) -> String {
    const STARTS: [&str; 4] = [
        "cannot use ",
        "cannot index ",
        "cannot calculate ",
        "invalid path expression with input ",
    ];
    let start = STARTS.into_iter().find_map(|start| Some((start, text.strip_prefix(start)?)));
    let Some((start, rest)) = start else {
        return text.chars().take(TEXT_CHARS_MAX).collect();
    };
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    let after = match values.next() {
        Some(Ok(_)) => rest.get(values.byte_offset()..).unwrap_or_default(),
        Some(Err(_)) | None => "",
    };
    format!("{start}{}{}", type_of(rest), operand_hidden(after, program))
}

/// ` as string`, ` with "key"` and ` + {…}`: the last two have a value of their own.
fn operand_hidden(rest: &str, program: &str) -> String {
    if rest.is_empty() || rest.starts_with(" as ") {
        return rest.chars().take(TEXT_CHARS_MAX).collect();
    }
    let Some((operator, value)) = rest.trim_start().split_once(' ') else { return String::new() };
    let key = value.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
    match key.filter(|key| operator == "with" && !key.is_empty() && program.contains(*key)) {
        Some(key) => format!(" with \"{key}\""),
        None => format!(" {operator} {}", type_of(value)),
    }
}

fn type_of(text: &str) -> &'static str {
    match text.chars().next() {
        Some('{') => "an object",
        Some('[') => "an array",
        Some('"') => "a string",
        Some('n') => "null",
        Some('t' | 'f') => "a boolean",
        Some(_) => "a number",
        None => "nothing",
    }
}
