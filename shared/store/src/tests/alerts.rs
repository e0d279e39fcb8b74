//! What a person is told, how often, and by whom.

use super::*;
use crate::{
    Alert, Alerts, DeadLetter, DeadLetters, Found, Look, Notice, Observed, Phase, Telling,
};

const SENDING: Duration = Duration::from_secs(30);
const REPEAT: Duration = Duration::from_hours(4);

fn refused(subject: &str) -> Found {
    Found {
        kind: "credentials_refused".to_owned(),
        subject: subject.to_owned(),
        summary: format!("{subject} refuses our credentials."),
        count: 1,
    }
}

fn seen(found: Vec<Found>) -> Look {
    Look {
        found,
        judged: vec!["credentials_refused".to_owned()],
        channels: vec!["webhook".to_owned()],
        repeat_every: REPEAT,
    }
}

fn look(store: &Backend, look: Look) -> Observed {
    wait(store.observe(look)).unwrap()
}

fn take(store: &Backend) -> Option<Notice> {
    wait(store.take_notice("webhook", SENDING)).unwrap()
}

fn settle_notice(store: &Backend, notice: &Notice, telling: Telling) -> bool {
    wait(store.settle_notice(notice.id, notice.attempt, telling)).unwrap()
}

fn told(store: &Backend) -> Notice {
    let notice = take(store).expect("a notice");
    assert!(settle_notice(store, &notice, Telling::Told));
    notice
}

fn later(secs: u64) -> Telling {
    Telling::Later { delay: Duration::from_secs(secs), because: "no answer".to_owned() }
}

fn all(store: &Backend) -> Vec<Alert> {
    wait(store.alerts(50)).unwrap()
}

#[test]
fn what_goes_on_is_told_once_and_once_more_when_it_is_over() {
    let store = store();
    let opened = look(&store, seen(vec![refused("shop")]));
    assert_eq!((opened.opened.len(), opened.resolved.len()), (1, 0));
    let notice = told(&store);
    assert_eq!((notice.phase, notice.alert.subject.as_str()), (Phase::Opened, "shop"));
    for _ in 0..3 {
        pass(Duration::from_mins(1));
        assert_eq!(look(&store, seen(vec![refused("shop")])), Observed::default());
        assert_eq!(take(&store), None);
    }
    pass(Duration::from_mins(1));
    assert_eq!(look(&store, seen(Vec::new())).resolved.len(), 1);
    let over = told(&store);
    assert_eq!((over.phase, over.alert.id), (Phase::Resolved, notice.alert.id));
    assert_eq!(over.alert.resolved_at, Some(clock()));
    assert_ne!(over.id, notice.id);
    assert_eq!(look(&store, seen(Vec::new())), Observed::default());
    assert_eq!(take(&store), None);
}

#[test]
fn what_lasts_is_told_again_after_a_while_with_what_has_become_of_it() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    told(&store);
    pass(REPEAT.checked_sub(Duration::from_secs(1)).unwrap());
    look(&store, seen(vec![Found { count: 7, ..refused("shop") }]));
    assert_eq!(take(&store), None);
    pass(Duration::from_secs(1));
    look(&store, seen(vec![Found { count: 8, ..refused("shop") }]));
    let again = told(&store);
    assert_eq!((again.phase, again.alert.count), (Phase::Repeated, 8));
}

#[test]
fn two_consoles_tell_nothing_twice() {
    let (one, other) = {
        let store = store();
        (store.clone(), store)
    };
    look(&one, seen(vec![refused("shop")]));
    assert_eq!(look(&other, seen(vec![refused("shop")])), Observed::default());
    let notice = take(&one).unwrap();
    assert_eq!(take(&other), None, "the first one is telling it");
    assert!(settle_notice(&one, &notice, Telling::Told));
    assert_eq!(take(&other), None);
}

#[test]
fn a_teller_that_died_is_followed_by_one_that_says_the_same_under_the_same_id() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    let first = take(&store).unwrap();
    pass(SENDING);
    let second = take(&store).unwrap();
    assert_eq!((second.id, first.attempt, second.attempt), (first.id, 1, 2));
    assert!(!settle_notice(&store, &first, later(60)), "its lease was over");
    assert!(settle_notice(&store, &second, Telling::Told));
    assert_eq!(take(&store), None);
}

#[test]
fn a_failed_attempt_waits_and_holds_up_no_other_alert() {
    let store = store();
    look(&store, seen(vec![refused("shop"), refused("warehouse")]));
    let shop = take(&store).unwrap();
    assert!(settle_notice(&store, &shop, later(60)));
    let warehouse = told(&store);
    assert_eq!(warehouse.alert.subject, "warehouse");
    assert_eq!(take(&store), None);
    let failing = all(&store).into_iter().find(|alert| alert.subject == "shop").unwrap();
    assert_eq!(failing.told[0].because.as_deref(), Some("no answer"));
    assert_eq!((failing.told[0].attempts, failing.told[0].at), (1, None));
    pass(Duration::from_mins(1));
    assert_eq!(told(&store).id, shop.id);
}

#[test]
fn what_was_never_said_need_not_be_taken_back() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    look(&store, seen(Vec::new()));
    assert_eq!(take(&store), None);
}

#[test]
fn what_may_have_been_heard_is_taken_back_after_its_teller_is_done() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    let opened = take(&store).unwrap();
    look(&store, seen(Vec::new()));
    assert_eq!(take(&store), None, "it would overtake what is being said");
    assert!(!settle_notice(&store, &opened, Telling::Told), "it was withdrawn");
    assert_eq!(told(&store).phase, Phase::Resolved);
}

#[test]
fn what_could_not_be_judged_stays_as_it_is() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    let blind = Look { judged: Vec::new(), ..seen(Vec::new()) };
    assert_eq!(look(&store, blind), Observed::default());
    assert_eq!(all(&store)[0].resolved_at, None);
}

#[test]
fn every_channel_hears_it_by_itself_and_a_new_one_hears_what_is_open() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    told(&store);
    let both = ["webhook", "mail"].map(str::to_owned).to_vec();
    look(&store, Look { channels: both, ..seen(vec![refused("shop")]) });
    assert_eq!(take(&store), None);
    let mail = wait(store.take_notice("mail", SENDING)).unwrap().unwrap();
    assert_eq!(mail.phase, Phase::Opened);
}

#[test]
fn one_that_comes_back_is_an_alert_of_its_own() {
    let store = store();
    look(&store, seen(vec![refused("shop"), refused("shop")]));
    let first = told(&store).alert.id;
    look(&store, seen(Vec::new()));
    told(&store);
    pass(Duration::from_secs(1));
    look(&store, seen(vec![refused("shop")]));
    let second = told(&store);
    assert_eq!(second.phase, Phase::Opened);
    assert_ne!(second.alert.id, first);
    let order: Vec<_> = all(&store).iter().map(|alert| alert.resolved_at.is_some()).collect();
    assert_eq!(order, [false, true], "open ones first");
}

#[test]
fn what_was_given_up_is_tried_anew_when_it_would_be_repeated() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    let notice = take(&store).unwrap();
    assert!(settle_notice(&store, &notice, Telling::GivenUp { because: "410".to_owned() }));
    pass(REPEAT);
    look(&store, seen(vec![refused("shop")]));
    assert_eq!(told(&store).phase, Phase::Repeated);
}

#[test]
fn resolved_alerts_are_forgotten_after_a_quarter() {
    let store = store();
    look(&store, seen(vec![refused("shop")]));
    look(&store, seen(Vec::new()));
    pass(crate::alerts::KEPT + Duration::from_secs(1));
    look(&store, seen(vec![refused("warehouse")]));
    look(&store, seen(Vec::new()));
    assert_eq!(all(&store).len(), 1);
}

fn died(key: &str, kind: &str) -> DeadLetter {
    DeadLetter {
        key: key.to_owned(),
        origin: "load.shop.order".to_owned(),
        died_at: Timestamp::UNIX_EPOCH,
        first_failed_at: None,
        kind: kind.to_owned(),
        detail: String::new(),
        status: None,
        response: None,
        rule: None,
        attempts: None,
        route: Some("orders".to_owned()),
        source: None,
        target: None,
        entity: None,
        entity_id: None,
        pointer: None,
        position: None,
        missing: None,
        message_id: None,
        content_type: None,
        headers: String::new(),
        body: Vec::new(),
    }
}

#[test]
fn letters_are_dying_from_when_they_were_stored_and_counted_with_their_like() {
    let store = store();
    let quiet = Duration::from_hours(1);
    let dying = || wait(store.dying(quiet)).unwrap();
    wait(store.bury(vec![died("1", "timeout"), died("2", "timeout")])).unwrap();
    assert_eq!(dying()[0].letters, 2);
    pass(quiet);
    assert_eq!(dying(), []);
    wait(store.bury(vec![died("2", "timeout")])).unwrap();
    assert_eq!(dying(), [], "a copy is no news");
    wait(store.bury(vec![died("3", "timeout"), died("4", "parse")])).unwrap();
    let found: Vec<_> = dying().into_iter().map(|each| (each.kind, each.letters)).collect();
    assert_eq!(found, [("parse".to_owned(), 1), ("timeout".to_owned(), 3)]);
}

#[test]
fn letters_that_were_dealt_with_are_no_news() {
    let store = store();
    let dying = || wait(store.dying(Duration::from_hours(1))).unwrap();
    wait(store.bury(vec![died("1", "missing_reference"), died("2", "missing_reference")])).unwrap();
    let open = wait(store.dead(crate::DeadFilter::default())).unwrap();
    wait(store.close(vec![open[0].id], "somebody")).unwrap();
    assert_eq!(dying()[0].letters, 1);
    wait(store.close(vec![open[1].id], "somebody")).unwrap();
    assert_eq!(dying(), []);
}
