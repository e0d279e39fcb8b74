//! The catalogue as files.

use crate::change::{Changes, Versions};
use crate::flaw::Flaw;
use crate::product::Product;
use crate::world::World;

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catalogue {
    /// Every product at version 1, flawed ones included.
    Full,
    /// The products a tick changed, and two sound ones it did not. Without a flaw.
    Tick(u32),
}

const HEADER: &str = "sku,name,description,unit,weight_kg,length_cm,width_cm,height_cm,barcode,\
                      category,brand,price,currency,status,country_of_origin";
/// Unchanged products in a tick's file.
const UNCHANGED: usize = 2;

impl World {
    /// A catalogue file: RFC 4180 with a header and CRLF, UTF-8 but where a row is flawed.
    pub fn catalogue_csv(&self, file: Catalogue) -> Vec<u8> {
        match file {
            Catalogue::Full => csv((0..self.plan.products).map(|index| self.product(index, 1))),
            Catalogue::Tick(tick) => self.tick_csv(&self.changes(tick), &Versions::at(self, tick)),
        }
    }

    /// [`Catalogue::Tick`] for whoever goes on from tick to tick: `changes` of the tick to which
    /// `versions` have advanced.
    pub fn tick_csv(&self, changes: &Changes, versions: &Versions) -> Vec<u8> {
        let fresh = &changes.products;
        let mut rest = self.sound_products.iter().copied().filter(|i| !fresh.contains(i));
        let from = versions.tick() as usize * UNCHANGED % self.sound_products.len().max(1);
        let unchanged: Vec<u32> = rest.by_ref().cycle_from(from, UNCHANGED);
        let mut all: Vec<u32> = fresh.iter().copied().chain(unchanged).collect();
        all.sort_unstable();
        csv(all.into_iter().map(|i| self.product(i, versions.product(i))))
    }
}

fn csv(products: impl Iterator<Item = Product>) -> Vec<u8> {
    let mut bytes = Vec::from(HEADER);
    bytes.extend_from_slice(b"\r\n");
    for product in products {
        bytes.extend(row(&product));
    }
    bytes
}

/// Takes a few from the middle of a sequence, from its beginning if it is too short.
trait CycleFrom: Iterator<Item = u32> + Sized {
    fn cycle_from(self, from: usize, count: usize) -> Vec<u32> {
        let all: Vec<u32> = self.collect();
        let chosen = all.iter().cycle().skip(from).take(count.min(all.len()));
        chosen.copied().collect()
    }
}

impl<I: Iterator<Item = u32>> CycleFrom for I {}

fn row(product: &Product) -> Vec<u8> {
    let price = product.price();
    let mut fields: Vec<&[u8]> = [
        product.sku.as_str(),
        &product.name,
        &product.description,
        product.unit.name(),
        &product.weight_kg,
        &product.length_cm,
        &product.width_cm,
        &product.height_cm,
        &product.barcode,
        &product.category,
        product.brand,
        &price,
        product.currency,
        product.status,
        product.country_of_origin,
    ]
    .map(str::as_bytes)
    .into();
    let broken = [product.name.as_bytes(), b" caf\xe9"].concat();
    let mut replace = |column: usize, with| {
        if let Some(field) = fields.get_mut(column) {
            *field = with;
        }
    };
    match product.flaw {
        Some(Flaw::MissingSku) => replace(0, &b""[..]),
        Some(Flaw::InvalidUtf8) => replace(1, &broken),
        Some(Flaw::NotANumber) => replace(4, b"heavy"),
        Some(Flaw::WrongColumnCount) => fields.truncate(fields.len() - 2),
        _ => {}
    }
    let mut row = fields.into_iter().map(quoted).collect::<Vec<_>>().join(&b',');
    row.extend_from_slice(b"\r\n");
    row
}

fn quoted(field: &[u8]) -> Vec<u8> {
    if !field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n')) {
        return field.to_vec();
    }
    let mut quoted = vec![b'"'];
    for byte in field {
        if *byte == b'"' {
            quoted.push(b'"');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    quoted
}
