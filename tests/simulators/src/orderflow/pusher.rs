//! Sends the outbox to the receiver of pushes until nothing is left (OrderFlow reference §5.1).
//!
//! Promises that only HTTP 200 is an acknowledgement, that every try is recorded, and that a document
//! is repeated or held back only where a fault says so. Up to [`FLIGHTS_MAX`] documents are under way
//! at a time, so their order of arrival is not guaranteed, as OrderFlow does not guarantee it.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use crate::control::{Control, PushFault};

use super::instance::Instance;
use super::outbox::Push;
use super::sender::Sender;

const FLIGHTS_MAX: usize = 8;
/// How soon a document that was posted meanwhile is seen.
const BEAT: Duration = Duration::from_millis(10);

/// Who scripts the pushes' faults and keeps their history.
pub(super) trait Overseer {
    /// The fault that hits a document about to be sent, if any: sent again after it was acknowledged,
    /// or held back, so that later ones overtake it.
    fn fault(&self, push: &Push) -> Option<PushFault>;
    /// A try that was made, with the status that was answered if any was.
    fn record(&self, path: &str, push: &Push, status: Option<StatusCode>);
}

/// The control API's faults and history.
pub(super) struct Overseen<'a> {
    pub(super) control: &'a Control,
    pub(super) instance: &'a Instance,
}

impl Overseer for Overseen<'_> {
    /// A document suffers once at most.
    fn fault(&self, push: &Push) -> Option<PushFault> {
        let suffered = push.held || push.twice || push.repeat;
        if suffered { None } else { self.control.push_fault() }
    }

    fn record(&self, path: &str, push: &Push, status: Option<StatusCode>) {
        let what = format!("push {path} {} {}", push.subject.name(), push.message_id);
        let effects = self.instance.told(push);
        self.control.acted(&what, status.map_or(0, |status| status.as_u16()), effects);
    }
}

/// Runs until it is dropped.
pub(super) async fn run(
    instance: &Instance,
    sender: &Sender,
    overseer: &impl Overseer,
    mut rng: fastrand::Rng,
) {
    let mut flights = FuturesUnordered::new();
    loop {
        while flights.len() < FLIGHTS_MAX
            && let Some(mut push) = instance.with_outbox(|outbox| outbox.take(Instant::now()))
        {
            match overseer.fault(&push) {
                Some(PushFault::Shuffled) => {
                    let chance = rng.f64();
                    instance.with_outbox(|outbox| outbox.hold_back(push, Instant::now(), chance));
                    continue;
                }
                Some(PushFault::Twice) => push.twice = true,
                None => {}
            }
            flights.push(fly(sender, push));
        }
        tokio::select! {
            Some((mut push, heard)) = flights.next() => {
                overseer.record(sender.path(), &push, heard.ok());
                if heard == Ok(StatusCode::OK) {
                    instance.with_outbox(|outbox| outbox.acknowledge(push));
                } else {
                    push.last = heard.map_or_else(str::to_owned, |status| status.to_string());
                    let chance = rng.f64();
                    instance.with_outbox(|outbox| outbox.fail(push, Instant::now(), chance));
                }
            }
            () = sleep(BEAT) => {}
        }
    }
}

async fn fly(sender: &Sender, push: Push) -> (Push, Result<StatusCode, &'static str>) {
    let heard = sender.send(push.body.clone()).await;
    (push, heard)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use axum::Router;
    use axum::body::Bytes;
    use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::{Overseer, PushFault, run};
    use crate::control::View as _;
    use crate::orderflow::access::Credentials;
    use crate::orderflow::instance::Instance;
    use crate::orderflow::outbox::{Push, Subject};
    use crate::orderflow::samples;
    use crate::orderflow::sender::Sender;

    type Received = (HeaderMap, String);

    /// Nothing in these tests takes longer.
    const PATIENCE: Duration = Duration::from_secs(20);

    /// Faults by message id and message ids with the statuses that were recorded.
    #[derive(Default)]
    struct Script {
        faults: Mutex<Vec<(u64, PushFault)>>,
        recorded: Mutex<Vec<(u64, Option<u16>)>>,
    }

    impl Overseer for Script {
        fn fault(&self, push: &Push) -> Option<PushFault> {
            let mut faults = self.faults.lock().unwrap();
            let found = faults.iter().position(|(message, _)| *message == push.message_id)?;
            Some(faults.remove(found).1)
        }

        fn record(&self, path: &str, push: &Push, status: Option<StatusCode>) {
            assert_eq!(path, "/push/warehouse");
            self.recorded.lock().unwrap().push((push.message_id, status.map(|s| s.as_u16())));
        }
    }

    /// Posts `documents`, answers what arrives with `statuses` and then always 200, and stops when
    /// `arrivals` have been answered and the outbox has settled.
    async fn play(
        script: &Script,
        documents: u64,
        statuses: Vec<u16>,
        arrivals: usize,
    ) -> (Instance, Vec<Received>) {
        let instance = samples::instance();
        instance.with_outbox(|outbox| {
            for _ in 0..documents {
                let message_id = outbox.next_message();
                let body = format!("<inventory messageId=\"{message_id}\"/>");
                outbox.post(Push::new(message_id, Subject::Inventory, body, Vec::new()));
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/push/warehouse", listener.local_addr().unwrap());
        let (told, mut heard) = mpsc::unbounded_channel();
        let statuses = std::sync::Arc::new(Mutex::new(statuses.into_iter()));
        let receive = move |headers: HeaderMap, body: Bytes| {
            let status = statuses.lock().unwrap().next().unwrap_or(200);
            told.send((headers, String::from_utf8(body.to_vec()).unwrap())).unwrap();
            async move { StatusCode::from_u16(status).unwrap() }
        };
        let serving = axum::serve(listener, Router::new().route("/push/warehouse", post(receive)));
        let credentials = Credentials { user: "orderflow".into(), password: "secret".into() };
        let sender = Sender::new(url.parse().unwrap(), Some(&credentials));
        let seen = async {
            let mut received = Vec::new();
            while received.len() < arrivals || instance.with_outbox(|o| o.waiting()) > 0 {
                // The outbox empties after the last document was heard: look again now and then.
                if let Ok(Some(document)) = timeout(LOOK_EVERY, heard.recv()).await {
                    received.push(document);
                }
            }
            received
        };
        let received = tokio::select! {
            received = timeout(PATIENCE, seen) => received.unwrap(),
            () = run(&instance, &sender, script, fastrand::Rng::with_seed(1)) => unreachable!(),
            _ = async { serving.await } => unreachable!(),
        };
        (instance, received)
    }

    const LOOK_EVERY: Duration = Duration::from_millis(5);

    fn bodies(received: &[Received]) -> Vec<&str> {
        received.iter().map(|(_, body)| body.as_str()).collect()
    }

    #[tokio::test]
    async fn a_document_carries_credentials_and_says_that_it_is_xml() {
        let (_, received) = play(&Script::default(), 1, vec![], 1).await;
        let (headers, body) = &received[0];
        assert_eq!(headers[AUTHORIZATION], "Basic b3JkZXJmbG93OnNlY3JldA==");
        assert_eq!(headers[CONTENT_TYPE], "application/xml");
        assert_eq!(body, "<inventory messageId=\"1\"/>");
    }

    #[tokio::test]
    async fn only_200_is_an_acknowledgement_and_every_try_is_recorded() {
        let script = Script::default();
        let (instance, received) = play(&script, 1, vec![503, 202, 401], 4).await;
        assert_eq!(bodies(&received), ["<inventory messageId=\"1\"/>"; 4]);
        let statuses = [503, 202, 401, 200].map(|status| (1, Some(status)));
        assert_eq!(*script.recorded.lock().unwrap(), statuses);
        let progress = instance.progress();
        assert_eq!(progress["pushes_acknowledged"]["inventory"], 1);
        assert_eq!(progress["pushes_waiting"], 0);
    }

    #[tokio::test]
    async fn a_document_pushed_twice_is_repeated_after_it_was_acknowledged() {
        let script = Script::default();
        script.faults.lock().unwrap().push((1, PushFault::Twice));
        let (instance, received) = play(&script, 1, vec![503], 3).await;
        assert_eq!(bodies(&received), ["<inventory messageId=\"1\"/>"; 3]);
        let progress = instance.progress();
        assert_eq!(progress["pushes_acknowledged"]["inventory"], 1);
        assert_eq!(progress["pushes_repeated"], 1);
    }

    #[tokio::test]
    async fn a_document_held_back_arrives_after_later_ones() {
        let script = Script::default();
        script.faults.lock().unwrap().push((1, PushFault::Shuffled));
        let (_, received) = play(&script, 3, vec![], 3).await;
        assert_eq!(*bodies(&received).last().unwrap(), "<inventory messageId=\"1\"/>");
    }
}
