//! The systems: each a protocol in both directions, with no queue and no store.
//!
//! A system reads its own records into canonical drafts ([`System::read`]), polls pages of them,
//! receives pushes, and applies canonical parts as a target. It promises to name every failure by
//! kind, to read before it writes when told that an earlier answer was lost, and never to panic on
//! what the other side says. It does not decide about retries, order or duplicates: that is the
//! loader's and the ledger's work.

mod decimal;
pub mod draft;
pub mod export;
pub mod files;
mod json;
pub mod orderflow;
pub mod oro;
pub mod poll;
pub mod push;
pub mod rest;
mod rules;
pub mod scan;
mod status;
pub mod target;
mod url;
mod xml;

#[cfg(test)]
mod damaged;

pub use draft::{BadItem, Draft, Item, Record};
pub use poll::{Anew, Ask, NewRecord, Page, Wakeup, WokenEndpoint};
pub use push::{Acknowledged, Admitted, Kept, PushRequest, Refusal};
pub use rules::{Asked, Reading};
pub use scan::{Missed, MissedRow, RowSaid, ScanAsk, ScanPage, ScanRow};
pub use target::{Amending, Answer, Applied, Effect, Failure, Held, Look, Write};

use ferry_canonical::{Entity, Facet, Part};
use ferry_config::{ScheduleConfig, SystemConfig};
use ferry_http::{Conversation, Response};

/// Writes to an export in one call: they are rendered, and settled together.
const EXPORTED_MAX: usize = 32;

/// One configured system, in whatever roles it has.
#[derive(Debug)]
pub enum System {
    Orderflow(Box<orderflow::Orderflow>),
    Oro(Box<oro::Oro>),
    Rest(Box<rest::Rest>),
    Files(files::Files),
    Export(Box<export::Export>),
}

/// The configuration names something that cannot work: a mapping that does not compile, an unknown
/// time zone.
#[derive(Debug, thiserror::Error)]
#[error("system {system}: {reason}")]
pub struct SystemError {
    pub system: String,
    pub reason: String,
}

/// How writes of one facet go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// In one call, at most.
    pub most: usize,
    /// Calls of several at one time, in each lane; what comes while they run waits for their end, and
    /// goes together. None: as many as there is room for.
    pub at_once: Option<usize>,
}

impl System {
    pub fn new(name: &str, config: &SystemConfig) -> Result<Self, SystemError> {
        let error = |reason| SystemError { system: name.to_owned(), reason };
        Ok(match config {
            SystemConfig::Orderflow(config) => {
                Self::Orderflow(Box::new(orderflow::Orderflow::new(config).map_err(error)?))
            }
            SystemConfig::Oro(config) => Self::Oro(Box::new(oro::Oro::new(config).map_err(error)?)),
            SystemConfig::Rest(config) => {
                Self::Rest(Box::new(rest::Rest::new(config).map_err(error)?))
            }
            SystemConfig::Files(config) => Self::Files(files::Files::new(config).map_err(error)?),
            SystemConfig::Export(config) => {
                Self::Export(Box::new(export::Export::new(config).map_err(error)?))
            }
        })
    }

    /// Whether it can be written to from here, as far as that can be said without a socket: whether
    /// keys can be read, which only whoever writes needs.
    pub fn equipped(&self) -> Result<(), String> {
        match self {
            Self::Export(system) => system.equipped(),
            Self::Orderflow(_) | Self::Oro(_) | Self::Rest(_) | Self::Files(_) => Ok(()),
        }
    }

    /// Reads a record this system said: every item becomes a draft, a skip or a bad item.
    pub fn read(&self, record: &Record<'_>) -> Vec<Item> {
        match self {
            Self::Orderflow(system) => system.read(record),
            Self::Oro(system) => system.read(record),
            Self::Rest(system) => system.read(record),
            Self::Files(system) => system.read(record),
            // It says nothing.
            Self::Export(_) => Vec::new(),
        }
    }

    /// Which endpoint a route of `facet` polls; none where the system only pushes it.
    pub fn polled_endpoint(&self, facet: Facet) -> Option<String> {
        match self {
            Self::Orderflow(_) => orderflow::polled_endpoint(facet).map(str::to_owned),
            Self::Export(_) => None,
            Self::Oro(system) => system.polled_endpoint(facet),
            Self::Rest(system) => system.polled_endpoint(facet),
            Self::Files(system) => system.polled_endpoint(facet),
        }
    }

    /// Endpoints that are polled by schedules of their own, whatever routes there are.
    pub fn own_schedules(&self) -> Vec<(String, ScheduleConfig)> {
        match self {
            Self::Orderflow(system) => system.own_schedules(),
            Self::Oro(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => Vec::new(),
        }
    }

    /// Whether an endpoint is known by scans alone: whoever has a schedule for it scans it.
    pub fn is_scanned(&self, endpoint: &str) -> bool {
        match self {
            Self::Oro(_) => oro::Oro::is_scanned(endpoint),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => false,
        }
    }

    /// Whether rows of a scan that are not seen any more are forgotten. What is known of others says that
    /// they had something, should they be seen again.
    pub fn forgets(&self, endpoint: &str) -> bool {
        match self {
            Self::Oro(_) => oro::Oro::forgets(endpoint),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => true,
        }
    }

    /// Endpoints that are scanned beside being polled, by schedules of their own.
    pub fn own_scans(&self) -> Vec<(String, ScheduleConfig)> {
        match self {
            Self::Oro(system) => system.own_scans(),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => Vec::new(),
        }
    }

    /// Asks for the next page of a walk over all there is.
    pub async fn scan(
        &self,
        conversation: &Conversation,
        ask: &ScanAsk<'_>,
    ) -> Result<ScanPage, Failure> {
        match self {
            Self::Oro(system) => system.scan(conversation, ask).await,
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => {
                Err(Failure::unsupported("it is not scanned"))
            }
        }
    }

    /// The rows of a page that are to be told, as a record; `wanted` says which. None of a system that
    /// is not scanned.
    pub fn scanned(&self, page: &ScanPage, wanted: &[bool]) -> Option<NewRecord> {
        match self {
            Self::Oro(_) => Some(oro::Oro::scanned(page, wanted)),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => None,
        }
    }

    /// Asks for each of these rows by its id, and before and after them for `control`, which is there: who
    /// may not see that one is told nothing about the others.
    pub async fn missed(
        &self,
        conversation: &Conversation,
        (endpoint, control): (&str, &str),
        rows: Vec<MissedRow>,
    ) -> Result<Missed, Failure> {
        match self {
            Self::Oro(system) => system.missed(conversation, (endpoint, control), rows).await,
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => {
                Err(Failure::unsupported("it is not scanned"))
            }
        }
    }

    /// That these rows are gone, as a record. None of a system that is not scanned.
    pub fn gone(&self, missed: &Missed) -> Option<NewRecord> {
        match self {
            Self::Oro(_) => Some(oro::Oro::gone(missed)),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => None,
        }
    }

    /// The entity an endpoint says, where it says only one.
    pub fn entity_of(&self, endpoint: &str) -> Option<Entity> {
        match self {
            Self::Orderflow(_) => orderflow::entity_of(endpoint),
            Self::Oro(_) => oro::Oro::entity_of(endpoint),
            Self::Rest(_) | Self::Files(_) | Self::Export(_) => None,
        }
    }

    /// Endpoints that are woken, by its pushes or by what it says elsewhere.
    pub fn woken_endpoints(&self) -> Vec<WokenEndpoint> {
        match self {
            Self::Orderflow(_) => orderflow::WOKEN.to_vec(),
            Self::Oro(system) => system.woken_endpoints(),
            Self::Rest(_) | Self::Files(_) | Self::Export(_) => Vec::new(),
        }
    }

    /// Which endpoint pushes of `facet` wake, where those alone do not say its state.
    pub fn woken_endpoint(&self, facet: Facet) -> Option<String> {
        match self {
            Self::Orderflow(_) => orderflow::woken_endpoint(facet).map(str::to_owned),
            Self::Oro(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => None,
        }
    }

    /// Whether it has message ids of its own, among which what is read from it has its place.
    pub fn has_message_ids(&self) -> bool {
        match self {
            Self::Orderflow(_) => true,
            Self::Oro(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => false,
        }
    }

    /// Asks for the next page. A drop folder is polled by the producer itself.
    pub async fn poll(&self, conversation: &Conversation, ask: &Ask<'_>) -> Result<Page, Failure> {
        match self {
            Self::Orderflow(system) => system.poll(conversation, ask).await,
            Self::Oro(system) if !ask.keys.is_empty() => {
                system.poll_keys(conversation, ask.endpoint, ask.keys).await
            }
            Self::Oro(system) => system.poll(conversation, ask.endpoint, ask.cursor).await,
            Self::Rest(system) => system.poll(conversation, ask.endpoint, ask.cursor).await,
            Self::Files(_) | Self::Export(_) => Err(Failure::unsupported("it is not polled")),
        }
    }

    /// Whether a push with these headers is to be read at all. Names are in lower case.
    pub fn admit(
        &self,
        headers: &[(String, String)],
        query: &[(String, String)],
    ) -> Result<Admitted, Refusal> {
        match self {
            Self::Orderflow(system) => system.admit(headers, query),
            Self::Oro(system) => system.admit(headers),
            Self::Rest(_) | Self::Files(_) | Self::Export(_) => Err(Refusal::not_received_here()),
        }
    }

    /// Looks at a push that was admitted, without acting on it.
    pub fn receive(
        &self,
        request: &PushRequest<'_>,
        admitted: Admitted,
    ) -> Result<Acknowledged, Refusal> {
        match self {
            Self::Orderflow(system) => system.receive(request, admitted),
            Self::Oro(system) => system.receive(request, admitted),
            Self::Rest(_) | Self::Files(_) | Self::Export(_) => Err(Refusal::not_received_here()),
        }
    }

    /// What a push is told that was admitted and whose body could not be read.
    pub fn unread(&self, refusal: Refusal) -> Result<Acknowledged, Refusal> {
        match self {
            Self::Oro(_) => oro::Oro::unread(refusal),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => Err(refusal),
        }
    }

    /// Whether this target needs the last known sibling parts to write one part of `facet`.
    pub fn composes(&self, facet: Facet) -> bool {
        match self {
            // A price list has nothing to do with another.
            Self::Oro(_) => facet.has_parts() && facet != Facet::Price,
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => false,
        }
    }

    /// Whether what is applied here is only so once it is settled: it then waits in the store for a
    /// document that brings it.
    pub const fn keeps(&self) -> bool {
        matches!(self, Self::Export(_))
    }

    /// Whether this target changes what it holds of `facet` by a step, and the facet in which it then
    /// tells of that step as if somebody had taken it.
    pub fn amends(&self, facet: Facet) -> Option<Facet> {
        match self {
            Self::Orderflow(system) => system.amends(facet),
            Self::Oro(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => None,
        }
    }

    /// Whether this target takes away what Ferry brought it of `facet` before, and needs to be told what
    /// that may be.
    pub fn recalls(&self, facet: Facet) -> bool {
        matches!(self, Self::Oro(_)) && facet == Facet::Price
    }

    /// How writes of one facet go together. May change as the system is learnt about.
    pub fn together(&self, facet: Facet) -> Together {
        let as_there_is_room = |most| Together { most, at_once: None };
        match self {
            Self::Orderflow(system) => as_there_is_room(system.batch_max(facet)),
            Self::Oro(system) => system.together(facet),
            Self::Rest(_) | Self::Files(_) => as_there_is_room(1),
            // Nobody is asked.
            Self::Export(_) => as_there_is_room(EXPORTED_MAX),
        }
    }

    /// Applies the writes, of one facet and as many as go [`Self::together`]. One answer per write.
    pub async fn apply(&self, conversation: &Conversation, writes: &[Write<'_>]) -> Vec<Answer> {
        match self {
            Self::Orderflow(system) => system.apply(conversation, writes).await,
            Self::Oro(system) => {
                system.apply(conversation, writes).await.into_iter().map(Answer::from).collect()
            }
            Self::Rest(system) => {
                system.apply(conversation, writes).await.into_iter().map(Answer::from).collect()
            }
            Self::Files(_) => {
                let refuse = || Err(Failure::unsupported("it is a source only"));
                writes.iter().map(|_| refuse().into()).collect()
            }
            Self::Export(system) => system.apply(writes).into_iter().map(Answer::from).collect(),
        }
    }

    /// Whether [`Self::look`] can show a part of `facet`: what a facet needs that goes both ways.
    pub fn looks(&self, facet: Facet) -> bool {
        match self {
            Self::Oro(_) => oro::Oro::looks(facet),
            Self::Rest(system) => system.looks(facet),
            Self::Orderflow(_) | Self::Files(_) | Self::Export(_) => false,
        }
    }

    /// Reads parts of one facet as they stand at the system, in canonical form, one answer each; `None`
    /// for what is not there.
    ///
    /// It is said as the system's own events say it, with their clock and sequence. That is not
    /// always what was written there: compare through [`Self::complete`].
    pub async fn look(
        &self,
        conversation: &Conversation,
        looks: &[Look<'_>],
    ) -> Vec<Result<Option<Held>, Failure>> {
        match self {
            Self::Oro(system) => system.look(conversation, looks).await,
            Self::Rest(system) => system.look(conversation, looks).await,
            Self::Orderflow(_) | Self::Files(_) | Self::Export(_) => {
                let refused = || Failure::unsupported("it cannot be read part by part");
                looks.iter().map(|_| Err(refused())).collect()
            }
        }
    }

    /// What this system said (an event of it, or what a look showed), with what it cannot say (an
    /// Oro shop has no VAT number) as `known` has it: `known` itself, exactly if the system has
    /// nothing else to say about `known` than it said.
    ///
    /// So this system holds `wanted` if `complete(held, wanted)` is `wanted`, and what another
    /// system is to hold after an event of this one is `complete(event, what it holds)`.
    #[must_use]
    pub fn complete(&self, said: &Part, known: &Part) -> Part {
        match self {
            Self::Oro(_) => oro::Oro::complete(said, known),
            Self::Rest(system) => system.complete(said, known),
            Self::Orderflow(_) | Self::Files(_) | Self::Export(_) => said.clone(),
        }
    }

    /// What an answer comes to, item by item where it has any: what the rules say of it, and else the
    /// system itself. For answers that were recorded; a write reads its own.
    pub fn answered(&self, response: &Response, asked: Asked) -> Vec<Reading> {
        match self {
            Self::Orderflow(system) => system.answered(response, asked),
            Self::Oro(system) => vec![system.answered(response, asked)],
            Self::Rest(system) => vec![system.answered(response, asked)],
            Self::Export(system) => system.answered(response),
            Self::Files(_) => Vec::new(),
        }
    }

    /// What this system can, where that depends on its version: for a person to read.
    pub async fn told(&self, conversation: &Conversation) -> Option<Result<String, Failure>> {
        match self {
            Self::Oro(system) => Some(system.told(conversation).await),
            Self::Orderflow(_) | Self::Rest(_) | Self::Files(_) | Self::Export(_) => None,
        }
    }

    /// The cheapest read that shows that the system answers and takes our credentials.
    pub async fn probe(&self, conversation: &Conversation) -> Result<(), Failure> {
        match self {
            Self::Orderflow(system) => system.probe(conversation).await,
            Self::Oro(system) => system.probe(conversation).await,
            Self::Rest(system) => system.probe(conversation).await,
            Self::Files(system) => system.probe(),
            Self::Export(system) => system.probe().await,
        }
    }
}
