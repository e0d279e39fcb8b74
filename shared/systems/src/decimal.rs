//! Exact sums and products of decimals.
//!
//! Every function answers `None` where the exact result does not fit; none rounds.

use ferry_canonical::value::Decimal;

#[derive(Clone, Copy)]
struct Exact {
    units: i128,
    /// Digits after the point.
    scale: u32,
}

impl Exact {
    fn of(decimal: &Decimal) -> Option<Self> {
        let text = decimal.as_str();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let units = format!("{whole}{fraction}").parse().ok()?;
        Some(Self { units, scale: u32::try_from(fraction.len()).ok()? })
    }

    fn at_scale(self, scale: u32) -> Option<i128> {
        let factor = 10_i128.checked_pow(scale.checked_sub(self.scale)?)?;
        self.units.checked_mul(factor)
    }

    fn decimal(self) -> Option<Decimal> {
        let scale = usize::try_from(self.scale).ok()?;
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at_checked(digits.len().checked_sub(scale)?)?;
        let sign = if self.units < 0 { "-" } else { "" };
        Decimal::parse(&format!("{sign}{whole}.{fraction}")).ok()
    }
}

pub(crate) fn product(one: &Decimal, two: &Decimal) -> Option<Decimal> {
    let (one, two) = (Exact::of(one)?, Exact::of(two)?);
    let units = one.units.checked_mul(two.units)?;
    Exact { units, scale: one.scale.checked_add(two.scale)? }.decimal()
}

/// At most six digits after the point.
pub(crate) fn quotient(one: &Decimal, two: &Decimal) -> Option<Decimal> {
    const SCALE: u32 = 6;
    let (one, two) = (Exact::of(one)?, Exact::of(two)?);
    let dividend = Exact { units: one.units, scale: 0 }.at_scale(two.scale.checked_add(SCALE)?)?;
    let divisor = Exact { units: two.units, scale: 0 }.at_scale(one.scale)?;
    let is_exact = dividend.checked_rem(divisor)? == 0;
    is_exact.then_some(Exact { units: dividend.checked_div(divisor)?, scale: SCALE })?.decimal()
}

pub(crate) fn sum<'a>(decimals: impl IntoIterator<Item = &'a Decimal>) -> Option<Decimal> {
    let mut total = Exact { units: 0, scale: 0 };
    for decimal in decimals {
        let next = Exact::of(decimal)?;
        let scale = total.scale.max(next.scale);
        let units = total.at_scale(scale)?.checked_add(next.at_scale(scale)?)?;
        total = Exact { units, scale };
    }
    total.decimal()
}

/// Whether `have` is `want` or more.
pub(crate) fn covers(have: &Decimal, want: &Decimal) -> Option<bool> {
    let (have, want) = (Exact::of(have)?, Exact::of(want)?);
    let scale = have.scale.max(want.scale);
    Some(have.at_scale(scale)? >= want.at_scale(scale)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn amounts_are_never_rounded() {
        assert_eq!(product(&d("3"), &d("0.1")), Some(d("0.3")));
        assert_eq!(product(&d("-1.005"), &d("0.25")), Some(d("-0.25125")));
        assert_eq!(sum(&[d("0.1"), d("0.2"), d("-5")]), Some(d("-4.7")));
        assert_eq!(sum(&[]), Some(d("0")));
        assert_eq!(covers(&d("2"), &d("1.999")), Some(true));
        assert_eq!(covers(&d("-2"), &d("1")), Some(false));
    }

    #[test]
    fn what_does_not_come_out_even_is_no_quotient() {
        assert_eq!(quotient(&d("9.70"), &d("2")), Some(d("4.85")));
        assert_eq!(quotient(&d("-1"), &d("0.00032")), Some(d("-3125")));
        assert_eq!(quotient(&d("10"), &d("3")), None);
        assert_eq!(quotient(&d("1"), &d("128")), None, "seven digits");
        assert_eq!(quotient(&d("1"), &d("0")), None);
    }

    #[test]
    fn what_does_not_fit_is_no_number() {
        let big = d(&"9".repeat(30));
        assert_eq!(product(&big, &big), None);
        assert_eq!(sum(&[big, d("0.0000000000000000000000000001")]), None);
    }

    proptest! {
        #[test]
        fn a_sum_of_cents_is_the_sum_of_their_integers(cents in prop::collection::vec(-1_000_000_i64..1_000_000, 0..20)) {
            let decimals: Vec<Decimal> = cents
                .iter()
                .map(|cent| Exact { units: i128::from(*cent), scale: 2 }.decimal().unwrap())
                .collect();
            let total = Exact { units: cents.iter().map(|cent| i128::from(*cent)).sum(), scale: 2 };
            prop_assert_eq!(sum(&decimals), total.decimal());
        }
    }
}
