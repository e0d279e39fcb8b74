//! Whether what a target shows may have come of a write of ours that was taken in part.
//!
//! A write of several requests may end between two of them, and the target then shows something that
//! nobody has said: a part of what was there, and a part of what we wrote. That is no change of the
//! target's, however new it looks.

use ferry_canonical::Part;
use serde_json::Value;

/// Whether each field of `shown`, and each item of its lists, is that of one of the `parts`: what was
/// agreed on, and what may have been written. `is_first`: nothing was there before, so that what is
/// missing may be still to come. Extensions are nobody's content, as in [`Part::fingerprint`].
pub(crate) fn is_mixed(shown: &Part, parts: &[Part], is_first: bool) -> bool {
    let read = |part: &Part| {
        let mut bare = part.clone();
        bare.extensions_mut().clear();
        serde_json::from_str::<Value>(&bare.to_json()).ok()
    };
    let Some(shown) = read(shown) else { return false };
    let parts: Vec<Value> = parts.iter().filter_map(read).collect();
    mixed(&shown, &parts.iter().collect::<Vec<_>>(), is_first)
}

fn mixed(shown: &Value, parts: &[&Value], is_first: bool) -> bool {
    if parts.contains(&shown) {
        return true;
    }
    match shown {
        Value::Object(fields) => {
            let objects: Vec<_> = parts.iter().filter_map(|part| part.as_object()).collect();
            let is_known = |(name, value): (&String, &Value)| {
                let values: Vec<&Value> =
                    objects.iter().filter_map(|object| object.get(name)).collect();
                mixed(value, &values, is_first)
            };
            let mut names = objects.iter().flat_map(|object| object.keys());
            fields.iter().all(is_known)
                && names.all(|name| {
                    is_first
                        || fields.contains_key(name)
                        || objects.iter().any(|object| !object.contains_key(name))
                })
        }
        Value::Array(items) => {
            let lists: Vec<_> = parts.iter().filter_map(|part| part.as_array()).collect();
            let mut known = lists.iter().flat_map(|list| list.iter());
            let is_everywhere = |item: &Value| lists.iter().all(|list| list.contains(item));
            items.iter().all(|item| lists.iter().any(|list| list.contains(item)))
                && known.all(|item| is_first || items.contains(item) || !is_everywhere(item))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use ferry_canonical::Facet;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_only_one_system_knows_beside_the_content_makes_no_difference() {
        let part =
            |value: Value| Part::from_json(Facet::Profile, value.to_string().as_bytes()).unwrap();
        let was = part(json!({"number": "C-1", "name": "Plain"}));
        let written = part(json!({"number": "C-1", "name": "Red", "vat_number": "GB1"}));
        let shown = |name: &str| {
            part(json!({"number": "C-1", "name": name, "extensions": {"shop": {"rating": 5}}}))
        };
        let both = [was, written];
        assert!(is_mixed(&shown("Red"), &both, false));
        assert!(!is_mixed(&shown("Blue"), &both, false));
    }

    #[test]
    fn a_mixture_is_made_of_what_was_there_and_what_was_written() {
        let was = json!({"name": "Plain", "group": "A",
            "addresses": [{"code": "1", "city": "Leeds"}, {"code": "2", "city": "Hull"}]});
        let written = json!({"name": "Red", "group": "A", "vat": "GB1",
            "addresses": [{"code": "1", "city": "York"}, {"code": "2", "city": "Hull"}]});
        let both = [&was, &written];
        let street =
            |city: &str| json!([{"code": "1", "city": city}, {"code": "2", "city": "Hull"}]);
        let with = |name: &str, addresses: &Value| json!({"name": name, "group": "A", "addresses": addresses});
        assert!(mixed(&was, &both, false) && mixed(&written, &both, false));
        assert!(mixed(&with("Red", &street("Leeds")), &both, false));
        assert!(mixed(&with("Plain", &street("York")), &both, false));
        // Somebody's own.
        assert!(!mixed(&with("Blue", &street("York")), &both, false));
        assert!(!mixed(&with("Red", &street("Bath")), &both, false));
        assert!(!mixed(&with("Red", &json!([{"code": "1", "city": "York"}])), &both, false));
        let more = json!({"name": "Red", "group": "A", "note": "x", "addresses": street("York")});
        assert!(!mixed(&more, &both, false));
        assert!(!mixed(&json!({"name": "Red", "addresses": street("York")}), &both, false));
    }

    #[test]
    fn of_what_is_new_a_part_may_be_there() {
        let written = json!({"name": "Red", "addresses": [{"code": "1"}, {"code": "2"}]});
        let half = json!({"name": "Red", "addresses": [{"code": "1"}]});
        assert!(
            mixed(&half, &[&written], true) && mixed(&json!({"name": "Red"}), &[&written], true)
        );
        assert!(!mixed(&half, &[&written], false));
        assert!(!mixed(&json!({"name": "Blue"}), &[&written], true));
        assert!(!mixed(&half, &[], true));
    }
}
