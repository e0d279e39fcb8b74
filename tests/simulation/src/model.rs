//! The other side: a source, targets, and the story of what was really so.
//!
//! Nothing below this module knows anything of Ferry: the models read and write the systems' own
//! formats with means of their own, and keep a history of what they saw. They are as trusting as the
//! worst of their kind: a second insert of an order makes a second order.

pub(crate) mod erp;
pub(crate) mod orders;
pub(crate) mod people;
pub(crate) mod plan;
pub(crate) mod shop;
pub(crate) mod warehouse;

/// A request, as it arrives.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    /// With its query.
    pub(crate) path: String,
    pub(crate) body: String,
}

impl Asked {
    /// The value of one query parameter, percent-decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.path.split_once('?')?;
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| decoded(found) == name).map(|(_, value)| decoded(value))
    }

    /// The values of a parameter that is a list.
    pub(crate) fn many(&self, name: &str) -> Option<Vec<String>> {
        Some(self.parameter(name)?.split(',').map(str::to_owned).collect())
    }
}

/// An answer, as it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self { status: 200, body: body.into() }
    }

    pub(crate) fn no(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into() }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex: Option<u8> = (byte == b'%')
            .then(|| {
                let pair = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()
            })
            .flatten();
        bytes.push(hex.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What stands between two marks, after the first of them.
pub(crate) fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(found, _)| found)
}
