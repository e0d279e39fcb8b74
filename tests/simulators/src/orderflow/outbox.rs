//! Documents on their way to the receiver of pushes (OrderFlow reference §5.1).
//!
//! Promises that message ids are one growing sequence, that a document keeps its bytes over all its
//! tries, and that after as many of them as it is told it becomes an administrator's mark. The order in which
//! documents are sent is by message id as far as they are due; a document that waits for another try
//! is overtaken, as at OrderFlow.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::body::Bytes;
use ferry_world::account::Effect;
use tokio::time::Instant;

/// The wait before another try grows with each by one spacing, up to this many.
const SPACINGS_MAX: u32 = 10;

/// What a document is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Inventory,
    Despatch,
    Cancellation,
    /// These three have no canonical meaning for the receiver.
    StockChanges,
    PaymentRequest,
    PurchaseOrder,
}

impl Subject {
    pub(super) const ALL: [Self; 6] = [
        Self::Inventory,
        Self::Despatch,
        Self::Cancellation,
        Self::StockChanges,
        Self::PaymentRequest,
        Self::PurchaseOrder,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Despatch => "order_despatched",
            Self::Cancellation => "order_cancelled",
            Self::StockChanges => "stockChanges",
            Self::PaymentRequest => "paymentRequest",
            Self::PurchaseOrder => "purchaseOrder",
        }
    }
}

/// One document.
#[derive(Clone, Debug)]
pub(super) struct Push {
    pub(super) message_id: u64,
    pub(super) subject: Subject,
    pub(super) body: Bytes,
    /// What the receiver learns from it.
    pub(super) effects: Vec<Effect>,
    /// Tries made so far.
    pub(super) tries: u32,
    /// What the last try met, for the administrator: a status, or what went wrong on the way.
    pub(super) last: String,
    /// Whether it is to be sent again once it was acknowledged.
    pub(super) twice: bool,
    /// Whether this copy repeats a document that was acknowledged.
    pub(super) repeat: bool,
    /// Whether it was held back so that later ones overtake it; that happens once.
    pub(super) held: bool,
}

impl Push {
    /// A document that was never sent.
    pub(super) fn new(
        message_id: u64,
        subject: Subject,
        body: String,
        effects: Vec<Effect>,
    ) -> Self {
        Self {
            message_id,
            subject,
            body: body.into(),
            effects,
            tries: 0,
            last: String::new(),
            twice: false,
            repeat: false,
            held: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct Outbox {
    spacing: Duration,
    /// Tries before OrderFlow gives up and tells its administrator.
    tries_max: u32,
    last_message: u64,
    ready: BTreeMap<u64, VecDeque<Push>>,
    later: BTreeMap<(Instant, u64), Vec<Push>>,
    in_flight: usize,
    acknowledged: BTreeMap<Subject, u64>,
    repeats: u64,
    failures: Vec<Push>,
}

impl Outbox {
    /// `spacing` is the wait before the second try; later ones are multiples of it.
    pub(super) const fn new(spacing: Duration, tries_max: u32) -> Self {
        Self {
            spacing,
            tries_max,
            last_message: 0,
            ready: BTreeMap::new(),
            later: BTreeMap::new(),
            in_flight: 0,
            acknowledged: BTreeMap::new(),
            repeats: 0,
            failures: Vec::new(),
        }
    }

    /// The next number of the sequence.
    pub(super) fn next_message(&mut self) -> u64 {
        self.last_message += 1;
        self.last_message
    }

    /// Puts a document in line.
    pub(super) fn post(&mut self, push: Push) {
        self.ready.entry(push.message_id).or_default().push_back(push);
    }

    fn hold(&mut self, push: Push, until: Instant) {
        self.later.entry((until, push.message_id)).or_default().push(push);
    }

    /// The next document to send, which must come back through [`Self::acknowledge`] or
    /// [`Self::fail`].
    pub(super) fn take(&mut self, now: Instant) -> Option<Push> {
        while let Some(first) = self.later.first_entry()
            && first.key().0 <= now
        {
            for push in first.remove() {
                self.post(push);
            }
        }
        let mut first = self.ready.first_entry()?;
        let push = first.get_mut().pop_front();
        if first.get().is_empty() {
            first.remove();
        }
        self.in_flight += usize::from(push.is_some());
        push
    }

    /// Gives back what was taken and not sent, to be overtaken by later documents.
    /// `chance` in 0..1 decides for how long.
    pub(super) fn hold_back(&mut self, push: Push, now: Instant, chance: f64) {
        self.in_flight -= 1;
        let until = now + self.spacing.mul_f64(0.5 + chance);
        self.hold(Push { held: true, ..push }, until);
    }

    /// The receiver answered 200.
    pub(super) fn acknowledge(&mut self, push: Push) {
        self.in_flight -= 1;
        if push.repeat {
            self.repeats += 1;
        } else {
            *self.acknowledged.entry(push.subject).or_default() += 1;
        }
        if push.twice {
            self.post(Push { twice: false, repeat: true, tries: 0, ..push });
        }
    }

    /// The receiver answered something else or nothing. `chance` in 0..1 shuffles the spacing.
    pub(super) fn fail(&mut self, mut push: Push, now: Instant, chance: f64) {
        self.in_flight -= 1;
        push.tries += 1;
        if push.tries >= self.tries_max {
            self.failures.push(push);
        } else {
            let wait = self.spacing * push.tries.min(SPACINGS_MAX);
            let due = now + wait.mul_f64(0.5 + chance);
            self.hold(push, due);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        let ready: usize = self.ready.values().map(VecDeque::len).sum();
        let later: usize = self.later.values().map(Vec::len).sum();
        ready + later + self.in_flight
    }

    pub(super) fn acknowledged(&self, subject: Subject) -> u64 {
        self.acknowledged.get(&subject).copied().unwrap_or_default()
    }

    /// Acknowledged copies of documents that had been acknowledged before.
    pub(super) const fn repeats(&self) -> u64 {
        self.repeats
    }

    /// What was given up.
    pub(super) fn failures(&self) -> &[Push] {
        &self.failures
    }

    pub(super) const fn last_message(&self) -> u64 {
        self.last_message
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Outbox, Push, SPACINGS_MAX, Subject};

    const TRIES_MAX: u32 = 50;

    const SPACING: Duration = Duration::from_secs(1);

    fn post(outbox: &mut Outbox) -> u64 {
        let push = push(outbox.next_message());
        outbox.post(push.clone());
        push.message_id
    }

    fn push(message_id: u64) -> Push {
        Push::new(message_id, Subject::Inventory, "<inventory/>".to_owned(), Vec::new())
    }

    #[test]
    fn documents_leave_in_the_order_of_their_message_ids() {
        let mut outbox = Outbox::new(SPACING, TRIES_MAX);
        let now = Instant::now();
        let posted: Vec<u64> = (0..3).map(|_| post(&mut outbox)).collect();
        let taken: Vec<u64> =
            std::iter::from_fn(|| outbox.take(now)).map(|push| push.message_id).collect();
        assert_eq!(taken, posted);
        assert_eq!(outbox.waiting(), 3);
    }

    #[test]
    fn a_document_that_failed_comes_back_later_with_the_same_bytes() {
        let mut outbox = Outbox::new(SPACING, TRIES_MAX);
        let now = Instant::now();
        post(&mut outbox);
        let first = outbox.take(now).unwrap();
        outbox.fail(first.clone(), now, 0.5);
        assert!(outbox.take(now).is_none());
        assert!(outbox.take(now + Duration::from_millis(999)).is_none());
        let second = outbox.take(now + Duration::from_secs(1)).unwrap();
        assert_eq!((second.body, second.tries), (first.body, 1));
    }

    #[test]
    fn a_document_held_back_is_overtaken() {
        let mut outbox = Outbox::new(SPACING, TRIES_MAX);
        let now = Instant::now();
        post(&mut outbox);
        let held = outbox.take(now).unwrap();
        outbox.hold_back(held, now, 0.5);
        let newer = post(&mut outbox);
        assert_eq!(outbox.take(now).unwrap().message_id, newer);
        assert_eq!(outbox.take(now + Duration::from_secs(1)).unwrap().message_id, 1);
    }

    #[test]
    fn after_the_last_try_a_document_is_an_administrators_mark() {
        let mut outbox = Outbox::new(SPACING, TRIES_MAX);
        let mut now = Instant::now();
        post(&mut outbox);
        for _ in 0..TRIES_MAX {
            let push = outbox.take(now).unwrap();
            outbox.fail(push, now, 1.0);
            now += 2 * SPACINGS_MAX * SPACING;
        }
        assert!(outbox.take(now).is_none());
        assert_eq!(outbox.waiting(), 0);
        assert_eq!(outbox.failures().len(), 1);
    }

    #[test]
    fn an_acknowledged_document_is_counted_once_and_its_repeats_apart() {
        let mut outbox = Outbox::new(SPACING, TRIES_MAX);
        let now = Instant::now();
        post(&mut outbox);
        let push = outbox.take(now).unwrap();
        outbox.acknowledge(Push { twice: true, ..push });
        let repeat = outbox.take(now).unwrap();
        outbox.acknowledge(repeat);
        assert_eq!((outbox.acknowledged(Subject::Inventory), outbox.repeats()), (1, 1));
        assert_eq!(outbox.waiting(), 0);
    }
}
