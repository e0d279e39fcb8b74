//! Rows of one kind, and which of them are to be written.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug)]
pub(crate) struct Rows<K, V> {
    rows: BTreeMap<K, V>,
    changed: BTreeSet<K>,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeSet::new() }
    }
}

impl<K: Ord + Clone, V> Rows<K, V> {
    /// Enters a row that was read.
    pub(crate) fn read(&mut self, key: K, row: V) {
        self.rows.insert(key, row);
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.rows.get(key)
    }

    /// Every row from `first` on, in order.
    pub(crate) fn since(&self, first: K) -> impl Iterator<Item = (&K, &V)> {
        self.rows.range(first..)
    }

    pub(crate) fn put(&mut self, key: K, row: V) {
        self.changed.insert(key.clone());
        self.rows.insert(key, row);
    }

    /// The row, which is going to be changed.
    pub(crate) fn change(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.changed.insert(key.clone());
        Some(row)
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if self.rows.remove(key).is_some() {
            self.changed.insert(key.clone());
        }
    }

    /// What is to be written, in the order of the keys.
    pub(crate) fn written(&self) -> impl Iterator<Item = (&K, &V)> {
        self.changed.iter().filter_map(|key| Some((key, self.rows.get(key)?)))
    }

    /// What is to be deleted, in the order of the keys. It may be something that was never stored.
    pub(crate) fn removed(&self) -> impl Iterator<Item = &K> {
        self.changed.iter().filter(|key| !self.rows.contains_key(key))
    }
}
