//! What systems call entities.

use std::future::Future;

use ferry_canonical::Entity;

use crate::StoreError;

pub trait Known: Send + Sync {
    /// What `system` calls each of these entities, in their order; none where the ledger does not know.
    /// One query, however many they are.
    fn known(
        &self,
        entity: Entity,
        system: &str,
        ids: Vec<String>,
    ) -> impl Future<Output = Result<Vec<Option<String>>, StoreError>> + Send;

    /// The entity that `system` calls so, if there is one.
    fn owner(
        &self,
        entity: Entity,
        system: &str,
        own_id: &str,
    ) -> impl Future<Output = Result<Option<String>, StoreError>> + Send;
}
