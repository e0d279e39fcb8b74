//! What can be wrong with an entity, and which entities it is wrong with.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::chance::{self, Topic};

/// One thing wrong with one entity. A flawed entity stays flawed and nothing else refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// Customer JSON has no `name`.
    MissingName,
    /// Customer JSON has a number as `name`, or a string as `addresses`.
    WrongType,
    /// A customer address lies in the country `XZ`.
    UnknownCountry,
    /// A catalogue row lacks its last two columns.
    WrongColumnCount,
    /// A catalogue row says `heavy` for `weight_kg`.
    NotANumber,
    /// A catalogue row has an empty `sku`.
    MissingSku,
    /// A catalogue row has a lone byte 0xE9 in the name.
    InvalidUtf8,
    /// A product name is longer than 255 characters: the shop refuses it, the warehouse takes it
    /// cut to its own length.
    NameTooLong,
    /// An order line asks for 0.3333 of a thing that comes whole: the warehouse refuses the order.
    QuantityNotWhole,
    /// A stock row says `many` for `available`.
    StockNotANumber,
    /// A stock row has no `externalReference`.
    StockWithoutProduct,
    /// A shipment has no `externalReference`.
    ShipmentWithoutReference,
}

impl Flaw {
    pub const CUSTOMER: [Self; 3] = [Self::MissingName, Self::WrongType, Self::UnknownCountry];
    pub const PRODUCT: [Self; 5] = [
        Self::WrongColumnCount,
        Self::NotANumber,
        Self::MissingSku,
        Self::InvalidUtf8,
        Self::NameTooLong,
    ];
    pub const ORDER: [Self; 1] = [Self::QuantityNotWhole];
    pub const STOCK: [Self; 2] = [Self::StockNotANumber, Self::StockWithoutProduct];
    pub const SHIPMENT: [Self; 1] = [Self::ShipmentWithoutReference];
}

/// Entities of each kind of flaw per thousand entities of the whole world.
const PER_THOUSAND: u32 = 2;

/// How many entities have each kind of flaw in a world of this many entities. At the default of
/// 1,000 this is two of each of twelve kinds; a large world keeps the share.
const fn of_each_kind(entities: u32) -> u32 {
    let share = entities.saturating_mul(PER_THOUSAND).div_ceil(1000);
    if share == 0 { 1 } else { share }
}

/// Spreads flaws over some of `candidates`, at most a quarter of them, so that a tiny world still has
/// something that works.
pub(crate) fn spread<T: Copy + Ord>(
    seed: u64,
    entities: u32,
    kinds: &[Flaw],
    mut candidates: Vec<T>,
) -> BTreeMap<T, Flaw> {
    let first = kinds.first().map_or(0, |kind| *kind as u64);
    chance::of(seed, Topic::Flaws, first, 0).shuffle(&mut candidates);
    let wanted = of_each_kind(entities) as usize * kinds.len();
    let count = wanted.min(candidates.len() / 4);
    candidates.into_iter().take(count).zip(kinds.iter().copied().cycle()).collect()
}
