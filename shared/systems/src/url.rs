//! Percent-encoding for query values.

use std::fmt::Write as _;

/// Everything but RFC 3986's unreserved characters is encoded.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn a_plus_a_space_and_an_umlaut_are_encoded() {
        assert_eq!(encode("a+b c/ü&1.5~"), "a%2Bb%20c%2F%C3%BC%261.5~");
    }
}
