//! Several loaders, a few entities, any order of claims, settlements, retries, kills and expiries.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// A loader claims the events at these places of the list, each in a group of its entity.
    Claim {
        loader: usize,
        events: Vec<usize>,
    },
    Settle {
        loader: usize,
        how: How,
    },
    /// The loader dies with everything it holds.
    Kill {
        loader: usize,
    },
    Pass {
        seconds: u64,
    },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Delivered,
    Skipped,
    Failed,
    Unread,
    Dead,
    Released,
}

const LOADERS: usize = 3;
const EVENTS: usize = 24;
const ENTITIES: u128 = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![
        4 => Just(How::Delivered),
        1 => Just(How::Skipped),
        2 => Just(How::Failed),
        2 => Just(How::Unread),
        1 => Just(How::Dead),
        1 => Just(How::Released),
    ];
    let claim = (0..LOADERS, prop::collection::vec(0..EVENTS, 1..6))
        .prop_map(|(loader, events)| Step::Claim { loader, events });
    let settle = (0..LOADERS, how).prop_map(|(loader, how)| Step::Settle { loader, how });
    let step = prop_oneof![
        6 => claim,
        6 => settle,
        1 => (0..LOADERS).prop_map(|loader| Step::Kill { loader }),
        2 => (1_u64..120).prop_map(|seconds| Step::Pass { seconds }),
    ];
    prop::collection::vec(step, 1..120)
}

/// Three entities with two shipments each, said by two sources on their own clocks.
fn event(number: usize) -> Member {
    let n = u128::try_from(number).unwrap();
    let part = if n.is_multiple_of(2) { "S1" } else { "S2" };
    let mut member = shipment(n, n / 6 + 1, part, &format!("{}", n % 5));
    member.subject.id = format!("O{}", n % ENTITIES);
    member.observed_at = Timestamp::from_second(500_000 + i64::try_from(number).unwrap()).unwrap();
    member.source = if n.is_multiple_of(4) { "warehouse".to_owned() } else { "depot".to_owned() };
    member
}

#[derive(Default)]
struct World {
    /// What each loader believes it holds, oldest first.
    held: Vec<Vec<Held>>,
    /// What each delivery ended as, when it was first seen to have ended.
    ended: BTreeMap<Uuid, Outcome>,
    marks: BTreeMap<String, String>,
}

struct Held {
    grant: Grant,
    leads: Vec<usize>,
}

fn run(steps: &[Step], joined: bool) -> Result<(), TestCaseError> {
    let store = store();
    let mut world = World { held: (0..LOADERS).map(|_| Vec::new()).collect(), ..World::default() };
    for step in steps {
        match step {
            Step::Claim { loader, events } => claims(&store, &mut world, *loader, events, joined)?,
            Step::Settle { loader, how } => settles(&store, &mut world, *loader, *how),
            Step::Kill { loader } => world.held[*loader].clear(),
            Step::Pass { seconds } => pass(Duration::from_secs(*seconds)),
        }
        check(&store, &mut world)?;
    }
    Ok(())
}

fn claims(
    store: &Backend,
    world: &mut World,
    loader: usize,
    events: &[usize],
    joined: bool,
) -> Result<(), TestCaseError> {
    let mut of_entity: BTreeMap<String, Vec<Member>> = BTreeMap::new();
    for member in events.iter().map(|number| event(*number)) {
        of_entity.entry(member.subject.id.clone()).or_default().push(member);
    }
    let groups: Vec<_> =
        of_entity.into_values().map(|m| Group { composed: joined, ..group(m) }).collect();
    let claims = wait(store.claim(groups.clone())).unwrap();
    for (group, claim) in groups.iter().zip(claims) {
        prop_assert_eq!(group.members.len(), claim.members.len());
        for (member, verdict) in group.members.iter().zip(&claim.members) {
            if let Some(outcome) = outcome(verdict) {
                let first = *world.ended.entry(member.event_id).or_insert(outcome);
                prop_assert_eq!(first, outcome, "a delivery ended twice");
            }
        }
        let leads = claim.members.iter().enumerate().filter(|(_, v)| **v == Verdict::Lead);
        let leads: Vec<usize> = leads.map(|(index, _)| index).collect();
        prop_assert_eq!(!leads.is_empty(), matches!(claim.claimed, Claimed::Granted(_)));
        if let Claimed::Granted(grant) = claim.claimed {
            world.held[loader].push(Held { grant: *grant, leads });
        }
    }
    Ok(())
}

fn settles(store: &Backend, world: &mut World, loader: usize, how: How) {
    if world.held[loader].is_empty() {
        return;
    }
    let held = world.held[loader].remove(0);
    let because = String::new();
    let done = |outcome| Settle::Done { outcome, because: None, target_id: None };
    let verdict = match how {
        How::Delivered => done(Outcome::Delivered),
        How::Skipped => done(Outcome::Skipped),
        How::Failed => Settle::Failed { unread: false, dead: Vec::new(), because, target_id: None },
        How::Unread => Settle::Failed { unread: true, dead: Vec::new(), because, target_id: None },
        How::Dead => {
            Settle::Failed { unread: false, dead: held.leads.clone(), because, target_id: None }
        }
        How::Released => Settle::Released,
    };
    settle(store, &held.grant, verdict);
}

fn check(store: &Backend, world: &mut World) -> Result<(), TestCaseError> {
    let shared = "SELECT count(*) FROM (SELECT 1 FROM claim GROUP BY target, entity, id
                  HAVING count(*) > 1) twice";
    prop_assert_eq!(number(store, shared), 0, "an entity is granted twice");
    let orphans = "SELECT count(*) FROM claim c WHERE NOT EXISTS
                   (SELECT 1 FROM entity e WHERE e.token = c.token AND e.id = c.id)";
    prop_assert_eq!(number(store, orphans), 0, "a claim holds nothing");
    let untold = "SELECT count(*) FROM
        (SELECT route, target, outcome, count(*) AS n FROM outcome
         GROUP BY route, target, outcome) ended
        FULL JOIN (SELECT route, target, outcome, sum(deliveries) AS deliveries FROM tally
                   GROUP BY route, target, outcome) told
        USING (route, target, outcome) WHERE n IS DISTINCT FROM deliveries";
    prop_assert_eq!(number(store, untold), 0, "the tally is not the count of outcomes");
    let silent = "SELECT count(*) FROM intent i WHERE NOT EXISTS (SELECT 1 FROM entity e
        WHERE e.entity = i.entity AND e.id = i.id AND e.system = i.system
          AND (e.token IS NOT NULL OR e.unknown_until IS NOT NULL))";
    prop_assert_eq!(number(store, silent), 0, "a lost write is forgotten");
    let marks = "SELECT id || '/' || part || '/' || source || '/' || clock || '=' || sequence
                     || observed_at
                 FROM part";
    for mark in texts(store, marks) {
        let (part, position) = mark.split_once('=').unwrap();
        let before = world.marks.insert(part.to_owned(), position.to_owned());
        prop_assert!(before.is_none_or(|before| *before <= *position), "a mark went back");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_no_entity_is_shared_and_every_delivery_ends_once(steps in steps()) {
        run(&steps, false)?;
    }

    #[test]
    fn the_same_holds_where_parts_are_composed(steps in steps()) {
        run(&steps, true)?;
    }
}
