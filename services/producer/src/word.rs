//! A push that is no record: a word that something has changed, or nothing that can be used.
//!
//! What it wakes is in the store before its sender hears 200, or its sender hears 503 and tells it again:
//! beside the wake there is nothing that would make up for it but the next poll. A word that was heard
//! wakes nothing when it comes again, as far as this process remembers; what it wakes in another one is
//! one read more, and no state.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use ferry_broker::Publisher;
use ferry_store::Wakes;
use ferry_systems::Acknowledged;

use crate::{
    journal::Heard,
    limits,
    receive::{Answer, Became, Receiving},
};

/// Ids of the words that were heard last, by system.
#[derive(Debug, Default)]
pub(crate) struct Words(Mutex<VecDeque<(String, String)>>);

impl Words {
    fn has(&self, system: &str, id: &str) -> bool {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.iter().any(|(of, word)| of == system && word == id)
    }

    fn keep(&self, system: &str, id: &str) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.push_back((system.to_owned(), id.to_owned()));
        let over = words.len().saturating_sub(limits::WORDS);
        words.drain(..over);
    }
}

impl<P: Publisher, S: Wakes> Receiving<P, S> {
    /// Notes what the word says should be read.
    pub(crate) async fn hear_word(&self, name: &str, acknowledged: Acknowledged) -> Answer {
        let id = acknowledged.message_id.as_deref();
        if id.is_some_and(|id| self.words.has(name, id)) {
            return Answer::taken(acknowledged, Became::Again);
        }
        let wakes = Heard::wakes(name, acknowledged.wakes.clone());
        let heard = Heard { source: name.to_owned(), message_id: None, wakes };
        if !self.told(&heard).await {
            return Answer::unavailable();
        }
        if let Some(id) = id {
            self.words.keep(name, id);
        }
        Answer::taken(acknowledged, Became::Word)
    }
}
