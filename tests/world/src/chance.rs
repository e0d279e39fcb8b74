//! Chance as a function: every question has its own generator, seeded by what is asked.

use fastrand::Rng;

/// What is asked. Each topic draws from its own stream, so that adding a field to one entity leaves
/// the others as they were.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    Flaws,
    Changes,
    Customer,
    Contact,
    Address,
    Product,
    Text,
    Stock,
    Order,
    Fulfilment,
    Amendment,
}

/// The generator for one question about one entity.
pub(crate) fn of(seed: u64, topic: Topic, entity: u64, detail: u64) -> Rng {
    let mut mixed = mix(seed ^ 0x9e37_79b9_7f4a_7c15);
    for part in [topic as u64, entity, detail] {
        mixed = mix(mixed ^ part.wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(1));
    }
    Rng::with_seed(mixed)
}

/// SplitMix64's finishing step: neighbouring inputs give unrelated outputs.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// One of the choices; the default value if there is none.
pub(crate) fn pick<T: Copy + Default>(rng: &mut Rng, choices: &[T]) -> T {
    if choices.is_empty() {
        return T::default();
    }
    choices.get(rng.usize(..choices.len())).copied().unwrap_or_default()
}

/// The nth choice, counted round and round.
pub(crate) fn nth<T: Copy + Default>(choices: &[T], n: usize) -> T {
    let wrapped = n.checked_rem(choices.len()).unwrap_or(0);
    choices.get(wrapped).copied().unwrap_or_default()
}

/// An amount of hundredths as a decimal with two places.
pub(crate) fn cents(amount: u64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}
