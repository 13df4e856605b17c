//! The arrows between the rooms, as docs/ARCHITECTURE.md draws them: what cargo says must be what the drawing says.

#![expect(clippy::unwrap_used, reason = "what a test reads is there, or the test fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Each room with the rooms that it may depend on, in code and in tests.
const ARROWS: &[(&str, &[&str], &[&str])] = &[
    ("app", &["check", "command", "incident", "operations", "runbook", "widget"], &[]),
    ("aws", &["command", "operations"], &[]),
    ("channels", &["operations"], &[]),
    ("check", &["command", "runbook", "widget"], &[]),
    ("command", &[], &[]),
    ("coverage", &["command", "operations", "practice", "runbook", "server"], &[]),
    ("datasource", &["command", "operations"], &[]),
    ("identity", &["command", "operations"], &[]),
    ("incident", &["command", "runbook"], &[]),
    ("kubernetes", &["command", "operations"], &["practice"]),
    ("operations", &["command", "incident", "runbook", "widget"], &[]),
    ("practice", &[], &[]),
    ("programs", &["command", "operations", "sandbox"], &[]),
    ("runbook", &["command"], &[]),
    ("sandbox", &["command", "operations"], &[]),
    (
        "server",
        &[
            "app",
            "aws",
            "channels",
            "check",
            "command",
            "datasource",
            "identity",
            "incident",
            "kubernetes",
            "operations",
            "practice",
            "programs",
            "runbook",
            "sandbox",
            "store",
        ],
        &[],
    ),
    ("store", &["command", "incident", "operations", "runbook"], &[]),
    ("widget", &["command", "runbook"], &[]),
    ("xtask", &[], &[]),
];

/// Rooms that stay free of these crates, however far away they come in.
const ABSENT: &[(&str, &[&str])] = &[
    ("check", &["axum", "kube", "leptos", "reqwest", "sqlx", "tokio"]),
    ("command", &["axum", "kube", "leptos", "reqwest", "sqlx", "tokio"]),
    ("incident", &["axum", "kube", "leptos", "reqwest", "sqlx", "tokio"]),
    ("runbook", &["axum", "kube", "leptos", "reqwest", "sqlx", "tokio"]),
    ("widget", &["axum", "kube", "leptos", "reqwest", "sqlx", "tokio"]),
    ("operations", &["axum", "k8s-openapi", "kube", "leptos", "reqwest", "sqlx"]),
];

/// Crates that only one room names.
const ONLY: &[(&str, &str)] = &[
    ("aws-sdk-acm", "aws"),
    ("aws-sdk-rds", "aws"),
    ("k8s-openapi", "kubernetes"),
    ("kube", "kubernetes"),
    ("postgres-protocol", "datasource"),
    ("sqlx", "store"),
];

/// A direct dependency of a room.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    for_tests: bool,
}

/// Each room with what its Cargo.toml names.
type Rooms = BTreeMap<String, BTreeSet<Dependency>>;

/// Each locked crate with what it depends on. Crates of one name in several versions are seen as one.
type Locked = BTreeMap<String, BTreeSet<String>>;

#[test]
fn arrows_point_as_drawn() {
    assert_eq!(wrong_arrows(&rooms()), Vec::<String>::new());
}

#[test]
fn pure_rooms_stay_pure() {
    assert_eq!(impurities(&rooms(), &locked()), Vec::<String>::new());
}

#[test]
fn each_outside_world_has_one_room() {
    assert_eq!(strays(&rooms()), Vec::<String>::new());
}

#[test]
fn a_wrong_arrow_is_found() {
    let mut rooms = rooms();
    name_dependency(&mut rooms, "command", "operations", true);
    name_dependency(&mut rooms, "kubernetes", "practice", false);
    rooms.insert("cellar".into(), BTreeSet::new());
    let mut wrong = wrong_arrows(&rooms);
    wrong.sort();
    assert_eq!(wrong, ["cellar is in no drawing", "command → operations (in tests)", "kubernetes → practice"]);
}

#[test]
fn an_impurity_is_found_behind_another_crate() {
    let (mut rooms, mut locked) = (rooms(), locked());
    name_dependency(&mut rooms, "runbook", "innocent", false);
    locked.insert("innocent".into(), ["guilty".to_owned()].into());
    locked.insert("guilty".into(), ["tokio".to_owned()].into());
    assert_eq!(
        impurities(&rooms, &locked),
        ["check → … → tokio", "incident → … → tokio", "runbook → … → tokio", "widget → … → tokio"]
    );
}

#[test]
fn a_stray_is_found() {
    let mut rooms = rooms();
    name_dependency(&mut rooms, "server", "sqlx", true);
    assert_eq!(strays(&rooms), ["server names sqlx, only store may"]);
}

fn wrong_arrows(rooms: &Rooms) -> Vec<String> {
    let mut wrong = Vec::new();
    for (room, dependencies) in rooms {
        let Some((_, in_code, in_tests)) = ARROWS.iter().find(|(name, ..)| name == room) else {
            wrong.push(format!("{room} is in no drawing"));
            continue;
        };
        for Dependency { name, for_tests } in dependencies {
            let name = name.as_str();
            let drawn = in_code.contains(&name) || (*for_tests && in_tests.contains(&name));
            if rooms.contains_key(name) && !drawn {
                let mark = if *for_tests { " (in tests)" } else { "" };
                wrong.push(format!("{room} → {name}{mark}"));
            }
        }
    }
    wrong
}

fn impurities(rooms: &Rooms, locked: &Locked) -> Vec<String> {
    let mut found = Vec::new();
    for (room, absent) in ABSENT {
        let reached = reached(room, rooms, locked);
        found.extend(absent.iter().filter(|name| reached.contains(**name)).map(|name| format!("{room} → … → {name}")));
    }
    found
}

/// Everything that a room's code, not its tests, is built from.
fn reached(room: &str, rooms: &Rooms, locked: &Locked) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![room.to_owned()];
    while let Some(name) = waiting.pop() {
        let next: Vec<String> = match rooms.get(&name) {
            Some(dependencies) => dependencies
                .iter()
                .filter(|dependency| !dependency.for_tests)
                .map(|dependency| dependency.name.clone())
                .collect(),
            None => locked.get(&name).into_iter().flatten().cloned().collect(),
        };
        waiting.extend(next.into_iter().filter(|name| reached.insert(name.clone())));
    }
    reached
}

fn strays(rooms: &Rooms) -> Vec<String> {
    let mut found = Vec::new();
    for (name, owner) in ONLY {
        for (room, dependencies) in rooms {
            let names_it = dependencies.iter().any(|dependency| dependency.name == *name);
            if names_it && room != owner {
                found.push(format!("{room} names {name}, only {owner} may"));
            }
        }
    }
    found
}

fn name_dependency(rooms: &mut Rooms, room: &str, name: &str, for_tests: bool) {
    let dependencies = rooms.get_mut(room).unwrap();
    dependencies.insert(Dependency { name: name.into(), for_tests });
}

fn rooms() -> Rooms {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata failed");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rooms: Rooms = array(&metadata["packages"]).map(room).collect();
    assert!(rooms.contains_key("operations"), "cargo names no rooms");
    rooms
}

fn room(package: &Value) -> (String, BTreeSet<Dependency>) {
    let dependencies = array(&package["dependencies"])
        .map(|dependency| Dependency { name: text(&dependency["name"]), for_tests: dependency["kind"] == "dev" });
    (text(&package["name"]), dependencies.collect())
}

fn locked() -> Locked {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let lock: toml::Table = lock.parse().unwrap();
    let mut locked = Locked::new();
    for package in lock["package"].as_array().unwrap() {
        let dependencies = package
            .get("dependencies")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
            // "name", or "name version" where there are several versions.
            .map(|dependency| dependency.as_str().unwrap().split(' ').next().unwrap().to_owned());
        let name = package["name"].as_str().unwrap().to_owned();
        locked.entry(name).or_default().extend(dependencies);
    }
    locked
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
