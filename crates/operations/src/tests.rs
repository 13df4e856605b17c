//! Tests of the use cases with fakes for every port.

mod cards;
mod fake_incidents;
mod fake_people;
mod fakes;
mod incidents;
mod messages;
mod onward;
mod people;
mod permissions;
mod runs;
mod statistics;
mod tokens;
mod trail;
mod undo;

use fakes::FakeStore;

use crate as ports;
