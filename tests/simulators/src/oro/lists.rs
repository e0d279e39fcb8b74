//! What a freshly installed shop already has: countries, units, statuses, one organization.

use super::record::{Id, Record};
use super::schema::Kind;
use super::store::Store;

/// ISO 3166-1 alpha-2, as the shop is installed with.
const COUNTRIES: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT \
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT \
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS \
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI \
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG \
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG \
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Unit and its default precision.
const UNITS: [(&str, i64); 8] = [
    ("box", 0),
    ("each", 0),
    ("hour", 0),
    ("item", 0),
    ("kg", 3),
    ("pack", 0),
    ("piece", 0),
    ("set", 0),
];

const OPTIONS: [(Kind, &[&str]); 5] = [
    (Kind::CustomerRatings, &["1_of_5", "2_of_5", "3_of_5", "4_of_5", "5_of_5"]),
    (Kind::ProdInventoryStatuses, &["in_stock", "out_of_stock", "discontinued"]),
    (Kind::OrderShippingStatuses, &["not_shipped", "shipped", "partially_shipped"]),
    (Kind::OrderStatuses, OPEN_TO_CLOSED),
    (Kind::OrderInternalStatuses, OPEN_TO_CLOSED),
];

const OPEN_TO_CLOSED: &[&str] =
    &["open", "pending", "processing", "shipped", "cancelled", "closed", "archived"];

/// Options that a row gets which names none.
const DEFAULTS: [(Kind, &str); 2] =
    [(Kind::OrderShippingStatuses, "not_shipped"), (Kind::OrderStatuses, "open")];

/// Single rows with id 1: kind, attribute, its value.
const SINGLES: [(Kind, &str, &str); 8] = [
    (Kind::AttributeFamilies, "code", "default_family"),
    (Kind::BusinessUnits, "name", "Main"),
    (Kind::Categories, "title", "All Products"),
    (Kind::CustomerUserRoles, "role", "ROLE_FRONTEND_ADMINISTRATOR"),
    (Kind::Localizations, "name", "English (United States)"),
    (Kind::Organizations, "name", "ORO"),
    (Kind::Users, "username", "admin"),
    (Kind::Websites, "name", "Default"),
];

pub(super) fn install(store: &mut Store) {
    for code in COUNTRIES.split_whitespace() {
        put_named(store, Kind::Countries, code, "name");
    }
    for (unit, precision) in UNITS {
        let mut record = Record::new(Kind::ProductUnits, Id::name(unit));
        for label in ["label", "shortLabel", "pluralLabel", "shortPluralLabel"] {
            record.set(label, unit);
        }
        record.set("defaultPrecision", precision);
        store.put(record);
    }
    for (kind, ids) in OPTIONS {
        for (priority, id) in (1..).zip(ids) {
            let mut record = Record::new(kind, Id::name(id));
            record.set("name", words(id));
            record.set("priority", priority);
            record.set("default", DEFAULTS.contains(&(kind, id)));
            store.put(record);
        }
    }
    let id = store.next_id(Kind::PriceLists);
    let mut list = Record::new(Kind::PriceLists, id);
    list.set("name", "Default Price List");
    list.set("active", true);
    list.set("priceListCurrencies", vec!["USD", "EUR"]);
    store.put(list);
    for (format, label) in [("default", "Default (JSON:API)"), ("thin", "Thin payload")] {
        let mut record = Record::new(Kind::WebhookFormats, Id::name(format));
        record.set("label", label);
        store.put(record);
    }
    for (kind, field, value) in SINGLES {
        let id = store.next_id(kind);
        let mut record = Record::new(kind, id);
        if let Some(attribute) = kind.resource().attribute(field) {
            record.set(attribute.name, value);
        }
        store.put(record);
    }
    store.begin();
}

/// An option's name: `Partially Shipped`, `1 of 5`.
fn words(id: &str) -> String {
    let word = |word: &str| match word {
        "in" if id.starts_with("in_") => "In".to_owned(),
        "of" | "in" => word.to_owned(),
        _ => {
            let mut letters = word.chars();
            letters
                .next()
                .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    };
    id.split('_').map(word).collect::<Vec<_>>().join(" ")
}

fn put_named(store: &mut Store, kind: Kind, name: &str, field: &'static str) {
    let mut record = Record::new(kind, Id::name(name));
    record.set(field, name);
    store.put(record);
}

/// Regions are taken at their word if they look like one (`US-NY`) of a country there is: the whole
/// table of them would add nothing that could go wrong differently.
pub(super) fn admit_region(store: &mut Store, code: &str) {
    let Some((country, part)) = code.split_once('-') else { return };
    let plausible = (1..=3).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let id = Id::name(code);
    let known = store.get(Kind::Regions, &id).is_some();
    if plausible && !known && store.get(Kind::Countries, &Id::name(country)).is_some() {
        put_named(store, Kind::Regions, code, "name");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_knows_every_country_and_not_the_unknown_one() {
        let mut store = Store::default();
        install(&mut store);
        assert_eq!(store.all(Kind::Countries).count(), 249);
        assert!(store.get(Kind::Countries, &Id::name("XZ")).is_none());
    }

    #[test]
    fn only_plausible_regions_of_known_countries_are_admitted() {
        let mut store = Store::default();
        install(&mut store);
        for code in ["US-NY", "JP-13", "XZ-AA", "US-", "US-new", "US"] {
            admit_region(&mut store, code);
        }
        let codes: Vec<_> = store.all(Kind::Regions).map(|region| region.id.to_string()).collect();
        assert_eq!(codes, ["JP-13", "US-NY"]);
    }
}
