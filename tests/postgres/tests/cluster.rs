//! A private cluster, from outside.
#![expect(clippy::disallowed_methods, reason = "std only, with the machine's own clock")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ferry_postgres::Cluster;

#[test]
fn what_was_committed_outlives_a_kill_and_a_restart_keeps_the_address() {
    let mut cluster = Cluster::start().unwrap();
    let url = cluster.url();
    cluster.sql("CREATE TABLE kept AS SELECT 7 AS seven").unwrap();
    cluster.kill();
    assert!(cluster.sql("SELECT 1").is_err());
    cluster.restart().unwrap();
    assert_eq!(
        (cluster.sql("SELECT seven FROM kept").unwrap().as_str(), cluster.url()),
        ("7", url)
    );
}

#[test]
fn it_shares_nothing_and_asks_for_its_password() {
    let (one, other) = (Cluster::start().unwrap(), Cluster::start().unwrap());
    assert_ne!(one.port(), other.port());
    assert_ne!(one.url().split('@').next(), other.url().split('@').next());
    let method =
        one.sql("SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'");
    assert_eq!(method.unwrap(), "0");
    assert_eq!(one.sql("SHOW fsync").unwrap(), "on");
}

#[test]
fn a_cluster_goes_with_whoever_started_it() {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_ferry-postgres"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(owner.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let address = url.trim().split('@').nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert!(TcpStream::connect(&address).is_ok());

    owner.kill().unwrap();
    owner.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(40);
    while TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "the cluster at {address} lives on");
        thread::yield_now();
    }
}
