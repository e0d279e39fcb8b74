//! The misfortunes and the hops, and which of one can strike the other.

use std::fmt;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Not taken, and said so: nack, no connection.
    Refuse,
    /// Taken, but the one who gave it never hears of it.
    LoseConfirm,
    /// Taken twice.
    Duplicate,
    /// Taken; the confirm comes much later.
    Hold,
    /// It arrives, or is answered, late.
    Delay,
    /// The connection breaks.
    Sever,
    /// What came later goes first.
    Reorder,
    /// Applied, and the answer is lost.
    ApplyThenFail,
    /// No answer before the deadline; applied afterwards.
    ApplyLate,
    /// No answer before the deadline; never applied.
    Stall,
    /// 500, 502, 503.
    ServerError,
    /// 429.
    TooMany,
    /// 200 with something that is no answer.
    Garbage,
    /// The store is busy or cannot be used.
    Busy,
    /// The process dies in the middle of it, and another is started later.
    Kill,
    /// The broker goes down in the middle of it, and comes up again.
    Restart,
}

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hop {
    SourceToProducer,
    ProducerToRecords,
    RecordsToTransformer,
    TransformerToEvents,
    EventsToLoader,
    LoaderToStore,
    LoaderToTarget,
    LoaderToDelay,
    DelayToRequeue,
    DeadToConsole,
}

use Fault::{
    ApplyLate, ApplyThenFail, Busy, Delay, Duplicate, Garbage, Hold, Kill, LoseConfirm, Refuse,
    Reorder, Restart, ServerError, Sever, Stall, TooMany,
};

impl Fault {
    pub const ALL: [Self; 16] = [
        Refuse,
        LoseConfirm,
        Duplicate,
        Hold,
        Delay,
        Sever,
        Reorder,
        ApplyThenFail,
        ApplyLate,
        Stall,
        ServerError,
        TooMany,
        Garbage,
        Busy,
        Kill,
        Restart,
    ];
}

const PUBLISH: &[Fault] =
    &[Refuse, LoseConfirm, Duplicate, Hold, Delay, Sever, Reorder, Kill, Restart];
const DELIVERY: &[Fault] = &[LoseConfirm, Delay, Sever, Kill, Restart];

impl Hop {
    pub const ALL: [Self; 10] = [
        Self::SourceToProducer,
        Self::ProducerToRecords,
        Self::RecordsToTransformer,
        Self::TransformerToEvents,
        Self::EventsToLoader,
        Self::LoaderToStore,
        Self::LoaderToTarget,
        Self::LoaderToDelay,
        Self::DelayToRequeue,
        Self::DeadToConsole,
    ];

    /// What can strike here.
    pub const fn faults(self) -> &'static [Fault] {
        match self {
            Self::SourceToProducer => &[
                Refuse,
                Duplicate,
                Delay,
                Reorder,
                ApplyThenFail,
                Stall,
                ServerError,
                TooMany,
                Garbage,
                Busy,
                Kill,
            ],
            Self::ProducerToRecords | Self::TransformerToEvents | Self::LoaderToDelay => PUBLISH,
            Self::RecordsToTransformer | Self::EventsToLoader => DELIVERY,
            Self::LoaderToStore => &[Delay, ApplyThenFail, Busy, Kill],
            Self::LoaderToTarget => &[
                Refuse,
                Delay,
                ApplyThenFail,
                ApplyLate,
                Stall,
                ServerError,
                TooMany,
                Garbage,
                Kill,
            ],
            Self::DelayToRequeue => &[Duplicate, Delay, Reorder, Restart],
            Self::DeadToConsole => {
                &[Refuse, LoseConfirm, Duplicate, Hold, Delay, Sever, Reorder, Busy, Kill, Restart]
            }
        }
    }

    /// Why a fault that is not among [`Self::faults`] makes no sense here.
    pub const fn why_not(self, fault: Fault) -> &'static str {
        match (self, fault) {
            (Self::SourceToProducer | Self::LoaderToTarget, LoseConfirm | Sever | Hold) => {
                "HTTP has no confirm: a broken connection is `refuse` or `apply then fail`, an \
                 answer that comes later is `delay`"
            }
            (Self::SourceToProducer, ApplyLate) => {
                "a source that hears nothing sends again: that is `apply then fail`"
            }
            (Self::SourceToProducer | Self::LoaderToTarget | Self::LoaderToStore, Restart) => {
                "the broker has no part in it"
            }
            (Self::LoaderToTarget, Duplicate | Reorder) => {
                "a request is made once, and calls side by side come in any order by themselves"
            }
            (Self::LoaderToTarget, Busy) => "the store has no part in it",
            (Self::LoaderToStore, _) => {
                "a transaction is done, not done, or done without our knowing: `busy`, `apply then \
                 fail`; it is in this process"
            }
            (Self::DelayToRequeue, _) => {
                "the broker does it by itself and at least once: nobody asks, nobody confirms"
            }
            (
                Self::RecordsToTransformer | Self::EventsToLoader,
                Refuse | Duplicate | Hold | Reorder,
            ) => "made where messages are stored, on the hop before",
            (_, ApplyThenFail | ApplyLate | Stall | ServerError | TooMany | Garbage) => {
                "there is no HTTP here"
            }
            (_, Busy) => "there is no store here",
            (_, _) => "",
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SourceToProducer => "source→producer",
            Self::ProducerToRecords => "producer→records",
            Self::RecordsToTransformer => "records→transformer",
            Self::TransformerToEvents => "transformer→events",
            Self::EventsToLoader => "events→loader",
            Self::LoaderToStore => "loader→store",
            Self::LoaderToTarget => "loader→target",
            Self::LoaderToDelay => "loader→delay",
            Self::DelayToRequeue => "delay→requeue",
            Self::DeadToConsole => "dead→console",
        })
    }
}

/// Every fault at every hop it can strike.
pub fn cells() -> impl Iterator<Item = (Hop, Fault)> {
    Hop::ALL.into_iter().flat_map(|hop| hop.faults().iter().map(move |fault| (hop, *fault)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_strikes_at_every_hop_or_there_is_a_reason_why_not() {
        for hop in Hop::ALL {
            for fault in Fault::ALL {
                let strikes = hop.faults().contains(&fault);
                let reason = hop.why_not(fault);
                assert!(strikes || !reason.is_empty(), "{fault:?} at {hop}: neither nor");
            }
        }
    }
}
