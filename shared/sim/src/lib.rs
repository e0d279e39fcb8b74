//! Broker and HTTP in memory, with scripted faults.
