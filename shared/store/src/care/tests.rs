//! Promises of the state machine.

use std::time::Duration;

use ferry_canonical::FailureKind;
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn rules() -> Rules {
    Rules {
        entities: 2,
        window: 60 * SECOND,
        probe_min: SECOND,
        probe_max: 30 * SECOND,
        refusal_probe: 30 * SECOND,
        hold_max: 600 * SECOND,
        concurrency: 8,
        rate_milli: None,
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn attendance(loader: &str, ask: (u32, u32), signs: Vec<Sign>) -> Attendance {
    Attendance {
        loader: loader.to_owned(),
        target: "shop".to_owned(),
        rules: rules(),
        ask: Ask { wants: ask.0, in_use: ask.1 },
        signs,
        leaves: false,
    }
}

fn sees(state: &mut CareState, sign: Sign, seconds: i64) -> Attended {
    state.attend(&attendance("a", (0, 0), vec![sign]), at(seconds))
}

fn failed(entities: &[&str]) -> Sign {
    let entities = entities.iter().map(|&entity| entity.to_owned()).collect();
    Sign::Failed { kind: FailureKind::Timeout, entities }
}

/// Two orders have failed at 0 s.
fn broken() -> CareState {
    let mut state = CareState::new("shop");
    sees(&mut state, failed(&["order/1"]), 0);
    sees(&mut state, failed(&["order/2"]), 0);
    assert_eq!(state.stop(at(0)), Some(Stop::Broken));
    state
}

fn half_open() -> CareState {
    let mut state = broken();
    assert!(sees(&mut state, Sign::Answered, 1).probe);
    sees(&mut state, Sign::Probed(None), 1);
    assert_eq!(state.breaker.state, BreakerState::HalfOpen);
    state
}

#[test]
fn two_entities_that_fail_in_a_row_open_the_breaker() {
    let state = broken();
    assert_eq!(state.breaker.kind, Some(FailureKind::Timeout));
    assert_eq!(state.breaker.opened_at, Some(at(0)));
    assert_eq!(state.probe.next_at, Some(at(1)));
}

#[test]
fn one_entity_never_opens_it_in_whatever_company_it_fails() {
    let mut state = CareState::new("shop");
    for second in 0..50 {
        let other = format!("order/{}", second + 10);
        sees(&mut state, failed(&["order/1", &other]), second);
        sees(&mut state, failed(&["order/1"]), second);
    }
    assert_eq!(state.breaker.state, BreakerState::Closed);
}

#[test]
fn an_answer_between_two_failures_and_a_long_time_keep_it_closed() {
    let mut state = CareState::new("shop");
    sees(&mut state, failed(&["order/1"]), 0);
    sees(&mut state, Sign::Answered, 1);
    sees(&mut state, failed(&["order/2"]), 2);
    assert_eq!(state.stop(at(2)), None);
    sees(&mut state, failed(&["order/3"]), 63);
    assert_eq!(state.stop(at(63)), None);
}

#[test]
fn one_loader_at_a_time_probes_and_a_dead_ones_order_passes_on() {
    let mut state = broken();
    let mut asks =
        |loader, seconds| state.attend(&attendance(loader, (0, 0), Vec::new()), at(seconds)).probe;
    assert!(!asks("a", 0));
    assert!(asks("a", 1));
    assert!(!asks("b", 2));
    assert!(!asks("a", 2));
    assert!(asks("b", 16));
}

#[test]
fn a_loader_that_leaves_is_given_no_probe_and_lets_another_take_its_own() {
    let mut state = broken();
    let (a, b) = (attendance("a", (0, 0), Vec::new()), attendance("b", (0, 0), Vec::new()));
    let leaves = Attendance { leaves: true, ..a.clone() };
    assert!(!state.attend(&leaves, at(1)).probe);
    assert!(state.attend(&a, at(1)).probe);
    assert!(!state.attend(&b, at(2)).probe);
    state.attend(&leaves, at(2));
    assert!(state.attend(&b, at(2)).probe);
}

#[test]
fn failed_probes_are_made_less_and_less_often() {
    let mut state = broken();
    let mut waits = Vec::new();
    let mut now = 1;
    for _ in 0..7 {
        assert!(sees(&mut state, failed(&["order/9"]), now).probe);
        sees(&mut state, Sign::Probed(Some(FailureKind::Connection)), now);
        let next = state.probe.next_at.unwrap().as_second() - at(0).as_second();
        waits.push(next - now);
        now = next;
    }
    assert_eq!(waits, [2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(state.stop(at(now)), Some(Stop::Broken));
}

#[test]
fn a_probe_that_is_answered_lets_a_few_writes_through_and_three_close_it() {
    let mut state = half_open();
    assert_eq!(state.stop(at(1)), None);
    let attended = state.attend(&attendance("a", (20, 0), Vec::new()), at(1));
    assert_eq!(attended.granted.slots, 3);
    for second in 2..5 {
        assert_eq!(state.breaker.state, BreakerState::HalfOpen);
        sees(&mut state, Sign::Answered, second);
    }
    assert_eq!(state.breaker.state, BreakerState::Closed);
    assert_eq!(state.recovered_at, Some(at(4)));
    assert_eq!((state.probe, state.breaker.opened_at), (Probe::default(), None));
}

#[test]
fn one_poisonous_order_does_not_open_a_half_open_breaker_again_but_two_failures_do() {
    let mut state = half_open();
    sees(&mut state, failed(&["order/1"]), 2);
    sees(&mut state, failed(&["order/1"]), 3);
    assert_eq!(state.breaker.state, BreakerState::HalfOpen);
    sees(&mut state, failed(&["order/2"]), 4);
    assert_eq!(state.stop(at(4)), Some(Stop::Broken));
    assert_eq!(state.breaker.opened_at, Some(at(0)));
    // The next look comes later than the first did.
    assert_eq!(state.probe.next_at, Some(at(6)));
}

#[test]
fn a_half_open_breaker_closes_a_while_after_its_last_failure() {
    let mut state = half_open();
    sees(&mut state, failed(&["order/1"]), 30);
    state.tidy(at(89));
    assert_eq!(state.breaker.state, BreakerState::HalfOpen);
    state.tidy(at(90));
    assert_eq!((state.breaker.state, state.recovered_at), (BreakerState::Closed, Some(at(90))));
}

#[test]
fn a_half_open_breaker_with_nothing_to_do_closes_after_a_while() {
    let mut state = half_open();
    sees(&mut state, Sign::Probed(None), 60);
    assert_eq!(state.breaker.state, BreakerState::HalfOpen);
    state.tidy(at(61));
    assert_eq!(state.breaker.state, BreakerState::Closed);
}

#[test]
fn refused_credentials_stop_it_until_a_probe_is_answered() {
    let mut state = CareState::new("shop");
    sees(&mut state, Sign::Refused { because: "401".to_owned() }, 0);
    assert_eq!(state.stop(at(29)), Some(Stop::Refused));
    assert!(!sees(&mut state, Sign::Answered, 29).probe);
    assert!(sees(&mut state, Sign::Answered, 30).probe);
    sees(&mut state, Sign::Probed(Some(FailureKind::Auth)), 30);
    assert_eq!(state.probe.next_at, Some(at(60)));
    assert!(sees(&mut state, Sign::Answered, 60).probe);
    sees(&mut state, Sign::Probed(None), 60);
    assert_eq!((state.stop(at(60)), state.recovered_at), (None, Some(at(60))));
}

#[test]
fn an_operators_pause_outlives_probes_and_ends_by_its_time_or_by_hand() {
    let mut state = CareState::new("shop");
    sees(&mut state, Sign::Refused { because: "401".to_owned() }, 0);
    let pause = Pause {
        reason: "stock count".to_owned(),
        by: "ada".to_owned(),
        since: at(0),
        until: Some(at(100)),
    };
    state.pause(pause.clone());
    assert!(!sees(&mut state, Sign::Answered, 40).probe);
    assert_eq!(state.stop(at(99)), Some(Stop::Paused));
    assert_eq!(state.stop(at(100)), Some(Stop::Refused));
    state.tidy(at(100));
    assert_eq!((&state.pause, state.recovered_at), (&None, Some(at(100))));
    state.pause(Pause { until: None, ..pause });
    state.resume(at(200));
    assert_eq!((state.stop(at(200)), state.recovered_at), (None, Some(at(200))));
}

#[test]
fn a_target_that_asks_for_time_gets_it_but_not_more_than_the_bound() {
    let mut state = CareState::new("shop");
    let asked = |seconds| Sign::Asked { kind: FailureKind::RateLimited, wait: seconds * SECOND };
    sees(&mut state, asked(30), 0);
    sees(&mut state, asked(5), 1);
    assert_eq!((state.stop(at(29)), state.stop(at(30))), (Some(Stop::Held), None));
    sees(&mut state, asked(86_400), 40);
    assert_eq!(state.hold.as_ref().unwrap().until, at(640));
}

#[test]
fn a_dead_loaders_share_returns_and_a_shrinking_one_counts_until_it_is_given_up() {
    let mut state = CareState::new("shop");
    let mut ask = |loader, wants, in_use, seconds| {
        state.attend(&attendance(loader, (wants, in_use), Vec::new()), at(seconds)).granted.slots
    };
    assert_eq!(ask("a", 20, 0, 0), 8);
    assert_eq!(ask("b", 20, 0, 0), 0);
    // `a` is to have four, but still makes six calls.
    assert_eq!(ask("a", 20, 6, 1), 4);
    assert_eq!(ask("b", 20, 0, 1), 2);
    assert_eq!(ask("a", 20, 4, 2), 4);
    assert_eq!(ask("b", 20, 2, 2), 4);
    // `a` is silent for three seconds.
    assert_eq!(ask("b", 20, 4, 4), 4);
    assert_eq!(ask("b", 20, 4, 5), 8);
}

#[test]
fn an_idle_loader_has_one_slot_at_hand_and_one_that_leaves_gives_its_share_back_at_once() {
    let mut state = CareState::new("shop");
    state.attend(&attendance("a", (20, 0), Vec::new()), at(0));
    let idle = state.attend(&attendance("a", (0, 0), Vec::new()), at(2)).granted;
    assert_eq!((idle.slots, idle.lasting), (1, IDLE_LEASE));
    assert_eq!(state.attend(&attendance("b", (20, 0), Vec::new()), at(2)).granted.slots, 7);
    let leaves = Attendance { leaves: true, ..attendance("a", (0, 0), Vec::new()) };
    assert_eq!(state.attend(&leaves, at(2)).granted, Granted::default());
    assert_eq!(state.attend(&attendance("b", (20, 0), Vec::new()), at(2)).granted.slots, 8);
}

#[test]
fn with_fewer_slots_than_loaders_an_idle_one_keeps_none() {
    let mut state = CareState::new("shop");
    let mut ask = |loader, wants| {
        let mut asks = attendance(loader, (wants, 0), Vec::new());
        asks.rules.concurrency = 1;
        state.attend(&asks, at(0)).granted.slots
    };
    // Alone it has the one there is, and gives it up when another comes.
    assert_eq!((ask("a", 0), ask("b", 4)), (1, 0));
    assert_eq!((ask("a", 0), ask("b", 4)), (0, 1));
}

#[test]
fn one_slot_goes_round_among_loaders_that_want_it() {
    let mut state = CareState::new("shop");
    let mut had = [0; 2];
    for second in 0..40 {
        for (index, loader) in ["a", "b"].into_iter().enumerate() {
            let mut asks = attendance(loader, (5, 0), Vec::new());
            asks.rules.concurrency = 1;
            had[index] += state.attend(&asks, at(second)).granted.slots;
        }
    }
    assert!(had[0] >= 10 && had[1] >= 10, "{had:?}");
}

#[test]
fn what_stays_as_it_is_is_not_written() {
    let mut state = CareState::new("shop");
    sees(&mut state, Sign::Answered, 0);
    let before = state.clone();
    sees(&mut state, Sign::Answered, 2);
    assert_eq!(state, before);
    state.attend(&attendance("a", (3, 1), Vec::new()), at(1));
    let before = state.clone();
    state.attend(&attendance("a", (3, 1), vec![Sign::Answered]), at(1));
    assert_eq!(state, before);
}

#[test]
fn a_state_of_an_older_program_is_read_with_what_it_lacks_at_rest() {
    let state: CareState = serde_json::from_str(r#"{"target":"shop","version":3}"#).unwrap();
    assert_eq!(state, CareState { version: 3, ..CareState::new("shop") });
}

fn sign() -> impl Strategy<Value = Sign> {
    prop_oneof![
        Just(Sign::Answered),
        (0..4_u8).prop_map(|order| failed(&[&format!("order/{order}")])),
        Just(Sign::Refused { because: "401".to_owned() }),
        (0..90_u64).prop_map(|wait| Sign::Asked {
            kind: FailureKind::RateLimited,
            wait: Duration::from_secs(wait)
        }),
        Just(Sign::Probed(None)),
        Just(Sign::Probed(Some(FailureKind::Timeout))),
    ]
}

proptest! {
    #[test]
    fn loaders_together_never_hold_more_than_the_limit(
        steps in prop::collection::vec((0..4_usize, 0..12_u32, 0..3_i64), 1..200)
    ) {
        let mut state = CareState::new("shop");
        let mut using = [0_u32; 4];
        let mut now = 0;
        for (index, wants, passes) in steps {
            now += passes;
            for (loader, using) in using.iter_mut().enumerate() {
                // Who was silent for too long has stopped.
                let alive = state.shares.iter().any(|share| {
                    share.loader == loader.to_string() && share.until > at(now)
                });
                if !alive { *using = 0; }
            }
            let mut asks = attendance(&index.to_string(), (wants, using[index]), Vec::new());
            asks.rules.rate_milli = Some(10_000);
            let granted = state.attend(&asks, at(now)).granted;
            // It starts what it may; what runs goes on. A loader that wants nothing uses nothing.
            using[index] = if wants == 0 { 0 } else { using[index].max(granted.slots.min(wants)) };
            prop_assert!(using.iter().sum::<u32>() <= 8, "{using:?}");
            prop_assert!(state.shares.iter().map(|share| share.rate_milli).sum::<u64>() <= 10_000);
        }
    }

    #[test]
    fn whatever_is_seen_the_target_is_usable_again_once_probes_and_writes_are_answered(
        signs in prop::collection::vec((sign(), 0..40_i64), 0..60)
    ) {
        let mut state = CareState::new("shop");
        let mut now = 0;
        for (sign, passes) in signs {
            now += passes;
            sees(&mut state, sign, now);
        }
        for _ in 0..700 {
            now += 1;
            let attended = state.attend(&attendance("a", (1, 0), Vec::new()), at(now));
            if attended.probe {
                sees(&mut state, Sign::Probed(None), now);
            } else if state.stop(at(now)).is_none() {
                sees(&mut state, Sign::Answered, now);
            }
        }
        prop_assert_eq!(state.stop(at(now)), None);
        prop_assert_eq!(state.breaker.state, BreakerState::Closed);
        prop_assert!(serde_json::from_str::<CareState>(&serde_json::to_string(&state).unwrap()).unwrap() == state);
    }
}
