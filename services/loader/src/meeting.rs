//! What follows where a change of one system meets what the other holds: one pure function.
//!
//! A part is decided on as a whole. Two changes of different fields are two changes of one part: what
//! came of putting them together would be a state that neither system has ever held.

use ferry_config::ConflictPolicy;
use jiff::Timestamp;

/// What a look has shown, held against the change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    /// The change.
    pub(crate) change: Side<'a>,
    /// What the target holds; none if it has nothing.
    pub(crate) held: Option<Side<'a>>,
    /// It holds what the change says, also of what it cannot show.
    pub(crate) is_new: bool,
    /// All that it shows was agreed on, or may be there by our own hand, as a whole or in part, or is what
    /// the change says.
    pub(crate) is_base: bool,
    /// The change says what was agreed on.
    pub(crate) says_base: bool,
}

/// Whose content it is, and since when it is so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side<'a> {
    pub(crate) system: &'a str,
    pub(crate) at: Option<Timestamp>,
    /// It may be a part of what we wrote there for the other, which is nobody's word.
    pub(crate) is_half: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meeting {
    /// The target holds it already.
    Same,
    /// Nobody else has changed it: it is written.
    Write,
    /// The target has changed it since, and says so itself.
    UnderWay,
    /// Both have changed it, and this change stands: it is written.
    Stands,
    /// Both have changed it, and the target's change stands.
    Yields,
    /// Both have changed it, and a person decides.
    Undecided,
}

impl Meeting {
    pub(crate) const fn is_written(self) -> bool {
        match self {
            Self::Write | Self::Stands => true,
            Self::Same | Self::UnderWay | Self::Yields | Self::Undecided => false,
        }
    }

    pub(crate) const fn is_conflict(self) -> bool {
        match self {
            Self::Stands | Self::Yields | Self::Undecided => true,
            Self::Same | Self::Write | Self::UnderWay => false,
        }
    }
}

pub(crate) fn decide(found: Found<'_>, policy: &ConflictPolicy) -> Meeting {
    let Some(held) = found.held else { return Meeting::Write };
    if found.is_new {
        Meeting::Same
    } else if found.is_base {
        Meeting::Write
    } else if found.says_base {
        Meeting::UnderWay
    } else {
        conflict(found.change, held, policy)
    }
}

/// The same from both sides: whichever change is looked at first, one of them stands.
fn conflict(change: Side<'_>, held: Side<'_>, policy: &ConflictPolicy) -> Meeting {
    let stands = match policy {
        ConflictPolicy::Prefer(system) => change.system == system,
        ConflictPolicy::Latest => {
            let (Some(changed_at), Some(held_at)) = (change.at, held.at) else {
                return Meeting::Undecided;
            };
            // At one time, that of the system whose name comes first.
            (changed_at, held.system) > (held_at, change.system)
        }
        ConflictPolicy::DeadLetter | ConflictPolicy::LastWrite => return Meeting::Undecided,
    };
    let (stander, meeting) =
        if stands { (change, Meeting::Stands) } else { (held, Meeting::Yields) };
    if stander.is_half { Meeting::Undecided } else { meeting }
}

/// What a person reads of it; nothing where there is nothing to be said.
pub(crate) fn sentence(
    meeting: Meeting,
    found: Found<'_>,
    policy: &ConflictPolicy,
) -> Option<String> {
    let change = found.change.system;
    let held = found.held?;
    let (target, since) = (held.system, held.at.map(|at| format!(" at {at}")).unwrap_or_default());
    match meeting {
        Meeting::Write => None,
        Meeting::Same => Some(format!("{target} holds it already")),
        Meeting::UnderWay => {
            Some(format!("{change} says what was agreed on; {target} has changed it{since}"))
        }
        Meeting::Stands => Some(format!(
            "{target} had changed it too{since}; by `{policy}` the change of {change} stands"
        )),
        Meeting::Yields => Some(format!(
            "{target} has changed it too{since}; by `{policy}` the change of {target} stands"
        )),
        Meeting::Undecided if found.change.is_half || held.is_half => {
            let half = if found.change.is_half { change } else { target };
            Some(format!(
                "{change} and {target} differ, and what {half} holds may be a part of a write of ours \
                 that is dead: a person decides"
            ))
        }
        Meeting::Undecided => Some(format!(
            "{change} and {target} have both changed it since they agreed, and `{policy}` leaves it \
             to a person"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn side(system: &str, second: Option<i64>) -> Side<'_> {
        let at = match second {
            Some(second) => Some(Timestamp::constant(second, 0)),
            None => None,
        };
        Side { system, at, is_half: false }
    }

    /// The ERP's change of 10 s meets what the shop holds since then.
    fn found(held_at: Option<i64>) -> Found<'static> {
        Found {
            change: side("erp", Some(10)),
            held: Some(side("shop", held_at)),
            is_new: false,
            is_base: false,
            says_base: false,
        }
    }

    #[test]
    fn only_two_changes_of_one_part_are_a_conflict() {
        let both = found(Some(10));
        let nothing = Found { held: None, ..both };
        let table = [
            (nothing, Meeting::Write),
            (Found { says_base: true, ..nothing }, Meeting::Write),
            (Found { is_new: true, ..both }, Meeting::Same),
            (Found { is_new: true, is_base: true, says_base: true, ..both }, Meeting::Same),
            (Found { is_base: true, ..both }, Meeting::Write),
            (Found { is_base: true, says_base: true, ..both }, Meeting::Write),
            (Found { says_base: true, ..both }, Meeting::UnderWay),
            (both, Meeting::Undecided),
        ];
        for (found, expected) in table {
            let met = decide(found, &ConflictPolicy::DeadLetter);
            assert_eq!(met, expected, "{found:?}");
            assert_eq!(met.is_conflict(), expected == Meeting::Undecided);
        }
    }

    #[test]
    fn a_policy_says_the_same_from_both_sides() {
        let prefer = |system: &str| ConflictPolicy::Prefer(system.to_owned());
        let cases = [
            (ConflictPolicy::Latest, Some(11), Meeting::Yields),
            (ConflictPolicy::Latest, Some(9), Meeting::Stands),
            // At one time: `erp` comes before `shop`.
            (ConflictPolicy::Latest, Some(10), Meeting::Stands),
            (ConflictPolicy::Latest, None, Meeting::Undecided),
            (prefer("erp"), None, Meeting::Stands),
            (prefer("shop"), None, Meeting::Yields),
            (ConflictPolicy::DeadLetter, Some(11), Meeting::Undecided),
        ];
        for (policy, held_at, expected) in cases {
            let met = decide(found(held_at), &policy);
            assert_eq!(met, expected, "{policy} {held_at:?}");
            let back = Found {
                change: side("shop", held_at),
                held: Some(side("erp", Some(10))),
                ..found(held_at)
            };
            let other = match expected {
                Meeting::Stands => Meeting::Yields,
                Meeting::Yields => Meeting::Stands,
                Meeting::Undecided | Meeting::Same | Meeting::Write | Meeting::UnderWay => expected,
            };
            assert_eq!(decide(back, &policy), other, "{policy} {held_at:?}, seen from the shop");
        }
    }

    #[test]
    fn what_may_be_half_of_our_own_write_can_give_way_and_never_stands() {
        let shop = |at| Side { is_half: true, ..side("shop", at) };
        let prefer = |system: &str| ConflictPolicy::Prefer(system.to_owned());
        let cases = [
            (ConflictPolicy::Latest, Some(11), Meeting::Undecided, Meeting::Undecided),
            (ConflictPolicy::Latest, Some(9), Meeting::Stands, Meeting::Yields),
            (prefer("shop"), None, Meeting::Undecided, Meeting::Undecided),
            (prefer("erp"), None, Meeting::Stands, Meeting::Yields),
        ];
        for (policy, at, of_erp, of_shop) in cases {
            let held = Found { held: Some(shop(at)), ..found(at) };
            assert_eq!(decide(held, &policy), of_erp, "{policy} {at:?}");
            let said = Found { change: shop(at), held: Some(side("erp", Some(10))), ..found(at) };
            assert_eq!(decide(said, &policy), of_shop, "{policy} {at:?}");
            for found in [held, said] {
                let told = sentence(Meeting::Undecided, found, &policy).unwrap();
                assert!(told.contains("what shop holds may be a part"), "{told}");
            }
        }
    }

    #[test]
    fn a_person_reads_who_changed_what_and_why_it_stands() {
        let latest = ConflictPolicy::Latest;
        let told = |meeting| sentence(meeting, found(Some(11)), &latest);
        assert_eq!(told(Meeting::Write), None);
        assert_eq!(
            told(Meeting::Yields).unwrap(),
            "shop has changed it too at 1970-01-01T00:00:11Z; by `latest` the change of shop stands"
        );
        assert!(told(Meeting::Undecided).unwrap().starts_with("erp and shop have both changed it"));
    }
}
