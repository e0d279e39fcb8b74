//! The shop's database: tables in memory, a few indexes, and an undo log.
//!
//! Promises that a write is all or nothing: what was put or removed since `begin` can be taken back.
//! Numbers given out stay given out, as sequences in a real database do. Deliberately knows no rule
//! of any resource.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::record::{Id, Record};
use super::schema::Kind;

/// Fields looked up by value. Keys are lower case; who needs exact matches compares again.
const INDEXED: &[(Kind, &str)] = &[
    (Kind::CustomerAddresses, "customer"),
    (Kind::CustomerUserAddresses, "customerUser"),
    (Kind::CustomerUsers, "customer"),
    (Kind::CustomerUsers, "email"),
    (Kind::CustomerUsers, "externalId"),
    (Kind::CustomerTaxCodes, "code"),
    (Kind::Customers, "externalId"),
    (Kind::Customers, "group"),
    (Kind::Customers, "parent"),
    (Kind::InventoryLevels, "externalId"),
    (Kind::InventoryLevels, "product"),
    (Kind::InventoryLevels, "productUnitPrecision"),
    (Kind::OrderSubtotals, "order"),
    (Kind::Orders, "externalId"),
    (Kind::Orders, "identifier"),
    (Kind::Orders, "parent"),
    (Kind::ProductPrices, "product"),
    (Kind::ProductTaxCodes, "code"),
    (Kind::Products, "category"),
    (Kind::Products, "sku"),
];

type Table = BTreeMap<Id, Arc<Record>>;
type Index = HashMap<String, BTreeSet<Id>>;

#[derive(Debug, Default)]
pub(super) struct Store {
    tables: BTreeMap<Kind, Table>,
    indexes: HashMap<(Kind, &'static str), Index>,
    next: BTreeMap<Kind, u64>,
    undo: Vec<(Kind, Id, Option<Arc<Record>>)>,
}

impl Store {
    /// Starts a transaction; what came before can no longer be taken back.
    pub(super) fn begin(&mut self) {
        self.undo.clear();
    }

    pub(super) fn rollback(&mut self) {
        while let Some((kind, id, before)) = self.undo.pop() {
            self.replace(kind, &id, before.as_ref());
        }
    }

    /// What the transaction touched, in order of first touch, with the row as it was before.
    pub(super) fn touched(&self) -> Vec<(Kind, Id, Option<Arc<Record>>)> {
        let mut seen = BTreeSet::new();
        let first = |(kind, id, _): &&(Kind, Id, _)| seen.insert((*kind, id.clone()));
        self.undo.iter().filter(first).cloned().collect()
    }

    /// The row as it was before the transaction.
    pub(super) fn before(&self, kind: Kind, id: &Id) -> Option<&Record> {
        let first = self.undo.iter().find(|(other, row, _)| *other == kind && row == id);
        first.map_or_else(|| self.get(kind, id), |(_, _, before)| before.as_deref())
    }

    pub(super) fn next_id(&mut self, kind: Kind) -> Id {
        let next = self.next.entry(kind).or_insert(0);
        *next += 1;
        Id::Number(*next)
    }

    /// Gives a number to nobody from now on.
    pub(super) fn reserve(&mut self, kind: Kind, number: u64) {
        let next = self.next.entry(kind).or_insert(0);
        *next = number.max(*next);
    }

    pub(super) fn put(&mut self, record: Record) {
        let (kind, id) = (record.kind, record.id.clone());
        let before = self.replace(kind, &id, Some(&Arc::new(record)));
        self.undo.push((kind, id, before));
    }

    pub(super) fn remove(&mut self, kind: Kind, id: &Id) {
        let before = self.replace(kind, id, None);
        if before.is_some() {
            self.undo.push((kind, id.clone(), before));
        }
    }

    pub(super) fn get(&self, kind: Kind, id: &Id) -> Option<&Record> {
        self.tables.get(&kind)?.get(id).map(Arc::as_ref)
    }

    /// All rows of a kind in the order of their ids.
    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        self.tables.get(&kind).into_iter().flat_map(Table::values).map(Arc::as_ref)
    }

    pub(super) fn is_indexed(kind: Kind, field: &str) -> bool {
        INDEXED.contains(&(kind, field))
    }

    /// Rows whose indexed field holds `key`, whatever the case, in the order of their ids.
    pub(super) fn find<'store>(
        &'store self,
        kind: Kind,
        field: &'static str,
        key: &str,
    ) -> impl Iterator<Item = &'store Record> + use<'store> {
        debug_assert!(Self::is_indexed(kind, field), "{kind:?}.{field} has no index");
        let ids = self.indexes.get(&(kind, field)).and_then(|index| index.get(&key.to_lowercase()));
        ids.into_iter().flatten().filter_map(move |id| self.get(kind, id))
    }

    fn replace(&mut self, kind: Kind, id: &Id, after: Option<&Arc<Record>>) -> Option<Arc<Record>> {
        let table = self.tables.entry(kind).or_default();
        let before = match after {
            Some(record) => table.insert(id.clone(), Arc::clone(record)),
            None => table.remove(id),
        };
        for (_, field) in INDEXED.iter().filter(|(indexed, _)| *indexed == kind) {
            let index = self.indexes.entry((kind, field)).or_default();
            if let Some(key) = before.as_deref().and_then(|record| key_of(record, field))
                && let Some(ids) = index.get_mut(&key)
            {
                ids.remove(id);
            }
            if let Some(key) = after.and_then(|record| key_of(record, field)) {
                index.entry(key).or_default().insert(id.clone());
            }
        }
        before
    }
}

fn key_of(record: &Record, field: &str) -> Option<String> {
    match record.one.get(field) {
        Some(id) => Some(id.to_string().to_lowercase()),
        None => record.text(field).map(str::to_lowercase),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(id: u64, sku: &str) -> Record {
        let mut record = Record::new(Kind::Products, Id::Number(id));
        record.set("sku", sku);
        record
    }

    fn found(store: &Store, sku: &str) -> Vec<u64> {
        store
            .find(Kind::Products, "sku", sku)
            .map(|record| match record.id {
                Id::Number(number) => number,
                Id::Name(_) => 0,
            })
            .collect()
    }

    #[test]
    fn a_rolled_back_transaction_leaves_rows_and_indexes_as_they_were() {
        let mut store = Store::default();
        store.put(product(1, "MUG"));
        store.put(product(2, "CUP"));
        store.begin();
        store.put(product(1, "JUG"));
        store.put(product(1, "JAR"));
        store.remove(Kind::Products, &Id::Number(2));
        store.put(product(3, "POT"));
        store.rollback();
        assert_eq!((found(&store, "mug"), found(&store, "CUP")), (vec![1], vec![2]));
        assert_eq!((found(&store, "JAR"), found(&store, "POT")), (vec![], vec![]));
        assert_eq!(store.all(Kind::Products).count(), 2);
    }

    #[test]
    fn what_was_touched_is_told_once_with_its_first_state() {
        let mut store = Store::default();
        store.put(product(1, "MUG"));
        store.begin();
        store.put(product(1, "JUG"));
        store.put(product(1, "JAR"));
        let touched = store.touched();
        assert_eq!(touched.len(), 1);
        assert_eq!(touched[0].2.as_ref().unwrap().text("sku"), Some("MUG"));
    }
}
