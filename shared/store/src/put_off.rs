//! Writes that a system has accepted and does later, by an operation of its own.
//!
//! Whoever made such a write may be gone before the operation ends. Who writes the entity next has to
//! know of it: until it has ended, nobody can say what is there, and what it does late would stand
//! over something newer.

use std::future::Future;

use ferry_canonical::Entity;

use crate::StoreError;

/// What systems do later, by their own names of operations.
pub trait PutOff: Send + Sync {
    /// Each of these entities may be written at `system` by `operation` from now on, beside what else may
    /// write it. One transaction.
    fn put_off(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// `operation` writes none of these entities any more.
    fn has_ended(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
        operation: String,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All operations that may still write each of these entities at `system`, in their order. One query,
    /// however many they are.
    fn operations(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Vec<String>>, StoreError>> + Send;
}
