//! The loopback ports of a node.
//!
//! They lie below the ephemeral range: an outgoing connection can then never take the port of a node
//! that is down for a moment, and a client that reconnects cannot connect to itself. They are kept
//! in the node's folder, so that a restarted node answers at the same address.

use std::{
    collections::BTreeSet,
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

/// What [`free_port`] has found in this process. A server that is down for a while comes back to its
/// port; nobody else may sit there then.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A free port of the range in which private servers listen, found once in this process; the search
/// starts at a place of its own for each seed.
pub fn free_port(seed: u64) -> Option<u16> {
    free_ports(seed).find(|port| GIVEN.lock().unwrap_or_else(PoisonError::into_inner).insert(*port))
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
        let mut free = free_ports(seed);
        Some(Self {
            amqp: free.next()?,
            distribution: free.next()?,
            epmd: free.next()?,
            management: free.next()?,
        })
    }

    /// `shared` is the port of an epmd that is somebody else's.
    pub(crate) fn are_free(self, shared: Option<u16>) -> bool {
        let own = [self.amqp, self.distribution, self.management].into_iter().all(is_free);
        own && shared.map_or_else(|| is_free(self.epmd), |port| port == self.epmd)
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
