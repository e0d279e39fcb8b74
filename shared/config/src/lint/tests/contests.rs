use super::told;

/// Two shops that tell each other of their customers.
fn both_ways(there: &str, back: &str) -> Vec<String> {
    let shop = |name: &str| {
        format!(
            "[systems.{name}]\nkind = \"oro\"\nbase_url = \"https://{name}.example\"\n\
             client_id = {{ env = \"ID\" }}\nclient_secret = {{ env = \"SECRET\" }}\n"
        )
    };
    let route = |from: &str, to: &str, conflict: &str| {
        format!(
            "[[routes]]\nname = \"from {from}\"\nfrom = \"{from}\"\nentity = \"customer\"\n\
             facet = \"profile\"\nevery = \"30s\"\nto = [\"{to}\"]\n{conflict}\n"
        )
    };
    let text =
        [shop("here"), shop("there"), route("here", "there", there), route("there", "here", back)];
    let found = told(&text.concat());
    found.into_iter().filter(|told| !told.contains(".from: ")).collect()
}

#[test]
fn a_facet_that_goes_both_ways_needs_a_policy_on_both() {
    for policy in ["latest", "prefer:here", "prefer:there", "dead-letter"] {
        let policy = format!("conflict = \"{policy}\"");
        assert_eq!(both_ways(&policy, &policy), [""; 0]);
    }
    let told = "routes[0].conflict: `from there` brings profile back from there: say how two changes \
                at one time are decided, the same on both: `latest`, `prefer:here`, `prefer:there` \
                or `dead-letter`";
    assert_eq!(both_ways("", "conflict = \"latest\""), [format!("line 12: {told}")]);
    let last_write = both_ways("conflict = \"last-write\"", "conflict = \"latest\"");
    assert_eq!(last_write, [format!("line 18: {told}")]);
}

#[test]
fn the_two_policies_must_be_one() {
    let found = both_ways("conflict = \"latest\"", "conflict = \"prefer:here\"");
    assert_eq!(
        found,
        [
            "line 18: routes[0].conflict: `from there`, which brings profile back, says `prefer:here`",
            "line 26: routes[1].conflict: `from here`, which brings profile back, says `latest`",
        ]
    );
}

#[test]
fn only_one_of_the_two_can_be_preferred() {
    let policy = "conflict = \"prefer:erp\"";
    let found = both_ways(policy, policy);
    let told = |at: &str| format!("{at}: it prefers erp, which is neither ");
    assert!(found[0].starts_with(&told("line 18: routes[0].conflict")), "{found:?}");
    assert!(found[1].starts_with(&told("line 26: routes[1].conflict")), "{found:?}");
}
