//! What only a real node can show.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a step that fails fails the test"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "std only: deadlines need the monotonic clock, and there is no tokio to pause"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use ferry_node::{Node, NodeError, NodeOptions};

/// A node's start takes a core for seconds: one at a time, each is quick.
static TURN: Mutex<()> = Mutex::new(());

/// A folder that goes with the test, and the test's turn to start nodes.
struct Scratch(PathBuf, #[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl Scratch {
    fn new(name: &str) -> Self {
        // Another test's failure does not spoil the turn.
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("ferry node {name} {}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder, turn)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn start(folder: &Scratch) -> Node {
    Node::start(NodeOptions::new(&folder.0)).unwrap()
}

/// Processes that carry the folder's mark, as pid and command line.
fn bearers(folder: &Path) -> Vec<(String, String)> {
    let mark = format!("FERRY_NODE_FOLDER={}\0", folder.display());
    let read =
        |path: PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| read(entry.path().join("environ")).contains(&mark))
        .map(|entry| {
            let pid = entry.file_name().to_string_lossy().into_owned();
            (pid, read(entry.path().join("cmdline")))
        })
        .collect()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "waited a minute for {what}");
        thread::yield_now();
    }
}

/// The program, started as somebody else's process, once its node answers.
fn owner(folder: &Scratch) -> Child {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_ferry-node"))
        .arg(&folder.0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("amqp://"), "the node of the other process did not start: {url}");
    owner
}

#[test]
fn a_node_keeps_its_durable_queues_over_stop_kill_and_restart() {
    let folder = Scratch::new("restart");
    let mut node = start(&folder);
    let declare = r#"rabbit_amqqueue:declare({resource, <<"/">>, queue, <<"kept">>}, true, false,
        [{<<"x-queue-type">>, longstr, <<"quorum">>}], none, <<"test">>), ok."#;
    node.rabbitmqctl(&["eval", declare]).unwrap();
    let (url, name) = (node.amqp_url(), node.node_name());
    node.restart().unwrap();
    node.kill().unwrap();
    assert!(!node.is_running());
    node.restart().unwrap();
    assert_eq!((node.amqp_url(), node.node_name()), (url, name));
    let queues = node.rabbitmqctl(&["-q", "list_queues", "name", "type", "state"]).unwrap();
    assert!(queues.contains("kept\tquorum\trunning"), "{queues}");
    node.stop().unwrap();
    assert_eq!(bearers(&folder.0), []);
}

#[test]
fn every_listener_of_a_node_is_on_loopback() {
    let folder = Scratch::new("loopback");
    let mut node = start(&folder);
    let pids: Vec<String> = bearers(&folder.0).into_iter().map(|(pid, _)| pid).collect();
    let listeners = listening_addresses(&pids);
    assert!(listeners.len() >= 3, "AMQP, distribution and epmd: {listeners:?}");
    // 127.0.0.1 and ::1, as /proc writes them.
    let loopback = ["0100007F", "00000000000000000000000001000000"];
    assert!(listeners.iter().all(|address| loopback.contains(&address.as_str())), "{listeners:?}");
    assert_eq!(
        node.rabbitmqctl(&["-q", "list_users", "--no-table-headers"]).unwrap().lines().count(),
        1
    );
    node.stop().unwrap();
}

/// The addresses on which these processes listen, in the kernel's spelling.
fn listening_addresses(pids: &[String]) -> Vec<String> {
    let sockets: Vec<String> = pids
        .iter()
        .flat_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten())
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .flat_map(|table| {
            let table = fs::read_to_string(table).unwrap_or_default();
            table.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        })
        .filter_map(|line| {
            let column: Vec<&str> = line.split_whitespace().collect();
            let ours = sockets.contains(&format!("socket:[{}]", column[9]));
            (column[3] == "0A" && ours).then(|| column[1].split(':').next().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn a_folder_in_use_is_refused_and_its_node_unharmed() {
    let folder = Scratch::new("in-use");
    let mut node = start(&folder);
    let refused = Node::start(NodeOptions::new(&folder.0)).unwrap_err();
    assert!(matches!(refused, NodeError::InUse { .. }), "{refused}");
    assert!(node.is_running());
    node.stop().unwrap();
}

#[test]
fn a_node_does_not_outlive_its_killed_owner() {
    let folder = Scratch::new("leash");
    let mut owner = owner(&folder);
    assert!(bearers(&folder.0).iter().any(|(_, command)| command.contains("beam.smp")));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("the leash to stop the node", || bearers(&folder.0).is_empty());
    start(&folder).stop().unwrap();
}

#[test]
fn leftovers_of_a_killed_run_are_cleared_at_the_next_start_and_nothing_else_is() {
    let folder = Scratch::new("leftovers");
    let mut bystander =
        Command::new("/bin/cat").current_dir(&folder.0).stdin(Stdio::piped()).spawn().unwrap();
    let mut owner = owner(&folder);
    let (leash, rest): (Vec<_>, Vec<_>) =
        bearers(&folder.0).into_iter().partition(|(_, command)| command.contains("released"));
    assert_eq!(leash.len(), 1, "{leash:?}");
    let killed = Command::new("/bin/sh").args(["-c", "kill -9 $0", &leash[0].0]).status().unwrap();
    assert!(killed.success());
    owner.kill().unwrap();
    owner.wait().unwrap();
    assert!(bearers(&folder.0).iter().any(|(_, command)| command.contains("beam.smp")));
    let mut node = start(&folder);
    let pids: Vec<String> = bearers(&folder.0).into_iter().map(|(pid, _)| pid).collect();
    assert!(rest.iter().all(|(pid, _)| !pids.contains(pid)), "{rest:?} {pids:?}");
    node.stop().unwrap();
    assert!(bystander.try_wait().unwrap().is_none(), "a process that is not ours was killed");
    drop(bystander.stdin.take());
    bystander.wait().unwrap();
}

#[test]
fn a_port_taken_meanwhile_is_given_up_for_another() {
    let folder = Scratch::new("taken");
    let mut node = start(&folder);
    let port = node.amqp_port();
    node.stop().unwrap();
    let _thief = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    node.restart().unwrap();
    assert_ne!(node.amqp_port(), port);
    TcpStream::connect((Ipv4Addr::LOCALHOST, node.amqp_port())).unwrap();
    node.stop().unwrap();
}

#[test]
fn a_port_snatched_during_the_start_is_given_up_for_another() {
    let folder = Scratch::new("snatched");
    let mut first = start(&folder);
    let port = first.amqp_port();
    first.stop().unwrap();
    drop(first);
    // The configuration is written after the ports were found free, and long before they are bound.
    let configuration = folder.0.join("rabbitmq.conf");
    fs::remove_file(&configuration).unwrap();
    let thief = thread::spawn(move || {
        wait_until("the configuration", || configuration.exists());
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
    });
    let mut node = start(&folder);
    let _held = thief.join().unwrap();
    assert_ne!(node.amqp_port(), port);
    node.stop().unwrap();
}

#[test]
fn a_node_that_cannot_start_says_why_in_the_words_of_its_log() {
    let folder = Scratch::new("broken");
    fs::create_dir_all(folder.0.join("conf.d")).unwrap();
    fs::write(folder.0.join("conf.d/90-broken.conf"), "no_such_setting = 1\n").unwrap();
    let error = Node::start(NodeOptions::new(&folder.0)).unwrap_err();
    assert!(matches!(error, NodeError::Exited { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
    assert_eq!(bearers(&folder.0), []);
}
