//! Exchanges, queues, bindings and their arguments as data.
