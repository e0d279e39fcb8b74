//! Every limit of the contract has a name here.

/// The largest record the producer accepts and the transformer reads.
pub const RECORD_BYTES: usize = 8 * 1024 * 1024;
/// The largest event. RabbitMQ 4.x refuses messages over 16 MiB.
pub const EVENT_BYTES: usize = 4 * 1024 * 1024;
/// A dead letter's detail. Headers must fit one AMQP frame (128 KiB).
pub const DETAIL_BYTES: usize = 8 * 1024;
/// A dead letter's excerpt of the target's answer.
pub const EXCERPT_BYTES: usize = 2 * 1024;
/// Headers that a republish carries on, names included; the failure's own come on top.
pub const CARRIED_BYTES: usize = 40 * 1024;
/// Nesting of JSON or XML that is read.
pub const DEPTH: usize = 64;
/// Length of an id, a part or a reference, in characters.
pub const ID_CHARS: usize = 255;
/// Units of one product beside its first one.
pub const UNITS: usize = 20;
/// Prices of one product on one list.
pub const PRICES: usize = 200;

const _: () = assert!(EVENT_BYTES <= RECORD_BYTES);
const _: () = assert!(CARRIED_BYTES + DETAIL_BYTES + EXCERPT_BYTES < 100 * 1024);
