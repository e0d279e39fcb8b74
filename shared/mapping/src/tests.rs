use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn run(program: &str, item: &Value) -> Result<Value, MapError> {
    Mapping::compile("test.jq", program).unwrap().run(item)
}

fn refused(program: &str) -> String {
    Mapping::compile("test.jq", program).unwrap_err().to_string()
}

#[test]
fn a_mapping_is_the_jq_that_people_know() {
    let program = r#"
        def contact: { id: .ref, email: (.mail | ascii_downcase) };
        { number: .custno, name: (.name // "unknown"), contacts: [.people[] | contact],
          group: (.tags | map(select(startswith("g:"))) | first | ltrimstr("g:")),
          total: ([.lines[].price | tonumber] | add), text: "\(.custno)/\(.people | length)",
          known: (.people | any(.ref == "b")), seen: ("2026-11-22T09:15:00Z" | fromdate) }"#;
    let item = json!({"custno": "C1", "tags": ["x", "g:gold"],
        "people": [{"ref": "a", "mail": "A@X"}, {"ref": "b", "mail": "B@X"}],
        "lines": [{"price": "1"}, {"price": "2"}]});
    let expected = json!({"number": "C1", "name": "unknown",
        "contacts": [{"id": "a", "email": "a@x"}, {"id": "b", "email": "b@x"}],
        "group": "gold", "total": 3, "text": "C1/2", "known": true, "seen": 1_795_338_900});
    assert_eq!(run(program, &item).unwrap(), expected);
}

#[test]
fn steps_change_nothing_about_paths_updates_and_folds() {
    for (program, expected) in [
        ("def f: .a; f = 5", json!({"a": 5, "b": [1, 2]})),
        (".b[] |= . + 1", json!({"a": 1, "b": [2, 3]})),
        ("[path(..)]", json!([[], ["a"], ["b"], ["b", 0], ["b", 1]])),
        ("del(.b[0], .a)", json!({"b": [2]})),
        ("walk(if type == \"number\" then . * 2 else . end)", json!({"a": 2, "b": [2, 4]})),
        ("reduce .b[] as $x (0; . + $x)", json!(3)),
        ("[foreach .b[] as $x (0; . + $x)]", json!([1, 3])),
        ("[limit(3; repeat(1))]", json!([1, 1, 1])),
        ("[range(5)] | length", json!(5)),
        ("[range(3; 0; -1)]", json!([3, 2, 1])),
        ("[.b[] as [$x] ?// $x | $x]", json!(null)),
        ("until(type == \"number\"; .a)", json!(1)),
        ("{(.b[] | tostring): 1} | keys", json!(null)),
        ("to_entries | map(.key)", json!(["a", "b"])),
        ("try error(\"x\") catch .", json!("x")),
        ("label $out | 1, break $out", json!(1)),
        ("[.b[] | [., 10] | max] | unique", json!([10])),
        ("\"a,b\" | split(\",\") | join(\"-\")", json!("a-b")),
        ("\"a1b22\" | [scan(\"[0-9]+\")]", json!(["1", "22"])),
        ("\"{\\\"x\\\": [1.5]}\" | fromjson | .x[0]", json!(1.5)),
        ("@base64 \"\\(.a)\"", json!("MQ==")),
    ] {
        let Ok(mapping) = Mapping::compile("test.jq", program) else {
            assert!(expected.is_null(), "{program}");
            continue;
        };
        let found = mapping.run(&json!({"a": 1, "b": [1, 2]}));
        if !expected.is_null() {
            assert_eq!(found, Ok(expected), "{program}");
        }
    }
}

#[test]
fn no_output_is_a_skip_and_several_are_an_error() {
    assert_eq!(run("empty", &json!(1)), Err(MapError::Nothing));
    assert_eq!(run("select(.a == 2)", &json!({"a": 1})), Err(MapError::Nothing));
    assert_eq!(run(".[]", &json!([1, 2])), Err(MapError::Several));
    assert_eq!(run(".[]", &json!([1])), Ok(json!(1)));
}

#[test]
fn an_error_of_the_program_is_told_in_its_own_words() {
    let told = run("error(\"no currency for \\(.shop)\")", &json!({"shop": "web"}));
    assert_eq!(told, Err(MapError::Failed("no currency for web".to_owned())));
    let second = run("1, error(\"after the first\")", &json!(null));
    assert_eq!(second, Err(MapError::Failed("after the first".to_owned())));
}

#[test]
fn what_jq_says_by_itself_does_not_repeat_the_values_it_met() {
    let item = json!({"name": "Ada Lovelace", "mail": "ada@x", "n": 1});
    for (program, expected) in [
        ("[.][.name]", "cannot index an array with a string"),
        (".name.first", "cannot index a string with \"first\""),
        (".name | keys", "cannot use a string as iterable (array or object)"),
        (".name - .mail", "cannot calculate a string - a string"),
        (". * 2", "cannot calculate an object * a number"),
        (".name | fromjson", "not JSON: expected value at line 1 column 1"),
    ] {
        let Err(MapError::Failed(told)) = run(program, &item) else { panic!("{program}") };
        assert_eq!(told, expected, "{program}");
        assert!(!told.contains("Ada") && !told.contains("ada@"), "{told}");
    }
}

#[test]
fn a_program_that_is_wrong_is_refused_with_its_place() {
    assert_eq!(refused(".a |\n  (.b"), "test.jq:2:6: expected closing parenthesis");
    assert_eq!(refused("if . then 1"), "test.jq:1:12: expected else or end");
    assert_eq!(refused(". as $x\n  then"), "test.jq:2:3: expected |, at `then`");
    assert_eq!(
        refused("{a: 1}\n| frobnicate(2)"),
        "test.jq:2:3: there is no such filter with 1 arguments, at `frobnicate`"
    );
    assert_eq!(refused("$x"), "test.jq:1:1: there is no such variable, at `$x`");
}

#[test]
fn a_program_that_would_overflow_the_stack_is_refused() {
    for part in ["(", "[", "-", "if ", "try ", "{a:", ".|", "1,", "def f: ", ". as $x | ", "1+"] {
        let deep = part.repeat(20_000) + "1";
        let told = refused(deep.get(..60_000.min(deep.len())).unwrap());
        assert!(told.starts_with("test.jq:1:"), "{part}: {told}");
    }
    assert!(refused(&("-".repeat(2_000) + "1")).contains("nested too deep"));
    assert!(refused(&" ".repeat(70_000)).contains("larger than 64 KiB"));
    let chain = vec![". + 1"; 400].join(" | ");
    assert_eq!(run(&chain, &json!(0)), Ok(json!(400)));
}

#[test]
fn nothing_outside_the_item_can_be_reached() {
    for program in [
        "env",
        "$ENV",
        "input",
        "inputs",
        "now",
        "halt",
        "debug",
        "stderr",
        "localtime",
        "halt_error",
        "input_filename",
        "include \"x\"; .",
        "import \"x\" as $x; .",
        "$__prog_args",
    ] {
        assert!(Mapping::compile("test.jq", program).is_err(), "{program}");
    }
}

#[test]
fn a_program_that_never_ends_is_stopped() {
    for program in [
        "def f: f; f",
        "def f: ., f; f | empty",
        "[range(1e12)]",
        "[range(0; 1; 0)]",
        "last(range(infinite))",
        "repeat(1) | empty",
        "until(false; .)",
        "[recurse(.)] | length",
        "try repeat(1; error(\"x\")) catch .",
        "[limit(1000000000; repeat(1))] | length",
        "[range(1e4)] | [.[] as $a | .[] as $b | .[] as $c | 1] | length",
        "[range(1e4)] | [.[] + .[] + .[]] | length",
        "def f: try error(\"x\") catch f; f",
        "def f: (f)?; f, f",
    ] {
        let Ok(mapping) = Mapping::compile("test.jq", program) else { continue };
        let stopped = mapping.run(&json!(1)).unwrap_err();
        assert!(
            matches!(stopped, MapError::Endless { .. } | MapError::Deep),
            "{program}: {stopped}"
        );
    }
}

#[test]
fn a_program_that_nests_or_grows_without_end_is_stopped() {
    for program in [
        "def f: 1 + f; f",
        "def f: [f]; f",
        "def f: (f | .); f",
        "reduce range(1e6) as $i (1; [.])",
        "reduce range(1e6) as $i (1; {a: 0, b: .})",
    ] {
        assert_eq!(run(program, &json!(1)), Err(MapError::Deep), "{program}");
    }
    for program in [
        "reduce range(60) as $i (\"x\"; . + .)",
        "reduce range(60) as $i ([1]; . + .)",
        "reduce range(60) as $i (2; . * .)",
        "reduce range(30) as $i (1; [., .])",
    ] {
        assert_eq!(run(program, &json!(1)), Err(MapError::Large), "{program}");
    }
    assert_eq!(run("reduce range(500) as $i (1; [.])", &json!(1)), Err(MapError::Deep));
    let deep = json!("[".repeat(100_000));
    assert!(matches!(run("fromjson", &deep), Err(MapError::Failed(_))));
}

#[test]
fn numbers_keep_their_digits() {
    let item = json!({"a": 9_007_199_254_740_993_i64, "b": u64::MAX, "c": 0.1, "d": -5});
    assert_eq!(run(".", &item), Ok(item.clone()));
    assert_eq!(run("18446744073709551616", &json!(1)), Ok(json!("18446744073709551616")));
    assert_eq!(run("12.50", &json!(1)), Ok(json!(12.5)));
    assert!(matches!(run("nan", &json!(1)), Err(MapError::Failed(_))));
}

#[test]
fn one_mapping_serves_several_threads() {
    let mapping = Mapping::compile("test.jq", ". + 1").unwrap();
    let answers = std::thread::scope(|scope| {
        let runs = [1, 2, 3].map(|n| {
            let mapping = &mapping;
            scope.spawn(move || mapping.run(&json!(n)).unwrap())
        });
        runs.map(|run| run.join().unwrap())
    });
    assert_eq!(answers, [2, 3, 4].map(|n| json!(n)));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_item_passes_through_unchanged(item in any_json()) {
        prop_assert_eq!(run(".", &item), Ok(item));
    }

    #[test]
    fn no_item_makes_a_mapping_panic(item in any_json()) {
        for program in [
            "{a: .a, b: [.b[]? | tostring], c: (.c // 0 | tonumber? // null)}",
            "[.. | scalars | tojson] | join(\",\")",
            ".[0].x.y",
            "to_entries | map(.value | length) | add",
            "walk(if type == \"string\" then ascii_upcase | test(\"A\") else . end)",
            "[paths] | length",
            "todate? // \"none\"",
            "sort_by(.a) | group_by(.b) | flatten | unique",
        ] {
            let _ = run(program, &item);
        }
    }

    #[test]
    fn no_text_makes_the_compiler_panic(program in "[-.\\[\\](){}|,:;a-c\"\\\\ $@0-9defasif?]{0,60}") {
        let _ = Mapping::compile("test.jq", &program);
    }
}
