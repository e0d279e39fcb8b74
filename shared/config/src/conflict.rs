//! What happens where two systems have a say in one facet.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// Of two sources that bring one facet to one target: each one's newest state is written as it
    /// comes; whoever spoke last is what stands.
    LastWrite,
    /// Of two systems that bring a facet to each other: the change that was made later stands; of two
    /// at one time, that of the system whose name comes first.
    Latest,
    /// The change of this system stands.
    Prefer(String),
    /// Neither is written: a person decides.
    DeadLetter,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of last-write, latest, prefer:SYSTEM and dead-letter")]
pub struct ConflictPolicyError(String);

impl ConflictPolicy {
    /// Whether it is about two systems that bring a facet to each other.
    pub const fn is_two_way(&self) -> bool {
        match self {
            Self::LastWrite => false,
            Self::Latest | Self::Prefer(_) | Self::DeadLetter => true,
        }
    }
}

impl FromStr for ConflictPolicy {
    type Err = ConflictPolicyError;

    fn from_str(text: &str) -> Result<Self, ConflictPolicyError> {
        match text {
            "last-write" => Ok(Self::LastWrite),
            "latest" => Ok(Self::Latest),
            "dead-letter" => Ok(Self::DeadLetter),
            _ => match text.strip_prefix("prefer:") {
                Some(system) if !system.is_empty() => Ok(Self::Prefer(system.to_owned())),
                Some(_) | None => Err(ConflictPolicyError(text.chars().take(60).collect())),
            },
        }
    }
}

impl fmt::Display for ConflictPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastWrite => f.write_str("last-write"),
            Self::Latest => f.write_str("latest"),
            Self::Prefer(system) => write!(f, "prefer:{system}"),
            Self::DeadLetter => f.write_str("dead-letter"),
        }
    }
}

impl Serialize for ConflictPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConflictPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ConflictPolicy {
    fn schema_name() -> Cow<'static, str> {
        "ConflictPolicy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(last-write|latest|prefer:.+|dead-letter)$",
            "description": "Where two sources bring one facet to one target: last-write, whoever \
                spoke last is what stands. Where two systems bring a facet to each other: latest, \
                the change that was made later; prefer:SYSTEM, that system's; dead-letter, neither, \
                a person decides.",
            "examples": ["latest", "prefer:erp"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_is_read_as_it_is_written() {
        for text in ["last-write", "latest", "prefer:erp", "dead-letter"] {
            let policy: ConflictPolicy = text.parse().unwrap();
            assert_eq!(policy.to_string(), text);
            assert_eq!(policy.is_two_way(), text != "last-write");
        }
    }

    #[test]
    fn a_policy_that_is_none_is_told_with_those_that_are() {
        for text in ["", "newest", "prefer", "prefer:", "Latest"] {
            let told = text.parse::<ConflictPolicy>().unwrap_err().to_string();
            let expected =
                format!("`{text}` is none of last-write, latest, prefer:SYSTEM and dead-letter");
            assert_eq!(told, expected);
        }
    }
}
