//! What was brought before to the very part of a target that is to be written, and how sure that is.

/// What Ferry has written there, or may have, where an answer was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Brought {
    /// Nothing that is known of.
    #[default]
    Nothing,
    /// What is to be written, and no other content.
    Same,
    /// Another content, maybe beside the one that is to be written.
    Other,
}

/// Whether an earlier write may be there without anybody knowing, since its answer was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Doubt {
    #[default]
    None,
    /// Every such write has died since, and a person has sent this letter again: whoever does that has
    /// looked what became of them.
    LookedInto,
    Open,
}
