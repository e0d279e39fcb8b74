//! Which rows a query means, in which order, and which page of them.
//!
//! Filters and sorts exist only where the schema declares them (OroCommerce reference §3);
//! an indexed equality is looked up, everything else walks the table.

mod needed;
mod scalar;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use super::permissions::is_foreign;
use super::problem::Problem;
use super::query::{FilterTerm, Operator, Query};
use super::record::{Id, Record};
use super::schema::{Attribute, Filter, Kind, Relation, Ties};
use super::settle::owner_of;
use super::store::Store;
use super::version::{Dialect, Feature};
use needed::integers;
pub(super) use needed::{needed, no_price_list};
use scalar::{Reading, Scalar, compares, flag, parse, reading_of, scalar_of};

/// A page of rows and how many there are in all.
#[derive(Debug)]
pub(super) struct Page<'store> {
    pub(super) rows: Vec<&'store Record>,
    pub(super) total: usize,
    pub(super) more: bool,
}

/// Where a query is asked, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'store> {
    pub(super) store: &'store Store,
    pub(super) dialect: Dialect,
}

pub(super) fn page<'store>(
    asked: Asked<'store>,
    kind: Kind,
    query: &Query,
) -> Result<Page<'store>, Vec<Problem>> {
    let mut rows = rows(asked, kind, query)?;
    sort(asked, kind, query, &mut rows)?;
    let total = rows.len();
    let Some(size) = query.page_size else { return Ok(Page { rows, total, more: false }) };
    let start = (query.page_number - 1).saturating_mul(size);
    let rows: Vec<_> = rows.into_iter().skip(start).take(size).collect();
    let more = start.saturating_add(rows.len()) < total && !rows.is_empty();
    Ok(Page { rows, total, more })
}

/// Every row the filters let through, in the order of their ids.
pub(super) fn rows<'store>(
    asked: Asked<'store>,
    kind: Kind,
    query: &Query,
) -> Result<Vec<&'store Record>, Vec<Problem>> {
    let mut tests = Vec::new();
    let mut problems = Vec::new();
    for term in terms(asked.dialect, query) {
        match Test::compile(asked, kind, term) {
            Ok(test) => tests.push(test),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let narrowed = tests.iter().find_map(|test| test.candidates(asked.store, kind));
    let key = asked.dialect.key(kind);
    let passes = |record: &&Record| {
        let named = key.is_none_or(|key| record.text(key).is_some());
        named && !is_foreign(record) && tests.iter().all(|test| test.passes(asked.store, record))
    };
    Ok(match narrowed {
        Some(candidates) => candidates.into_values().filter(passes).collect(),
        None => asked.store.all(kind).filter(passes).collect(),
    })
}

/// The filters that count: where a field has one operator only, the last one asked for.
fn terms(dialect: Dialect, query: &Query) -> Vec<&FilterTerm> {
    let mut terms: Vec<&FilterTerm> = Vec::new();
    for term in &query.filters {
        if !dialect.has(Feature::SeveralOperators) {
            terms.retain(|other| other.path != term.path);
        }
        terms.push(term);
    }
    terms
}

/// One compiled filter: the relations to walk, the field at their end, and what it must hold.
struct Test {
    steps: Vec<&'static Relation>,
    leaf: Leaf,
    operator: Operator,
    wanted: Wanted,
}

/// What a filter or a sorter looks at.
#[derive(Clone, Copy)]
enum Leaf {
    Id,
    /// What an address is for, out of its `types`.
    AddressType,
    Attribute(&'static Attribute),
    Relation(&'static Relation),
}

enum Wanted {
    Exists(bool),
    Any(Vec<Scalar>),
    /// Both ends belong to it.
    Range(Scalar, Scalar),
}

impl Test {
    fn compile(asked: Asked<'_>, kind: Kind, term: &FilterTerm) -> Result<Self, Problem> {
        let unsupported = || Problem::filter(&term.parameter, "The filter is not supported.");
        let Dialect { version, .. } = asked.dialect;
        let path = place(asked.dialect, kind, &term.path);
        let (name, path) = path.split_last().ok_or_else(unsupported)?;
        let mut steps = Vec::new();
        let mut at = kind;
        for step in path {
            let relation = at.resource().relation_in(version, step).ok_or_else(unsupported)?;
            steps.push(relation);
            at = relation.target;
        }
        let leaf = leaf(asked.dialect, at, name).ok_or_else(unsupported)?;
        let (reading, array) = reading(leaf, at, asked.dialect);
        let ordered = matches!(reading, Reading::Number | Reading::Time);
        if term.operator == Operator::Unsupported || (term.operator.is_ordering() && !ordered) {
            let detail = "The operator is not supported.";
            return Err(Problem::filter(&term.parameter, detail));
        }
        integers(term, leaf, at, asked.dialect)?;
        let wanted = wanted(term, reading, array)?;
        let wanted = if asked.dialect.ext { by_number(asked, leaf, at, wanted) } else { wanted };
        Ok(Self { steps, leaf, operator: term.operator, wanted })
    }

    /// The rows an index offers for this filter; `None` if no index helps.
    fn candidates<'store>(
        &self,
        store: &'store Store,
        kind: Kind,
    ) -> Option<BTreeMap<Id, &'store Record>> {
        let (Operator::Eq, Wanted::Any(values)) = (self.operator, &self.wanted) else {
            return None;
        };
        let mut steps = self.steps.clone();
        let mut at = steps.last().map_or(kind, |step| step.target);
        let mut found = self.indexed(store, at, values)?;
        while let Some(step) = steps.pop() {
            at = steps.last().map_or(kind, |step| step.target);
            if step.ties != Ties::One || !Store::is_indexed(at, step.name) {
                return None;
            }
            let back = |record: &Record| store.find(at, step.name, &record.id.to_string());
            found = found.into_iter().flat_map(back).collect();
        }
        Some(found.into_iter().map(|record| (record.id.clone(), record)).collect())
    }

    fn indexed<'store>(
        &self,
        store: &'store Store,
        kind: Kind,
        values: &[Scalar],
    ) -> Option<Vec<&'store Record>> {
        let field = match self.leaf {
            Leaf::Id => {
                let get = |value: &Scalar| store.get(kind, &Id::parse(kind, &value.text())?);
                return Some(values.iter().filter_map(get).collect());
            }
            Leaf::Attribute(attribute) => attribute.name,
            Leaf::Relation(relation) => relation.name,
            Leaf::AddressType => return None,
        };
        let find = |value: &Scalar| store.find(kind, field, &value.text());
        Store::is_indexed(kind, field).then(|| values.iter().flat_map(find).collect())
    }

    fn passes(&self, store: &Store, record: &Record) -> bool {
        self.walk(store, record, &self.steps)
    }

    fn walk(&self, store: &Store, record: &Record, steps: &[&'static Relation]) -> bool {
        let Some((step, rest)) = steps.split_first() else { return self.holds(store, record) };
        related(store, record, step)
            .iter()
            .filter_map(|id| store.get(step.target, id))
            .any(|target| self.walk(store, target, rest))
    }

    fn holds(&self, store: &Store, record: &Record) -> bool {
        let values = match self.leaf {
            Leaf::Id => scalar_of(&Value::from(record.id.to_string()), self.shape()),
            Leaf::AddressType => uses(record).collect(),
            Leaf::Attribute(attribute) => record
                .attribute(attribute.name)
                .map(|value| scalar_of(value, self.shape()))
                .unwrap_or_default(),
            Leaf::Relation(relation) => related(store, record, relation)
                .iter()
                .flat_map(|id| scalar_of(&Value::from(id.to_string()), Reading::Text))
                .collect(),
        };
        match (&self.wanted, self.operator) {
            (Wanted::Exists(exists), _) => values.is_empty() != *exists,
            (_, Operator::NeqOrNull) if values.is_empty() => true,
            (Wanted::Any(wanted), Operator::Neq | Operator::NeqOrNull) => {
                !values.is_empty() && !values.iter().any(|value| wanted.contains(value))
            }
            (Wanted::Any(wanted), operator) => values
                .iter()
                .any(|value| wanted.iter().any(|wanted| compares(operator, value.compare(wanted)))),
            (Wanted::Range(from, to), operator) => {
                let inside = values.iter().any(|value| {
                    value.compare(from) != Ordering::Less && value.compare(to) != Ordering::Greater
                });
                inside == (operator == Operator::Eq)
            }
        }
    }

    fn shape(&self) -> Reading {
        match self.leaf {
            Leaf::Id | Leaf::AddressType | Leaf::Relation(_) => Reading::Text,
            Leaf::Attribute(attribute) => reading_of(attribute),
        }
    }
}

/// Where a field that is filtered by is found: a line is asked for by whose order it is.
fn place(dialect: Dialect, kind: Kind, path: &[String]) -> Vec<&str> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let of_order = matches!(path.as_slice(), ["customer" | "customerUser"]);
    if of_order && kind == Kind::OrderLineItems && dialect.has(Feature::OrdersOfParts) {
        return [&["orders"], path.as_slice()].concat();
    }
    path
}

/// A field that rows are filtered and sorted by: what another row's column says of this one is none.
fn leaf(dialect: Dialect, kind: Kind, name: &str) -> Option<Leaf> {
    if name == "id" {
        return Some(Leaf::Id);
    }
    if name == "addressType" && owner_of(kind).is_some() {
        return Some(Leaf::AddressType);
    }
    let (resource, version) = (kind.resource(), dialect.version);
    if let Some(relation) = resource.relation_in(version, name) {
        let inverse = matches!(relation.ties, Ties::Inverse { .. });
        return (!inverse).then_some(Leaf::Relation(relation));
    }
    let attribute = resource.attribute_in(version, name)?;
    attribute.is_filterable(version).then_some(Leaf::Attribute(attribute))
}

/// How the values of a field are read, and whether a comma separates several.
fn reading(leaf: Leaf, kind: Kind, dialect: Dialect) -> (Reading, bool) {
    match leaf {
        Leaf::Id if kind.resource().numbered && dialect.key(kind).is_none() => {
            (Reading::Number, true)
        }
        Leaf::Id | Leaf::AddressType | Leaf::Relation(_) => (Reading::Text, true),
        Leaf::Attribute(attribute) => {
            let reading = reading_of(attribute);
            let array = attribute.filter != Filter::One || reading != Reading::Text;
            (reading, array)
        }
    }
}

/// The uses of an address.
fn uses(record: &Record) -> impl Iterator<Item = Scalar> {
    let types = record.attribute("types").and_then(Value::as_array).into_iter().flatten();
    types.filter_map(|item| Some(Scalar::Text(item.get("addressType")?.as_str()?.to_owned())))
}

fn wanted(term: &FilterTerm, reading: Reading, array: bool) -> Result<Wanted, Problem> {
    let expected = |what: &str, text: &str| {
        let detail = format!("Expected {what} value. Given \"{text}\".");
        Problem::filter(&term.parameter, detail)
    };
    let scalar = |text: &str| parse(text, reading).map_err(|what| expected(what, text));
    if term.operator == Operator::Exists {
        let exists = flag(&term.text).ok_or_else(|| expected("boolean", &term.text))?;
        return Ok(Wanted::Exists(exists));
    }
    let ranged = matches!(reading, Reading::Number | Reading::Time);
    if ranged && let Some((from, to)) = term.text.split_once("..") {
        return Ok(Wanted::Range(scalar(from)?, scalar(to)?));
    }
    let texts: Vec<&str> =
        if array { term.text.split(',').collect() } else { vec![term.text.as_str()] };
    Ok(Wanted::Any(texts.into_iter().map(scalar).collect::<Result<_, _>>()?))
}

/// What is named by a field from outside is known by its number in here.
fn by_number(asked: Asked<'_>, leaf: Leaf, kind: Kind, wanted: Wanted) -> Wanted {
    let target = match leaf {
        Leaf::Id => kind,
        Leaf::Relation(relation) => relation.target,
        Leaf::AddressType | Leaf::Attribute(_) => return wanted,
    };
    let (Some(key), Wanted::Any(values)) = (asked.dialect.key(target), &wanted) else {
        return wanted;
    };
    let number = |value: &Scalar| {
        let named = value.text();
        let mut found = asked.store.find(target, key, &named);
        let id = found.find(|record| record.text(key) == Some(&named))?.id.to_string();
        Some(Scalar::Text(id))
    };
    Wanted::Any(values.iter().filter_map(number).collect())
}

/// The ids at the other end of a relation.
pub(super) fn related(store: &Store, record: &Record, relation: &Relation) -> Vec<Id> {
    match relation.ties {
        Ties::One => record.one.get(relation.name).cloned().into_iter().collect(),
        Ties::Many { .. } => record.list(relation.name).to_vec(),
        Ties::Inverse { via } => {
            let key = record.id.to_string();
            let mut found: Vec<&Record> = store.find(relation.target, via, &key).collect();
            found.sort_by_key(|row| part_of(row));
            found.into_iter().map(|row| row.id.clone()).collect()
        }
    }
}

/// Where a part of an order stands among the others: `7-subtotal-0` is the first. All else stands by
/// its id alone.
fn part_of(row: &Record) -> u64 {
    if row.kind != Kind::OrderSubtotals {
        return 0;
    }
    let id = row.id.to_string();
    id.rsplit('-').next().and_then(|index| index.parse().ok()).unwrap_or(u64::MAX)
}

fn sort(
    asked: Asked<'_>,
    kind: Kind,
    query: &Query,
    rows: &mut [&Record],
) -> Result<(), Vec<Problem>> {
    let key = asked.dialect.key(kind);
    let mut keys = Vec::new();
    for (field, descending) in &query.sort {
        let name = key.filter(|_| field == "id").unwrap_or(field);
        let Some(leaf) = leaf(asked.dialect, kind, name) else {
            let detail = format!("Sorting by \"{field}\" field is not supported.");
            let mut problem = Problem::constraint("sort", detail);
            problem.source = super::problem::Source::Parameter("sort".to_owned());
            return Err(vec![problem]);
        };
        keys.push((leaf, *descending));
    }
    if let Some(key) = key.filter(|_| keys.is_empty()) {
        keys.extend(leaf(asked.dialect, kind, key).map(|leaf| (leaf, false)));
    }
    rows.sort_by(|one, two| {
        let unequal = keys.iter().map(|(leaf, descending)| {
            let order = order(*leaf, one, two);
            if *descending { order.reverse() } else { order }
        });
        let by_id = || (part_of(one), &one.id).cmp(&(part_of(two), &two.id));
        unequal.into_iter().find(|order| order.is_ne()).unwrap_or_else(by_id)
    });
    Ok(())
}

fn order(leaf: Leaf, one: &Record, two: &Record) -> Ordering {
    match leaf {
        Leaf::Id => one.id.cmp(&two.id),
        Leaf::AddressType => Ordering::Equal,
        Leaf::Relation(relation) => one.one.get(relation.name).cmp(&two.one.get(relation.name)),
        Leaf::Attribute(attribute) => {
            let values = (one.attribute(attribute.name), two.attribute(attribute.name));
            match values {
                (Some(Value::String(one)), Some(Value::String(two))) => one.cmp(two),
                (Some(Value::Bool(one)), Some(Value::Bool(two))) => one.cmp(two),
                _ => one
                    .number(attribute.name)
                    .unwrap_or(f64::MIN)
                    .total_cmp(&two.number(attribute.name).unwrap_or(f64::MIN)),
            }
        }
    }
}
