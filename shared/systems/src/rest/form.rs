//! The form in which a REST system says what it was written: through its target's mapping and back
//! through its endpoint's. What gets lost on the way it cannot say, and is kept from the other side.

use ferry_canonical::Part;
use serde_json::{Map, Value};

use super::Rest;
use crate::json;

impl Rest {
    /// What the system said, with what it cannot say as `known` has it: member by member, `known`'s
    /// own where the system would say of it just what it said.
    pub fn complete(&self, said: &Part, known: &Part) -> Part {
        self.completed(said, known).unwrap_or_else(|| said.clone())
    }

    fn completed(&self, said: &Part, known: &Part) -> Option<Part> {
        let form = self.form(known)?;
        if form.fingerprint() == said.fingerprint() {
            return Some(known.clone());
        }
        let (said_there, known_here, form) = (members(said)?, members(known)?, members(&form)?);
        let mut whole = known_here.clone();
        for (name, value) in &said_there {
            if form.get(name) != Some(value) {
                whole.insert(name.clone(), value.clone());
            }
        }
        whole.retain(|name, _| said_there.contains_key(name) || !form.contains_key(name));
        let whole = json::part(said.facet(), &Value::Object(whole)).ok()?;
        // Where the mappings mix members, nothing is better than what was said.
        (self.form(&whole)?.fingerprint() == said.fingerprint()).then_some(whole)
    }

    /// None where it is not both written and read, or a mapping has nothing to say of it.
    fn form(&self, part: &Part) -> Option<Part> {
        let facet = part.facet();
        let (writer, (_, mapping)) = self.writer(facet).zip(self.reading(facet))?;
        let document = writer.document(part).ok()?;
        json::part(facet, &mapping.run(&document).ok()?).ok()
    }
}

fn members(part: &Part) -> Option<Map<String, Value>> {
    serde_json::from_str(&part.to_json()).ok()
}
