//! The query string of the API: filters, pages, sorting, includes and sparse fields.
//!
//! The bracket form of filters is understood, and in versions before 6.1 `filter[id]>5` (reference
//! §0.5). Whether a filter exists for a resource is decided where it is applied, not here.

use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::Problem;
use super::version::{Feature, Version};

/// `page[size]` unless the client says otherwise.
const PAGE_SIZE: usize = 10;

#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) filters: Vec<FilterTerm>,
    /// `None` is `page[size]=-1`: everything on one page.
    pub(super) page_size: Option<usize>,
    /// Counted from 1.
    pub(super) page_number: usize,
    /// Field and whether it descends.
    pub(super) sort: Vec<(String, bool)>,
    pub(super) include: Vec<Vec<String>>,
    pub(super) fields: BTreeMap<String, Vec<String>>,
    /// As it came, for links.
    pub(super) pairs: Vec<(String, String)>,
}

/// `filter[product.sku][neq]=A,B`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilterTerm {
    /// As it came, for the error's source.
    pub(super) parameter: String,
    pub(super) path: Vec<String>,
    pub(super) operator: Operator,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    Exists,
    NeqOrNull,
    /// One the API knows but enables on no field of these resources.
    Unsupported,
}

impl Operator {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "lt" => Self::Lt,
            "lte" => Self::Lte,
            "gt" => Self::Gt,
            "gte" => Self::Gte,
            "exists" => Self::Exists,
            "neq_or_null" => Self::NeqOrNull,
            "contains" | "not_contains" | "starts_with" | "not_starts_with" | "ends_with"
            | "not_ends_with" | "empty" => Self::Unsupported,
            _ => return None,
        })
    }

    /// Whether the operator compares sizes; not offered on strings and references.
    pub(super) const fn is_ordering(self) -> bool {
        matches!(self, Self::Lt | Self::Lte | Self::Gt | Self::Gte)
    }
}

impl Default for Query {
    fn default() -> Self {
        Self {
            filters: Vec::new(),
            page_size: Some(PAGE_SIZE),
            page_number: 1,
            sort: Vec::new(),
            include: Vec::new(),
            fields: BTreeMap::new(),
            pairs: Vec::new(),
        }
    }
}

pub(super) fn parse(query: &str, version: Version) -> Result<Query, Vec<Problem>> {
    from_pairs(pairs(query), version)
}

/// The filters of a POST overridden to GET: `{"filter":{"externalId":"a,b"}}`, or flat keys.
pub(super) fn parse_body(body: &[u8], version: Version) -> Result<Query, Vec<Problem>> {
    let root: Value = serde_json::from_slice(body).map_err(|error| {
        vec![Problem::new(400, "bad request http exception", error.to_string())]
    })?;
    let mut pairs = Vec::new();
    for (name, value) in root.as_object().into_iter().flatten() {
        flatten(name, value, &mut pairs);
    }
    from_pairs(pairs, version)
}

fn flatten(name: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                flatten(&format!("{name}[{member}]"), value, pairs);
            }
        }
        Value::String(text) => pairs.push((name.to_owned(), text.clone())),
        other => pairs.push((name.to_owned(), other.to_string())),
    }
}

fn from_pairs(pairs: Vec<(String, String)>, version: Version) -> Result<Query, Vec<Problem>> {
    let mut query = Query::default();
    let mut problems = Vec::new();
    let signs = !version.has(Feature::SeveralOperators);
    for (name, text) in &pairs {
        let read = match signs.then(|| signed(name, text)).flatten() {
            Some((path, operator, text)) => {
                query.filter(name, path, operator, &text);
                Ok(())
            }
            None => query.read(name, text),
        };
        problems.extend(read.err());
    }
    query.pairs = pairs;
    if problems.is_empty() { Ok(query) } else { Err(problems) }
}

impl Query {
    fn read(&mut self, name: &str, text: &str) -> Result<(), Problem> {
        let unsupported = || Problem::filter(name, "The filter is not supported.");
        let (root, keys) = brackets(name).ok_or_else(unsupported)?;
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        match (root.as_str(), keys.as_slice()) {
            ("filter", [path]) => self.filter(name, path, Operator::Eq, text),
            ("filter", [path, operator]) => {
                let operator = Operator::parse(operator).ok_or_else(unsupported)?;
                self.filter(name, path, operator, text);
            }
            ("page", ["size"]) => {
                let size = whole(name, text)?;
                if size == 0 {
                    return Err(Problem::filter(name, "The value should be greater than 0."));
                }
                self.page_size = usize::try_from(size).ok();
            }
            ("page", ["number"]) => {
                self.page_number = usize::try_from(whole(name, text)?)
                    .ok()
                    .filter(|number| *number > 0)
                    .ok_or_else(|| {
                        Problem::filter(name, "The value should be greater than or equals to 1.")
                    })?;
            }
            ("sort", []) => {
                self.sort = list(text)
                    .map(|field| match field.strip_prefix('-') {
                        Some(field) => (field.to_owned(), true),
                        None => (field.to_owned(), false),
                    })
                    .collect();
            }
            ("include", []) => {
                self.include =
                    list(text).map(|path| path.split('.').map(str::to_owned).collect()).collect();
            }
            ("fields", [kind]) => {
                self.fields.insert((*kind).to_owned(), list(text).map(str::to_owned).collect());
            }
            ("meta", []) => {}
            _ => return Err(unsupported()),
        }
        Ok(())
    }

    fn filter(&mut self, parameter: &str, path: &str, operator: Operator, text: &str) {
        self.filters.push(FilterTerm {
            parameter: parameter.to_owned(),
            path: path.split('.').map(str::to_owned).collect(),
            operator,
            text: text.to_owned(),
        });
    }

    /// The same query for another page.
    pub(super) fn page_link(&self, number: usize) -> String {
        let mut pairs: Vec<String> = self
            .pairs
            .iter()
            .filter(|(name, _)| name != "page[number]")
            .map(|(name, text)| format!("{}={}", encode(name), encode(text)))
            .collect();
        if number > 1 {
            pairs.push(format!("{}={number}", encode("page[number]")));
        }
        pairs.join("&")
    }
}

/// `filter[id]>5` and its like: the field, the operator and the value. What stood before the first `=`
/// comes as the name, whatever its sign was.
fn signed<'name>(name: &'name str, text: &str) -> Option<(&'name str, Operator, String)> {
    const SIGNS: [(&str, Operator, Operator); 6] = [
        ("<>", Operator::Neq, Operator::Neq),
        ("!*", Operator::NeqOrNull, Operator::NeqOrNull),
        ("!", Operator::Neq, Operator::Neq),
        ("*", Operator::Exists, Operator::Exists),
        ("<", Operator::Lt, Operator::Lte),
        (">", Operator::Gt, Operator::Gte),
    ];
    let (path, rest) = name.strip_prefix("filter[")?.split_once(']')?;
    let (value, plain, with_equals) =
        SIGNS.into_iter().find_map(|(sign, plain, with_equals)| {
            Some((rest.strip_prefix(sign)?, plain, with_equals))
        })?;
    Some(match (value, text) {
        ("", text) => (path, with_equals, text.to_owned()),
        (value, "") => (path, plain, value.to_owned()),
        (value, text) => (path, plain, format!("{value}={text}")),
    })
}

fn whole(name: &str, text: &str) -> Result<i64, Problem> {
    text.parse()
        .map_err(|_| Problem::filter(name, format!("Expected integer value. Given \"{text}\".")))
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// `a[b][c]` as `a` and `[b, c]`.
fn brackets(name: &str) -> Option<(String, Vec<String>)> {
    let Some((root, rest)) = name.split_once('[') else {
        return Some((name.to_owned(), Vec::new()));
    };
    let rest = rest.strip_suffix(']')?;
    let keys: Vec<String> = rest.split("][").map(str::to_owned).collect();
    let clean = keys.iter().all(|key| !key.is_empty() && !key.contains(['[', ']']));
    clean.then(|| (root.to_owned(), keys))
}

/// Pairs of a form-encoded text, decoded. Broken escapes stay as they are.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = || {
            let [high, low] = tail.get(..2)? else { return None };
            let high = char::from(*high).to_digit(16)?;
            let low = char::from(*low).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        };
        match (first, (*first == b'%').then(escaped).flatten()) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', None) => bytes.push(b' '),
            (other, None) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for digit in [byte >> 4, byte & 15] {
                encoded.extend(
                    char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polling_query_is_understood() {
        let query = parse(
            "filter[updatedAt][gte]=2026-01-01T00:00:00Z&sort=updatedAt,-id&page%5Bsize%5D=100\
             &page[number]=2&include=lineItems,lineItems.product&fields[orders]=identifier,lineItems",
            Version::default(),
        )
        .unwrap();
        assert_eq!(query.filters[0].operator, Operator::Gte);
        assert_eq!(query.filters[0].path, ["updatedAt"]);
        assert_eq!(query.sort, [("updatedAt".to_owned(), false), ("id".to_owned(), true)]);
        assert_eq!((query.page_size, query.page_number), (Some(100), 2));
        assert_eq!(query.include[1], ["lineItems", "product"]);
        assert_eq!(query.fields["orders"], ["identifier", "lineItems"]);
    }

    #[test]
    fn minus_one_is_no_paging() {
        assert_eq!(parse("page[size]=-1", Version::default()).unwrap().page_size, None);
    }

    #[test]
    fn shorthand_filters_and_unknown_parameters_are_refused_by_name() {
        for (query, parameter) in [
            ("filter[id]>5", "filter[id]>5"),
            ("filter[id][like]=5", "filter[id][like]"),
            ("colour=red", "colour"),
            ("page[size]=many", "page[size]"),
        ] {
            let problems = parse(query, Version::default()).unwrap_err();
            assert_eq!(
                problems[0].source,
                super::super::problem::Source::Parameter(parameter.to_owned())
            );
        }
    }

    #[test]
    fn before_6_1_a_sign_says_how_a_filter_compares() {
        let old = "6.0".parse().unwrap();
        let table = [
            ("filter[id]>5", Operator::Gt, "5"),
            ("filter[id]%3E=5", Operator::Gte, "5"),
            ("filter[id]<=5", Operator::Lte, "5"),
            ("filter[id]!=5", Operator::Neq, "5"),
            ("filter[id]<>5", Operator::Neq, "5"),
            ("filter[id][gt]=5", Operator::Gt, "5"),
            ("filter[id]=5", Operator::Eq, "5"),
        ];
        for (text, operator, value) in table {
            let query = parse(text, old).unwrap();
            let filter = &query.filters[0];
            assert_eq!((filter.operator, filter.text.as_str()), (operator, value), "{text}");
            assert_eq!(filter.path, ["id"], "{text}");
        }
    }

    #[test]
    fn filters_may_travel_in_a_body() {
        let query = parse_body(
            br#"{"filter":{"externalId":"a,b"},"filter[name][neq]":"x"}"#,
            Version::default(),
        )
        .unwrap();
        assert_eq!(query.filters[0].text, "a,b");
        assert_eq!(query.filters[1].operator, Operator::Neq);
    }

    #[test]
    fn a_page_link_keeps_the_rest_of_the_query() {
        let query = parse("filter[sku]=A+B&page[number]=1", Version::default()).unwrap();
        assert_eq!(query.page_link(2), "filter%5Bsku%5D=A%20B&page%5Bnumber%5D=2");
    }

    #[test]
    fn broken_escapes_do_not_break_the_reader() {
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%C3%A9+%2B"), "é +");
    }
}
