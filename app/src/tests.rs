//! The pages through the front door: a router of Leptos routes and server functions over a portal of fakes.

#[path = "../../crates/operations/src/tests/fake_incidents.rs"]
mod fake_incidents;
#[path = "../../crates/operations/src/tests/fake_people.rs"]
mod fake_people;
mod fakes;
mod fragments;
mod gallery;
mod incident;
mod message;
mod pages;
mod post_mortem;
mod posts;
mod scene;
mod statistics;
mod timeline;
mod undo;

use fakes::Memory as FakeStore;
use operations as ports;
