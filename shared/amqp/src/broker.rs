//! The broker as services hold it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ferry_broker::{Broker, Depth, Health, IntakeError};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tracing::error;

use crate::{
    AmqpIntake, AmqpPublisher, Options, OptionsError, consuming::Consuming, link::Link,
    publisher::Job, publishing, state::State,
};

/// Calls that wait for the publishing task; each is bounded by its caller.
const JOBS: usize = 64;

const LOOK_EVERY: Duration = Duration::from_millis(50);
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// Both connections to one broker, kept for as long as it or its publishers live.
#[derive(Clone, Debug)]
pub struct AmqpBroker {
    publisher: AmqpPublisher,
    consuming: Arc<Consuming>,
    state: Arc<State>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl AmqpBroker {
    /// Starts connecting and returns at once; only unreadable options are an error. Must be called
    /// on a tokio runtime.
    pub fn start(options: Options) -> Result<Self, OptionsError> {
        let link = Link::new(options)?;
        let state = Arc::new(State::default());
        let (jobs, inbox) = mpsc::channel::<Job>(JOBS);
        let publishing = publishing::run(Arc::clone(&link), inbox, Arc::clone(&state));
        #[expect(
            clippy::disallowed_methods,
            reason = "the adapter's one task; `ended` tells of its end, and so does every publish"
        )]
        let task = tokio::spawn(publishing);
        Ok(Self {
            publisher: AmqpPublisher { jobs },
            consuming: Arc::new(Consuming::new(link, Arc::clone(&state))),
            state,
            task: Arc::new(Mutex::new(Some(task))),
        })
    }

    /// As [`AmqpBroker::start`], then waits for the broker and for the topology on it, as long as it
    /// takes, saying in the log what it waits for.
    pub async fn connect(options: Options) -> Result<Self, OptionsError> {
        let broker = Self::start(options)?;
        broker.ready().await;
        Ok(broker)
    }

    /// Returns once publishing works, or never will because the broker was closed.
    pub async fn ready(&self) {
        while !self.state.health().publishing && !self.publisher.jobs.is_closed() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Returns when the publishing task has ended: after [`AmqpBroker::close`], else by a fault of
    /// ours, and then the process can't publish and should end.
    pub async fn ended(&self) {
        self.publisher.jobs.closed().await;
    }

    /// Sends what was accepted, reads its confirms, then closes both connections. Deliveries not yet
    /// acknowledged go back to their queues.
    pub async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return };
        self.state.stop.notify_one();
        match timeout(CLOSE_WITHIN, &mut task).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => error!(error = %cause, "the publishing task ended by itself"),
            Err(_) => {
                task.abort();
                error!("the publishing task did not end in time; confirms in flight are not known");
            }
        }
        self.consuming.close().await;
    }
}

impl Broker for AmqpBroker {
    type Publisher = AmqpPublisher;
    type Intake = AmqpIntake;

    fn publisher(&self) -> AmqpPublisher {
        self.publisher.clone()
    }

    async fn subscribe(&self, queue: &str, prefetch: u16) -> Result<AmqpIntake, IntakeError> {
        Ok(self.consuming.subscribe(queue, prefetch).await)
    }

    fn health(&self) -> Health {
        self.state.health()
    }

    async fn depth(&self, queue: &str) -> Result<Depth, IntakeError> {
        self.consuming.depth(queue).await
    }
}
