//! Batches that are worked on after they were taken: operations and the workers (OroCommerce
//! reference §5).
//!
//! Promises that what was taken is applied by a worker, chunk by chunk, whatever became of the request
//! that brought it; that a synchronous batch goes first and is all or nothing; and that in any other
//! the good items of a chunk are kept beside the bad ones. Time is handed in: a worker that is done
//! with a chunk at some moment has applied it by the first look after that moment. Deliberately leaves
//! out that a new included resource may be shared by items of two chunks: each gets its own.

mod chunk;

use std::collections::{BTreeMap, VecDeque};

use axum::body::Bytes;
use ferry_world::account::Effect;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use self::chunk::Tally;
pub(super) use self::chunk::loose;
use super::answer::Answer;
use super::batch;
use super::document::{self, Document};
use super::plan::Mode;
use super::problem::Problem;
use super::record::{Id, Record};
use super::render::{View, resource};
use super::schema::Kind;
use super::shop::Call;
use super::store::Store;
use super::values::stamp;
use super::write::{Terms, write};

/// Items of a chunk, and what they may bring along.
const CHUNK_MAX: (usize, usize) = (100, 50);

/// How the shop's workers are set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// Operations worked on at one time.
    pub(super) workers: usize,
    /// How long a worker takes for a chunk.
    pub(super) chunk: SignedDuration,
    /// How long an operation can be asked for.
    pub(super) kept: SignedDuration,
}

#[derive(Debug)]
pub(super) struct Operations {
    work: Work,
    paused: bool,
    waiting: VecDeque<Job>,
    /// What the workers have in hand, and when each is done with its chunk.
    running: Vec<(Timestamp, Job)>,
    errors: BTreeMap<Id, Vec<Told>>,
    /// Answers that a waiting request has not come for yet.
    answers: BTreeMap<Id, Answer>,
}

/// One error of an operation: the chunk, its number in it, what is wrong.
#[derive(Debug)]
struct Told {
    chunk: usize,
    number: usize,
    problem: Problem,
}

/// What a request brought.
#[derive(Debug)]
pub(super) enum Brought {
    /// A synchronous batch, read already.
    Whole(Document),
    /// Bytes nobody has looked at.
    Unread(Bytes),
}

#[derive(Debug)]
struct Job {
    id: Id,
    kind: Kind,
    view: View,
    terms: Terms,
    brought: Brought,
    chunks: VecDeque<Document>,
    taken: Timestamp,
    /// Chunks in all.
    count: usize,
    done: usize,
    tally: Tally,
    /// What is wrong with included resources that no item names.
    loose: Vec<Problem>,
}

/// What a worker did in one go.
#[derive(Debug)]
pub(super) struct Worked {
    pub(super) id: Id,
    pub(super) effects: Vec<Effect>,
}

impl Operations {
    pub(super) const fn new(work: Work) -> Self {
        Self {
            work,
            paused: false,
            waiting: VecDeque::new(),
            running: Vec::new(),
            errors: BTreeMap::new(),
            answers: BTreeMap::new(),
        }
    }

    pub(super) const fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether a worker would do a synchronous batch in no time.
    pub(super) fn is_idle(&self) -> bool {
        !self.paused && self.work.chunk.is_zero() && self.work.workers > 0
    }

    /// Puts a batch in line; the id of its operation.
    pub(super) fn take(&mut self, store: &mut Store, call: &Call<'_>, brought: Brought) -> Id {
        let id = open(store, call.kind, call.terms.now);
        let sync = matches!(brought, Brought::Whole(_));
        let job = Job {
            id: id.clone(),
            kind: call.kind,
            view: call.view.clone(),
            terms: call.terms,
            brought,
            chunks: VecDeque::new(),
            taken: call.terms.now,
            count: 0,
            done: 0,
            tally: Tally::default(),
            loose: Vec::new(),
        };
        let place = self.waiting.iter().take_while(|other| sync && other.is_sync()).count();
        let place = if sync { place } else { self.waiting.len() };
        self.waiting.insert(place, job);
        id
    }

    /// Does what the workers are done with by now.
    pub(super) fn work(&mut self, store: &mut Store, now: Timestamp) -> Vec<Worked> {
        let mut worked = Vec::new();
        while !self.paused {
            self.start(store, now);
            let due = self.running.iter().position(|(due, _)| *due <= now);
            let Some((due, mut job)) = due.map(|place| self.running.remove(place)) else { break };
            worked.push(self.step(store, &mut job, now));
            if job.chunks.is_empty() {
                self.finish(store, &job, now);
            } else {
                let progress = job.progress();
                change(store, &job.id, now, |row| row.set("progress", progress));
                self.running.push((later(due, self.work.chunk), job));
            }
        }
        worked
    }

    /// The answer to a request that waited for its operation, which is gone with it.
    pub(super) fn answer(&mut self, store: &mut Store, id: &Id) -> Option<Answer> {
        let answer = self.answers.remove(id)?;
        self.forget(store, id);
        Some(answer)
    }

    /// The errors of an operation as resources, in their order.
    pub(super) fn errors(&self, id: &Id) -> Vec<Value> {
        let told = self.errors.get(id).map(Vec::as_slice).unwrap_or_default();
        told.iter().map(|told| told.to_json(id)).collect()
    }

    /// Forgets what is too old to be asked for.
    pub(super) fn clean(&mut self, store: &mut Store, now: Timestamp) {
        let kept = now.saturating_sub(self.work.kept).map_or_else(|_| String::new(), stamp);
        let old = |row: &&Record| row.text("createdAt").is_some_and(|created| created < &*kept);
        let old: Vec<Id> = store.all(Kind::AsyncOperations).filter(old).map(id_of).collect();
        for id in old {
            self.forget(store, &id);
        }
    }

    fn forget(&mut self, store: &mut Store, id: &Id) {
        store.begin();
        store.remove(Kind::AsyncOperations, id);
        self.errors.remove(id);
    }

    /// Gives waiting jobs to free workers.
    fn start(&mut self, store: &mut Store, now: Timestamp) {
        while self.running.len() < self.work.workers {
            let Some(mut job) = self.waiting.pop_front() else { return };
            match job.read() {
                Ok(()) => {
                    change(store, &job.id, now, |row| {
                        row.set("status", "running");
                        row.set("progress", 0);
                    });
                    self.running.push((later(now, self.work.chunk), job));
                }
                Err(problem) => {
                    self.errors.insert(job.id.clone(), vec![Told { chunk: 0, number: 1, problem }]);
                    job.tally.errors = 1;
                    let summary = job.tally.to_json(SignedDuration::ZERO);
                    change(store, &job.id, now, |row| {
                        row.set("status", "failed");
                        row.set("summary", summary);
                    });
                }
            }
        }
    }

    /// Applies the next chunk of a job.
    fn step(&mut self, store: &mut Store, job: &mut Job, now: Timestamp) -> Worked {
        job.done += 1;
        job.terms.now = now;
        let id = job.id.clone();
        let Some(document) = job.chunks.pop_front() else { return Worked { id, effects: vec![] } };
        let (effects, problems) = if job.is_sync() {
            self.whole(store, job, &document)
        } else {
            chunk::apply(store, job.terms, job.kind, document, &mut job.tally)
        };
        self.tell(job, problems);
        Worked { id, effects }
    }

    /// A synchronous batch, all or nothing, and its answer.
    fn whole(
        &mut self,
        store: &mut Store,
        job: &mut Job,
        document: &Document,
    ) -> (Vec<Effect>, Vec<Problem>) {
        let (answer, problems) = match write(store, job.terms, document, job.kind, &Mode::Batch) {
            Ok(written) => {
                job.tally.count(&written);
                (batch::answer(store, &job.view, &written), Vec::new())
            }
            Err(problems) => (batch::refused(document, job.kind, &problems), problems),
        };
        let effects = answer.effects.clone();
        self.answers.insert(job.id.clone(), answer.with_effects(Vec::new()));
        (effects, problems)
    }

    fn tell(&mut self, job: &mut Job, problems: Vec<Problem>) {
        let told = self.errors.entry(job.id.clone()).or_default();
        job.tally.errors += problems.len();
        let numbered = problems.into_iter().enumerate();
        told.extend(numbered.map(|(index, problem)| Told {
            chunk: job.done,
            number: index + 1,
            problem,
        }));
    }

    fn finish(&mut self, store: &mut Store, job: &Job, now: Timestamp) {
        let mut tally = job.tally;
        let mut errors = self.errors.remove(&job.id).unwrap_or_default();
        for (index, problem) in job.loose.iter().cloned().enumerate() {
            tally.errors += 1;
            errors.push(Told { chunk: 0, number: index + 1, problem });
        }
        self.errors.insert(job.id.clone(), errors);
        let summary = tally.to_json(self.work.chunk * i32::try_from(job.done).unwrap_or(i32::MAX));
        let elapsed = now.duration_since(job.taken).as_secs();
        change(store, &job.id, now, |row| {
            row.set("status", "success");
            row.set("progress", 1);
            row.set("elapsedTime", elapsed);
            row.set("summary", summary);
        });
    }
}

impl Job {
    const fn is_sync(&self) -> bool {
        matches!(self.brought, Brought::Whole(_))
    }

    /// Reads what was brought and cuts it into chunks.
    fn read(&mut self) -> Result<(), Problem> {
        match &mut self.brought {
            Brought::Whole(document) => {
                self.tally.read = document.primary.len();
                self.chunks.push_back(std::mem::take(document));
            }
            Brought::Unread(bytes) => {
                let (mut document, problems) = document::parse_items(bytes)?;
                self.tally.read = document.items;
                let loose = loose(&document, &problems);
                chunk::drop_unsound(&mut document, &problems);
                self.chunks = chunk::cut(&document, CHUNK_MAX);
                self.loose = problems.into_iter().chain(loose).collect();
            }
        }
        self.count = self.chunks.len();
        Ok(())
    }

    /// Between nothing and all, in hundredths.
    fn progress(&self) -> Value {
        let hundredths = (self.done * 100).checked_div(self.count).unwrap_or_default();
        json!(f64::from(u32::try_from(hundredths).unwrap_or_default()) / 100.0)
    }
}

impl Told {
    fn to_json(&self, operation: &Id) -> Value {
        let problem = &self.problem;
        let mut attributes = Map::new();
        // Here the status is a number; what nobody gave one to has none.
        let status = (problem.status > 0).then_some(problem.status);
        attributes.insert("status".to_owned(), status.into());
        attributes.insert("title".to_owned(), problem.title.clone().into());
        attributes.insert("detail".to_owned(), problem.detail.clone().into());
        attributes.insert("source".to_owned(), problem.source.to_json().unwrap_or_default());
        let id = format!("{operation}-{}-{}", self.chunk, self.number);
        json!({"type": "asyncoperationerrors", "id": id, "attributes": attributes})
    }
}

/// The answer that says where the operation is to be asked for.
pub(super) fn accepted(store: &Store, call: &Call<'_>, id: &Id) -> Answer {
    let row = store.get(Kind::AsyncOperations, id);
    let body = row.map(|row| Value::Object(resource(store, row, &call.view)));
    let address = format!("{}/{}/{id}", call.base, Kind::AsyncOperations.name());
    Answer::document(202, json!({ "data": body })).header("content-location", address)
}

fn open(store: &mut Store, kind: Kind, now: Timestamp) -> Id {
    let id = store.next_id(Kind::AsyncOperations);
    let mut row = Record::new(Kind::AsyncOperations, id.clone());
    row.set("entityType", kind.name());
    row.set("status", "new");
    row.set("createdAt", stamp(now));
    row.set("updatedAt", stamp(now));
    row.set("elapsedTime", 0);
    row.link("owner", Id::Number(1));
    row.link("organization", Id::Number(1));
    store.begin();
    store.put(row);
    id
}

fn change(store: &mut Store, id: &Id, now: Timestamp, with: impl FnOnce(&mut Record)) {
    // It may be too old to be asked for by now.
    let Some(mut row) = store.get(Kind::AsyncOperations, id).cloned() else { return };
    with(&mut row);
    row.set("updatedAt", stamp(now));
    store.begin();
    store.put(row);
}

fn id_of(row: &Record) -> Id {
    row.id.clone()
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
