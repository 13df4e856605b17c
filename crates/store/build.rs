//! Builds again when a migration comes: the macro that embeds them only notices changes of those it knows.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
    println!("cargo::rerun-if-changed=../../migrations/postgres");
}
