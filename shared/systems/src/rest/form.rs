//! The form in which a REST system says what it was written: through its target's mapping and back
//! through its endpoint's. What gets lost on the way it cannot say, and is kept from the other side.

use std::collections::BTreeSet;

use ferry_canonical::Part;
use serde_json::{Map, Value};

use super::Rest;
use crate::json;

/// By which members of a list are one and the same.
const NAMES: [&str; 2] = ["id", "code"];

impl Rest {
    /// What the system said, with what it cannot say as `known` has it: member by member, in lists
    /// too, `known`'s own where the system would say of it just what it said.
    pub fn complete(&self, said: &Part, known: &Part) -> Part {
        self.completed(said, known).unwrap_or_else(|| said.clone())
    }

    fn completed(&self, said: &Part, known: &Part) -> Option<Part> {
        let form = self.form(known)?;
        if form.fingerprint() == said.fingerprint() {
            return Some(known.clone());
        }
        let (said_there, known_here) = (members(said)?, members(known)?);
        // A mapping may repeat one member in others, such as a customer's name in its addresses:
        // what only follows from a change there is none of its own.
        let plain = plain_changes(&said_there, &known_here, &members(&form)?);
        let changed = json::part(said.facet(), &Value::Object(plain)).ok();
        let following = changed.as_ref().and_then(|part| Some((part, self.form(part)?)));
        let mut ways = following.iter().map(|(part, form)| (*part, form)).chain([(known, &form)]);
        let whole = |(known, form): (&Part, &Part)| {
            let whole = merged(&said_there, &members(known)?, &members(form)?);
            let whole = json::part(said.facet(), &Value::Object(whole)).ok()?;
            (self.form(&whole)?.fingerprint() == said.fingerprint()).then_some(whole)
        };
        // Where the mappings mix members, nothing is better than what was said.
        ways.find_map(whole)
    }

    /// None where it is not both written and read, or a mapping has nothing to say of it.
    fn form(&self, part: &Part) -> Option<Part> {
        let facet = part.facet();
        let (writer, (_, mapping)) = self.writer(facet).zip(self.reading(facet))?;
        let document = writer.document(part).ok()?;
        json::part(facet, &mapping.run(&document).ok()?).ok()
    }
}

type Object = Map<String, Value>;

fn members(part: &Part) -> Option<Object> {
    serde_json::from_str(&part.to_json()).ok()
}

/// `known` with the changes of its own members that are neither lists nor objects.
fn plain_changes(said: &Object, known: &Object, form: &Object) -> Object {
    let mut whole = known.clone();
    for (name, value) in said {
        if !value.is_object() && !value.is_array() && form.get(name) != Some(value) {
            whole.insert(name.clone(), value.clone());
        }
    }
    whole
}

/// What was said, over `known`, of which the system would say `form`.
fn merged(said: &Object, known: &Object, form: &Object) -> Object {
    let unsaid =
        known.iter().filter(|(name, _)| !said.contains_key(*name) && !form.contains_key(*name));
    let unsaid = unsaid.map(|(name, value)| (name.clone(), value.clone()));
    let of = |(name, value): (&String, &Value)| {
        let value = match (known.get(name), form.get(name)) {
            (Some(known), Some(form)) => merged_value(value, known, form),
            (_, _) => value.clone(),
        };
        (name.clone(), value)
    };
    unsaid.chain(said.iter().map(of)).collect()
}

fn merged_value(said: &Value, known: &Value, form: &Value) -> Value {
    match (said, known, form) {
        (said, known, form) if said == form => known.clone(),
        (Value::Object(said), Value::Object(known), Value::Object(form)) => {
            Value::Object(merged(said, known, form))
        }
        (Value::Array(said), Value::Array(known), Value::Array(form))
            if known.len() == form.len() =>
        {
            Value::Array(merged_list(said, known, form))
        }
        (said, _, _) => said.clone(),
    }
}

/// Each that was said over the one of `known` that it is. `known` and `form` have one order.
fn merged_list(said: &[Value], known: &[Value], form: &[Value]) -> Vec<Value> {
    let mut pairs = vec![None; said.len()];
    let mut taken = BTreeSet::new();
    let equal = |one: &Value, other: &Value| one == other;
    let is_one = |one: &Value, other: &Value| {
        NAMES.iter().any(|name| one.get(name).is_some_and(|named| other.get(name) == Some(named)))
    };
    let has_no_name = |one: &Value| NAMES.iter().all(|name| one.get(name).is_none());
    for is_it in [&equal as &dyn Fn(&Value, &Value) -> bool, &is_one] {
        for (said, pair) in said.iter().zip(&mut pairs).filter(|(_, pair)| pair.is_none()) {
            let found = |(at, form): &(usize, &Value)| !taken.contains(at) && is_it(said, form);
            *pair = form.iter().enumerate().find(found).map(|(at, _)| at);
            taken.extend(*pair);
        }
    }
    let in_place = said.len() == form.len();
    let of = |(place, (said, pair)): (usize, (&Value, Option<usize>))| {
        let beside = || {
            in_place
                && has_no_name(said)
                && !taken.contains(&place)
                && form.get(place).is_some_and(has_no_name)
        };
        let at = pair.or_else(|| beside().then_some(place));
        match at.and_then(|at| Some((known.get(at)?, form.get(at)?))) {
            Some((known, form)) => merged_value(said, known, form),
            None => said.clone(),
        }
    };
    said.iter().zip(pairs).enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ferry_canonical::Facet;
    use ferry_config::{
        HumanDuration,
        system::{Limits, Mapping, RestConfig, RestEndpoint, RestTarget, UpdateMethod},
    };
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const TO_ERP: &str = include_str!("../../../../ops/mappings/customer-to-erp.jq");
    const FROM_ERP: &str = include_str!("../../../../ops/mappings/erp-customer.jq");

    /// The legacy ERP of the sample: its addresses have one kind, no phone, and no company but the
    /// customer's name.
    fn erp() -> Rest {
        let mapping = |name: &str, program: &str| Mapping {
            name: name.to_owned(),
            program: program.to_owned(),
        };
        let endpoint = RestEndpoint {
            path: "/customers".to_owned(),
            facet: Facet::Profile,
            items: String::new(),
            mapping: mapping("from.jq", FROM_ERP),
            sequence: "/updated_at".to_owned(),
            clock: "updated_at".to_owned(),
            page_param: None,
            pages: None,
            size_param: None,
            page_size: 2,
            since_param: None,
            overlap: HumanDuration::from_secs(5),
        };
        let target = RestTarget {
            facet: Facet::Profile,
            mapping: mapping("to.jq", TO_ERP),
            create: None,
            update: "/customers/{key}".to_owned(),
            update_method: UpdateMethod::Patch,
            look_up: None,
            found: None,
            key: None,
            id: None,
            signing: None,
        };
        Rest::new(&RestConfig {
            base_url: "http://erp.test".to_owned(),
            bearer: None,
            endpoints: BTreeMap::from([("customers".to_owned(), endpoint)]),
            targets: BTreeMap::from([("customers".to_owned(), target)]),
            responses: Vec::new(),
            limits: Limits::default(),
        })
        .unwrap()
    }

    fn part(json: &Value) -> Part {
        Part::from_json(Facet::Profile, json.to_string().as_bytes()).unwrap()
    }

    /// As a shop has it.
    fn known() -> Value {
        json!({"number": "C-1", "name": "Acme",
        "contacts": [{"id": "oro-80", "first_name": "Jo", "last_name": "Li", "email": "jo@a.example"}],
        "addresses": [
            {"code": "B", "kinds": ["billing", "shipping"], "company": "Acme Depot", "street": "1 Rd",
                "city": "York", "country": "GB", "phone": "1"},
            {"kinds": ["shipping"], "company": "Acme", "street": "2 Rd", "city": "York",
                "country": "GB", "phone": "2"},
            {"kinds": ["shipping", "billing"], "company": "Beta", "street": "3 Rd", "city": "York",
                "country": "GB", "phone": "3"}
        ]})
    }

    /// What the ERP says of `known` once people there have made `changes` to it.
    fn completed(changes: impl FnOnce(&mut Value)) -> Part {
        let erp = erp();
        let known = part(&known());
        let mut said = serde_json::from_str(&erp.form(&known).unwrap().to_json()).unwrap();
        changes(&mut said);
        erp.complete(&part(&said), &known)
    }

    #[test]
    fn a_customers_new_name_takes_nothing_from_its_addresses() {
        let said = completed(|said| {
            said["name"] = json!("Acme Ltd");
            // The mapping says the customer's name of each.
            for address in said["addresses"].as_array_mut().unwrap() {
                address["company"] = json!("Acme Ltd");
            }
        });
        let mut wanted = known();
        wanted["name"] = json!("Acme Ltd");
        assert_eq!(said, part(&wanted));
    }

    #[test]
    fn a_change_in_a_list_keeps_the_rest_of_the_list_and_of_the_one_that_changed() {
        let said = completed(|said| {
            said["addresses"][0]["street"] = json!("9 Rd");
            said["addresses"][1]["city"] = json!("Leeds");
            said["contacts"][0]["email"] = json!("li@a.example");
        });
        let mut wanted = known();
        wanted["addresses"][0]["street"] = json!("9 Rd");
        wanted["addresses"][1]["city"] = json!("Leeds");
        wanted["contacts"][0]["email"] = json!("li@a.example");
        assert_eq!(said, part(&wanted));
    }

    #[test]
    fn in_a_list_of_another_length_or_order_each_is_still_itself() {
        let said = completed(|said| {
            let addresses = said["addresses"].as_array_mut().unwrap();
            addresses.rotate_left(1);
            addresses.remove(0);
            addresses[1]["street"] = json!("9 Rd");
            addresses.push(json!({"code": "N", "kinds": ["billing"], "company": "Acme",
                "street": "4 Rd", "city": "York", "country": "GB"}));
        });
        let mut wanted = known();
        let addresses = wanted["addresses"].as_array_mut().unwrap();
        addresses.rotate_left(1);
        addresses.remove(0);
        addresses[1]["street"] = json!("9 Rd");
        addresses.push(json!({"code": "N", "kinds": ["billing"], "company": "Acme",
            "street": "4 Rd", "city": "York", "country": "GB"}));
        assert_eq!(said, part(&wanted));
    }

    fn address() -> impl Strategy<Value = Value> {
        let code = proptest::option::of("[A-C]");
        let company = proptest::option::of("(Acme|Beta)");
        (code, company, "[1-3] Rd", proptest::option::of("[1-3]"), 0_usize..4).prop_map(
            |(code, company, street, phone, kinds)| {
                let kinds = [&[][..], &["billing"], &["shipping"], &["shipping", "billing"]][kinds];
                json!({"code": code, "kinds": kinds, "company": company, "street": street,
                    "city": "York", "country": "GB", "phone": phone})
            },
        )
    }

    fn profile() -> impl Strategy<Value = Part> {
        ("(Acme|Beta)", proptest::collection::vec(address(), 0..4)).prop_map(|(name, addresses)| {
            part(&json!({"number": "C-1", "name": name, "addresses": addresses}))
        })
    }

    proptest! {
        #[test]
        fn what_is_completed_is_said_as_the_system_said_it(said in profile(), known in profile()) {
            let erp = erp();
            let said = erp.form(&said).unwrap();
            let completed = erp.complete(&said, &known);
            prop_assert_eq!(erp.form(&completed), Some(said));
            prop_assert_eq!(erp.complete(&erp.form(&known).unwrap(), &known), known);
        }
    }
}
