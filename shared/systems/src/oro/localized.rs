//! The localized texts of a product: its name and its descriptions.
//!
//! Oro replaces a list of texts by what is sent, so an update names every text that is there and
//! changes the default one in place (OroCommerce reference §6). Texts in other languages are the
//! shop's own and stay.

use serde_json::{Value, json};

use super::document::{self, Resource};

/// One list of texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    relation: &'static str,
    kind: &'static str,
    wanted: &'a str,
}

/// What an update has to send for one list.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) text: Text<'a>,
    /// Every text of the list.
    pub(super) ids: Vec<String>,
    /// The default one, changed or new.
    pub(super) included: Resource,
}

impl<'a> Text<'a> {
    pub(super) const fn name(wanted: &'a str) -> Self {
        Self { relation: "names", kind: "productnames", wanted }
    }

    pub(super) const fn short_description(wanted: &'a str) -> Self {
        Self { relation: "shortDescriptions", kind: "productshortdescriptions", wanted }
    }

    pub(super) const fn description(wanted: &'a str) -> Self {
        Self { relation: "descriptions", kind: "productdescriptions", wanted }
    }

    /// A new default text under an id of this document only.
    pub(super) fn included(&self) -> Resource {
        self.set(Resource::with_id(self.kind, self.temporary_id()))
    }

    /// Names the texts `ids` on the product.
    pub(super) fn link<'i>(
        &self,
        product: Resource,
        ids: impl IntoIterator<Item = &'i str>,
    ) -> Resource {
        product.many(self.relation, self.kind, ids)
    }

    /// An id no record of the shop has.
    pub(super) fn temporary_id(&self) -> String {
        format!("new-{}", self.relation)
    }

    fn set(&self, resource: Resource) -> Resource {
        match self.kind {
            "productdescriptions" => resource.attribute(
                "wysiwyg",
                json!({"value": self.wanted, "style": null, "properties": null}),
            ),
            "productshortdescriptions" => resource.attribute("text", self.wanted),
            _ => resource.attribute("string", self.wanted),
        }
    }

    /// What to send so that the default text of `product` is as wanted; `None` where it is.
    pub(super) fn change(self, product: &Value, document: &Value) -> Option<Change<'a>> {
        let ids: Vec<String> =
            document::many(product, self.relation).into_iter().map(str::to_owned).collect();
        let default = ids
            .iter()
            .filter_map(|id| document::included(document, self.kind, id))
            .find(|text| document::one(text, "localization").is_none());
        let Some(default) = default else {
            let ids = ids.into_iter().chain([self.temporary_id()]).collect();
            return Some(Change { included: self.included(), ids, text: self });
        };
        if self.stands_in(default) {
            return None;
        }
        let id = document::id(default).unwrap_or_default();
        let included = self.set(Resource::with_id(self.kind, id)).updating();
        Some(Change { included, ids, text: self })
    }

    fn stands_in(&self, text: &Value) -> bool {
        let found = match self.kind {
            "productdescriptions" => document::attribute(text, "wysiwyg")
                .and_then(|wysiwyg| wysiwyg.get("value"))
                .and_then(Value::as_str),
            "productshortdescriptions" => document::text(text, "text"),
            _ => document::text(text, "string"),
        };
        document::kept(found.unwrap_or("")) == document::kept(self.wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_differs_only_in_what_the_shop_does_not_keep_is_no_change() {
        let product = json!({"relationships": {"names": {"data": [
            {"type": "productnames", "id": "3"}]}}});
        let beside = json!({"included": [
            {"type": "productnames", "id": "3", "attributes": {"string": "A mug"}}]});
        assert!(Text::name(" A mug\n").change(&product, &beside).is_none());
        assert!(Text::name("A  mug").change(&product, &beside).is_some());
    }
}
