//! The texts of a new product: one for each language of the shop, whoever wrote which.

use crate::oro::record::{Id, Record};
use crate::oro::schema::{Kind, Ties};
use crate::oro::store::Store;

const TEXTS: [&str; 4] = ["names", "shortDescriptions", "descriptions", "slugPrototypes"];

/// A language nobody wrote in falls back to the shop's own text.
pub(super) fn complete(store: &mut Store, product: &Id) {
    for list in TEXTS {
        let Some(relation) = Kind::Products.resource().relation(list) else { continue };
        let Some(row) = store.get(Kind::Products, product) else { return };
        let texts = row.list(list).iter().filter_map(|id| store.get(relation.target, id));
        let written: Vec<Option<Id>> =
            texts.map(|text| text.one.get("localization").cloned()).collect();
        let languages = store.all(Kind::Localizations).map(|row| Some(row.id.clone()));
        let missing: Vec<Option<Id>> =
            languages.chain([None]).filter(|language| !written.contains(language)).collect();
        for language in missing {
            let id = store.next_id(relation.target);
            let mut text = Record::new(relation.target, id.clone());
            if let Some(language) = language {
                text.set("fallback", "system");
                text.link("localization", language);
            }
            if let Ties::Many { back: Some(back) } = relation.ties {
                text.link(back, product.clone());
            }
            store.put(text);
            if let Some(mut row) = store.get(Kind::Products, product).cloned() {
                row.many.entry(list).or_default().push(id);
                store.put(row);
            }
        }
    }
}
