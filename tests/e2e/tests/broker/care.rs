//! A target that does not serve, is paused, or loses its loaders: nothing dies of it.

use ferry_e2e::{Foreign, Installation, Running, Simulator, Systems, event, http, wait_until};
use serde_json::{Value, json};

use crate::{EVENTS_OF_CUSTOMERS, SOON, outcomes_once};

/// With `cargo x test --full`: ten minutes and fifty cycles instead of what fits a short run.
const fn full() -> bool {
    cfg!(feature = "full")
}

/// Looks and windows so short that a quarter of a minute shows several of them.
const QUICK: &str = "external_status_management = true\n\
    care = { probe_every = \"200ms\", probe_at_most = \"2s\" }";

struct Stage {
    shop: Simulator,
    ferry: Installation,
    foreign: Foreign,
    console: Running,
    said: u64,
}

impl Stage {
    fn new(name: &str) -> Self {
        let shop = Simulator::shop();
        let systems = Systems { shop: &shop.url, ..Systems::default() };
        let ferry =
            Installation::new(name, systems, &[("external_status_management = true", QUICK)]);
        let console = ferry.run("console");
        let foreign = ferry.foreign();
        Self { shop, ferry, foreign, console, said: 0 }
    }

    /// Brings so many new customers.
    fn say(&mut self, count: u64) {
        for _ in 0..count {
            self.said += 1;
            let number = format!("C-{}", self.said);
            let letter = event::customer(&number, "Bäckerei Müller", 1);
            self.foreign.publish(&self.ferry.named("events"), EVENTS_OF_CUSTOMERS, &letter);
        }
    }

    fn down(&self) {
        let down = json!({"kind": "status", "status": 503, "path_prefix": "/", "count": 1_000_000});
        self.shop.fault(&down);
    }

    fn up(&self) {
        let url = format!("{}/_sim/faults", self.shop.url);
        assert!(http::send("DELETE", &url, &[], b"").unwrap().status < 300);
    }

    /// Everything said is there once, and nothing has died.
    fn all_is_there(&self) {
        let outcomes = outcomes_once(&self.console.url, "customers", "delivered", self.said);
        assert_eq!(outcomes, json!({"delivered": self.said}));
        let history = self.shop.history_whole();
        let created = |entry: &Value| {
            let effects = entry["effects"].as_array().cloned().unwrap_or_default();
            let made =
                |effect: &&Value| effect["entity"] == "customer" && effect["effect"] == "created";
            effects.iter().filter(made).count()
        };
        let created: usize = history.iter().map(created).sum();
        assert_eq!(u64::try_from(created).unwrap(), self.said, "something was made twice");
        assert_eq!(self.foreign.ready(&self.ferry.named("load.shop.customer.dead")), 0);
    }

    fn targets(&self, act: &[&str]) {
        let told = self.ferry.ask(&[&["targets"], act, &["--console", &self.console.url]].concat());
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    }

    /// A queue's own count has those too that were cancelled and hold deliveries still.
    fn consumers(&self, count: usize) {
        let queue = self.ferry.named("load.shop.customer");
        wait_until(&format!("{count} consumers"), SOON, || {
            let listed = self.ferry.broker.rabbitmqctl(&["list_consumers", "-q", "queue_name"]);
            listed.lines().filter(|line| line.trim() == queue).count() == count
        });
    }
}

#[test]
fn a_target_that_is_down_costs_no_dead_letter_and_comes_back_by_itself() {
    let mut stage = Stage::new("down");
    let _loaders = [stage.ferry.run("loader"), stage.ferry.run("loader")];
    stage.say(20);
    stage.all_is_there();
    let queues = ["100ms", "300ms", "1s"]
        .map(|level| stage.foreign.listen(&stage.ferry.named(&format!("delay.{level}")), "#"));
    stage.down();
    // The looks of a quarter of a minute, or of ten: at last they come every two seconds.
    for _ in 0..if full() { 300 } else { 10 } {
        stage.say(5);
        let looks = stage.shop.faults_fired();
        wait_until("another look at the shop", SOON, || stage.shop.faults_fired() > looks);
    }
    stage.up();
    stage.all_is_there();
    // Burned only by what opened the breaker: each loader may have had a few calls under way.
    let burned: u32 = queues.iter().map(|queue| stage.foreign.ready(queue)).sum();
    assert!((2..=12).contains(&burned), "{burned}");
}

#[test]
fn pauses_kill_no_message() {
    let mut stage = Stage::new("pauses");
    let _loaders = [stage.ferry.run("loader"), stage.ferry.run("loader")];
    for cycle in 0..if full() { 50 } else { 5 } {
        // Every other time it is paused again before the loaders have heard of anything.
        if cycle % 2 == 0 {
            stage.consumers(2);
        }
        stage.say(40);
        stage.targets(&["pause", "shop", "--reason", "stock count", "--by", "ada"]);
        stage.consumers(0);
        stage.say(40);
        if cycle == 0 {
            let listed = stage.ferry.ask(&["targets", "ls", "--console", &stage.console.url]);
            assert!(String::from_utf8_lossy(&listed.stdout).contains("stock count"));
        }
        stage.targets(&["resume", "shop", "--by", "ada"]);
    }
    stage.all_is_there();
}

#[test]
fn killed_loaders_kill_no_message_and_make_nothing_twice() {
    let mut stage = Stage::new("kills");
    let mut loaders: Vec<Running> = (0..3).map(|_| stage.ferry.run("loader")).collect();
    for _ in 0..if full() { 50 } else { 5 } {
        stage.say(60);
        let mut killed = loaders.remove(0);
        killed.service.kill();
        loaders.push(stage.ferry.run("loader"));
    }
    stage.all_is_there();
}
