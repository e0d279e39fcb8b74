//! Ledger, journal, cursors, leases and dead letters.
