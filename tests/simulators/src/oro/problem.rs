//! What the shop answers when it says no (OroCommerce reference §3.1).
//!
//! A title is derived from the class of the violated constraint; clients classify on status and
//! title. Details are English and follow the shop's own wording where it is known.

use serde_json::{Value, json};

/// One entry of `errors`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// 0 is none, which only an operation's own failure has.
    pub(super) status: u16,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Nowhere,
    Pointer(String),
    Parameter(String),
}

impl Problem {
    pub(super) fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), detail: detail.into(), source: Source::Nowhere }
    }

    /// A violated constraint: always 400, there is no 422 anywhere.
    pub(super) fn constraint(title: &str, detail: impl Into<String>) -> Self {
        Self::new(400, &format!("{title} constraint"), detail)
    }

    pub(super) fn request(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::constraint("request data", detail).at(pointer)
    }

    pub(super) fn conflict(detail: &str) -> Self {
        Self::new(409, "conflict constraint", detail)
    }

    pub(super) fn filter(parameter: impl Into<String>, detail: impl Into<String>) -> Self {
        let mut problem = Self::constraint("filter", detail);
        problem.source = Source::Parameter(parameter.into());
        problem
    }

    pub(super) fn not_blank(pointer: impl Into<String>) -> Self {
        Self::constraint("not blank", "This value should not be blank.").at(pointer)
    }

    pub(super) fn no_entity(pointer: impl Into<String>) -> Self {
        Self::constraint("form", "The entity does not exist.").at(pointer)
    }

    pub(super) fn invalid(pointer: impl Into<String>) -> Self {
        Self::constraint("form", "This value is not valid.").at(pointer)
    }

    pub(super) fn not_found() -> Self {
        Self::new(
            404,
            "not found http exception",
            "An entity with the requested identifier does not exist.",
        )
    }

    /// A resource that has no such address at all.
    pub(super) fn not_accessible() -> Self {
        let detail = "The resource is not accessible.";
        Self::new(404, "resource not accessible exception", detail)
    }

    pub(super) fn denied(detail: &str) -> Self {
        Self::new(403, "access denied exception", detail)
    }

    pub(super) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.source = Source::Pointer(pointer.into());
        self
    }

    /// At a place in the document, or below it if it has one of its own there.
    pub(super) fn below(self, pointer: &str) -> Self {
        let place = format!("{pointer}{}", self.place());
        self.at(place)
    }

    /// Where in the document it is, if anywhere.
    pub(super) fn place(&self) -> &str {
        match &self.source {
            Source::Pointer(pointer) => pointer,
            Source::Nowhere | Source::Parameter(_) => "",
        }
    }

    fn to_json(&self) -> Value {
        let mut entry = json!({
            "status": self.status.to_string(),
            "title": self.title,
            "detail": self.detail,
        });
        if let (Some(entry), Some(source)) = (entry.as_object_mut(), self.source.to_json()) {
            entry.insert("source".to_owned(), source);
        }
        entry
    }
}

impl Source {
    pub(super) fn to_json(&self) -> Option<Value> {
        match self {
            Self::Nowhere => None,
            Self::Pointer(pointer) => Some(json!({ "pointer": pointer })),
            Self::Parameter(parameter) => Some(json!({ "parameter": parameter })),
        }
    }
}

/// The status of an answer with these errors: the highest hundred; among several different ones of
/// that hundred 400, or 409 if any is 409.
pub(super) fn status_of(problems: &[Problem]) -> u16 {
    let hundred = problems.iter().map(|problem| problem.status / 100).max().unwrap_or(5);
    let mut statuses: Vec<u16> = problems
        .iter()
        .map(|problem| problem.status)
        .filter(|status| status / 100 == hundred)
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    match statuses.as_slice() {
        [only] => *only,
        several if several.contains(&409) => 409,
        _ => hundred * 100,
    }
}

pub(super) fn document(problems: &[Problem]) -> Value {
    json!({ "errors": problems.iter().map(Problem::to_json).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(statuses: &[u16]) -> u16 {
        let problems: Vec<_> =
            statuses.iter().map(|status| Problem::new(*status, "title", "detail")).collect();
        status_of(&problems)
    }

    #[test]
    fn mixed_errors_answer_with_400_unless_one_is_a_conflict() {
        assert_eq!(statuses(&[403]), 403);
        assert_eq!(statuses(&[400, 403]), 400);
        assert_eq!(statuses(&[403, 409, 400]), 409);
        assert_eq!(statuses(&[400, 500]), 500);
    }

    #[test]
    fn the_status_is_a_string_and_a_missing_source_stays_missing() {
        assert_eq!(
            document(&[Problem::conflict("The entity already exists.")]),
            json!({"errors": [{
                "status": "409",
                "title": "conflict constraint",
                "detail": "The entity already exists."
            }]})
        );
    }
}
