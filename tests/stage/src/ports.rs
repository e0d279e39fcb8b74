//! Ports for programs that are killed and come back at the same address.
//!
//! They lie below the ephemeral range and above the private nodes': no outgoing connection can take
//! the port of a program that is down for a moment.

use std::{
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
};

use anyhow::Context as _;

const RANGE: RangeInclusive<u16> = 28672..=32767;

/// A port nobody listens on at the moment.
///
/// # Errors
/// When all are taken.
pub fn free_port() -> anyhow::Result<u16> {
    // Two that look at the same time must not find the same one.
    let mut rng = fastrand::Rng::new();
    let mut free = (0..1000).map(|_| rng.u16(RANGE)).filter(|port| is_free(*port));
    free.next().context("no port is free")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_outgoing_connection_can_take_the_port() {
        assert!(RANGE.contains(&free_port().unwrap()));
    }
}
