//! What the shop tells others by itself (OroCommerce reference §7).
//!
//! Promises one notification for each change of what is announced to each enabled webhook of its
//! topic, also for the client's own writes; signed over the bytes that are sent; and Oro's own rules
//! for what is told again: 423, 425, 429, 502 and 503 are, anything else that is no success and
//! whatever was not answered at all is dropped, and 410 ends the webhook. Removals are not told: Oro
//! looks for the row again before it tells, and there is none.

mod sender;

use std::collections::VecDeque;
use std::fmt::Write as _;

use axum::body::Bytes;
use ferry_world::account::{Effect, EffectKind};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

pub(super) use self::sender::Sender;
use super::record::{Id, Record};
use super::render::{View, resource};
use super::schema::Kind;
use super::shop::to_bytes;
use super::store::Store;
use super::version::{Dialect, Version};

/// What can be announced: the alias of an entity, as topics and effects name it.
const ENTITIES: [(&str, Kind); 3] =
    [("customer", Kind::Customers), ("order", Kind::Orders), ("product", Kind::Products)];
/// Notifications under way at one time.
const FLIGHTS_MAX: usize = 8;
/// How long a notification rests that a receiver put off without saying until when.
const REST: SignedDuration = SignedDuration::from_secs(1);

/// One notification to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) webhook: Id,
    pub(super) url: String,
    pub(super) topic: String,
    pub(super) id: String,
    pub(super) signature: Option<String>,
    pub(super) body: Bytes,
    due: Timestamp,
}

/// What becomes of a notification after it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Heard,
    /// It is told again so much later.
    Again(SignedDuration),
    /// The webhook ends.
    Gone,
    Dropped,
}

/// One change, as it is told to each webhook.
struct News<'shop> {
    store: &'shop Store,
    version: Version,
    topic: &'shop str,
    row: &'shop Record,
    now: Timestamp,
}

impl News<'_> {
    fn body(&self, thin: bool, id: &str) -> Vec<u8> {
        let row = self.row;
        let data = if thin {
            json!({"type": row.kind.name(), "id": row.id.to_string()})
        } else {
            let dialect = Dialect { version: self.version, ..Dialect::default() };
            Value::Object(resource(self.store, row, &View { dialect, ..View::default() }))
        };
        to_bytes(&json!({
            "topic": self.topic,
            "eventData": {"data": data},
            "timestamp": self.now.as_second(),
            "messageId": id,
        }))
    }
}

/// Notifications that are to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    waiting: VecDeque<Notice>,
    flying: usize,
    rng: fastrand::Rng,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), flying: 0, rng: fastrand::Rng::with_seed(1) }
    }
}

impl Outbox {
    /// Takes note of what was done.
    pub(super) fn tell(
        &mut self,
        store: &Store,
        version: Version,
        effects: &[Effect],
        now: Timestamp,
    ) {
        for effect in effects {
            let what = match effect.effect {
                EffectKind::Created => "created",
                EffectKind::Updated => "updated",
                _ => continue,
            };
            let kind = ENTITIES.iter().find(|(alias, _)| *alias == effect.entity);
            let id = effect.fields.get("id").and_then(Value::as_str);
            let (Some((alias, kind)), Some(id)) = (kind, id) else { continue };
            let row = Id::parse(*kind, id).and_then(|id| store.get(*kind, &id));
            let Some(row) = row else { continue };
            let topic = format!("{alias}.{what}");
            let news = News { store, version, topic: &topic, row, now };
            for webhook in store.all(Kind::Webhooks).filter(|webhook| listens(webhook, &topic)) {
                let notice = self.notice(webhook, &news);
                self.waiting.push_back(notice);
            }
        }
    }

    fn notice(&mut self, webhook: &Record, news: &News<'_>) -> Notice {
        let id = uuid(&mut self.rng);
        let thin = webhook.one.get("format") == Some(&Id::name("thin"));
        let body = news.body(thin, &id);
        let signature = webhook.text("secret").map(|secret| sign(secret, &body));
        let url = webhook.text("notificationUrl").unwrap_or_default().to_owned();
        let (webhook, topic, body) = (webhook.id.clone(), news.topic.to_owned(), body.into());
        Notice { webhook, url, topic, id, signature, body, due: news.now }
    }

    /// What is due and has room on its way.
    pub(super) fn take(&mut self, now: Timestamp) -> Vec<Notice> {
        let room = FLIGHTS_MAX.saturating_sub(self.flying);
        let mut taken = Vec::new();
        let mut later = VecDeque::new();
        for notice in self.waiting.drain(..) {
            if taken.len() < room && notice.due <= now {
                taken.push(notice);
            } else {
                later.push_back(notice);
            }
        }
        self.waiting = later;
        self.flying += taken.len();
        taken
    }

    /// Takes note of what was answered.
    pub(super) fn heard(
        &mut self,
        store: &mut Store,
        notice: Notice,
        answer: Option<&(u16, Option<String>)>,
        now: Timestamp,
    ) {
        self.flying = self.flying.saturating_sub(1);
        match fate(answer.map(|(status, after)| (*status, after.as_deref()))) {
            Fate::Heard | Fate::Dropped => {}
            Fate::Again(rest) => {
                let due = now.saturating_add(rest).unwrap_or(Timestamp::MAX);
                self.waiting.push_back(Notice { due, ..notice });
            }
            Fate::Gone => {
                store.begin();
                store.remove(Kind::Webhooks, &notice.webhook);
                self.waiting.retain(|other| other.webhook != notice.webhook);
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.flying
    }
}

/// What a status means, and a `Retry-After` beside it; none is no answer at all.
fn fate(answer: Option<(u16, Option<&str>)>) -> Fate {
    match answer {
        Some((200..=299, _)) => Fate::Heard,
        Some((410, _)) => Fate::Gone,
        Some((423 | 425 | 429 | 502 | 503, after)) => {
            let seconds = after.and_then(|after| after.trim().parse().ok());
            Fate::Again(seconds.map_or(REST, SignedDuration::from_secs))
        }
        _ => Fate::Dropped,
    }
}

fn listens(webhook: &Record, topic: &str) -> bool {
    let enabled = webhook.attribute("enabled").and_then(Value::as_bool) == Some(true);
    enabled && webhook.one.get("topic") == Some(&Id::name(topic))
}

/// Lets an entity be listened to: its topics, by alias. False if there is no such entity.
pub(super) fn announce(store: &mut Store, entity: &str) -> bool {
    let known = ENTITIES.iter().any(|(alias, _)| *alias == entity);
    for what in ["created", "updated", "deleted"].iter().filter(|_| known) {
        let topic = format!("{entity}.{what}");
        let mut row = Record::new(Kind::WebhookTopics, Id::name(&topic));
        row.set("label", topic);
        store.put(row);
    }
    store.begin();
    known
}

/// Lowercase hex of HMAC-SHA256 over the raw body.
fn sign(secret: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(body);
    let mut text = String::new();
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A random UUID (version 4), from the shop's own chance.
fn uuid(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..);
    let bits = (bits & !((0xf << 76) | (0x3 << 62))) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_rfc_4231_has_it() {
        assert_eq!(
            sign("Jefe", b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn what_is_told_again_is_what_oro_tells_again() {
        for status in [200, 202, 204] {
            assert_eq!(fate(Some((status, None))), Fate::Heard, "{status}");
        }
        for status in [423, 425, 429, 502, 503] {
            assert_eq!(fate(Some((status, None))), Fate::Again(REST), "{status}");
        }
        assert_eq!(fate(Some((503, Some("7")))), Fate::Again(SignedDuration::from_secs(7)));
        for status in [301, 400, 401, 404, 500, 504] {
            assert_eq!(fate(Some((status, None))), Fate::Dropped, "{status}");
        }
        assert_eq!((fate(None), fate(Some((410, None)))), (Fate::Dropped, Fate::Gone));
    }

    #[test]
    fn an_id_is_a_uuid_of_version_four() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..50 {
            let id = uuid(&mut rng);
            let (version, variant) = (id.as_bytes()[14], id.as_bytes()[19]);
            assert_eq!((id.len(), version, b"89ab".contains(&variant)), (36, b'4', true), "{id}");
        }
    }
}
