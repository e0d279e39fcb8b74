use anyhow::Context as _;

/// A port for a program that is killed and comes back at the same address. Two that look at the same
/// time never find the same one ([`ferry_node::free_port`]).
///
/// # Errors
/// When all are taken.
pub fn free_port() -> anyhow::Result<u16> {
    ferry_node::free_port(fastrand::u64(..)).context("no port is free")
}
