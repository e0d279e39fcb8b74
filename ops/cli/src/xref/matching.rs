//! Which of a shop's records are which of a source's entities: decided here, and touching nothing.
//!
//! A key decides alone. Without one a contact's email does, and without that a name, each only where it
//! leads from one to one: what could be two is told to a person, and left.

use std::collections::{BTreeMap, BTreeSet};

use ferry_canonical::Entity;
use ferry_systems::oro::Resident;

/// One entity of the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ours {
    /// Canonical: number or SKU.
    pub(super) id: String,
    /// The same as the shop would carry it.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) emails: Vec<String>,
}

/// By what two were found to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum By {
    Key,
    Email,
    Name,
}

impl By {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Email => "email",
            Self::Name => "name",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Match {
    pub(super) id: String,
    pub(super) own_id: String,
    pub(super) by: By,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Ambiguous {
    pub(super) id: String,
    /// The shop's records that it could be.
    pub(super) own_ids: Vec<String>,
    pub(super) why: String,
}

/// What was found, each in the order of its ids.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Found {
    /// Linked before, and left so.
    pub(super) known: usize,
    pub(super) linked: Vec<Match>,
    pub(super) ambiguous: Vec<Ambiguous>,
    /// The shop has nothing of it: it is made by the sync.
    pub(super) new: Vec<String>,
    /// The source has nothing of it: it is left alone.
    pub(super) only_there: Vec<String>,
}

/// What is still to be matched, among all that could be it.
struct Open<'a> {
    all_ours: &'a [Ours],
    all_theirs: Vec<&'a Resident>,
    ours: Vec<&'a Ours>,
    theirs: Vec<&'a Resident>,
    found: Found,
}

/// `known` are the links there are, canonical id and the shop's.
pub(super) fn matched(
    entity: Entity,
    ours: &[Ours],
    theirs: &[Resident],
    known: &[(String, String)],
) -> Found {
    let ids: BTreeSet<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
    let own_ids: BTreeSet<&str> = known.iter().map(|(_, own_id)| own_id.as_str()).collect();
    let mut open = Open {
        all_ours: ours,
        all_theirs: theirs.iter().collect(),
        ours: ours.iter().filter(|one| !ids.contains(one.id.as_str())).collect(),
        theirs: theirs.iter().filter(|one| !own_ids.contains(one.id.as_str())).collect(),
        found: Found { known: known.len(), ..Found::default() },
    };
    let sign = |text: &str| Some(folded(text)).filter(|text| !text.is_empty());
    // A shop's SKU is the same in either case, a number is not.
    let key = |text: &str| match entity {
        Entity::Product => sign(text),
        Entity::Customer | Entity::Order => Some(text.to_owned()).filter(|text| !text.is_empty()),
    };
    open.settle(
        By::Key,
        |one| key(&one.key).into_iter().collect(),
        |row| row.key.as_deref().and_then(key).into_iter().collect(),
        |_, _| true,
    );
    // What carries another key is somebody else, whatever it is called.
    let anothers: Vec<&Resident> =
        open.theirs.iter().copied().filter(|row| row.key.is_some()).collect();
    open.theirs.retain(|row| row.key.is_none());
    open.all_theirs.retain(|row| row.key.is_none());
    let emails = |emails: &[String]| -> BTreeSet<String> {
        emails.iter().filter_map(|text| sign(text)).collect()
    };
    open.settle(By::Email, |one| emails(&one.emails), |row| emails(&row.emails), |_, _| true);
    open.settle(
        By::Name,
        |one| sign(&one.name).into_iter().collect(),
        |row| sign(&row.name).into_iter().collect(),
        // Two of one name, each with people of its own, are not taken for one.
        |one, row| one.emails.is_empty() || row.emails.is_empty(),
    );
    let Open { ours, theirs, mut found, .. } = open;
    found.new = ours.iter().map(|one| one.id.clone()).collect();
    found.only_there = theirs.iter().chain(&anothers).map(|row| row.id.clone()).collect();
    found.linked.sort_by(|one, other| one.id.cmp(&other.id));
    found.ambiguous.sort_by(|one, other| one.id.cmp(&other.id));
    found.new.sort();
    // Ids are numbers: the longer one is greater.
    found.only_there.sort_by_key(|id| (id.len(), id.clone()));
    found
}

/// All who bear a sign, on either side.
type Bearers<'a> = BTreeMap<String, (Vec<&'a Ours>, Vec<&'a Resident>)>;

impl Open<'_> {
    /// Takes out what is one by this sign, and what may be several. Rivals are all who bear the sign, also
    /// those who were settled before.
    fn settle(
        &mut self,
        by: By,
        of_ours: impl Fn(&Ours) -> BTreeSet<String>,
        of_theirs: impl Fn(&Resident) -> BTreeSet<String>,
        agree: impl Fn(&Ours, &Resident) -> bool,
    ) {
        let mut with = Bearers::new();
        let mut signs_of: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for one in self.all_ours {
            for sign in of_ours(one) {
                with.entry(sign).or_default().0.push(one);
            }
        }
        for row in &self.all_theirs {
            let signs = of_theirs(row);
            for sign in &signs {
                with.entry(sign.clone()).or_default().1.push(row);
            }
            signs_of.insert(&row.id, signs);
        }
        let open: BTreeSet<&str> = self.theirs.iter().map(|row| row.id.as_str()).collect();
        let mut done = BTreeSet::new();
        let mut settled: BTreeSet<&str> = BTreeSet::new();
        for &one in &self.ours {
            let signs = of_ours(one);
            let rows: BTreeMap<&str, &Resident> = signs
                .iter()
                .filter_map(|sign| with.get(sign))
                .flat_map(|(_, rows)| rows)
                .map(|row| (row.id.as_str(), *row))
                .collect();
            if !rows.keys().any(|id| open.contains(id)) {
                continue;
            }
            // Whoever else in the source bears a sign that one of these bears.
            let rivals: BTreeSet<&str> = rows
                .keys()
                .filter_map(|id| signs_of.get(id))
                .flatten()
                .filter_map(|sign| with.get(sign))
                .flat_map(|(ours, _)| ours)
                .map(|ours| ours.id.as_str())
                .filter(|id| *id != one.id)
                .collect();
            settled.insert(&one.id);
            done.extend(rows.keys().map(|id| (*id).to_owned()));
            let id = one.id.clone();
            let agrees = rows.values().all(|row| agree(one, row));
            let own_ids: Vec<String> = rows.keys().map(|id| (*id).to_owned()).collect();
            match own_ids.as_slice() {
                [own_id] if rivals.is_empty() && agrees => {
                    self.found.linked.push(Match { id, own_id: own_id.clone(), by });
                }
                _ => {
                    let why = why(by, own_ids.len(), &rivals);
                    self.found.ambiguous.push(Ambiguous { id, own_ids, why });
                }
            }
        }
        self.ours.retain(|one| !settled.contains(one.id.as_str()));
        self.theirs.retain(|row| !done.contains(&row.id));
    }
}

fn why(by: By, rows: usize, rivals: &BTreeSet<&str>) -> String {
    let sign = by.as_str();
    let others: Vec<&str> = rivals.iter().take(5).copied().collect();
    match (rows, others.as_slice()) {
        (1, []) => format!("one record of the shop has its {sign}, and people of its own"),
        (1, _) => format!("its {sign} is also that of {}", others.join(", ")),
        (rows, []) => format!("{rows} records of the shop have its {sign}"),
        (rows, _) => {
            format!("{rows} records of the shop have its {sign}, and so has {}", others.join(", "))
        }
    }
}

/// As people compare: without regard to case, and to how many spaces there are.
fn folded(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(id: &str, name: &str, emails: &[&str]) -> Ours {
        let emails = emails.iter().map(|email| (*email).to_owned()).collect();
        Ours { id: id.to_owned(), key: id.to_owned(), name: name.to_owned(), emails }
    }

    fn there(id: &str, key: Option<&str>, name: &str, emails: &[&str]) -> Resident {
        let emails = emails.iter().map(|email| (*email).to_owned()).collect();
        let key = key.map(str::to_owned);
        Resident { id: id.to_owned(), key, name: name.to_owned(), emails }
    }

    fn linked(found: &Found) -> Vec<(&str, &str, By)> {
        found.linked.iter().map(|one| (one.id.as_str(), one.own_id.as_str(), one.by)).collect()
    }

    #[test]
    fn a_key_decides_before_an_email_and_an_email_before_a_name() {
        let source = [
            ours("C-1", "Acme", &["ada@acme.example"]),
            ours("C-2", "Bolt", &["bob@bolt.example"]),
            ours("C-3", "Cup  &  Co", &["cy@cup.example"]),
            ours("C-4", "Dot", &["di@dot.example"]),
        ];
        let shop = [
            there("7", Some("C-1"), "Bolt", &["bob@bolt.example"]),
            there("8", None, "Acme", &["BOB@bolt.example", "else@bolt.example"]),
            there("9", None, "cup & co", &[]),
            there("10", None, "Eve", &[]),
        ];
        let found = matched(Entity::Customer, &source, &shop, &[]);
        assert_eq!(
            linked(&found),
            [("C-1", "7", By::Key), ("C-2", "8", By::Email), ("C-3", "9", By::Name)]
        );
        assert_eq!((found.ambiguous.len(), found.new), (0, vec!["C-4".to_owned()]));
        assert_eq!(found.only_there, ["10"]);
    }

    #[test]
    fn two_that_share_a_name_are_listed_and_left() {
        let source = [ours("C-1", "Acme", &[]), ours("C-2", "Acme", &[]), ours("C-3", "Bolt", &[])];
        let shop = [
            there("7", None, "ACME", &[]),
            there("8", None, "Bolt", &[]),
            there("9", None, "Bolt", &[]),
        ];
        let found = matched(Entity::Customer, &source, &shop, &[]);
        assert_eq!(found.linked, []);
        let told: Vec<_> =
            found.ambiguous.iter().map(|one| (one.id.as_str(), one.why.as_str())).collect();
        assert_eq!(
            told,
            [
                ("C-1", "its name is also that of C-2"),
                ("C-2", "its name is also that of C-1"),
                ("C-3", "2 records of the shop have its name"),
            ]
        );
        assert_eq!((found.new.len(), found.only_there.len()), (0, 0));
        assert_eq!(found.ambiguous[2].own_ids, ["8", "9"]);
    }

    #[test]
    fn people_of_two_customers_make_neither_one_of_them() {
        let source = [ours("C-1", "Acme", &["ada@x.example", "bob@x.example"])];
        let shop = [
            there("7", None, "Acme", &["ada@x.example"]),
            there("8", None, "Other", &["bob@x.example"]),
        ];
        let found = matched(Entity::Customer, &source, &shop, &[]);
        assert_eq!((linked(&found), found.ambiguous.len()), (vec![], 1));
        // One agent who is a contact of both.
        let source =
            [ours("C-1", "Acme", &["ada@x.example"]), ours("C-2", "Bolt", &["ada@x.example"])];
        let found = matched(Entity::Customer, &source, &shop[..1], &[]);
        assert_eq!((linked(&found), found.ambiguous.len()), (vec![], 2));
    }

    #[test]
    fn what_carries_another_key_is_somebody_else() {
        let source = [ours("C-1", "Acme", &["ada@acme.example"])];
        let shop = [there("7", Some("C-9"), "Acme", &["ada@acme.example"])];
        let found = matched(Entity::Customer, &source, &shop, &[]);
        assert_eq!((found.linked.len(), found.new.len(), found.only_there.len()), (0, 1, 1));
    }

    #[test]
    fn what_is_linked_stays_so_and_is_nobody_elses() {
        let source = [ours("C-1", "Acme", &[]), ours("C-2", "Acme", &[])];
        let shop = [there("7", None, "Acme", &[]), there("8", None, "Acme", &[])];
        let found =
            matched(Entity::Customer, &source, &shop, &[("C-1".to_owned(), "8".to_owned())]);
        // It stays a rival: the other may be a second record of it.
        assert_eq!((found.known, linked(&found)), (1, vec![]));
        assert_eq!((found.ambiguous.len(), found.new.len()), (1, 0));
        let found =
            matched(Entity::Customer, &source, &shop[1..], &[("C-1".to_owned(), "8".to_owned())]);
        assert_eq!((found.ambiguous.len(), found.new), (0, vec!["C-2".to_owned()]));
    }

    #[test]
    fn a_number_in_another_case_is_another_number() {
        let found = matched(
            Entity::Customer,
            &[ours("C-1", "Acme", &[])],
            &[there("7", Some("c-1"), "Acme", &[])],
            &[],
        );
        assert_eq!((linked(&found), found.new.len(), found.only_there.len()), (vec![], 1, 1));
    }

    #[test]
    fn two_of_one_name_each_with_people_of_its_own_are_a_persons_decision() {
        let source = [ours("C-1", "Acme", &["ada@acme.example"])];
        let shop = [there("7", None, "Acme", &["bob@acme.example"])];
        let found = matched(Entity::Customer, &source, &shop, &[]);
        assert_eq!((linked(&found), found.ambiguous.len()), (vec![], 1));
    }

    #[test]
    fn a_sku_is_the_same_in_either_case_and_one_of_two_is_nobody() {
        let source = [ours("MUG", "", &[]), ours("mug", "", &[]), ours("TEA", "", &[])];
        let shop = [there("7", Some("Mug"), "", &[]), there("8", Some("tea"), "", &[])];
        let found = matched(Entity::Product, &source, &shop, &[]);
        assert_eq!((linked(&found), found.ambiguous.len()), (vec![("TEA", "8", By::Key)], 2));
    }
}
