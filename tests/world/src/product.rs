//! Products as the catalogue describes them.

use crate::chance::{self, Topic, cents, nth, pick};
use crate::flaw::Flaw;
use crate::names::{BRANDS, FINISHES, SENTENCES, THINGS};
use crate::world::World;

/// What a product is counted in. Named as the shop and the catalogue name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Item,
    Kilogram,
    Set,
    Piece,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Kilogram => "kg",
            Self::Set => "set",
            Self::Piece => "piece",
        }
    }

    /// Whether 2.5 of it makes sense.
    pub const fn is_divisible(self) -> bool {
        matches!(self, Self::Kilogram)
    }
}

/// A product at one version. What is here is right, but for [`Flaw::NameTooLong`], which shows in
/// `name`; the catalogue spoils the row where the product is flawed otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub index: u32,
    pub version: u32,
    /// The business key: `MUG-0007-RED`.
    pub sku: String,
    /// At most 110 characters, on one line, unless the flaw is [`Flaw::NameTooLong`].
    pub name: String,
    /// Several lines, some with HTML; never empty.
    pub description: String,
    pub unit: Unit,
    pub weight_kg: String,
    pub length_cm: String,
    pub width_cm: String,
    pub height_cm: String,
    /// EAN-13 with its check digit; empty for some.
    pub barcode: String,
    pub category: String,
    pub brand: &'static str,
    /// Net, in hundredths of the currency.
    pub price_cents: u64,
    pub currency: &'static str,
    /// `enabled` or `disabled`. Orders name enabled products only.
    pub status: &'static str,
    pub country_of_origin: &'static str,
    pub flaw: Option<Flaw>,
}

/// Characters the shop takes in a name.
const NAME_MAX: usize = 255;
/// One product in this many is not for sale at first.
const DISABLED_EVERY: u32 = 23;

impl World {
    /// The stock-keeping code, which no version changes.
    pub(crate) fn sku(&self, index: u32) -> String {
        let (thing, finish) = self.thing(index);
        format!("{}-{:04}-{}", thing.0, index + 1, finish.0)
    }

    pub(crate) fn unit(&self, index: u32) -> Unit {
        match self.thing(index).0.2 {
            "kg" => Unit::Kilogram,
            "set" => Unit::Set,
            "piece" => Unit::Piece,
            _ => Unit::Item,
        }
    }

    /// Whether orders may name a product.
    pub(crate) fn is_sold(&self, index: u32) -> bool {
        index % DISABLED_EVERY != DISABLED_EVERY - 1 && self.product_flaw(index).is_none()
    }

    pub(crate) fn price_cents(&self, index: u32, version: u32) -> u64 {
        let base = chance::of(self.seed, Topic::Product, u64::from(index), 1).u64(95..25_000);
        base + u64::from(version - version.min(1)) * 10
    }

    fn thing(
        &self,
        index: u32,
    ) -> ((&'static str, &'static str, &'static str), (&'static str, &'static str)) {
        let mut rng = chance::of(self.seed, Topic::Product, u64::from(index), 2);
        (nth(&THINGS, rng.usize(..THINGS.len())), nth(&FINISHES, rng.usize(..FINISHES.len())))
    }

    /// A product at a version; versions count from 1 and each differs from the one before in a field
    /// that the shop holds: even versions rename it, odd ones describe it anew.
    pub fn product(&self, index: u32, version: u32) -> Product {
        let mut rng = chance::of(self.seed, Topic::Product, u64::from(index), 0);
        let (thing, finish) = self.thing(index);
        let flaw = self.product_flaw(index);
        let mut name = format!("{}, {}", thing.1, finish.1);
        if version > 1 {
            name = format!("{name} (edition {})", version / 2 + 1);
        }
        if flaw == Some(Flaw::NameTooLong) {
            let filler = " – and that is not all there is to say about it".repeat(8);
            name.push_str(&filler);
            debug_assert!(name.chars().count() > NAME_MAX, "the filler makes any name too long");
        }
        let mut size = |max: u32| rng.u32(10..max).to_string();
        let (length_cm, width_cm, height_cm) = (size(60), size(40), size(30));
        let off_sale = !self.is_sold(index) && flaw.is_none() && version < 3;
        Product {
            index,
            version,
            sku: self.sku(index),
            name,
            description: self.description(index, version),
            unit: self.unit(index),
            weight_kg: format!("0.{:03}", rng.u32(20..999)),
            length_cm,
            width_cm,
            height_cm: format!("{height_cm}.5"),
            barcode: if rng.u8(..) < 220 { ean13(index) } else { String::new() },
            category: format!("Kitchen/{}", thing.0),
            brand: pick(&mut rng, &BRANDS),
            price_cents: self.price_cents(index, version),
            currency: "GBP",
            status: if off_sale { "disabled" } else { "enabled" },
            country_of_origin: pick(&mut rng, &["GB", "PT", "PL", "JP", "GR", "CN"]),
            flaw,
        }
    }

    fn description(&self, index: u32, version: u32) -> String {
        let round = version.saturating_sub(1) / 2;
        let mut rng = chance::of(self.seed, Topic::Text, u64::from(index), u64::from(round));
        let lines: Vec<&str> = (0..rng.usize(1..9)).map(|_| pick(&mut rng, &SENTENCES)).collect();
        let lead = format!("Ref. {}/{}. ", index + 1, round + 1);
        if index.is_multiple_of(3) {
            let items = lines.join("</li>\n<li>");
            format!("<p class=\"lead\">{lead}<b>Details</b></p>\n<ul>\n<li>{items}</li>\n</ul>")
        } else {
            format!("{lead}{}", lines.join("\n"))
        }
    }
}

impl Product {
    /// The net price as a decimal with two places.
    pub fn price(&self) -> String {
        cents(self.price_cents)
    }
}

fn ean13(index: u32) -> String {
    let digits = format!("50{:010}", u64::from(index) * 7919 + 12_345);
    let weigh =
        |(n, c): (usize, char)| c.to_digit(10).unwrap_or(0) * if n % 2 == 0 { 1 } else { 3 };
    let sum: u32 = digits.chars().enumerate().map(weigh).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
