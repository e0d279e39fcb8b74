//! The only crate that names lapin.
