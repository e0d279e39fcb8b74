//! XML that OrderFlow writes.
//!
//! Promises well-formed UTF-8 whatever the values hold: every value is escaped, and characters XML
//! 1.0 cannot carry are left out. It knows no namespaces and does no pretty-printing, as OrderFlow's
//! own documents have neither.

use std::fmt::Display;

use quick_xml::escape::escape;

/// One element with its attributes, then either text or children.
#[derive(Clone, Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: String,
    children: Vec<Self>,
}

impl Element {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), text: String::new(), children: Vec::new() }
    }

    /// An element holding nothing but `text`.
    pub(super) fn holding(name: &'static str, text: impl Display) -> Self {
        Self { text: text.to_string(), ..Self::new(name) }
    }

    #[must_use]
    pub(super) fn attribute(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Adds the attribute only where there is a value: OrderFlow omits what it does not know.
    #[must_use]
    pub(super) fn attribute_if(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.attribute(name, value),
            None => self,
        }
    }

    #[must_use]
    pub(super) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    #[must_use]
    pub(super) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The document with its prolog.
    pub(super) fn document(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            out.push_str(&attribute_text(value));
            out.push('"');
        }
        if self.text.is_empty() && self.children.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        out.push_str(&escape(&*carriable(&self.text)));
        for child in &self.children {
            child.write(out);
        }
        out.push_str("</");
        out.push_str(self.name);
        out.push('>');
    }
}

/// Line ends and tabs are written as references, or a parser would read them as spaces.
fn attribute_text(value: &str) -> String {
    let escaped = escape(&*carriable(value)).into_owned();
    escaped.replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;")
}

fn carriable(text: &str) -> String {
    let allowed = |c: &char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
    text.chars().filter(allowed).collect()
}

#[cfg(test)]
mod tests {
    use super::Element;

    #[test]
    fn a_document_has_its_prolog_attributes_in_order_and_no_empty_pairs() {
        let product = Element::new("product")
            .attribute("externalReference", "MUG")
            .attribute_if("site", None::<&str>)
            .attribute_if("total", Some(4));
        let document = Element::new("inventory").attribute("messageId", 7).child(product);
        assert_eq!(
            document.document(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<inventory messageId=\"7\">\
             <product externalReference=\"MUG\" total=\"4\"/></inventory>"
        );
    }

    #[test]
    fn values_are_escaped_and_what_xml_cannot_carry_is_left_out() {
        let document =
            Element::holding("message", "a < b & \u{1}c").attribute("note", "\"x\"\ny").document();
        assert!(
            document.ends_with("<message note=\"&quot;x&quot;&#10;y\">a &lt; b &amp; c</message>")
        );
    }
}
