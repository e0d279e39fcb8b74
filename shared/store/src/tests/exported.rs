//! Several loaders, a few parts, any order of settling, freezing, sending, dying and dissolving: what
//! arrives.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    exports::{EXPORT, deliver, document, keep, of, waiting},
    *,
};
use crate::{DocumentEnd, Exports, NewDocument, Waiting};

#[derive(Clone, Copy, Debug)]
enum Act {
    /// The next state of a part is settled.
    Keep {
        part: usize,
    },
    /// A loader looks what waits.
    Look {
        loader: usize,
    },
    /// It freezes what it has seen, however long ago.
    Freeze {
        loader: usize,
    },
    /// A loader sends what is on its way, and marks it or dies before.
    Send {
        dies: bool,
    },
    Fail,
    Dissolve,
}

const LOADERS: usize = 2;
const PARTS: usize = 3;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..PARTS).prop_map(|part| Act::Keep { part }),
        4 => (0..LOADERS).prop_map(|loader| Act::Look { loader }),
        4 => (0..LOADERS).prop_map(|loader| Act::Freeze { loader }),
        4 => any::<bool>().prop_map(|dies| Act::Send { dies }),
        1 => Just(Act::Fail),
        1 => Just(Act::Dissolve),
    ];
    prop::collection::vec(act, 1..40)
}

/// A state: which part, and the how manieth of it.
type Content = Vec<(String, u64)>;

#[derive(Default)]
struct World {
    /// The last state of each part, by its number.
    settled: BTreeMap<String, u64>,
    /// What each loader has seen, and the number it would take.
    seen: [Option<(u64, Vec<Waiting>)>; LOADERS],
    /// What the receiver was given, in its order: number and content.
    arrived: Vec<(u64, Content)>,
}

impl World {
    fn act(&mut self, store: &Backend, act: Act) {
        match act {
            Act::Keep { part } => {
                let id = format!("C{part}");
                let state = self.settled.entry(id.clone()).or_default();
                *state += 1;
                let (part, sequence) = (u128::try_from(part).unwrap(), u128::from(*state));
                keep(store, of(&id, sequence * 10 + part, sequence, &state.to_string()));
            }
            Act::Look { loader } => {
                let number = wait(store.export(EXPORT, 1)).unwrap().last_number + 1;
                self.seen[loader] = Some((number, waiting(store)));
            }
            Act::Freeze { loader } => {
                if let Some((number, seen)) =
                    self.seen[loader].take().filter(|(_, s)| !s.is_empty())
                {
                    wait(store.freeze(rendered(number, &seen))).unwrap();
                }
            }
            Act::Send { dies } => self.send(store, dies),
            Act::Fail => {
                let end = DocumentEnd::Failed { detail: "no".to_owned(), hold: None };
                if let Some(open) = wait(store.open_document(EXPORT)).unwrap() {
                    wait(store.settle_document(EXPORT, open.state.number, end)).unwrap();
                }
            }
            Act::Dissolve => {
                if let Some(open) = wait(store.open_document(EXPORT)).unwrap() {
                    wait(store.dissolve(EXPORT, open.state.number, "ada")).unwrap();
                }
            }
        }
    }

    fn send(&mut self, store: &Backend, dies: bool) {
        let Some(open) = wait(store.open_document(EXPORT)).unwrap() else { return };
        let number = open.state.number;
        self.arrived.push((number, serde_json::from_slice(&open.body).unwrap()));
        if !dies {
            deliver(store, number);
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let mut shown: BTreeMap<&str, u64> = BTreeMap::new();
        let mut last: Option<&(u64, Content)> = None;
        for arrived in &self.arrived {
            if let Some(before) = last {
                prop_assert!(before.0 <= arrived.0, "a document has overtaken another");
                let same = before.0 != arrived.0 || before.1 == arrived.1;
                prop_assert!(same, "one name, two contents");
            }
            last = Some(arrived);
            for (id, state) in &arrived.1 {
                let before = shown.insert(id, *state);
                prop_assert!(before.is_none_or(|before| before <= *state), "{id} went back");
            }
        }
        for (id, state) in &self.settled {
            prop_assert_eq!(shown.get(id.as_str()), Some(state), "{} is not there", id);
        }
        Ok(())
    }
}

/// The document of what was seen, which says what is in it.
fn rendered(number: u64, seen: &[Waiting]) -> NewDocument {
    let content: Content = seen
        .iter()
        .map(|waits| {
            let state: serde_json::Value = serde_json::from_str(&waits.document).unwrap();
            let state = state["fields"].as_str().unwrap().parse().unwrap();
            (waits.part.subject.id.clone(), state)
        })
        .collect();
    NewDocument { body: serde_json::to_vec(&content).unwrap(), ..document(number, seen) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_last_state_of_every_part_arrives_last(acts in acts()) {
        let store = store();
        let mut world = World::default();
        for act in acts {
            world.act(&store, act);
        }
        // Loaders go on until nothing is left.
        for act in [Act::Send { dies: false }, Act::Look { loader: 0 }, Act::Freeze { loader: 0 },
                    Act::Send { dies: false }] {
            world.act(&store, act);
        }
        prop_assert!(waiting(&store).is_empty());
        world.check()?;
    }
}
