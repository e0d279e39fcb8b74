//! Known documents with some bytes of them replaced, for tests of parsers.

use proptest::{collection::vec, prelude::*, sample::select};

pub(crate) fn damaged(documents: Vec<String>) -> impl Strategy<Value = Vec<u8>> {
    let part = (any::<prop::sample::Index>(), 0_usize..12, vec(any::<u8>(), 0..6));
    (select(documents), vec(part, 1..4)).prop_map(|(document, parts)| {
        let mut bytes = document.into_bytes();
        for (at, length, with) in parts {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, with);
        }
        bytes
    })
}
