//! HTTP in memory: a function answers, and requests are remembered.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use ferry_http::{HttpError, HttpPort, Request, Response};
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{HttpFault, WAIT_MAX};

type Responder = Box<dyn FnMut(&Request) -> Response + Send>;

/// The other side of every request. Clones share it.
#[derive(Clone)]
pub struct SimHttp {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changes: Notify,
}

struct State {
    responder: Responder,
    /// By operation.
    faults: BTreeMap<String, VecDeque<HttpFault>>,
    requests: Vec<Request>,
    /// Held answers go once this has grown.
    releases: u64,
}

impl fmt::Debug for SimHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimHttp").field("requests", &self.requests().len()).finish_non_exhaustive()
    }
}

/// An answer without headers.
pub fn answer(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.to_owned().into() }
}

impl SimHttp {
    /// `responder` is the other side: what it does when it is called has happened.
    pub fn new(responder: impl FnMut(&Request) -> Response + Send + 'static) -> Self {
        let state = State {
            responder: Box::new(responder),
            faults: BTreeMap::new(),
            requests: Vec::new(),
            releases: 0,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), changes: Notify::new() }) }
    }

    /// The next requests of `operation` meet these, one each, in order.
    pub fn script(&self, operation: &str, faults: impl IntoIterator<Item = HttpFault>) {
        self.with(|state| state.faults.entry(operation.to_owned()).or_default().extend(faults));
    }

    /// Lets go the answers that [`HttpFault::Hold`] holds.
    pub fn release(&self) {
        self.with(|state| state.releases += 1);
    }

    /// Every request that was made, answered or not.
    pub fn requests(&self) -> Vec<Request> {
        let state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.requests.clone()
    }

    /// How many requests of `operation` were made.
    pub fn count(&self, operation: &str) -> usize {
        self.requests().iter().filter(|request| request.operation == operation).count()
    }

    /// Waits until `holds`, looking again after every request.
    ///
    /// # Panics
    /// After [`WAIT_MAX`].
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            let change = self.shared.changes.notified();
            if holds(self) {
                return;
            }
            let heard = self.requests().len();
            assert!(Instant::now() < deadline, "waited in vain; {heard} requests were made");
            tokio::select! {
                biased;
                () = change => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let done = work(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.changes.notify_waiters();
        done
    }

    async fn exchange(&self, request: Request) -> Result<Response, HttpError> {
        let (fault, releases) = self.with(|state| {
            state.requests.push(request.clone());
            let script = state.faults.get_mut(request.operation);
            let fault = script.and_then(VecDeque::pop_front).unwrap_or(HttpFault::Pass);
            (fault, state.releases)
        });
        let late = HttpError::Timeout(request.deadline);
        let act = || self.with(|state| (state.responder)(&request));
        match fault {
            HttpFault::Pass => Ok(act()),
            HttpFault::Refuse => Err(HttpError::Connect("refused".to_owned())),
            HttpFault::ApplyThenDrop => {
                act();
                Err(HttpError::Broken("reset".to_owned()))
            }
            HttpFault::Stall => {
                sleep(request.deadline).await;
                Err(late)
            }
            HttpFault::Hold => {
                let response = act();
                let let_go = async {
                    loop {
                        let change = self.shared.changes.notified();
                        if self.releases() != releases {
                            break;
                        }
                        change.await;
                    }
                };
                timeout(request.deadline, let_go).await.map_or(Err(late), |()| Ok(response))
            }
        }
    }

    fn releases(&self) -> u64 {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).releases
    }
}

impl HttpPort for SimHttp {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        self.exchange(request).boxed()
    }
}
