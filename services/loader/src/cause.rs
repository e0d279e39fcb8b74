//! Why a delivery is dead, as the ledger keeps it: enough to write its dead letter a second time.

use std::fmt;

use ferry_canonical::{FailureKind, Reference};
use ferry_systems::Failure;

/// `missing_reference (product/MUG): not found`; most causes lack what stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause<'a> {
    pub(crate) kind: FailureKind,
    pub(crate) missing: Option<Reference>,
    pub(crate) detail: &'a str,
}

/// Between the kind and the id of what is missing, and after that id.
const OPENS: &str = " (";
const CLOSES: &str = "): ";

impl<'a> Cause<'a> {
    pub(crate) fn of(failure: &'a Failure) -> Self {
        let (kind, detail) = (failure.kind, failure.detail.as_str());
        // An id that would close the brackets is left out rather than read wrongly.
        let missing = failure.missing.as_deref().filter(|missing| !missing.id.contains(CLOSES));
        Self { kind, missing: missing.cloned(), detail }
    }

    /// Reads any text: what has another form is our own fault and its own detail.
    pub(crate) fn parse(text: &'a str) -> Self {
        let with_missing = text.split_once(OPENS).and_then(|(kind, rest)| {
            let (missing, detail) = rest.split_once(CLOSES)?;
            let missing = Some(missing.parse().ok()?);
            Some(Self { kind: kind.parse().ok()?, missing, detail })
        });
        let plain = || {
            let (kind, detail) = text.split_once(": ")?;
            Some(Self { kind: kind.parse().ok()?, missing: None, detail })
        };
        let unknown = Self { kind: FailureKind::Internal, missing: None, detail: text };
        with_missing.or_else(plain).unwrap_or(unknown)
    }
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.missing {
            Some(missing) => write!(f, "{}{OPENS}{missing}{CLOSES}{}", self.kind, self.detail),
            None => write!(f, "{}: {}", self.kind, self.detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use ferry_canonical::Entity;

    use super::*;

    #[test]
    fn a_cause_is_read_back_as_it_was_written() {
        let plain = Failure::new(FailureKind::Rejected, "no (really): no");
        let missing = Failure::missing(Entity::Product, "a (b): c", "x");
        let named = Failure::missing(Entity::Product, "MUG (red)/1", "Product not found: (x): y");
        for failure in [plain, named] {
            let cause = Cause::of(&failure);
            assert_eq!(Cause::parse(&cause.to_string()), cause);
        }
        assert_eq!(Cause::parse(&Cause::of(&missing).to_string()).missing, None);
    }

    #[test]
    fn what_is_no_cause_of_ours_is_an_internal_one() {
        let cause = Cause::parse("something else");
        assert_eq!((cause.kind, cause.detail), (FailureKind::Internal, "something else"));
    }
}
