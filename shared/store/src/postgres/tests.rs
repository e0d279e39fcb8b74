//! What only PostgreSQL has: sessions, locks, other hosts.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use ferry_canonical::Steps;

use super::PostgresStore;
use crate::{
    Claimed, Group, Ledger, Overviews, Settle, Settled, Settlement, StoreError,
    on_postgres::tests::{
        Backend, clock, customer, deliver, delivered, grant, group, settle, store, wait,
    },
};

/// The database the tests may do with as they like.
pub(crate) fn url() -> String {
    let variables: BTreeMap<_, _> = std::env::vars().collect();
    variables.get("FERRY_TEST_STORE_URL").expect("FERRY_TEST_STORE_URL names a database").clone()
}

/// A schema nobody else uses, also in a database that is kept.
pub(crate) fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("test_{next}_{}", uuid::Uuid::new_v4().simple())
}

/// A customer of its own, in a group of its own.
fn of(entity: usize, event: usize) -> Group {
    let mut member = customer(u128::try_from(event).unwrap(), 1, "a");
    member.subject.id = format!("C{entity}");
    member.source_id = Some(format!("own {entity}"));
    group(vec![member])
}

#[test]
fn racing_hosts_share_every_entity_out_between_them() {
    const HOSTS: usize = 4;
    const ENTITIES: usize = 60;
    let schema = schema();
    // All come at the same moment: one of them makes the schema. Each has its own order.
    let won = thread::scope(|scope| {
        let race = |host: usize| {
            let schema = &schema;
            scope.spawn(move || {
                let store = PostgresStore::with(&url(), schema, |server| server).unwrap();
                let order = (0..ENTITIES).map(|n| (n * 7 + host * 13) % ENTITIES);
                let groups: Vec<Group> =
                    order.map(|entity| of(entity, host * ENTITIES + entity)).collect();
                let claim = |batch: &[Group]| {
                    let claims = wait(store.claim(batch.to_vec())).unwrap();
                    claims.iter().filter(|c| matches!(c.claimed, Claimed::Granted(_))).count()
                };
                groups.chunks(15).map(claim).sum::<usize>()
            })
        };
        let running: Vec<_> = (0..HOSTS).map(race).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    assert_eq!(won, ENTITIES);
}

#[test]
fn a_batch_waits_for_no_entity_that_it_does_not_touch() {
    let store = store();
    deliver(&store, of(1, 1));
    wait(async {
        let holder = store.session().await;
        holder.batch_execute("BEGIN").await.unwrap();
        holder.batch_execute("SELECT 1 FROM entity WHERE id = 'C1' FOR UPDATE").await.unwrap();
        let other = store.claim(vec![of(2, 2)]).await.unwrap();
        assert!(matches!(other[0].claimed, Claimed::Granted(_)));
        holder.batch_execute("ROLLBACK").await.unwrap();
    });
}

/// Ends every connection of the store but the one that says so.
async fn cut(store: &Backend) {
    let session = store.session().await;
    let schema: String =
        session.query_one("SELECT current_schema()::text", &[]).await.unwrap().get(0);
    let others = "SELECT pg_terminate_backend(pid) FROM pg_locks l
                  JOIN pg_class c ON c.oid = l.relation
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname = $1 AND l.pid <> pg_backend_pid()";
    session.query(others, &[&schema]).await.unwrap();
}

#[test]
fn a_claim_whose_connection_is_cut_is_an_error_and_the_next_one_connects_again() {
    let store = store();
    deliver(&store, of(1, 1));
    wait(async {
        // The claim waits for the entity, in the middle of its transaction, when it is cut off.
        let holder = store.session().await;
        holder.batch_execute("BEGIN").await.unwrap();
        holder.batch_execute("SELECT 1 FROM entity WHERE id = 'C1' FOR UPDATE").await.unwrap();
        let ended = async {
            while !waits(&store).await {
                tokio::task::yield_now().await;
            }
            cut(&store).await;
        };
        let (claim, ()) = tokio::join!(store.claim(vec![of(1, 2), of(2, 3)]), ended);
        assert!(matches!(claim, Err(StoreError::Unusable(_))), "{claim:?}");
    });

    // Each connection that was cut may say so once, and no more.
    let claims = loop {
        match wait(store.claim(vec![of(2, 3)])) {
            Ok(claims) => break claims,
            Err(StoreError::Unusable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert!(matches!(claims[0].claimed, Claimed::Granted(_)), "nothing of the claim is left");
}

/// Whether somebody waits for a lock on this store's entities.
async fn waits(store: &Backend) -> bool {
    let waiting = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity a
                   JOIN pg_locks l ON l.pid = a.pid AND l.relation = 'entity'::regclass
                   WHERE a.wait_event_type = 'Lock')";
    store.session().await.query_one(waiting, &[]).await.unwrap().get(0)
}

#[test]
fn what_was_claimed_before_its_connection_was_cut_can_still_be_settled() {
    let store = store();
    let held = grant(&store, of(1, 1));
    wait(async {
        let idle = store.session().await;
        let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE pid <> pg_backend_pid() AND pid = $1";
        let pid: i32 = idle.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        store.session().await.query(all, &[&pid]).await.unwrap();
    });

    let settled = loop {
        let target = "shop".to_owned();
        let settlement =
            Settlement { token: held.token, target, verdict: delivered(), steps: Steps::default() };
        match wait(store.settle(vec![settlement], Vec::new())) {
            Ok(settled) => break settled,
            Err(StoreError::Unusable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(settled, [Settled::Done]);
}

#[test]
fn time_is_the_servers() {
    let store = PostgresStore::with(&url(), &schema(), |server| server).unwrap();
    let claimed = grant(&store, of(1, 1));
    let sql = "SELECT abs(started_at - extract(epoch FROM clock_timestamp()) * 1000000) < 600000000
               FROM claim";
    wait(async {
        let near: bool = store.session().await.query_one(sql, &[]).await.unwrap().get(0);
        assert!(near && clock().as_second() < 100_000_000);
    });
    settle(&store, &claimed, Settle::Released);
}

#[test]
fn a_value_that_the_server_does_not_take_is_said_to_be_the_values_fault() {
    let store = store();
    let refused = wait(store.entity("customer", "C\u{0}1")).unwrap_err();
    assert!(matches!(&refused, StoreError::Unstorable(_)), "{refused}");
}

#[test]
fn a_store_of_a_newer_program_is_left_alone() {
    let schema = schema();
    let older = PostgresStore::with(&url(), &schema, |server| server).unwrap();
    wait(async {
        let session = older.session().await;
        session.batch_execute("UPDATE store_version SET version = 99").await.unwrap();
    });
    let newer = PostgresStore::with(&url(), &schema, |server| server).unwrap();

    let refused = wait(newer.overview()).unwrap_err();
    assert!(matches!(refused, StoreError::Version { found: 99, .. }), "{refused}");
}

#[test]
fn nothing_that_is_said_of_the_store_shows_its_secret() {
    let url = "postgres://ferry:xyzzy@127.0.0.1:1/ferry";
    let store = PostgresStore::new(url).unwrap();
    let refused = wait(store.ready()).unwrap_err();
    let garbled = PostgresStore::new("postgres://ferry:xyzzy@[").unwrap_err();

    for said in [format!("{store:?}"), format!("{refused} {refused:?}"), format!("{garbled:?}")] {
        assert!(!said.contains("xyzzy"), "{said}");
    }
    assert!(matches!(refused, StoreError::Unusable(_)), "{refused}");
}
