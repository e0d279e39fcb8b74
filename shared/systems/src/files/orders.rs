//! An order per row: the properties of an OrderFlow order import as columns (OrderFlow reference
//! §3.3, §7), its lines numbered.
//!
//! It is the way back of what [`crate::orderflow`] imports, so that a row comes to OrderFlow as its
//! columns say it. Nothing is guessed: what a canonical order needs and no column says is an error by
//! the column's name, or is left to the mapping, where there is one. Amounts may follow from others,
//! exactly and never rounded. Other columns survive in `extensions.orderflow`.

use std::collections::BTreeSet;

use ferry_canonical::value::{Country, Currency, Decimal};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value, json};

use crate::{decimal, orderflow::times};

/// Without it there is no order.
const REFERENCE: &str = "externalReference";
const LINE: &str = "orderLine.";
const MISSING: &str = "it is missing";
/// Of an amount.
const FOLLOWS: &str = "it is missing, and does not follow from others";

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) column: String,
    pub(super) problem: String,
}

/// Whether it is a file of orders at all.
pub(super) fn check_header(names: &[String]) -> Result<(), String> {
    if names.iter().any(|name| name == REFERENCE) {
        return Ok(());
    }
    Err(format!("it has no column `{REFERENCE}`; expected the properties of an order import"))
}

/// The document of a canonical order. Where it is not `strict`, what is missing is left out and what
/// cannot be read stands there as it is: a mapping looks at it next.
pub(super) fn document(
    row: &Map<String, Value>,
    zone: Option<&TimeZone>,
    strict: bool,
) -> Result<Value, Fault> {
    let mut order = Order { row, strict, used: BTreeSet::new(), fault: None };
    let document = order.document(zone);
    match order.fault {
        Some(fault) => Err(fault),
        None => Ok(document),
    }
}

struct Order<'a> {
    row: &'a Map<String, Value>,
    strict: bool,
    used: BTreeSet<&'a str>,
    /// The first one.
    fault: Option<Fault>,
}

impl Order<'_> {
    fn document(&mut self, zone: Option<&TimeZone>) -> Value {
        let identifier = self.required(REFERENCE);
        let placed_at = self.time("placed", zone);
        let currency = self.checked("currency", true, |text| Currency::parse(text).err());
        let shipping_address = self.address("delivery");
        let billing_address = self.address("invoice");
        let customer = self.customer();
        let numbers = self.numbers();
        if numbers.is_empty() {
            self.fail(&format!("{LINE}1.product.externalReference"), MISSING);
        }
        let lines: Vec<Value> = numbers.into_iter().map(|number| self.line(number)).collect();
        let totals = self.totals(&lines);
        let shipping = object([
            ("code", self.text("shipment.deliverySuggestionCode")),
            ("name", self.text("shipment.deliverySuggestionName")),
            ("price", self.decimal("shippingPriceNet", false)),
        ]);
        let mut document = object([
            ("identifier", identifier),
            ("placed_at", placed_at),
            ("currency", currency),
            ("purchase_order_number", self.text("userDefined1")),
            ("notes", self.text("customerComment")),
        ]);
        document.insert("customer".to_owned(), customer.into());
        let parts = [
            ("billing_address", billing_address),
            ("shipping_address", shipping_address),
            ("shipping", shipping),
        ];
        for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            document.insert(name.to_owned(), part.into());
        }
        document.insert("lines".to_owned(), lines.into());
        document.insert("totals".to_owned(), totals.into());
        let rest = self.rest();
        if !rest.is_empty() {
            document.insert("extensions".to_owned(), json!({ "orderflow": rest }));
        }
        document.into()
    }

    fn customer(&mut self) -> Map<String, Value> {
        object([
            ("number", self.text("userDefined2")),
            ("name", self.first_of(["invoiceContactName", "deliveryContactName"])),
            ("email", self.first_of(["invoiceEmailAddress", "deliveryEmailAddress"])),
            ("phone", self.first_of(["invoiceDayPhoneNumber", "deliveryDayPhoneNumber"])),
        ])
    }

    /// Six lines of address: the city is the fifth, or the last one where no fifth is said, as where
    /// blank lines were left out. Empty where no column says anything of it.
    fn address(&mut self, prefix: &str) -> Map<String, Value> {
        let lines: [Option<String>; 6] =
            std::array::from_fn(|at| self.text(&format!("{prefix}AddressLine{}", at + 1)));
        let [one, two, three, four, five, six] = lines;
        let mut street: Vec<String> = [one, two, three, four].into_iter().flatten().collect();
        let city = if five.is_none() && street.len() > 1 { street.pop() } else { five };
        let mut street = street.into_iter();
        let first = street.next();
        let others: Vec<String> = street.collect();
        let country = format!("{prefix}CountryCode");
        let country = self.checked(&country, false, |text| Country::parse(text).err());
        let address = object([
            ("company", self.text(&format!("{prefix}CompanyName"))),
            ("last_name", self.text(&format!("{prefix}ContactName"))),
            ("street", first),
            ("street2", (!others.is_empty()).then(|| others.join(", "))),
            ("city", city),
            ("postcode", self.text(&format!("{prefix}PostCode"))),
            ("region", six),
            ("country", country),
            ("phone", self.text(&format!("{prefix}DayPhoneNumber"))),
            ("email", self.text(&format!("{prefix}EmailAddress"))),
        ]);
        if !address.is_empty() {
            for (field, column) in
                [("street", "AddressLine1"), ("city", "AddressLine5"), ("country", "CountryCode")]
            {
                if !address.contains_key(field) {
                    self.fail(&format!("{prefix}{column}"), MISSING);
                }
            }
        }
        address
    }

    /// The numbers of the lines of which some column says something.
    fn numbers(&self) -> BTreeSet<u32> {
        let said = self.row.iter().filter(|(_, value)| is_said(value));
        let numbers = said.filter_map(|(name, _)| {
            let (number, _) = name.strip_prefix(LINE)?.split_once('.')?;
            let parsed: u32 = number.parse().ok()?;
            // `01` and `+1` are other columns than `1`.
            (parsed > 0 && parsed.to_string() == number).then_some(parsed)
        });
        numbers.collect()
    }

    fn line(&mut self, number: u32) -> Value {
        let column = |name: &str| format!("{LINE}{number}.{name}");
        let quantity = self.decimal(&column("quantity"), true);
        let price = self.decimal(&column("unitPriceNet"), false);
        let total = self.decimal(&column("totalPriceNet"), false);
        let count = parsed(quantity.as_ref());
        let followed = |of: fn(&Decimal, &Decimal) -> Option<Decimal>, known: Option<&String>| {
            Some(of(&parsed(known)?, count.as_ref()?)?.to_string())
        };
        let unit_price = price.clone().or_else(|| followed(decimal::quotient, total.as_ref()));
        let total = total.or_else(|| followed(decimal::product, price.as_ref()));
        for (found, name) in [(&unit_price, "unitPriceNet"), (&total, "totalPriceNet")] {
            if found.is_none() {
                self.fail(&column(name), FOLLOWS);
            }
        }
        let mut line = object([
            ("sku", self.required(&column("product.externalReference"))),
            ("name", self.text(&column("description"))),
            ("quantity", quantity),
            ("unit_price", unit_price),
            ("total", total),
            ("tax", self.decimal(&column("totalTax"), false)),
            ("reference", self.text(&column("userDefined1"))),
        ]);
        line.insert("number".to_owned(), number.into());
        line.into()
    }

    fn totals(&mut self, lines: &[Value]) -> Map<String, Value> {
        let tax = self.decimal("totalTax", false);
        let tax = tax.or_else(|| self.decimal("totalPriceTax", false));
        let gross = self.decimal("totalPriceGross", false);
        let total = gross.or_else(|| {
            let net = parsed(self.decimal("totalPriceNet", false).as_ref())?;
            Some(decimal::sum([&net, &parsed(tax.as_ref())?])?.to_string())
        });
        let subtotal = self.decimal("goodsPriceNet", false).or_else(|| {
            let line_total = |line: &Value| Decimal::parse(line.get("total")?.as_str()?).ok();
            let all: Option<Vec<Decimal>> = lines.iter().map(line_total).collect();
            Some(decimal::sum(&all?)?.to_string())
        });
        for (found, column) in [(&total, "totalPriceGross"), (&subtotal, "goodsPriceNet")] {
            if found.is_none() {
                self.fail(column, FOLLOWS);
            }
        }
        object([("subtotal", subtotal), ("total", total), ("tax", tax)])
    }

    /// What no field has taken.
    fn rest(&self) -> Map<String, Value> {
        let rest = self.row.iter().filter(|(name, value)| {
            !name.is_empty() && is_said(value) && !self.used.contains(name.as_str())
        });
        rest.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A column's text, where it says something.
    fn text(&mut self, name: &str) -> Option<String> {
        let (name, value) = self.row.get_key_value(name)?;
        let text = value.as_str()?.trim();
        self.used.insert(name);
        (!text.is_empty()).then(|| text.replace("[BR]", "\n"))
    }

    fn first_of(&mut self, names: [&str; 2]) -> Option<String> {
        let found = names.map(|name| self.text(name));
        found.into_iter().flatten().next()
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.fail(name, MISSING);
        }
        text
    }

    fn decimal(&mut self, name: &str, is_required: bool) -> Option<String> {
        let fault = |text: &str| Decimal::parse(text).err().map(|error| error.to_string());
        self.checked(name, is_required, fault)
    }

    fn checked(
        &mut self,
        name: &str,
        is_required: bool,
        fault: impl Fn(&str) -> Option<String>,
    ) -> Option<String> {
        let text = if is_required { self.required(name) } else { self.text(name) };
        let text = text?;
        if let Some(problem) = fault(&text) {
            self.fail(name, &problem);
        }
        Some(text)
    }

    /// With its own zone, or on the clock of `zone`.
    fn time(&mut self, name: &str, zone: Option<&TimeZone>) -> Option<String> {
        let text = self.required(name)?;
        let time = text.parse::<Timestamp>().ok();
        let time = time.or_else(|| times::parse(&text, zone?));
        if time.is_none() {
            let shown: String = text.chars().take(40).collect();
            let problem = match zone {
                Some(_) => format!("`{shown}` is no time such as 2026-11-28 09:15:00"),
                None => format!(
                    "`{shown}` is no time with its zone such as 2026-11-28T09:15:00Z, and the \
                     configuration has no `time_zone` for it"
                ),
            };
            self.fail(name, &problem);
        }
        Some(time.map_or(text, |time| time.to_string()))
    }

    fn fail(&mut self, column: &str, problem: &str) {
        if self.strict && self.fault.is_none() {
            let (column, problem) = (column.to_owned(), problem.to_owned());
            self.fault = Some(Fault { column, problem });
        }
    }
}

/// Of what is there.
fn object<const N: usize>(fields: [(&str, Option<String>); N]) -> Map<String, Value> {
    let said = fields.into_iter().filter_map(|(name, text)| text.map(|text| (name, text)));
    said.map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
}

fn parsed(text: Option<&String>) -> Option<Decimal> {
    Decimal::parse(text?).ok()
}

fn is_said(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
