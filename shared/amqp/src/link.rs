//! One way to the broker: open a connection with the topology on it, say once what is waited for.

use std::{
    collections::BTreeSet,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ferry_retry::{Delays, Policy};
use ferry_topology::Topology;
use lapin::{Connection, ConnectionProperties, types::LongString, uri::AMQPUri};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::{
    Options, OptionsError,
    declare::{DeclareError, declare},
    options::{check_names, parse_url, redacted},
    sent::{BODY_BYTES_MAX, bound_told},
    wire::connect,
};

/// A handshake with a healthy broker takes milliseconds.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// A hundred quorum queues on a slow disk.
const DECLARE_WITHIN: Duration = Duration::from_mins(1);

const RECONNECT_MIN: Duration = Duration::from_millis(250);
const RECONNECT_MAX: Duration = Duration::from_secs(10);

/// What a connection needs to know; shared by both.
#[derive(Debug)]
pub(crate) struct Link {
    uri: AMQPUri,
    shown: String,
    service: String,
    pub(crate) topology: Topology,
    /// Names, without the prefix, of the exchanges that may be published to.
    pub(crate) exchanges: BTreeSet<String>,
    declare: bool,
    /// Lower than our own bound where the broker has told so.
    body_bytes_max: AtomicUsize,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Publishing,
    Consuming,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Publishing => "publishing",
            Self::Consuming => "consuming",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the broker can't be connected to")]
    Connect(#[source] lapin::Error),
    #[error("no connection within {} s", CONNECT_WITHIN.as_secs())]
    ConnectTimeout,
    #[error("the topology is not in place")]
    Declare(#[from] DeclareError),
    #[error("the topology was not declared within {} s", DECLARE_WITHIN.as_secs())]
    DeclareTimeout,
}

impl Link {
    pub(crate) fn new(options: Options) -> Result<Arc<Self>, OptionsError> {
        let uri = parse_url(&options.url)?;
        check_names(&options.topology)?;
        let names = options.topology.exchanges.iter();
        let names = names.filter_map(|exchange| options.topology.name(&exchange.name));
        Ok(Arc::new(Self {
            shown: redacted(&uri),
            exchanges: names.map(str::to_owned).collect(),
            uri,
            service: options.service,
            topology: options.topology,
            declare: options.declare,
            body_bytes_max: AtomicUsize::new(BODY_BYTES_MAX),
        }))
    }

    pub(crate) fn body_bytes_max(&self) -> usize {
        self.body_bytes_max.load(Ordering::Relaxed)
    }

    /// Looks for a bound in what a channel was closed with. Whoever sends too large a body again is
    /// then refused alone, and the rest goes on.
    pub(crate) fn heed(&self, reason: &str) {
        if let Some(told) = bound_told(reason) {
            // The newest word holds, and never more than what every broker is safe with.
            self.body_bytes_max.store(told.min(BODY_BYTES_MAX), Ordering::Relaxed);
            warn!(bytes = told, "the broker takes smaller messages than others do");
        }
    }

    /// One attempt: connects, and declares or asserts the topology.
    pub(crate) async fn open(&self, purpose: Purpose) -> Result<Connection, OpenError> {
        use_ring_for_tls();
        let name = format!("ferry {} {}", self.service, purpose.as_str());
        let properties =
            ConnectionProperties::default().with_connection_name(LongString::from(name));
        let connecting = connect(self.uri.clone(), properties);
        let connection = timeout(CONNECT_WITHIN, connecting)
            .await
            .map_err(|_| OpenError::ConnectTimeout)?
            .map_err(OpenError::Connect)?;
        self.declare(&connection).await?;
        Ok(connection)
    }

    pub(crate) async fn declare(&self, connection: &Connection) -> Result<(), OpenError> {
        let declaring = declare(connection, &self.topology, !self.declare);
        timeout(DECLARE_WITHIN, declaring).await.map_err(|_| OpenError::DeclareTimeout)??;
        Ok(())
    }
}

/// Reconnect delays: without an end, spread so that services do not come back in step.
pub(crate) fn reconnect_delays() -> Delays {
    let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
    Policy::new(RECONNECT_MIN, RECONNECT_MAX).delays(seed)
}

pub(crate) fn next_delay(delays: &mut Delays) -> Duration {
    delays.next().unwrap_or(RECONNECT_MAX)
}

/// lapin takes the process's TLS provider; whoever installed one first wins, which is as good.
fn use_ring_for_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// What was said about an outage: each cause once, and its end.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    said: Option<String>,
}

impl Outage {
    pub(crate) fn lasts(&mut self, link: &Link, purpose: Purpose, cause: &str) {
        let purpose = purpose.as_str();
        if self.said.as_deref() == Some(cause) {
            debug!(broker = %link.shown, purpose, error = %cause, "still waiting for the broker");
            return;
        }
        warn!(
            broker = %link.shown, purpose, error = %cause,
            "waiting for the broker; trying again for as long as it takes"
        );
        self.said = Some(cause.to_owned());
    }

    pub(crate) fn ends(&mut self, link: &Link, purpose: Purpose) {
        self.said = None;
        info!(broker = %link.shown, purpose = purpose.as_str(), "connected to the broker");
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes() {
        let refused = std::io::Error::other("refused");
        let error = OpenError::Connect(lapin::Error::from(refused));
        assert!(
            chain(&error).starts_with("the broker can't be connected to: "),
            "{}",
            chain(&error)
        );
        assert!(chain(&error).contains("refused"));
    }
}
