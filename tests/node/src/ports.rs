//! The loopback ports of a node.
//!
//! They lie below the ephemeral range: an outgoing connection can then never take the port of a node
//! that is down for a moment, and a client that reconnects cannot connect to itself. They are kept
//! in the node's folder, so that a restarted node answers at the same address. A server that is down
//! for a while comes back to its port: until the process that found it ends, no other finds it here.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, TryLockError},
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    str::FromStr,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Above the services' usual ports, below Linux's default ephemeral range (32768).
const RANGE: RangeInclusive<u16> = 10240..=28671;

/// For the kernel to close the sockets of a killed process, on a busy machine.
const LET_GO_WITHIN: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) amqp: u16,
    pub(crate) distribution: u16,
    pub(crate) epmd: u16,
    pub(crate) management: u16,
}

/// The ports this process has found, each with the lock that says so to others. The system lets go of
/// a lock when its process ends, however it ends.
static CLAIMED: Mutex<BTreeMap<u16, Option<File>>> = Mutex::new(BTreeMap::new());

/// A free port of the range in which private servers listen, found once until this process ends; the
/// search starts at a place of its own for each seed.
pub fn free_port(seed: u64) -> Option<u16> {
    free_ports(seed).find(|port| claim(*port) == Claim::New)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    New,
    Own,
    Others,
}

fn claim(port: u16) -> Claim {
    let mut claimed = CLAIMED.lock().unwrap_or_else(PoisonError::into_inner);
    if claimed.contains_key(&port) {
        return Claim::Own;
    }
    let folder = env::temp_dir().join("ferry-ports");
    // Where another user owns the files there is no telling: a free port has to do.
    let file =
        fs::create_dir_all(&folder).and_then(|()| File::create(folder.join(port.to_string())));
    if file.as_ref().is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock))) {
        return Claim::Others;
    }
    claimed.insert(port, file.ok());
    Claim::New
}

fn free_ports(seed: u64) -> impl Iterator<Item = u16> {
    let width = u64::from(RANGE.end() - RANGE.start()) + 1;
    let start = seed % width;
    (0..width)
        .filter_map(move |step| u16::try_from((start + step) % width).ok())
        .map(|offset| RANGE.start() + offset)
        .filter(|port| is_free(*port))
}

impl Ports {
    /// Four free ports; the search starts at a place of its own for each seed.
    pub(crate) fn find(seed: u64) -> Option<Self> {
        let mut free = free_ports(seed).filter(|port| claim(*port) == Claim::New);
        Some(Self {
            amqp: free.next()?,
            distribution: free.next()?,
            epmd: free.next()?,
            management: free.next()?,
        })
    }

    /// `shared` is the port of an epmd that is somebody else's.
    pub(crate) fn are_free(self, shared: Option<u16>) -> bool {
        let ours = |port| is_free(port) && claim(port) != Claim::Others;
        let own = [self.amqp, self.distribution, self.management].into_iter().all(ours);
        own && shared.map_or_else(|| ours(self.epmd), |port| port == self.epmd)
    }

    /// As [`Ports::are_free`], after a moment if need be: a killed process lets go of its memory
    /// before its sockets, and is not seen any more while it still holds them.
    pub(crate) fn become_free(self, shared: Option<u16>) -> bool {
        let deadline = Instant::now() + LET_GO_WITHIN;
        while !self.are_free(shared) {
            if Instant::now() > deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }

    pub(crate) fn to_text(self) -> String {
        format!("{} {} {} {}\n", self.amqp, self.distribution, self.epmd, self.management)
    }
}

impl FromStr for Ports {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut numbers = text.split_whitespace().map(|word| word.parse::<u16>().map_err(drop));
        let mut next = || numbers.next().unwrap_or(Err(()));
        let ports =
            Self { amqp: next()?, distribution: next()?, epmd: next()?, management: next()? };
        if numbers.next().is_none() { Ok(ports) } else { Err(()) }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_distinct_and_below_the_ephemeral_range() {
        let ports = Ports::find(u64::MAX).unwrap();
        let mut all = [ports.amqp, ports.distribution, ports.epmd, ports.management];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "{all:?}");
        assert!(all.iter().all(|port| RANGE.contains(port)), "{all:?}");
    }

    #[test]
    fn a_port_is_found_once_although_its_server_may_be_down() {
        let first = free_port(12_000).unwrap();
        assert!(is_free(first));
        assert_ne!(free_port(12_000), Some(first));
    }

    #[test]
    fn a_port_that_another_process_has_found_is_passed_over_although_nobody_listens() {
        let found = free_port(9_000).unwrap();
        let lock = CLAIMED.lock().unwrap().remove(&found).unwrap();
        assert!(lock.is_some());
        assert_eq!(claim(found), Claim::Others);
        assert_ne!(free_port(9_000), Some(found));
        drop(lock);
        assert_eq!(claim(found), Claim::New);
        assert_eq!(claim(found), Claim::Own);
    }

    #[test]
    fn a_taken_port_is_passed_over() {
        let first = Ports::find(7_000).unwrap();
        let _holder = TcpListener::bind((Ipv4Addr::LOCALHOST, first.amqp)).unwrap();
        assert!(!first.are_free(None));
        let second = Ports::find(7_000).unwrap();
        assert_ne!(second.amqp, first.amqp);
    }

    #[test]
    fn kept_ports_read_back_as_they_were_and_anything_else_does_not() {
        let ports = Ports { amqp: 1, distribution: 2, epmd: 3, management: 4 };
        assert_eq!(ports.to_text().parse(), Ok(ports));
        for text in ["", "1 2 3", "1 2 3 4 5", "1 2 3 70000", "a b c d"] {
            assert_eq!(text.parse::<Ports>(), Err(()), "{text}");
        }
    }
}
