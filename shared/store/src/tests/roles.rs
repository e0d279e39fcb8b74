use proptest::prelude::*;

use super::*;
use crate::decide::{Role, roles};

fn any_member() -> impl Strategy<Value = Member> {
    (0..3_u8, 0..2_u8, 0..2_u8, 0..4_u128).prop_map(|(part, source, clock, sequence)| Member {
        source: format!("s{source}"),
        clock: Clock::named(&format!("c{clock}")),
        ..shipment(sequence, sequence, &format!("P{part}"), "a")
    })
}

fn together(one: &Member, other: &Member) -> bool {
    (&one.subject, &one.source, &one.clock) == (&other.subject, &other.source, &other.clock)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_part_has_one_lead_that_is_its_clocks_newest(
        members in prop::collection::vec(any_member(), 1..10),
        composed: bool,
    ) {
        let members: Vec<&Member> = members.iter().collect();
        let roles = roles(&members, composed);
        let leads: Vec<_> = (0..members.len()).filter(|i| roles[*i] == Role::Lead).collect();

        let mut parts: Vec<_> = members.iter().map(|member| &member.subject.part).collect();
        parts.sort();
        parts.dedup();
        prop_assert_eq!(leads.len(), if composed { parts.len() } else { 1 });
        for (index, member) in members.iter().enumerate() {
            let lead = leads.iter().copied().find(|lead| together(members[*lead], member));
            let expected = match lead {
                Some(lead) if lead == index => Role::Lead,
                Some(lead) => Role::Rider(lead),
                None => Role::Waits,
            };
            prop_assert_eq!(roles[index], expected);
            prop_assert!(lead.is_none_or(|lead| members[lead].sequence >= member.sequence));
        }
        let first = members[0];
        prop_assert!(leads.iter().any(|lead| together(members[*lead], first)));
    }
}
