//! Retry policies: bounded sequences of delays, and the delay levels they quantise to.
