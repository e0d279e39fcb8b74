//! Manifests: what a crate depends on, and that versions and lints are the workspace's.
//!
//! Reads the part of TOML that manifests are written in: sections, one key to a line.

use super::{Finding, tree::Tree};

/// How a crate depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// 1-based.
    pub(crate) line: usize,
    /// Whether its version is the workspace's.
    inherited: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) package: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    lints_inherited: bool,
    /// It is a workspace of its own, which has nothing to inherit.
    outside: bool,
}

impl Manifest {
    pub(crate) fn parse(text: &str) -> Self {
        let mut manifest = Self::default();
        let mut section = String::new();
        for (index, raw) in text.lines().enumerate() {
            let line = raw.trim();
            if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                header.trim_matches(['[', ']']).trim().clone_into(&mut section);
                manifest.outside |= section == "workspace";
                manifest.open_section(&section, index + 1);
            } else if let Some((key, value)) = line.split_once('=') {
                manifest.read_key(&section, key.trim(), value.trim(), index + 1);
            }
        }
        manifest
    }

    /// `[dependencies.name]` names a dependency in its header.
    fn open_section(&mut self, section: &str, line: usize) {
        if let Some((kind, name)) = dependency_section(section)
            && !name.is_empty()
        {
            let name = unquoted(name).to_owned();
            self.dependencies.push(Dependency { name, kind, line, inherited: false });
        }
    }

    fn read_key(&mut self, section: &str, key: &str, value: &str, line: usize) {
        match (section, key) {
            ("package", "name") => self.package = Some(unquoted(value).to_owned()),
            ("lints", "workspace") | ("", "lints.workspace") => {
                self.lints_inherited = value == "true";
            }
            _ => self.read_dependency(section, key, value, line),
        }
    }

    fn read_dependency(&mut self, section: &str, key: &str, value: &str, line: usize) {
        let Some((kind, name)) = dependency_section(section) else { return };
        if !name.is_empty() {
            if let Some(dependency) = self.dependencies.last_mut() {
                dependency.inherited |= key == "workspace" && value == "true";
            }
            return;
        }
        let (name, field) = key.split_once('.').unwrap_or((key, ""));
        let inherited = match field {
            "" => value.replace(' ', "").contains("workspace=true"),
            field => field == "workspace" && value == "true",
        };
        let name = unquoted(name).to_owned();
        self.dependencies.push(Dependency { name, kind, line, inherited });
    }
}

/// The kind of dependency a section lists, and the one dependency it is about, if it is about one.
fn dependency_section(section: &str) -> Option<(Kind, &str)> {
    let section = match section.strip_prefix("target.") {
        // The condition may itself hold dots and brackets; the table's name is what follows it.
        Some(rest) => {
            let at = ["dev-dependencies", "build-dependencies", "dependencies"]
                .iter()
                .filter_map(|name| rest.rfind(&format!(".{name}")))
                .min()?;
            rest.get(at + 1..)?
        }
        None => section,
    };
    let (table, name) = section.split_once('.').unwrap_or((section, ""));
    match table {
        "dependencies" => Some((Kind::Normal, name)),
        "dev-dependencies" => Some((Kind::Dev, name)),
        "build-dependencies" => Some((Kind::Build, name)),
        _ => None,
    }
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\''])
}

/// Manifests of the workspace's packages, with their folders.
pub(crate) fn packages(tree: &Tree) -> impl Iterator<Item = (&str, Manifest)> {
    tree.texts("/Cargo.toml").filter_map(|(path, text)| {
        let manifest = Manifest::parse(text);
        (manifest.package.is_some() && !manifest.outside)
            .then(|| (path.trim_end_matches("/Cargo.toml"), manifest))
    })
}

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    packages(tree).flat_map(|(folder, manifest)| judge(folder, &manifest)).collect()
}

fn judge(folder: &str, manifest: &Manifest) -> Vec<Finding> {
    let path = format!("{folder}/Cargo.toml");
    let lints = (!manifest.lints_inherited).then(|| {
        Finding::new(
            &path,
            1,
            "the workspace's lints are off; add `[lints]` and `workspace = true`",
        )
    });
    let own_versions =
        manifest.dependencies.iter().filter(|dependency| !dependency.inherited).map(|dependency| {
            let name = &dependency.name;
            Finding::new(
                &path,
                dependency.line,
                format!(
                    "`{name}` has a version of its own; put it under [workspace.dependencies] in \
                     the root manifest and write `{name}.workspace = true` here"
                ),
            )
        });
    lints.into_iter().chain(own_versions).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "[package]\nname = \"ferry-a\"\n[lints]\nworkspace = true\n";

    fn findings(rest: &str) -> Vec<String> {
        let text = format!("{HEAD}{rest}");
        let tree = Tree::of(&[("shared/a/Cargo.toml", &text)]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_way_to_write_a_dependency_is_read() {
        let manifest = Manifest::parse(
            "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"x\"] }\n\
             [dev-dependencies.c]\nworkspace = true\n\
             [target.'cfg(unix)'.dependencies]\nd.workspace = true\n\
             [build-dependencies]\n\"e\" = \"1\"\n[features]\nf = []\n",
        );
        let read: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|found| (found.name.as_str(), found.kind, found.line, found.inherited))
            .collect();
        assert_eq!(
            read,
            [
                ("a", Kind::Normal, 2, true),
                ("b", Kind::Normal, 3, true),
                ("c", Kind::Dev, 4, true),
                ("d", Kind::Normal, 7, true),
                ("e", Kind::Build, 9, false),
            ]
        );
    }

    #[test]
    fn a_version_outside_the_workspace_table_is_found_on_its_line() {
        let found = findings("[dependencies]\nserde = \"1\"\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("shared/a/Cargo.toml:6: `serde` has a version"), "{found:?}");
    }

    #[test]
    fn a_workspace_of_its_own_has_nothing_to_inherit() {
        let text = "[package]\nname = \"ferry-fuzz\"\n[workspace]\n[dependencies]\nserde = \"1\"\n";
        assert_eq!(check(&Tree::of(&[("tests/fuzz/Cargo.toml", text)])), []);
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_is_found() {
        let tree = Tree::of(&[("shared/a/Cargo.toml", "[package]\nname = \"ferry-a\"\n")]);
        assert_eq!(check(&tree).len(), 1);
        assert_eq!(findings("[dependencies]\nserde.workspace = true\n"), Vec::<String>::new());
    }
}
