//! Connections: where the database is, how it is spoken to, and its schema.

use std::{str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{
    Manager, ManagerConfig, Object, PoolConfig, RecyclingMethod, Runtime, Timeouts, Transaction,
};
use tokio::{sync::OnceCell, time::timeout};
use tokio_postgres::{
    Config, NoTls,
    config::{Host, SslMode},
};

use super::error::Trouble;
use crate::StoreError;

/// Connecting, with TLS and proof of who we are.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// For a free connection of the pool.
const WAIT_WITHIN: Duration = Duration::from_secs(10);
/// The server ends a statement, or a wait for a lock, then.
const STATEMENT_WITHIN: Duration = Duration::from_secs(10);
/// A whole transaction; then the connection is not trusted any more.
const TRANSACTION_WITHIN: Duration = Duration::from_secs(25);
/// Tries of a transaction that others stand in the way of.
const TRIES: u32 = 8;
/// The oldest server the statements are written for.
const VERSION_MIN: i32 = 130_000;

const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("steps.sql"),
    include_str!("agreed.sql"),
    include_str!("schedule.sql"),
    include_str!("wakes.sql"),
    include_str!("exports.sql"),
    include_str!("put_off.sql"),
    include_str!("scan.sql"),
];

#[derive(Debug)]
pub(super) struct Pool {
    inner: deadpool_postgres::Pool,
    schema: String,
    migrated: OnceCell<()>,
}

impl Pool {
    /// Connects to nothing yet.
    pub(super) fn new(url: &str, schema: &str, connections: usize) -> Result<Self, StoreError> {
        let mut config = configured(url, schema)?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if stays_here(&config) { SslMode::Disable } else { SslMode::Require });
        }
        let manager = if config.get_ssl_mode() == SslMode::Disable {
            Manager::from_config(config, NoTls, recycling)
        } else {
            Manager::from_config(config, tls()?, recycling)
        };
        let timeouts = Timeouts {
            wait: Some(WAIT_WITHIN),
            create: Some(CONNECT_WITHIN),
            recycle: Some(CONNECT_WITHIN),
        };
        let inner = deadpool_postgres::Pool::builder(manager)
            .config(PoolConfig { max_size: connections, timeouts, ..PoolConfig::default() })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|_| StoreError::Unusable("its connections cannot be kept".to_owned()))?;
        Ok(Self { inner, schema: schema.to_owned(), migrated: OnceCell::new() })
    }

    /// Repeats `work`, a transaction of its own each time, while others stand in its way.
    pub(super) async fn attempt<T, F>(&self, mut work: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        for _ in 0..TRIES {
            match timeout(TRANSACTION_WITHIN, Box::pin(work())).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Trouble::Collision)) => {}
                Ok(Err(Trouble::Store(error))) => return Err(error),
                Err(_) => {
                    self.inner.retain(|_, _| false);
                    return Err(StoreError::Busy);
                }
            }
        }
        Err(StoreError::Busy)
    }

    /// A connection to the schema as this program knows it.
    pub(super) async fn session(&self) -> Result<Object, Trouble> {
        self.migrated.get_or_try_init(|| self.migrate()).await?;
        Ok(self.inner.get().await?)
    }

    /// Of several processes one migrates and the others find it done.
    async fn migrate(&self) -> Result<(), Trouble> {
        let mut session = self.inner.get().await?;
        let transaction = session.transaction().await?;
        fit(&transaction).await?;
        transaction.query_one("SELECT pg_advisory_xact_lock(hashtext('ferry store'))", &[]).await?;
        let schema = &self.schema;
        let there = "SELECT to_regnamespace($1::text) IS NOT NULL";
        if !transaction.query_one(there, &[schema]).await?.try_get::<_, bool>(0)? {
            transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
        }
        let there = "SELECT to_regclass($1::text || '.store_version') IS NOT NULL";
        if !transaction.query_one(there, &[schema]).await?.try_get::<_, bool>(0)? {
            transaction
                .batch_execute(
                    "CREATE TABLE store_version (version bigint NOT NULL);
                     INSERT INTO store_version VALUES (0)",
                )
                .await?;
        }
        steps(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}

async fn steps(transaction: &Transaction<'_>) -> Result<(), Trouble> {
    let found: i64 =
        transaction.query_one("SELECT version FROM store_version", &[]).await?.try_get(0)?;
    let found = u32::try_from(found).unwrap_or(u32::MAX);
    let known = u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX);
    if found > known {
        let advice =
            "Start the newer program, or restore the database from before its first start.";
        return Err(StoreError::Version { found, known, advice }.into());
    }
    for step in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(usize::MAX)) {
        transaction.batch_execute(step).await?;
    }
    if found < known {
        let moved = "UPDATE store_version SET version = $1";
        transaction.execute(moved, &[&i64::from(known)]).await?;
    }
    Ok(())
}

/// Whether the server can hold a store at all.
async fn fit(transaction: &Transaction<'_>) -> Result<(), Trouble> {
    let row = transaction
        .query_one(
            "SELECT current_setting('server_version_num')::integer,
                    current_setting('server_encoding')",
            &[],
        )
        .await?;
    let (version, encoding): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if version < VERSION_MIN {
        let sentence = "the database's server is older than PostgreSQL 13";
        return Err(StoreError::Unusable(sentence.to_owned()).into());
    }
    if encoding != "UTF8" {
        let sentence = "the database's encoding is not UTF8: create one with ENCODING 'UTF8'";
        return Err(StoreError::Unusable(sentence.to_owned()).into());
    }
    Ok(())
}

/// Rows are found by their keys, and the planner, who may have seen the tables empty, must not take
/// them for small.
fn configured(url: &str, schema: &str) -> Result<Config, StoreError> {
    let mut config = Config::from_str(url).map_err(|_| {
        StoreError::Unusable(
            "its url is none; it has the form postgres://user:password@host:5432/database"
                .to_owned(),
        )
    })?;
    let millis = STATEMENT_WITHIN.as_millis();
    let idle = TRANSACTION_WITHIN.as_millis();
    let mut options = config.get_options().unwrap_or_default().to_owned();
    for option in [
        format!("search_path={schema}"),
        format!("statement_timeout={millis}"),
        format!("lock_timeout={millis}"),
        format!("idle_in_transaction_session_timeout={idle}"),
        "default_transaction_isolation=read\\ committed".to_owned(),
        "enable_seqscan=off".to_owned(),
        "enable_hashjoin=off".to_owned(),
        "enable_mergejoin=off".to_owned(),
    ] {
        options.push_str(" -c ");
        options.push_str(&option);
    }
    config
        .options(options)
        .application_name("ferry")
        .connect_timeout(CONNECT_WITHIN)
        .keepalives_idle(Duration::from_secs(15))
        .tcp_user_timeout(STATEMENT_WITHIN);
    Ok(config)
}

/// Whether what is said to the server stays on this machine. An address says where to; the name
/// beside it is only what is looked for in the certificate.
fn stays_here(config: &Config) -> bool {
    let (hosts, addresses) = (config.get_hosts(), config.get_hostaddrs());
    !hosts.is_empty()
        && hosts.iter().all(is_local)
        && addresses.iter().all(std::net::IpAddr::is_loopback)
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    }
}

/// The server must prove its name by the machine's own certificates (or `SSL_CERT_FILE`'s).
fn tls() -> Result<tokio_postgres_rustls::MakeRustlsConnect, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let unusable = || StoreError::Unusable("TLS cannot be prepared".to_owned());
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_goes_without_tls() {
        let stays = |url: &str| stays_here(&Config::from_str(url).unwrap());
        for url in [
            "postgres://u:p@localhost/ferry",
            "postgres://u:p@127.0.0.1,[::1]/ferry",
            "postgres://u:p@%2Frun%2Fpostgresql/ferry",
            "postgres://u:p@localhost/ferry?hostaddr=127.0.0.1",
        ] {
            assert!(stays(url), "{url}");
        }
        for url in [
            "postgres://u:p@db.example/ferry",
            "postgres://u:p@localhost,db.example/ferry",
            "postgres://u:p@localhost/ferry?hostaddr=10.0.0.5",
            "postgres://u:p@localhost,localhost/ferry?hostaddr=127.0.0.1,10.0.0.5",
            "postgres:///ferry?hostaddr=10.0.0.5&user=u",
            "postgres:///ferry?user=u",
        ] {
            assert!(!stays(url), "{url}");
        }
    }
}
