//! Filters that a list cannot do without, and what some of them may say.

use crate::oro::naming::is_uuid;
use crate::oro::problem::Problem;
use crate::oro::query::{FilterTerm, Operator, Query};
use crate::oro::schema::Kind;
use crate::oro::version::Dialect;

use super::Leaf;

/// Prices are kept by list and parts of an order by order, and so they are asked for.
pub(in crate::oro) fn needed(kind: Kind, query: &Query) -> Result<(), Vec<Problem>> {
    let of = |name: &str| query.filters.iter().find(|filter| filter.path == [name]);
    match kind {
        Kind::ProductPrices => {
            let list = of("priceList").ok_or_else(|| vec![no_price_list()])?;
            let problem = of("id").and_then(|ids| of_another_list(ids, &list.text));
            problem.map_or(Ok(()), |problem| Err(vec![problem]))
        }
        Kind::OrderSubtotals if of("order").is_none() => Err(vec![missing("order")]),
        _ => Ok(()),
    }
}

pub(in crate::oro) fn no_price_list() -> Problem {
    missing("priceList")
}

fn missing(name: &str) -> Problem {
    Problem::constraint("filter", format!("The \"{name}\" filter is required."))
}

/// A price's id ends with the number of its list.
fn of_another_list(ids: &FilterTerm, list: &str) -> Option<Problem> {
    let sound = |id: &str| {
        id.strip_suffix(list).and_then(|rest| rest.strip_suffix('-')).is_some_and(is_uuid)
    };
    let id = ids.text.split(',').find(|id| !sound(id))?;
    let detail = format!("Expected a product price ID. Given \"{id}\".");
    Some(Problem::filter(&ids.parameter, detail))
}

/// Rows that go by numbers are asked for by numbers.
pub(super) fn integers(
    term: &FilterTerm,
    leaf: Leaf,
    kind: Kind,
    dialect: Dialect,
) -> Result<(), Problem> {
    let target = match leaf {
        Leaf::Id => kind,
        Leaf::Relation(relation) => relation.target,
        Leaf::AddressType | Leaf::Attribute(_) => return Ok(()),
    };
    let by_number = target.resource().numbered && dialect.key(target).is_none();
    if !by_number || term.operator == Operator::Exists {
        return Ok(());
    }
    let mut values = term.text.split(',').flat_map(|part| part.split(".."));
    match values.find(|value| value.trim().parse::<i64>().is_err()) {
        Some(value) => {
            let detail = format!("Expected integer value. Given \"{value}\".");
            Err(Problem::filter(&term.parameter, detail))
        }
        None => Ok(()),
    }
}
