//! What a poll brings.

/// A page of a source, as records to be made durable before the cursor moves.
#[derive(Clone, Debug)]
pub struct Page {
    pub records: Vec<NewRecord>,
    /// Where the next poll starts, once these records are durable. Opaque to everybody else.
    pub cursor: Option<String>,
    /// The next page can be asked for at once.
    pub more: bool,
}

/// A raw record: body and the headers that let it be read without its source.
#[derive(Clone, Debug)]
pub struct NewRecord {
    pub content_type: &'static str,
    /// Beyond source, endpoint, receipt time and lane, which the producer sets.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Items in it, where known: for progress.
    pub items: Option<u32>,
}
