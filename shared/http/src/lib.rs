//! The one HTTP client port.
