//! HTTP as one process has it.

use std::{fmt, sync::Arc, time::Duration};

use ferry_http::{HttpError, HttpPort, Method, Request, Response};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    agenda::Act,
    fault::{Fault, Hop},
    model::{Asked, Said},
    sim::Sim,
};

/// The latest moment at which a target still acts on a request, from its start: less than the
/// configured `settle_after`, which is a promise of the target.
const LATEST: Duration = Duration::from_millis(4_500);

#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) sim: Arc<Sim>,
    pub(crate) process: String,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("process", &self.process).finish_non_exhaustive()
    }
}

impl HttpPort for Wire {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        self.exchange(request).boxed()
    }
}

const READS: [Fault; 9] = [
    Fault::Refuse,
    Fault::Delay,
    Fault::ApplyThenFail,
    Fault::ApplyLate,
    Fault::Stall,
    Fault::ServerError,
    Fault::TooMany,
    Fault::Garbage,
    Fault::Kill,
];

impl Wire {
    async fn exchange(&self, request: Request) -> Result<Response, HttpError> {
        let started = Instant::now();
        let rest = request.url.trim_start_matches("https://");
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let asked = Asked { method: request.method.as_str(), path: path.to_owned(), body };
        let polls = self.process.starts_with("producer");
        let hop = if polls { Hop::SourceToProducer } else { Hop::LoaderToTarget };
        let struck = self.sim.mix.strike(hop, &READS);
        let shown = struck.map(|fault| format!(" {fault:?}")).unwrap_or_default();
        let process = &self.process;
        self.sim.say(format!("{process} {host}: {} {}{shown}", request.operation, asked.path));
        sleep(self.sim.chance.millis(1..40)).await;
        let writes = request.method != Method::Get && !request.secret;
        let answer = match struck {
            Some(fault) => self.strike(fault, host, &asked, (started, request.deadline)).await,
            None => Ok(self.sim.act(host, &asked)),
        };
        let shown = match &answer {
            Ok(said) if writes => format!("{}", said.status),
            Ok(said) => format!("{} ({} bytes)", said.status, said.body.len()),
            Err(error) => error.to_string(),
        };
        sleep(self.sim.chance.millis(1..40)).await;
        self.sim.say(format!("{process} {host}: {} → {shown}", request.operation));
        answer.map(|said| {
            let headers = match said.status {
                429 => vec![("retry-after".to_owned(), "1".to_owned())],
                _ => Vec::new(),
            };
            Response { status: said.status, headers, body: said.body.into() }
        })
    }

    async fn strike(
        &self,
        fault: Fault,
        host: &str,
        asked: &Asked,
        (started, deadline): (Instant, Duration),
    ) -> Result<Said, HttpError> {
        let sim = &self.sim;
        match fault {
            Fault::Refuse => return Err(HttpError::Connect("refused".to_owned())),
            Fault::Delay => sleep(sim.chance.millis(100..1_800)).await,
            Fault::ApplyThenFail => {
                sim.act(host, asked);
                return if sim.chance.coin() {
                    Ok(Said::no(502, "the gateway heard nothing"))
                } else {
                    Err(HttpError::Broken("reset".to_owned()))
                };
            }
            Fault::ApplyLate => {
                self.act_late(host, asked, started, deadline);
                sleep_until(started + deadline).await;
                return Err(HttpError::Timeout(deadline));
            }
            Fault::Stall => {
                sleep_until(started + deadline).await;
                return Err(HttpError::Timeout(deadline));
            }
            Fault::ServerError => {
                return Ok(Said::no(if sim.chance.coin() { 503 } else { 502 }, "no"));
            }
            Fault::TooMany => return Ok(Said::no(429, "slower")),
            Fault::Garbage => {
                if sim.chance.coin() {
                    sim.act(host, asked);
                }
                return Ok(Said::ok("<html><body>welcome</body></html>"));
            }
            Fault::Kill => {
                match sim.chance.below(3) {
                    0 => drop(sim.act(host, asked)),
                    1 => self.act_late(host, asked, started, Duration::ZERO),
                    _ => {}
                }
                sim.kill(&self.process);
                return std::future::pending().await;
            }
            // Not for HTTP, and never asked for here.
            Fault::LoseConfirm
            | Fault::Duplicate
            | Fault::Hold
            | Fault::Sever
            | Fault::Reorder
            | Fault::Busy
            | Fault::Restart => {}
        }
        Ok(sim.act(host, asked))
    }

    /// The target acts on it at some time between `soonest` and the latest at which it may.
    fn act_late(&self, host: &str, asked: &Asked, started: Instant, soonest: Duration) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let after = self.sim.chance.millis(millis(soonest)..millis(LATEST));
        let at = (started + after).max(Instant::now());
        let (host, asked) = (host.to_owned(), asked.clone());
        self.sim.agenda.add(at, Act::ApplyLate { host, asked });
    }
}
