use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// Who uses whom, in a build with default features, without what only tests use.
pub(super) struct Graph {
    names: HashMap<String, String>,
    /// By package id: the ids of the packages it uses.
    uses: HashMap<String, Vec<String>>,
    /// Ids of the workspace's packages, and of those the ones in `crates/`.
    members: Vec<String>,
    crates: Vec<String>,
}

impl Graph {
    /// Reads what `cargo metadata --format-version 1` prints.
    pub(super) fn parse(metadata: &str) -> Result<Self, String> {
        let metadata: Value = serde_json::from_str(metadata)
            .map_err(|error| format!("cargo metadata printed no JSON: {error}"))?;
        let root = text(&metadata["workspace_root"])?;
        let members = list(&metadata["workspace_members"])?;
        let members = members.iter().map(text).collect::<Result<Vec<_>, _>>()?;

        let mut names = HashMap::new();
        let mut manifests = HashMap::new();
        let mut crates = Vec::new();
        for package in list(&metadata["packages"])? {
            let id = text(&package["id"])?;
            let manifest = text(&package["manifest_path"])?;
            if members.contains(&id) && manifest.starts_with(&format!("{root}/crates/")) {
                crates.push(id.clone());
            }
            names.insert(id.clone(), text(&package["name"])?);
            manifests.insert(id, package);
        }

        let mut uses = HashMap::new();
        for node in list(&metadata["resolve"]["nodes"])? {
            let id = text(&node["id"])?;
            let manifest = manifests.get(&id).ok_or_else(|| format!("{id} has no manifest"))?;
            let mut used = Vec::new();
            for dependency in list(&node["deps"])? {
                let to = text(&dependency["pkg"])?;
                let kinds = list(&dependency["dep_kinds"])?;
                let built = kinds.iter().any(|kind| kind["kind"] != "dev");
                let name = names.get(&to).ok_or_else(|| format!("{to} has no manifest"))?;
                if built && is_active(manifest, &node["features"], name) {
                    used.push(to);
                }
            }
            uses.insert(id, used);
        }
        Ok(Self { names, uses, members, crates })
    }

    /// The names of the packages in `crates/`.
    pub(super) fn crates(&self) -> impl Iterator<Item = &str> {
        self.crates.iter().map(|id| self.name(id))
    }

    /// The workspace's packages that `name` uses directly.
    pub(super) fn members_used_by(&self, name: &str) -> impl Iterator<Item = &str> {
        let used = self.member(name).and_then(|id| self.uses.get(id));
        let ours = used.into_iter().flatten().filter(|id| self.members.contains(id));
        ours.map(|id| self.name(id))
    }

    /// The shortest road from one of our packages to any package named `to`.
    pub(super) fn road(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let start = self.member(from)?;
        let mut came_from = HashMap::from([(start, None)]);
        let mut queue = VecDeque::from([start]);
        while let Some(id) = queue.pop_front() {
            if id != start && self.name(id) == to {
                let walk = std::iter::successors(Some(id), |id| came_from[id]);
                let mut road: Vec<_> = walk.map(|id| self.name(id).to_owned()).collect();
                road.reverse();
                return Some(road);
            }
            for next in self.uses.get(id).into_iter().flatten() {
                let next = next.as_str();
                if !came_from.contains_key(next) {
                    came_from.insert(next, Some(id));
                    queue.push_back(next);
                }
            }
        }
        None
    }

    fn member(&self, name: &str) -> Option<&str> {
        self.members.iter().map(String::as_str).find(|id| self.name(id) == name)
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}

/// Whether a package really uses `name` with the features it has.
///
/// Cargo's metadata lists an optional dependency as used when a feature merely mentions it weakly
/// (`"ring?/alloc"`), though nothing of it is built then.
fn is_active(manifest: &Value, features: &Value, name: &str) -> bool {
    let active: Vec<&str> = items(features).filter_map(Value::as_str).collect();
    let turned_on = |key: &str| {
        let mentions = active.iter().flat_map(|feature| items(&manifest["features"][feature]));
        active.contains(&key)
            || mentions.filter_map(Value::as_str).any(|mention| {
                mention.strip_prefix("dep:") == Some(key)
                    || mention.split_once('/').is_some_and(|(dependency, _)| dependency == key)
            })
    };
    let mut declared = items(&manifest["dependencies"])
        .filter(|dependency| dependency["name"] == name && dependency["kind"] != "dev")
        .peekable();
    declared.peek().is_none()
        || declared.any(|dependency| {
            let key = dependency["rename"].as_str().unwrap_or(name);
            dependency["optional"] != true || turned_on(key)
        })
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> Result<String, String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| format!("cargo metadata: {value} is not the text it should be"))
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("cargo metadata: {value} is not the list it should be"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::is_active;

    #[test]
    fn an_optional_dependency_counts_only_when_a_feature_turns_it_on() {
        let manifest = json!({
            "dependencies": [
                {"name": "ring", "kind": null, "optional": true, "rename": null},
                {"name": "log", "kind": null, "optional": false, "rename": null},
            ],
            "features": {
                "alloc": ["ring?/alloc"],
                "ring": ["dep:ring"],
                "strong": ["ring/std"],
            },
        });
        let active = |features: &[&str], name| is_active(&manifest, &json!(features), name);
        assert!(!active(&[], "ring"));
        assert!(!active(&["alloc"], "ring"));
        assert!(active(&["ring"], "ring"));
        assert!(active(&["strong"], "ring"));
        assert!(active(&[], "log"));
    }
}
