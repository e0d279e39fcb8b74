//! Every interleaving that has a name, each judged by what its targets saw: the ledger, the systems
//! and every decision are real, and each test was seen to fail without the mechanism it is about.
//! ARCHITECTURE.md lists them.

mod both_ways;
mod clocks;
mod echoes;
mod ends;
mod groups;
mod lost;
mod parts;
mod shop;
mod slow;
mod steps;
mod world;
