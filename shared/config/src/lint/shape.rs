//! Whether the file has the shape of its JSON Schema: all unknown keys, missing keys and wrong
//! types at once, where serde would stop at the first and know no line.

use serde_json::Value as Schema;

use super::{Findings, document::Node};
use crate::{ConflictPolicy, HumanDuration};

/// How alike two keys must be for one to be suggested for the other, from 0 to 1.
const ALIKE: f64 = 0.75;

/// Walks the document beside the schema.
pub(super) struct Shape<'s> {
    root: &'s Schema,
}

impl<'s> Shape<'s> {
    pub(super) fn new(root: &'s Schema) -> Self {
        Self { root }
    }

    pub(super) fn check(&self, node: Node<'_>, findings: &mut Findings<'_>) {
        self.node(node, self.root, "", findings);
    }

    fn node(&self, node: Node<'_>, schema: &'s Schema, key: &str, findings: &mut Findings<'_>) {
        let Some(schema) = self.resolved(schema, node, key, findings) else { return };
        match schema.get("type").and_then(Schema::as_str) {
            Some("object") => self.table(node, schema, key, findings),
            Some("array") => match node.elements() {
                Some(elements) => {
                    let items = schema.get("items").unwrap_or(&Schema::Null);
                    for (index, element) in elements.into_iter().enumerate() {
                        self.node(element, items, &format!("{key}[{index}]"), findings);
                    }
                }
                None => findings.error(key, "it must be an array: [ … ]"),
            },
            Some(kind) => scalar(node, schema, kind, key, findings),
            None => {}
        }
    }

    /// Follows references, leaves out "or null" (TOML has none), and picks the kind of a system.
    fn resolved(
        &self,
        schema: &'s Schema,
        node: Node<'_>,
        key: &str,
        findings: &mut Findings<'_>,
    ) -> Option<&'s Schema> {
        if let Some(reference) = schema.get("$ref").and_then(Schema::as_str) {
            let target = self.root.pointer(reference.strip_prefix('#')?)?;
            if reference == "#/$defs/Duration" {
                duration(node, key, findings);
                return None;
            }
            if reference == "#/$defs/ConflictPolicy" {
                conflict(node, key, findings);
                return None;
            }
            return self.resolved(target, node, key, findings);
        }
        if let Some(either) = schema.get("anyOf").and_then(Schema::as_array) {
            let wanted =
                either.iter().find(|one| one.get("type") != Some(&Schema::from("null")))?;
            return self.resolved(wanted, node, key, findings);
        }
        let Some(choices) = schema.get("oneOf").and_then(Schema::as_array) else {
            return Some(schema);
        };
        if choices.iter().all(|choice| choice.get("const").is_some()) {
            let words: Vec<_> =
                choices.iter().filter_map(|choice| choice.get("const")?.as_str()).collect();
            word(node, &words, key, findings);
            return None;
        }
        tagged(choices, node, key, findings)
    }

    fn table(&self, node: Node<'_>, schema: &'s Schema, key: &str, findings: &mut Findings<'_>) {
        let Node::Table(table) = node else {
            findings.error(key, "it must be a table: a section or { … }");
            return;
        };
        let known = schema.get("properties").and_then(Schema::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        for (name, item) in table.iter() {
            let inner = if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
            let Some(child) = Node::of_item(item) else { continue };
            if let Some(schema) = known.and_then(|known| known.get(name)).or(others) {
                self.node(child, schema, &inner, findings);
            } else {
                let known = known.into_iter().flat_map(serde_json::Map::keys);
                findings.error(&inner, unknown("key", name, known.map(String::as_str)));
            }
        }
        let required = schema.get("required").and_then(Schema::as_array).into_iter().flatten();
        for name in required.filter_map(Schema::as_str).filter(|name| !table.contains_key(name)) {
            findings.error(key, format!("`{name}` is missing"));
        }
    }
}

/// `unknown key; did you mean …?`
pub(super) fn unknown<'k>(
    what: &str,
    found: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> String {
    let found: String = found.chars().take(80).collect();
    if let Some(near) = nearest(&found, known.clone()) {
        return format!("unknown {what} `{found}`; did you mean `{near}`?");
    }
    let known = known.collect::<Vec<_>>().join(", ");
    format!("unknown {what} `{found}`; known are: {known}")
}

fn nearest<'k>(found: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|key| (strsim::jaro_winkler(found, key), key))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, key)| key)
}

fn tagged<'s>(
    choices: &'s [Schema],
    node: Node<'_>,
    key: &str,
    findings: &mut Findings<'_>,
) -> Option<&'s Schema> {
    let Node::Table(table) = node else {
        findings.error(key, "it must be a table: a section or { … }");
        return None;
    };
    let kind_of = |choice: &'s Schema| choice.pointer("/properties/kind/const")?.as_str();
    let kinds = choices.iter().filter_map(kind_of);
    let Some(item) = table.get("kind") else {
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        findings.error(key, format!("`kind` is missing; it is one of: {kinds}"));
        return None;
    };
    let found = item.as_str().unwrap_or_default();
    let chosen = choices.iter().find(|choice| kind_of(choice) == Some(found));
    if chosen.is_none() {
        findings.error(&format!("{key}.kind"), unknown("kind", found, kinds));
    }
    chosen
}

fn duration(node: Node<'_>, key: &str, findings: &mut Findings<'_>) {
    let Node::Value(value) = node else {
        findings.error(key, "it must be a duration such as \"30s\"");
        return;
    };
    match value.as_str().map(str::parse::<HumanDuration>) {
        Some(Ok(_)) => {}
        Some(Err(error)) => findings.error(key, error.to_string()),
        None => findings.error(key, "it must be a duration in quotes, such as \"30s\""),
    }
}

fn conflict(node: Node<'_>, key: &str, findings: &mut Findings<'_>) {
    let Node::Value(value) = node else {
        findings.error(key, "it must be a word such as \"latest\"");
        return;
    };
    match value.as_str().map(str::parse::<ConflictPolicy>) {
        Some(Ok(_)) => {}
        Some(Err(error)) => findings.error(key, error.to_string()),
        None => findings.error(key, "it must be text in quotes, such as \"latest\""),
    }
}

fn scalar(node: Node<'_>, schema: &Schema, kind: &str, key: &str, findings: &mut Findings<'_>) {
    let Node::Value(value) = node else {
        findings
            .error(key, format!("it must be {}, not a table or an array of tables", article(kind)));
        return;
    };
    match kind {
        "string" => match schema.get("enum").and_then(Schema::as_array) {
            Some(words) => {
                let words: Vec<_> = words.iter().filter_map(Schema::as_str).collect();
                word(node, &words, key, findings);
            }
            None if !value.is_str() => findings.error(key, "it must be text in quotes"),
            None => {}
        },
        "boolean" if !value.is_bool() => findings.error(key, "it must be true or false"),
        "integer" => match value.as_integer() {
            Some(number) => integer(number, schema, key, findings),
            None => findings.error(key, "it must be a whole number without quotes"),
        },
        _ => {}
    }
}

fn article(kind: &str) -> &'static str {
    match kind {
        "boolean" => "true or false",
        "integer" => "a whole number",
        _ => "text in quotes",
    }
}

fn integer(number: i64, schema: &Schema, key: &str, findings: &mut Findings<'_>) {
    let bound = |name| schema.get(name).and_then(Schema::as_i64);
    if bound("minimum").is_some_and(|least| number < least) {
        findings
            .error(key, format!("it must be at least {}", bound("minimum").unwrap_or_default()));
    }
    if bound("maximum").is_some_and(|most| number > most) {
        findings.error(key, format!("it must be at most {}", bound("maximum").unwrap_or_default()));
    }
}

fn word(node: Node<'_>, words: &[&str], key: &str, findings: &mut Findings<'_>) {
    let found = match node {
        Node::Value(value) => value.as_str(),
        Node::Table(_) | Node::Tables(_) => None,
    };
    match found {
        Some(found) if words.contains(&found) => {}
        Some(found) => findings.error(key, unknown("word", found, words.iter().copied())),
        None => findings.error(key, format!("it must be one of: {}", words.join(", "))),
    }
}
