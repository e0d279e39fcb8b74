//! The full state of one part: what an event carries as `data`.

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    customer::CustomerProfile,
    entity::{Facet, Subject},
    order::{OrderCancellation, OrderPlaced, OrderReturn, OrderShipment},
    price::ProductPrice,
    product::{ProductCatalogue, ProductStock},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    CustomerProfile(CustomerProfile),
    OrderPlaced(Box<OrderPlaced>),
    OrderShipment(OrderShipment),
    OrderCancellation(OrderCancellation),
    OrderReturn(OrderReturn),
    ProductCatalogue(Box<ProductCatalogue>),
    ProductStock(ProductStock),
    ProductPrice(ProductPrice),
}

/// A part's JSON does not have the shape its facet needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{facet} at {pointer}: {reason}")]
pub struct PartError {
    pub facet: Facet,
    /// RFC 6901, relative to the part.
    pub pointer: String,
    /// Names what was expected; the value itself appears only where it is no personal field.
    pub reason: String,
}

impl Part {
    pub const fn facet(&self) -> Facet {
        match self {
            Self::CustomerProfile(_) => Facet::Profile,
            Self::OrderPlaced(_) => Facet::Placed,
            Self::OrderShipment(_) => Facet::Shipment,
            Self::OrderCancellation(_) => Facet::Cancellation,
            Self::OrderReturn(_) => Facet::Return,
            Self::ProductCatalogue(_) => Facet::Catalogue,
            Self::ProductStock(_) => Facet::Stock,
            Self::ProductPrice(_) => Facet::Price,
        }
    }

    /// The subject, from the part's own business keys.
    pub fn subject(&self) -> Subject {
        let (id, part) = match self {
            Self::CustomerProfile(profile) => (&profile.number, None),
            Self::OrderPlaced(placed) => (&placed.identifier, None),
            Self::OrderShipment(shipment) => (&shipment.order, Some(shipment.reference.clone())),
            Self::OrderCancellation(cancellation) => (&cancellation.order, None),
            Self::OrderReturn(returned) => (&returned.order, Some(returned.reference.clone())),
            Self::ProductCatalogue(catalogue) => (&catalogue.sku, None),
            Self::ProductStock(stock) => (&stock.sku, Some(stock.site.clone())),
            Self::ProductPrice(price) => (&price.sku, Some(price.list.clone())),
        };
        Subject { facet: self.facet(), id: id.clone(), part }
    }

    /// Reads the JSON of a part of `facet`.
    pub fn from_json(facet: Facet, json: &[u8]) -> Result<Self, PartError> {
        fn read<T: DeserializeOwned>(facet: Facet, json: &[u8]) -> Result<T, PartError> {
            let mut reader = serde_json::Deserializer::from_slice(json);
            let part =
                serde_path_to_error::deserialize(&mut reader).map_err(|error| PartError {
                    facet,
                    pointer: pointer(error.path()),
                    reason: without_text(&error.inner().to_string()),
                })?;
            let rest = |error: serde_json::Error| error.to_string();
            reader.end().map_err(rest).map(|()| part).map_err(|reason| PartError {
                facet,
                pointer: String::new(),
                reason,
            })
        }
        Ok(match facet {
            Facet::Profile => Self::CustomerProfile(read(facet, json)?),
            Facet::Placed => Self::OrderPlaced(read(facet, json)?),
            Facet::Shipment => Self::OrderShipment(read(facet, json)?),
            Facet::Cancellation => Self::OrderCancellation(read(facet, json)?),
            Facet::Return => Self::OrderReturn(read(facet, json)?),
            Facet::Catalogue => Self::ProductCatalogue(read(facet, json)?),
            Facet::Stock => Self::ProductStock(read(facet, json)?),
            Facet::Price => Self::ProductPrice(read(facet, json)?),
        })
    }

    pub fn to_json(&self) -> String {
        fn text<T: Serialize>(value: &T) -> String {
            // Every type of this crate has string keys and finite numbers.
            serde_json::to_string(value).unwrap_or_default()
        }
        match self {
            Self::CustomerProfile(profile) => text(profile),
            Self::OrderPlaced(placed) => text(placed),
            Self::OrderShipment(shipment) => text(shipment),
            Self::OrderCancellation(cancellation) => text(cancellation),
            Self::OrderReturn(returned) => text(returned),
            Self::ProductCatalogue(catalogue) => text(catalogue),
            Self::ProductStock(stock) => text(stock),
            Self::ProductPrice(price) => text(price),
        }
    }

    /// A hash of the content without extensions: 32 hexadecimal digits. Equal content, equal hash.
    pub fn fingerprint(&self) -> String {
        let mut bare = self.clone();
        bare.extensions_mut().clear();
        let hash = Sha256::digest(bare.to_json().as_bytes());
        hash.iter().take(16).fold(String::with_capacity(32), |mut text, byte| {
            for nibble in [byte >> 4, byte & 0xf] {
                text.extend(char::from_digit(u32::from(nibble), 16));
            }
            text
        })
    }

    pub fn extensions_mut(&mut self) -> &mut crate::value::Extensions {
        match self {
            Self::CustomerProfile(profile) => &mut profile.extensions,
            Self::OrderPlaced(placed) => &mut placed.extensions,
            Self::OrderShipment(shipment) => &mut shipment.extensions,
            Self::OrderCancellation(cancellation) => &mut cancellation.extensions,
            Self::OrderReturn(returned) => &mut returned.extensions,
            Self::ProductCatalogue(catalogue) => &mut catalogue.extensions,
            Self::ProductStock(stock) => &mut stock.extensions,
            Self::ProductPrice(price) => &mut price.extensions,
        }
    }
}

/// serde repeats the text it did not expect, which may be a person's.
fn without_text(reason: &str) -> String {
    let quoted = reason.find(": string \"").zip(reason.rfind("\", expected "));
    match quoted {
        Some((from, to)) => {
            let (head, tail) = (reason.get(..from), reason.get(to + 1..));
            format!("{}: text{}", head.unwrap_or_default(), tail.unwrap_or_default())
        }
        None => reason.to_owned(),
    }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(facet: Facet, json: &str) -> String {
        Part::from_json(facet, json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_wrong_field_is_named_by_its_pointer() {
        let line = r#"{"identifier":"1","placed_at":"2026-11-22T09:15:00Z","currency":"EUR",
            "customer":{},"lines":[{"number":1,"sku":"A","quantity":"two"}]}"#;
        let told = refused(Facet::Placed, line);
        assert!(told.starts_with("placed at /lines/0/quantity: `two` is not a decimal"), "{told}");
        let told = refused(
            Facet::Profile,
            r#"{"number":"C1","name":"x","addresses":[{"street":"s","city":"c","country":"UK"}]}"#,
        );
        assert!(told.contains("/addresses/0/country: `UK` is not an assigned ISO 3166"), "{told}");
    }

    #[test]
    fn a_text_that_may_be_a_persons_is_not_repeated() {
        let told =
            refused(Facet::Profile, r#"{"number":"C1","name":"x","contacts":"Ada Lovelace"}"#);
        assert!(!told.contains("Ada"), "{told}");
        assert!(told.contains("/contacts: invalid type: text, expected a sequence"), "{told}");
    }

    #[test]
    fn what_follows_a_part_is_not_ignored() {
        let told = refused(Facet::Stock, r#"{"sku":"A","site":"L","available":1} {"sku":"B"}"#);
        assert!(told.contains("trailing characters"), "{told}");
    }

    #[test]
    fn extensions_do_not_count_as_content() {
        let stock = |text: &str| Part::from_json(Facet::Stock, text.as_bytes()).unwrap();
        let plain = stock(r#"{"sku":"A","site":"L","available":1.50}"#);
        let extended = stock(r#"{"site":"L","sku":"A","available":"1.5","extensions":{"x":1}}"#);
        let other = stock(r#"{"sku":"A","site":"L","available":2}"#);
        assert_eq!(plain.fingerprint(), extended.fingerprint());
        assert_ne!(plain.fingerprint(), other.fingerprint());
        assert_eq!(plain.fingerprint().len(), 32);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for facet in Facet::ALL {
                let _ = Part::from_json(facet, &bytes);
            }
        }
    }
}
