//! The file with its lines.

use toml_edit::{Item, TableLike, Value};

/// A parsed document that knows where its keys stand.
pub(super) struct Document<'t> {
    parsed: toml_edit::Document<&'t str>,
}

/// A value of the document, however it was written.
#[derive(Clone, Copy)]
pub(super) enum Node<'d> {
    Table(&'d dyn TableLike),
    Tables(&'d toml_edit::ArrayOfTables),
    Value(&'d Value),
}

impl<'d> Node<'d> {
    pub(super) fn of_item(item: &'d Item) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Table(table) => Some(Self::Table(table)),
            Item::ArrayOfTables(tables) => Some(Self::Tables(tables)),
            Item::Value(value) => Some(Self::of_value(value)),
        }
    }

    pub(super) fn of_value(value: &'d Value) -> Self {
        match value.as_inline_table() {
            Some(table) => Self::Table(table),
            None => Self::Value(value),
        }
    }

    /// The elements, where it is an array.
    pub(super) fn elements(self) -> Option<Vec<Self>> {
        match self {
            Self::Table(_) => None,
            Self::Tables(tables) => Some(tables.iter().map(|table| Self::Table(table)).collect()),
            Self::Value(value) => Some(value.as_array()?.iter().map(Self::of_value).collect()),
        }
    }

    fn child(self, key: &str) -> Option<Self> {
        match self {
            Self::Table(table) => Self::of_item(table.get(key)?),
            Self::Tables(_) | Self::Value(_) => None,
        }
    }
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, toml_edit::TomlError> {
        toml_edit::Document::parse(text).map(|parsed| Self { parsed })
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node::Table(self.parsed.as_table())
    }

    /// The line of a dotted key with array positions, such as `routes[0].to`; the nearest one
    /// above where the key itself is not written.
    pub(super) fn line_of(&self, key: &str) -> Option<usize> {
        let mut node = self.root();
        let mut offset = None;
        for step in key.split(['.', '[']) {
            let index = step.strip_suffix(']').and_then(|index| index.parse::<usize>().ok());
            let child = if let Some(index) = index {
                node.elements().and_then(|all| all.get(index).copied())
            } else {
                offset = key_offset(node, step).or(offset);
                node.child(step)
            };
            let Some(child) = child else { break };
            if let Node::Table(table) = child
                && step.ends_with(']')
            {
                offset = table_offset(table).or(offset);
            }
            node = child;
        }
        offset.map(|offset| line_at(self.parsed.raw(), offset))
    }
}

fn key_offset(node: Node<'_>, key: &str) -> Option<usize> {
    match node {
        Node::Table(table) => Some(table.get_key_value(key)?.0.span()?.start),
        Node::Tables(_) | Node::Value(_) => None,
    }
}

/// Where a table of an array begins: at its first key, for want of a header of its own.
fn table_offset(table: &dyn TableLike) -> Option<usize> {
    let (first, _) = table.iter().next()?;
    Some(table.get_key_value(first)?.0.span()?.start)
}

/// 1-based.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
