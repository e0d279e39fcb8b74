//! The handle of the one publishing task.

use std::{sync::Arc, time::Duration};

use ferry_broker::{Message, PublishError, Publisher};
use ferry_retry::Policy;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};

/// One entry per message.
pub(crate) type Answers = Vec<Result<(), PublishError>>;

/// One call's messages, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) messages: Vec<Arc<Message>>,
    pub(crate) answer: oneshot::Sender<Answers>,
}

/// Publishes over the process's one publishing channel. While the broker is away, publishes fail at
/// once with [`PublishError::Disconnected`], so that a caller with somebody waiting can say so.
#[derive(Clone, Debug)]
pub struct AmqpPublisher {
    pub(crate) jobs: mpsc::Sender<Job>,
}

/// Between the repeats of [`Publisher::publish_until_confirmed`].
const REPEAT_MIN: Duration = Duration::from_millis(200);
const REPEAT_MAX: Duration = Duration::from_secs(5);

impl AmqpPublisher {
    async fn publish_shared(&self, messages: Vec<Arc<Message>>) -> Answers {
        let count = messages.len();
        let (answer, answered) = oneshot::channel();
        let sent = self.jobs.send(Job { messages, answer }).await;
        let answers = match sent {
            Ok(()) => answered.await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        if answers.len() == count { answers } else { vec![Err(ended()); count] }
    }
}

fn ended() -> PublishError {
    PublishError::Disconnected("the publishing task has ended".to_owned())
}

impl Publisher for AmqpPublisher {
    async fn publish_all(&self, messages: Vec<Message>) -> Answers {
        self.publish_shared(messages.into_iter().map(Arc::new).collect()).await
    }

    async fn publish_until_confirmed(
        &self,
        messages: Vec<Message>,
        patience: Duration,
    ) -> Result<(), PublishError> {
        let deadline = Instant::now() + patience;
        let (seed, _) = uuid::Uuid::new_v4().as_u64_pair();
        let mut delays = Policy::new(REPEAT_MIN, REPEAT_MAX).delays(seed);
        let mut left: Vec<Arc<Message>> = messages.into_iter().map(Arc::new).collect();
        loop {
            let answers = timeout_at(deadline, self.publish_shared(left.clone())).await;
            let answers = answers.map_err(|_| PublishError::ConfirmTimeout(patience))?;
            let Some(error) = last_error(&answers) else { return Ok(()) };
            left = unconfirmed(left, &answers);
            let delay = delays.next().unwrap_or(REPEAT_MAX);
            if is_hopeless(&answers) || Instant::now() + delay >= deadline {
                return Err(error);
            }
            sleep(delay).await;
        }
    }
}

fn last_error(answers: &Answers) -> Option<PublishError> {
    answers.iter().rev().find_map(|answer| answer.as_ref().err()).cloned()
}

fn unconfirmed(messages: Vec<Arc<Message>>, answers: &Answers) -> Vec<Arc<Message>> {
    let pairs = messages.into_iter().zip(answers);
    pairs.filter(|(_, answer)| answer.is_err()).map(|(message, _)| message).collect()
}

/// Whether all that is left can't be sent as it is: repeating would only take time.
fn is_hopeless(answers: &Answers) -> bool {
    let mut errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    errors.all(|error| matches!(error, PublishError::Unsendable(_)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ferry_broker::Headers;

    use super::*;

    fn message(id: &str) -> Message {
        Message {
            exchange: "events".to_owned(),
            key: "order.placed.shop.live".to_owned(),
            id: id.to_owned(),
            content_type: "application/json".to_owned(),
            headers: Headers::default(),
            body: Bytes::new(),
        }
    }

    /// A publishing task that answers each call from a script, and tells what it was asked.
    fn scripted(script: Vec<Answers>) -> (AmqpPublisher, impl Future<Output = Vec<Vec<String>>>) {
        let (jobs, mut inbox) = mpsc::channel::<Job>(1);
        let task = async move {
            let mut asked = Vec::new();
            for answers in script {
                let Some(job) = inbox.recv().await else { break };
                asked.push(job.messages.iter().map(|message| message.id.clone()).collect());
                job.answer.send(answers).ok();
            }
            asked
        };
        (AmqpPublisher { jobs }, task)
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_was_not_confirmed_is_repeated_until_all_is_stored() {
        let refused = || Err(PublishError::Refused);
        let (publisher, task) = scripted(vec![
            vec![Ok(()), refused(), refused()],
            vec![Ok(()), refused()],
            vec![Ok(())],
        ]);
        let messages = ["a", "b", "c"].map(message).to_vec();
        let publishing = publisher.publish_until_confirmed(messages, Duration::from_mins(1));
        let (stored, asked) = tokio::join!(publishing, task);
        assert_eq!(stored, Ok(()));
        assert_eq!(asked, [vec!["a", "b", "c"], vec!["b", "c"], vec!["c"]]);
    }

    #[tokio::test(start_paused = true)]
    async fn when_patience_is_over_the_last_error_is_told() {
        let script = vec![vec![Err(PublishError::Refused)]; 1_000];
        let (publisher, task) = scripted(script);
        let start = Instant::now();
        let patience = Duration::from_secs(30);
        let publishing =
            async move { publisher.publish_until_confirmed(vec![message("a")], patience).await };
        let (stored, asked) = tokio::join!(publishing, task);
        assert_eq!(stored, Err(PublishError::Refused));
        assert!(start.elapsed() <= patience && asked.len() > 5 && asked.len() < 40);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_never_answers_does_not_outlast_patience() {
        let (jobs, inbox) = mpsc::channel::<Job>(1);
        let patience = Duration::from_secs(7);
        let publisher = AmqpPublisher { jobs };
        let stored = publisher.publish_until_confirmed(vec![message("a")], patience).await;
        assert_eq!(stored, Err(PublishError::ConfirmTimeout(patience)));
        drop(inbox);
    }

    #[tokio::test(start_paused = true)]
    async fn what_can_not_be_sent_is_not_repeated() {
        let unsendable = Err(PublishError::Unsendable("too large".to_owned()));
        let (publisher, task) = scripted(vec![vec![unsendable.clone()]]);
        let hour = Duration::from_hours(1);
        let publishing = publisher.publish_until_confirmed(vec![message("a")], hour);
        let (stored, asked) = tokio::join!(publishing, task);
        assert_eq!((stored, asked.len()), (unsendable, 1));
    }

    #[tokio::test]
    async fn without_its_task_every_message_is_answered_as_not_stored() {
        let (jobs, inbox) = mpsc::channel::<Job>(1);
        drop(inbox);
        let answers = AmqpPublisher { jobs }.publish_all(vec![message("a"), message("b")]).await;
        assert_eq!(answers, vec![Err(ended()), Err(ended())]);
    }
}
