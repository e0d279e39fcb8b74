//! Who may depend on whom. Arrows point down; ARCHITECTURE.md says why.

use std::collections::BTreeMap;

use super::{
    Finding,
    manifest::{self, Dependency, Kind},
    tree::Tree,
};

/// The levels of `shared/`: a crate depends on its own level or a lower one.
const LEVELS: [(&str, u8); 13] = [
    ("shared/canonical", 0),
    ("shared/config", 0),
    ("shared/mapping", 0),
    ("shared/retry", 0),
    ("shared/topology", 0),
    ("shared/broker", 1),
    ("shared/http", 1),
    ("shared/service", 1),
    ("shared/sftp", 1),
    ("shared/store", 1),
    ("shared/systems", 1),
    ("shared/amqp", 2),
    ("shared/sim", 2),
];

/// What would make a crate of level 0 do something.
const IMPURE: [&str; 5] = ["axum", "lapin", "reqwest", "rusqlite", "tokio"];

/// Libraries behind one crate of ours. Tests speak to the outside by themselves.
const ONLY_THROUGH: [(&str, &str, &[&str]); 8] = [
    ("backoff", "shared/retry", &[]),
    ("deadpool-postgres", "shared/store", &[]),
    ("lapin", "shared/amqp", &["tests/"]),
    ("reqwest", "shared/http", &["tests/"]),
    ("rusqlite", "shared/store", &[]),
    ("russh", "shared/sftp", &[]),
    ("russh-sftp", "shared/sftp", &[]),
    ("tokio-postgres", "shared/store", &["tests/"]),
];

/// Folders that must not know others, and why. Dependencies of tests count as well.
const STRANGERS: [(&str, &[&str], &str); 8] = [
    ("shared/", &["services/", "tests/", "ops/"], "shared code knows nobody who uses it"),
    ("services/", &["tests/", "ops/"], "a service knows neither its tests nor its tools"),
    ("services/", &["services/"], "services never see each other; they meet in the broker"),
    ("tests/node", &["shared/", "services/"], TESTS_APART),
    ("tests/postgres", &["shared/", "services/"], TESTS_APART),
    ("tests/simulators", &["shared/", "services/"], TESTS_APART),
    ("tests/sshd", &["shared/", "services/"], TESTS_APART),
    ("tests/world", &["shared/", "services/"], TESTS_APART),
];

const TESTS_APART: &str = "generator, simulators and checker must not share an error with ferry";

/// Stands in for the outside and knows nothing of Ferry: a crate that speaks to it may do so in its tests.
const STAND_IN: &str = "tests/sshd";

/// The broker and HTTP in memory are for tests, and for crates that are nothing but tests.
const DEV_ONLY: &str = "shared/sim";
const TESTS: &str = "tests/";

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let packages: Vec<_> = manifest::packages(tree).collect();
    let folders: BTreeMap<&str, &str> = packages
        .iter()
        .filter_map(|(folder, manifest)| Some((manifest.package.as_deref()?, *folder)))
        .collect();
    let mut findings = Vec::new();
    for (folder, manifest) in &packages {
        let path = format!("{folder}/Cargo.toml");
        if folder.starts_with("shared/") && level(folder).is_none() {
            findings.push(Finding::new(
                &path,
                1,
                "this crate has no level; give it one in ops/xtask/src/tidy/layers.rs",
            ));
        }
        for dependency in &manifest.dependencies {
            let found = match folders.get(dependency.name.as_str()) {
                Some(other) => own(folder, other, dependency),
                None => library(folder, &dependency.name),
            };
            findings.extend(found.map(|what| Finding::new(&path, dependency.line, what)));
        }
    }
    findings
}

fn level(folder: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == folder).map(|(_, level)| *level)
}

/// What is wrong with an arrow to another crate of ours.
fn own(folder: &str, other: &str, dependency: &Dependency) -> Option<String> {
    let name = &dependency.name;
    let stranger = STRANGERS.iter().find(|(who, whom, _)| {
        folder.starts_with(who) && whom.iter().any(|prefix| other.starts_with(prefix))
    });
    let stands_in = other == STAND_IN && dependency.kind == Kind::Dev;
    if let Some((_, _, why)) = stranger.filter(|_| !stands_in) {
        return Some(format!("{folder} must not depend on `{name}`: {why}; remove it"));
    }
    if dependency.kind == Kind::Dev {
        return None;
    }
    if other == DEV_ONLY && !folder.starts_with(TESTS) {
        return Some(format!("`{name}` is for tests; move it to [dev-dependencies]"));
    }
    let (own, other_level) = (level(folder)?, level(other)?);
    (own < other_level).then(|| {
        format!(
            "an arrow points up: {folder} is of level {own}, `{name}` of level {other_level}; \
             move what is needed down, or take it as an argument"
        )
    })
}

/// What is wrong with an arrow to somebody else's library.
fn library(folder: &str, name: &str) -> Option<String> {
    if level(folder) == Some(0) && IMPURE.contains(&name) {
        return Some(format!("{folder} is pure and must not use `{name}`; move that up a level"));
    }
    let (_, through, except) = ONLY_THROUGH.iter().find(|(library, ..)| *library == name)?;
    let excepted = except.iter().any(|prefix| folder.starts_with(prefix));
    (folder != *through && !excepted)
        .then(|| format!("only {through} names `{name}`; use that crate instead"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: [&str; 10] = [
        "shared/canonical",
        "shared/http",
        "shared/amqp",
        "shared/retry",
        "shared/sim",
        "services/loader",
        "services/producer",
        "tests/world",
        "tests/e2e",
        "tests/sshd",
    ];

    /// The findings when the package in `folder` has these lines after its name.
    fn findings(folder: &str, lines: &str) -> Vec<String> {
        let files: Vec<(String, String)> = PACKAGES
            .iter()
            .map(|each| {
                let name = each.rsplit('/').next().unwrap();
                let rest = if *each == folder { lines } else { "" };
                (
                    format!("{each}/Cargo.toml"),
                    format!("[package]\nname = \"ferry-{name}\"\n{rest}"),
                )
            })
            .collect();
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files)).iter().map(ToString::to_string).collect()
    }

    fn one(folder: &str, lines: &str, part: &str) {
        let found = findings(folder, lines);
        assert_eq!(found.len(), 1, "{folder}: {lines}: {found:?}");
        assert!(found[0].contains(part), "{found:?}");
    }

    fn none(folder: &str, lines: &str) {
        assert_eq!(findings(folder, lines), Vec::<String>::new(), "{folder}: {lines}");
    }

    #[test]
    fn arrows_point_down() {
        none("shared/http", "[dependencies]\nferry-canonical.workspace = true\n");
        one("shared/http", "[dependencies]\nferry-amqp.workspace = true\n", "points up");
        one("shared/canonical", "[dependencies]\nferry-http.workspace = true\n", "points up");
    }

    #[test]
    fn the_lowest_level_is_pure() {
        one("shared/canonical", "[dependencies]\ntokio.workspace = true\n", "is pure");
        none("shared/canonical", "[dependencies]\nserde.workspace = true\n");
    }

    #[test]
    fn a_library_is_named_by_one_crate_only() {
        none("shared/amqp", "[dependencies]\nlapin.workspace = true\n");
        one("services/loader", "[dependencies]\nlapin.workspace = true\n", "only shared/amqp");
        one("shared/http", "[dependencies]\nbackoff.workspace = true\n", "only shared/retry");
        one("tests/e2e", "[dependencies]\nrusqlite.workspace = true\n", "only shared/store");
        none("tests/e2e", "[dependencies]\nreqwest.workspace = true\nlapin.workspace = true\n");
    }

    #[test]
    fn services_are_strangers_even_in_their_tests() {
        for section in ["dependencies", "dev-dependencies"] {
            let line = format!("[{section}]\nferry-producer.workspace = true\n");
            one("services/loader", &line, "services never see each other");
        }
    }

    #[test]
    fn the_checkers_share_nothing_with_what_they_check() {
        one("tests/world", "[dependencies]\nferry-canonical.workspace = true\n", "share an error");
        one("shared/retry", "[dev-dependencies]\nferry-world.workspace = true\n", "knows nobody");
        none("tests/e2e", "[dependencies]\nferry-world.workspace = true\n");
        none("shared/http", "[dev-dependencies]\nferry-sshd.workspace = true\n");
        one("shared/http", "[dependencies]\nferry-sshd.workspace = true\n", "knows nobody");
    }

    #[test]
    fn the_simulation_stays_in_tests() {
        none("services/loader", "[dev-dependencies]\nferry-sim.workspace = true\n");
        one("services/loader", "[dependencies]\nferry-sim.workspace = true\n", "is for tests");
    }

    #[test]
    fn a_shared_crate_without_a_level_is_asked_for_one() {
        let tree = Tree::of(&[("shared/new/Cargo.toml", "[package]\nname = \"ferry-new\"\n")]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().contains("no level"), "{found:?}");
    }
}
