//! Mechanisms that can be taken away at the seams, to show that their lack is seen.

use std::time::Duration;

use ferry_canonical::{Doubt, Sequence};
use ferry_store::{Claimed, Group, GroupClaim};

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Every publish counts as stored, once it was tried.
    DropTheConfirm,
    /// What is taken from a queue is acknowledged at once.
    AckEarly,
    /// A claim holds nothing, and nothing is in doubt when it ends.
    SkipTheLease,
    /// A write whose answer was lost is thought to show at once.
    SettleAtOnce,
    /// An entity whose answer was lost is written without being read.
    SkipTheRead,
    /// Whatever comes is newer than what is there.
    IgnoreTheClock,
    /// What a target of a facet that goes both ways says itself is written over without a look.
    TakeNoLook,
    /// What two systems agreed on last is not known any more.
    ForgetTheAgreement,
}

impl Sabotage {
    pub const ALL: [Self; 8] = [
        Self::DropTheConfirm,
        Self::AckEarly,
        Self::SkipTheLease,
        Self::SettleAtOnce,
        Self::SkipTheRead,
        Self::IgnoreTheClock,
        Self::TakeNoLook,
        Self::ForgetTheAgreement,
    ];

    /// On a group's way to the ledger, so many milliseconds after the start.
    pub(crate) fn asked(self, groups: &mut [Group], millis: u128) {
        for group in groups {
            match self {
                Self::SkipTheLease => {
                    group.lease = Duration::ZERO;
                    group.settle_after = Duration::ZERO;
                }
                Self::SettleAtOnce => group.settle_after = Duration::ZERO,
                Self::IgnoreTheClock => {
                    for member in &mut group.members {
                        member.sequence = Sequence(u128::from(u64::MAX) + millis);
                    }
                }
                Self::DropTheConfirm
                | Self::AckEarly
                | Self::SkipTheRead
                | Self::TakeNoLook
                | Self::ForgetTheAgreement => {}
            }
        }
    }

    /// On its way back.
    pub(crate) fn answered(self, claims: &mut [GroupClaim]) {
        for claim in claims {
            let Claimed::Granted(grant) = &mut claim.claimed else { continue };
            match self {
                Self::SkipTheRead => {
                    grant.read_first = false;
                    grant.doubt = Doubt::None;
                }
                Self::TakeNoLook => grant.base = None,
                Self::ForgetTheAgreement => {
                    grant.base.iter_mut().for_each(|base| base.agreed = None);
                }
                Self::DropTheConfirm
                | Self::AckEarly
                | Self::SkipTheLease
                | Self::SettleAtOnce
                | Self::IgnoreTheClock => {}
            }
        }
    }
}
