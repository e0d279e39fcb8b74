//! The PostgreSQL cluster of a run that has one.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use ferry_postgres::Cluster;

use crate::{away::Away, broker::Going};

pub(crate) struct Store {
    pub(crate) address: SocketAddr,
    url: String,
    cluster: Arc<Mutex<Cluster>>,
    away: Away,
}

impl Store {
    pub(crate) fn start() -> anyhow::Result<Self> {
        ferry_postgres::ensure_package(&mut |line| eprintln!("{line}"))
            .context("the package of PostgreSQL")?;
        let cluster = Cluster::start().context("starting a private PostgreSQL cluster")?;
        let address = SocketAddr::from(([127, 0, 0, 1], cluster.port()));
        let url = cluster.url();
        Ok(Self { address, url, cluster: Arc::new(Mutex::new(cluster)), away: Away::default() })
    }

    /// The database's address by way of a link.
    pub(crate) fn url_through(&self, link: SocketAddr) -> String {
        self.url.replace(&self.address.to_string(), &link.to_string())
    }

    /// Takes the server away and starts it again, aside. False if it is away already.
    pub(crate) fn take_away(&mut self, going: Going) -> anyhow::Result<bool> {
        let cluster = Arc::clone(&self.cluster);
        self.away.begin(move || {
            let mut cluster = cluster.lock().unwrap_or_else(PoisonError::into_inner);
            match going {
                Going::Stopped => cluster.stop(),
                Going::Killed => cluster.kill(),
            }
            cluster.restart().context("starting PostgreSQL again")
        })
    }

    /// Ends every session but the asking one; says how many there were. None while the server is
    /// away.
    pub(crate) fn terminate_sessions(&self) -> Option<u64> {
        const SQL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                           WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let cluster = self.cluster.try_lock().ok()?;
        cluster.sql(SQL).ok()?.trim().parse().ok()
    }

    pub(crate) fn wait_back(&mut self) -> anyhow::Result<()> {
        self.away.wait()
    }
}
