//! How many calls at one time and how many requests per second a target bears from this loader.
//!
//! The number of calls adapts: one more for every round of answers that came as fast as usual, half
//! of it when the target says 429 or 503 or does not answer, a tenth less when it is slow; never
//! beyond this loader's share, never below the configured least. The rate is the loader's share of
//! the configured one; every request pays, those of a call that is under way too.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ferry_config::system::Limits;
use ferry_http::{HttpError, HttpPort, Request, Response};
use ferry_store::Granted;
use futures_util::{FutureExt as _, future::BoxFuture};
use tokio::time::{Instant, sleep};

use crate::{
    lease::{LeaseEnded, Leased},
    limits,
};

/// Calls at one time before anything was answered.
const UNTRIED: f64 = 4.0;
/// Weight of an answer in what is current.
const CURRENT: f64 = 1.0 / 8.0;
/// What is usual follows faster answers soon, and slower ones over about so many seconds.
const USUAL_FASTER: f64 = 1.0 / 16.0;
const USUAL_SLOWER_SECONDS: f64 = 300.0;
/// Slow is more than this times as long as usual, and by more than [`SLOW_BY`].
const SLOW_TIMES: f64 = 2.0;
const SLOW_BY: f64 = 0.1;

/// The pace of one target in this process.
pub(crate) struct Pace {
    state: Mutex<State>,
}

struct State {
    adaptive: Adaptive,
    bucket: Option<Bucket>,
    /// The configured rate in a thousand seconds, and the burst that goes with all of it.
    whole: (u64, f64),
}

impl fmt::Debug for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        let rate = limits.rate.map(|rate| u64::from(rate) * 1000);
        let burst = f64::from(limits.burst.or(limits.rate).unwrap_or(1));
        let bucket =
            rate.map(|_| Bucket { rate: 0.0, capacity: 1.0, tokens: 1.0, at: Instant::now() });
        let adaptive = Adaptive::new(limits.concurrency_min, limits.concurrency);
        let state = State { adaptive, bucket, whole: (rate.unwrap_or(0), burst) };
        Self { state: Mutex::new(state) }
    }

    /// Calls at one time that the target bears.
    pub(crate) fn calls(&self) -> u32 {
        self.state().adaptive.calls()
    }

    /// Whether a request may go now; else, when to look again.
    pub(crate) fn ready(&self) -> Result<u32, Duration> {
        let mut state = self.state();
        let Some(bucket) = &mut state.bucket else { return Ok(u32::MAX) };
        bucket.refill(Instant::now());
        bucket.ready()
    }

    /// Lets one request go that has not been paid for; no call starts until the debt is.
    fn owe(&self) {
        if let Some(bucket) = &mut self.state().bucket {
            bucket.tokens -= 1.0;
        }
    }

    /// Pays for one request.
    pub(crate) fn pay(&self) -> Result<(), Duration> {
        let mut state = self.state();
        let Some(bucket) = &mut state.bucket else { return Ok(()) };
        bucket.refill(Instant::now());
        bucket.ready()?;
        bucket.tokens -= 1.0;
        Ok(())
    }

    pub(super) fn shares(&self, granted: &Granted) {
        let mut state = self.state();
        let (whole, burst) = state.whole;
        let Some(bucket) = &mut state.bucket else { return };
        bucket.refill(Instant::now());
        let share = fraction(granted.rate_milli.unwrap_or(0), whole);
        bucket.rate = fraction(whole, 1000) * share;
        bucket.capacity = (burst * share).max(1.0);
        bucket.tokens = bucket.tokens.min(bucket.capacity);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are far below 2^52")]
fn fraction(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Tokens that come at a rate; fewer than none are a debt.
struct Bucket {
    /// Per second.
    rate: f64,
    capacity: f64,
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = passed.mul_add(self.rate, self.tokens).min(self.capacity);
        self.at = now;
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the burst"
    )]
    fn ready(&self) -> Result<u32, Duration> {
        if self.tokens >= 1.0 {
            return Ok(self.tokens as u32);
        }
        if self.rate <= 0.0 {
            return Err(limits::ATTEND_STARVED);
        }
        // A little more, so that no rounding leaves the bucket a trace below one.
        let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.rate);
        Err(wait.min(limits::ATTEND) + Duration::from_millis(1))
    }
}

/// What an answer said about the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Borne,
    TooMuch,
}

struct Adaptive {
    min: f64,
    max: f64,
    calls: f64,
    /// Until the first sign of strain, every answer adds one.
    untried: bool,
    running: u32,
    usual: Option<f64>,
    current: f64,
    answered_at: Instant,
    /// What began before says nothing about the load since.
    cut_at: Instant,
}

impl Adaptive {
    fn new(min: u16, max: u16) -> Self {
        let (min, max) = (f64::from(min.max(1)), f64::from(max.max(1)));
        let calls = max.min(UNTRIED).max(min);
        let cut_at = Instant::now();
        Self {
            min,
            max,
            calls,
            untried: true,
            running: 0,
            usual: None,
            current: 0.0,
            answered_at: cut_at,
            cut_at,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the configured concurrency"
    )]
    fn calls(&self) -> u32 {
        self.calls as u32
    }

    /// A request that carries many writes is as slow as one of them.
    fn ended(&mut self, load: Load, (started, carries): (Instant, u16), now: Instant) {
        let taken = now.saturating_duration_since(started).as_secs_f64();
        let seconds = taken / f64::from(carries.max(1));
        if load == Load::TooMuch {
            self.cut(0.5, started, now);
            return;
        }
        let usual = self.usual.unwrap_or(seconds);
        self.current += (seconds - self.current) * if self.usual.is_some() { CURRENT } else { 1.0 };
        let passed = now.saturating_duration_since(self.answered_at).as_secs_f64();
        let slower = (passed / USUAL_SLOWER_SECONDS).min(USUAL_FASTER);
        let weight = if seconds < usual { USUAL_FASTER } else { slower };
        self.usual = Some(usual + (seconds - usual) * weight);
        self.answered_at = now;
        if self.current > usual * SLOW_TIMES && self.current > usual + SLOW_BY {
            self.cut(0.9, started, now);
        } else if f64::from(self.running) * 2.0 >= self.calls {
            // Only what is used shows whether more is borne.
            let step = if self.untried { 1.0 } else { 1.0 / self.calls };
            self.calls = (self.calls + step).min(self.max);
        }
    }

    fn cut(&mut self, to: f64, started: Instant, now: Instant) {
        if started >= self.cut_at {
            self.calls = (self.calls * to).max(self.min);
            self.untried = false;
            self.cut_at = now;
        }
    }
}

/// A port that pays for every request and learns from every answer.
pub(crate) struct Paced {
    port: Arc<dyn HttpPort>,
    pace: Arc<Pace>,
    /// The first request is paid for.
    paid: AtomicBool,
    /// Nothing is sent that may outlive it.
    lease: Option<Leased>,
}

impl fmt::Debug for Paced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paced").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Paced {
    /// For a call under a lease.
    pub(crate) fn new(port: Arc<dyn HttpPort>, pace: Arc<Pace>, paid: bool, lease: Leased) -> Self {
        Self { port, pace, paid: AtomicBool::new(paid), lease: Some(lease) }
    }

    /// For a probe, which is too rare to count.
    pub(super) fn paid(port: Arc<dyn HttpPort>, pace: Arc<Pace>) -> Self {
        Self { port, pace, paid: AtomicBool::new(true), lease: None }
    }

    /// A call that is under way is not held up for ever: its claim would end.
    async fn wait_for_its_turn(&self) {
        let deadline = Instant::now() + limits::TURN_MAX;
        while let Err(wait) = self.pace.pay() {
            if Instant::now() >= deadline {
                return self.pace.owe();
            }
            sleep(wait).await;
        }
    }

    async fn exchange(&self, request: Request) -> Result<Response, HttpError> {
        if !self.paid.swap(false, Ordering::Relaxed) {
            self.wait_for_its_turn().await;
        }
        if let Some(lease) = &self.lease {
            let covered = lease.covers(request.deadline).await;
            covered.map_err(|LeaseEnded| HttpError::Withheld("the call's lease ends before"))?;
        }
        let running = Running::begins(&self.pace);
        let started = Instant::now();
        let carries = request.carries;
        let answer = self.port.send(request).await;
        let load = match &answer {
            Ok(response) if matches!(response.status, 429 | 503) => Load::TooMuch,
            Ok(_)
            | Err(HttpError::TooLarge | HttpError::Unsendable(_) | HttpError::Withheld(_)) => {
                Load::Borne
            }
            Err(HttpError::Connect(_) | HttpError::Timeout(_) | HttpError::Broken(_)) => {
                Load::TooMuch
            }
        };
        self.pace.state().adaptive.ended(load, (started, carries), Instant::now());
        drop(running);
        answer
    }
}

impl HttpPort for Paced {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, HttpError>> {
        self.exchange(request).boxed()
    }
}

/// Counts a request while it runs, also one that is cut off.
struct Running<'a>(&'a Pace);

impl<'a> Running<'a> {
    fn begins(pace: &'a Pace) -> Self {
        pace.state().adaptive.running += 1;
        Self(pace)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let running = &mut self.0.state().adaptive.running;
        *running = running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::Lease;

    const SECOND: Duration = Duration::from_secs(1);

    fn request() -> Request {
        Request {
            operation: "import",
            method: ferry_http::Method::Get,
            url: "http://shop.test".to_owned(),
            headers: Vec::new(),
            body: "".into(),
            deadline: SECOND,
            secret: false,
            carries: 1,
        }
    }

    /// So many requests at one time, each answered so after so long.
    fn round(pace: &Pace, requests: u32, load: Load, after: Duration) {
        let started = Instant::now();
        let mut state = pace.state();
        state.adaptive.running = requests;
        for _ in 0..requests {
            state.adaptive.ended(load, (started, 1), started + after);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_grows_while_it_is_used_and_answers_come_as_fast_as_usual() {
        let pace = Pace::new(&Limits { concurrency: 16, ..Limits::default() });
        assert_eq!(pace.calls(), 4);
        round(&pace, 1, Load::Borne, SECOND);
        assert_eq!(pace.calls(), 4);
        for _ in 0..3 {
            round(&pace, 8, Load::Borne, SECOND);
            tokio::time::advance(SECOND).await;
        }
        assert_eq!(pace.calls(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_with_many_writes_is_not_slow_for_them() {
        let pace = Pace::new(&Limits { concurrency: 16, ..Limits::default() });
        round(&pace, 12, Load::Borne, SECOND / 20);
        assert_eq!(pace.calls(), 16);
        for carries in [100, 1] {
            for _ in 0..20 {
                tokio::time::advance(4 * SECOND).await;
                let started = Instant::now() - 3 * SECOND;
                pace.state().adaptive.ended(Load::Borne, (started, carries), Instant::now());
            }
            assert_eq!(pace.calls() == 16, carries == 100, "{}", pace.calls());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_of_refusals_halves_it_once_and_it_comes_back_step_by_step() {
        let pace = Pace::new(&Limits { concurrency: 16, concurrency_min: 3, ..Limits::default() });
        round(&pace, 12, Load::Borne, SECOND);
        assert_eq!(pace.calls(), 16);
        tokio::time::advance(2 * SECOND).await;
        round(&pace, 16, Load::TooMuch, SECOND);
        assert_eq!(pace.calls(), 8);
        for _ in 0..5 {
            tokio::time::advance(2 * SECOND).await;
            round(&pace, 4, Load::TooMuch, SECOND);
        }
        assert_eq!(pace.calls(), 3);
        tokio::time::advance(2 * SECOND).await;
        round(&pace, 4, Load::Borne, SECOND);
        assert_eq!(pace.calls(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_answers_shrink_it_and_lasting_slowness_becomes_usual() {
        let pace = Pace::new(&Limits { concurrency: 16, ..Limits::default() });
        round(&pace, 16, Load::Borne, SECOND);
        let fast = pace.calls();
        for _ in 0..20 {
            tokio::time::advance(5 * SECOND).await;
            round(&pace, 8, Load::Borne, 5 * SECOND);
        }
        assert!(pace.calls() < fast / 2, "{}", pace.calls());
        for _ in 0..400 {
            tokio::time::advance(5 * SECOND).await;
            round(&pace, 8, Load::Borne, 5 * SECOND);
        }
        assert_eq!(pace.calls(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_out_unpaid_is_a_debt_that_no_call_starts_in() {
        let pace = Pace::new(&Limits { rate: Some(1), ..Limits::default() });
        pace.shares(&Granted { lasting: SECOND, slots: 8, rate_milli: Some(1_000) });
        let pace = Arc::new(pace);
        let http = ferry_sim::SimHttp::new(|_| ferry_sim::answer(200, ""));
        let started = Instant::now();
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (_lease, leased) = Lease::until(started + 600 * SECOND);
            let paced = Paced::new(Arc::new(http.clone()), Arc::clone(&pace), false, leased);
            calls.spawn(async move { paced.send(request()).await.unwrap() });
        }
        calls.join_all().await;
        while let Err(wait) = pace.ready() {
            sleep(wait).await;
        }
        let seconds = started.elapsed().as_secs();
        assert!((99..=102).contains(&seconds), "{seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn in_any_time_no_more_than_rate_and_burst_are_paid_for() {
        let pace = Pace::new(&Limits { rate: Some(10), burst: Some(5), ..Limits::default() });
        let whole = Granted { lasting: SECOND, slots: 8, rate_milli: Some(10_000) };
        assert_eq!(pace.pay(), Ok(()));
        assert!(pace.pay().is_err(), "without a share nothing comes");
        pace.shares(&whole);
        let mut paid = 0;
        let started = Instant::now();
        while started.elapsed() < 10 * SECOND {
            match pace.pay() {
                Ok(()) => paid += 1,
                Err(wait) => tokio::time::advance(wait).await,
            }
        }
        assert!((95..=100).contains(&paid), "{paid}");
        tokio::time::advance(60 * SECOND).await;
        assert_eq!(pace.ready(), Ok(5));
        // Half of the share is half of the burst.
        pace.shares(&Granted { rate_milli: Some(5_000), ..whole });
        assert_eq!(pace.ready(), Ok(2));
    }
}
