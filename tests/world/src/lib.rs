//! The sample world: seeded generator, manifest and checker. Knows nothing of shared/.
