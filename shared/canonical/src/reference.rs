//! A reference to an entity: what a delivery needs at its target and does not find there.

use std::{fmt, str::FromStr};

use crate::{Entity, limits};

/// Names an entity by its canonical id: `product/MUG-7`. The id may hold any character.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    pub entity: Entity,
    pub id: String,
}

/// A text is no reference: no entity before a slash, no id behind it, or one of more than
/// [`limits::ID_CHARS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reference has the form entity/id")]
pub struct NoReference;

impl Reference {
    pub fn new(entity: Entity, id: &str) -> Result<Self, NoReference> {
        if id.is_empty() || id.chars().count() > limits::ID_CHARS {
            return Err(NoReference);
        }
        Ok(Self { entity, id: id.to_owned() })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.entity, self.id)
    }
}

impl FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        let (entity, id) = text.split_once('/').ok_or(NoReference)?;
        Self::new(entity.parse().map_err(|_| NoReference)?, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_back_whatever_its_id_holds() {
        for id in ["MUG-7", "a/b", " ", "MUG: red", "Straße 1"] {
            let reference = Reference::new(Entity::Product, id).unwrap();
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
    }

    #[test]
    fn what_names_no_entity_is_no_reference() {
        let long = format!("product/{}", "x".repeat(limits::ID_CHARS + 1));
        for text in ["", "product", "product/", "invoice/1", "/1", &long] {
            assert_eq!(text.parse::<Reference>(), Err(NoReference), "{text}");
        }
    }
}
