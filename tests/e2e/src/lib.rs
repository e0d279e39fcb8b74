//! End-to-end tests on a real broker with real processes.
