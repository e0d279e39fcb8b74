//! The publishing task: the only owner of the publishing connection and its one channel.
//!
//! One channel, one task, because lapin pairs confirms with publishes by order (RabbitMQ reference
//! §0.8). Publishes are pipelined in a window; their confirms are read in order. Anything that makes
//! the channel doubtful, a confirm that does not come included, ends the connection: all that was in
//! flight is answered as not stored, and a new connection is made.
//!
//! A refusal is the broker's word too, but a channel may be wrong about it for good: one that was opened
//! while a queue's leader was dying keeps asking that node whether it may write, and refuses all for the
//! queue until the node is back (`rabbit_fifo_client:enqueue`, 3.10.8; seen on a cluster). So a channel
//! that refuses is drained and replaced by another of the same connection.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc, time::Duration, vec};

use ferry_broker::{Message, PublishError};
use futures_util::{StreamExt, stream::FuturesOrdered};
use lapin::{
    Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tracing::{debug, warn};

use crate::{
    link::{Link, Outage, Purpose, chain, next_delay, reconnect_delays},
    publisher::{Answers, Job},
    sent::{Outgoing, outgoing},
    state::State,
};

/// Publishes in flight. Beyond it throughput does not grow, and each confirm costs lapin a walk over
/// all of them (RabbitMQ reference §4.1).
pub(crate) const WINDOW: usize = 500;

/// After this, whether the broker stored the message is not known.
pub(crate) const CONFIRM_WITHIN: Duration = Duration::from_secs(30);

/// How often the connection's state and the oldest confirm are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// After a channel's first refusal. A queue that really is full costs a channel each time.
const RENEW_AFTER: Duration = Duration::from_secs(2);

const CHANNEL_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

type Confirm = Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send>>;

/// Runs until every handle is dropped or the inbox is closed.
pub(crate) async fn run(link: Arc<Link>, mut jobs: mpsc::Receiver<Job>, state: Arc<State>) {
    let mut outage = Outage::default();
    let mut reason = None;
    while let Some(session) = open(&link, &mut jobs, &state, &mut outage, reason.take()).await {
        state.publishes_on(Some(session.connection.status().clone()));
        outage.ends(&link, Purpose::Publishing);
        let ended = session.serve(&mut jobs, &state).await;
        state.publishes_on(None);
        match ended {
            Ended::AllSent => return,
            Ended::Lost(why) => {
                outage.lasts(&link, Purpose::Publishing, &why);
                reason = Some(why);
            }
        }
    }
}

/// Connects, as often as it takes. Jobs that come meanwhile are answered at once, except during the
/// very first attempt, when nobody knows yet whether the broker is there. `None`: nobody is left.
async fn open(
    link: &Arc<Link>,
    jobs: &mut mpsc::Receiver<Job>,
    state: &State,
    outage: &mut Outage,
    mut reason: Option<String>,
) -> Option<Session> {
    let mut delays = reconnect_delays();
    loop {
        let opening = Session::open(link);
        let opened = match &reason {
            Some(why) => refusing(jobs, state, why, opening).await?,
            None => opening.await,
        };
        match opened {
            Ok(session) => return Some(session),
            Err(why) => {
                outage.lasts(link, Purpose::Publishing, &why);
                refusing(jobs, state, &why, sleep(next_delay(&mut delays))).await?;
                reason = Some(why);
            }
        }
    }
}

/// Does the work while answering every job that comes as not stored.
async fn refusing<T>(
    jobs: &mut mpsc::Receiver<Job>,
    state: &State,
    why: &str,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            job = jobs.recv() => {
                let Job { messages, answer } = job?;
                Answer::new(messages.len(), answer).end(why);
            }
            () = state.stop.notified() => jobs.close(),
        }
    }
}

/// Why a session ended.
enum Ended {
    /// The inbox is closed and everything in it was answered.
    AllSent,
    Lost(String),
}

/// One job's answer, filled in order.
struct Answer {
    count: usize,
    answers: Answers,
    to: oneshot::Sender<Answers>,
}

/// One connection's life.
struct Session {
    link: Arc<Link>,
    connection: Connection,
    channel: Channel,
    frame_max: u32,
    /// Messages of the job that is being sent.
    feeding: vec::IntoIter<Arc<Message>>,
    in_flight: FuturesOrdered<Confirm>,
    /// When each publish in flight was begun.
    begun: VecDeque<Instant>,
    /// When the channel first refused something.
    refused: Option<Instant>,
    /// That a channel refuses is said once in a connection's life; a queue may be full for hours.
    has_told: bool,
    answers: VecDeque<Answer>,
}

impl Session {
    async fn open(link: &Arc<Link>) -> Result<Self, String> {
        let connection = link.open(Purpose::Publishing).await.map_err(|error| chain(&error))?;
        let channel = confirming_channel(&connection).await?;
        Ok(Self {
            link: Arc::clone(link),
            frame_max: connection.configuration().frame_max(),
            connection,
            channel,
            feeding: Vec::new().into_iter(),
            in_flight: FuturesOrdered::new(),
            begun: VecDeque::new(),
            refused: None,
            has_told: false,
            answers: VecDeque::new(),
        })
    }

    async fn serve(mut self, jobs: &mut mpsc::Receiver<Job>, state: &State) -> Ended {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        while open || !self.is_idle() {
            let step = tokio::select! {
                biased;
                Some(confirmed) = self.in_flight.next() => self.settle(confirmed),
                () = state.stop.notified(), if open => { jobs.close(); Ok(()) }
                job = jobs.recv(), if open && self.has_room() => {
                    match job {
                        Some(job) => self.accept(job),
                        None => open = false,
                    }
                    Ok(())
                }
                _ = look.tick() => self.look(),
            };
            if let Err(lost) = step {
                return self.lose(&lost);
            }
            if self.is_to_be_renewed()
                && self.in_flight.is_empty()
                && let Err(lost) = self.renew().await
            {
                return self.lose(&lost);
            }
            self.feed();
        }
        let closing = self.connection.close(200, "closed by its user".into());
        // A connection that can't be closed is gone, which is what was wanted.
        drop(timeout(CLOSE_WITHIN, closing).await);
        Ended::AllSent
    }

    fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.feeding.len() == 0
    }

    fn has_room(&self) -> bool {
        self.feeding.len() == 0 && self.in_flight.len() < WINDOW
    }

    fn accept(&mut self, job: Job) {
        let answer = Answer::new(job.messages.len(), job.answer);
        if job.messages.is_empty() {
            return answer.end("");
        }
        self.answers.push_back(answer);
        self.feeding = job.messages.into_iter();
    }

    /// Begins publishes until the window is full. Frames are pushed when the futures are first
    /// polled, which [`FuturesOrdered`] does in order.
    fn feed(&mut self) {
        while !self.is_to_be_renewed()
            && self.in_flight.len() < WINDOW
            && let Some(message) = self.feeding.next()
        {
            self.begun.push_back(Instant::now());
            let confirm: Confirm = match outgoing(&message, &self.link, self.frame_max) {
                Ok(sent) => Box::pin(publish(self.channel.clone(), message, sent)),
                Err(unsendable) => Box::pin(std::future::ready(Err(unsendable))),
            };
            self.in_flight.push_back(confirm);
        }
    }

    /// Confirms come in the order of the publishes, so each belongs to the oldest answer.
    fn settle(&mut self, confirmed: Result<(), PublishError>) -> Result<(), PublishError> {
        self.begun.pop_front();
        let lost = match &confirmed {
            Err(lost @ (PublishError::Disconnected(_) | PublishError::ConfirmTimeout(_))) => {
                Err(lost.clone())
            }
            Err(PublishError::Refused) => {
                self.refused.get_or_insert_with(Instant::now);
                Ok(())
            }
            Ok(()) | Err(_) => Ok(()),
        };
        if let Some(answer) = self.answers.front_mut() {
            answer.answers.push(confirmed);
            if answer.is_full()
                && let Some(full) = self.answers.pop_front()
            {
                full.send();
            }
        }
        lost
    }

    fn is_to_be_renewed(&self) -> bool {
        self.refused.is_some_and(|refused| refused.elapsed() >= RENEW_AFTER)
    }

    /// Another channel; nothing is in flight on this one.
    async fn renew(&mut self) -> Result<(), PublishError> {
        if self.has_told {
            debug!("the channel still refuses; going on with another");
        } else {
            warn!(
                "the broker refuses what is published, because a queue is full or its leader is gone; \
                 going on with another channel. `ferry topology doctor` tells of length limits"
            );
            self.has_told = true;
        }
        let channel = confirming_channel(&self.connection).await;
        let channel = channel.map_err(PublishError::Disconnected)?;
        let old = std::mem::replace(&mut self.channel, channel);
        self.refused = None;
        let closing = old.close(200, "it refuses".into());
        // One that can't be closed ends with its connection.
        drop(timeout(CLOSE_WITHIN, closing).await);
        Ok(())
    }

    fn look(&self) -> Result<(), PublishError> {
        if !(self.connection.status().connected() && self.channel.status().connected()) {
            return Err(PublishError::Disconnected("the connection has ended".to_owned()));
        }
        if self.begun.front().is_some_and(|begun| begun.elapsed() >= CONFIRM_WITHIN) {
            return Err(PublishError::ConfirmTimeout(CONFIRM_WITHIN));
        }
        Ok(())
    }

    fn lose(self, lost: &PublishError) -> Ended {
        self.link.heed(&lost.to_string());
        for answer in self.answers {
            answer.fill(lost);
        }
        Ended::Lost(lost.to_string())
    }
}

async fn confirming_channel(connection: &Connection) -> Result<Channel, String> {
    let opening = async {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions { nowait: false }).await?;
        Ok(channel)
    };
    let opened = timeout(CHANNEL_WITHIN, opening).await;
    let opened = opened.map_err(|_| "the broker opens no channel".to_owned())?;
    opened.map_err(|error: lapin::Error| chain(&error))
}

/// Two awaits: the first ends when the frames are written, only the second is the broker's word.
async fn publish(
    channel: Channel,
    message: Arc<Message>,
    sent: Outgoing,
) -> Result<(), PublishError> {
    let options = BasicPublishOptions { mandatory: true, immediate: false };
    let Outgoing { exchange, key, properties } = sent;
    let written = channel.basic_publish(exchange, key, options, &message.body, properties);
    let confirm = written.await.map_err(disconnected)?;
    match confirm.await.map_err(disconnected)? {
        Confirmation::Ack(None) => Ok(()),
        // Only a second net: lapin may hand a return to the wrong publish of the window, so it is
        // the alternate exchanges that keep unroutable messages (RabbitMQ reference §0.8).
        Confirmation::Ack(Some(returned)) => Err(PublishError::Unroutable {
            exchange: returned.exchange.as_str().to_owned(),
            key: returned.routing_key.as_str().to_owned(),
        }),
        Confirmation::Nack(_) => Err(PublishError::Refused),
        Confirmation::NotRequested => {
            Err(PublishError::Disconnected("the channel does not confirm".to_owned()))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` calls")]
fn disconnected(error: lapin::Error) -> PublishError {
    PublishError::Disconnected(chain(&error))
}

impl Answer {
    fn new(count: usize, to: oneshot::Sender<Answers>) -> Self {
        Self { count, answers: Vec::with_capacity(count), to }
    }

    fn is_full(&self) -> bool {
        self.answers.len() >= self.count
    }

    /// A caller that went away does not need its answer.
    fn send(self) {
        self.to.send(self.answers).ok();
    }

    fn end(self, why: &str) {
        self.fill(&PublishError::Disconnected(why.to_owned()));
    }

    fn fill(mut self, error: &PublishError) {
        self.answers.resize(self.count, Err(error.clone()));
        self.send();
    }
}
