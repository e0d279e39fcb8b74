//! Publishing: what is sent is stored before anybody waits; confirms come as scripted.

use std::time::Duration;

use ferry_broker::{Broker as _, Message, PublishError, Publisher};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{SimBroker, state::Confirm};

#[derive(Clone, Debug)]
pub struct SimPublisher {
    pub(crate) broker: SimBroker,
}

/// Between the repeats of `publish_until_confirmed`.
const REPEAT_MIN: Duration = Duration::from_millis(200);
const REPEAT_MAX: Duration = Duration::from_secs(5);

impl SimPublisher {
    async fn confirmed(&self, confirm: Confirm) -> Result<(), PublishError> {
        match confirm {
            Confirm::Now(answer) => answer,
            Confirm::Held(number) => {
                self.broker
                    .until(|broker| !broker.look(|state| state.held.contains(&number)))
                    .await;
                if self.broker.look(|state| state.broken.contains(&number)) {
                    let lost = "the broker stopped before its confirm".to_owned();
                    return Err(PublishError::Disconnected(lost));
                }
                Ok(())
            }
            Confirm::At(due) => {
                sleep_until(due).await;
                Ok(())
            }
        }
    }
}

impl Publisher for SimPublisher {
    async fn publish_all(&self, messages: Vec<Message>) -> Vec<Result<(), PublishError>> {
        let confirms: Vec<Confirm> = self.broker.change(|state| {
            messages.iter().map(|message| state.publish(message, Instant::now())).collect()
        });
        let mut answers = Vec::with_capacity(confirms.len());
        for confirm in confirms {
            answers.push(self.confirmed(confirm).await);
        }
        answers
    }

    async fn publish_until_confirmed(
        &self,
        messages: Vec<Message>,
        patience: Duration,
    ) -> Result<(), PublishError> {
        let deadline = Instant::now() + patience;
        let (mut left, mut delay) = (messages, REPEAT_MIN);
        loop {
            let answers = timeout_at(deadline, self.publish_all(left.clone())).await;
            let answers = answers.map_err(|_| PublishError::ConfirmTimeout(patience))?;
            let last = answers.iter().rev().find_map(|answer| answer.as_ref().err()).cloned();
            let Some(error) = last else { return Ok(()) };
            let tried = left.into_iter().zip(&answers);
            left =
                tried.filter(|(_, answer)| answer.is_err()).map(|(message, _)| message).collect();
            if Instant::now() + delay >= deadline {
                return Err(error);
            }
            sleep(delay).await;
            delay = (delay * 2).min(REPEAT_MAX);
        }
    }
}

impl SimBroker {
    /// Publishes one message, as a test's own hand.
    ///
    /// # Panics
    /// Where it is not stored and confirmed.
    pub async fn publish(&self, message: Message) {
        if let Err(error) = self.publisher().publish(message).await {
            panic!("the broker did not take a test's message: {error}");
        }
    }
}
