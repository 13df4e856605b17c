//! Tests of the use cases with fakes for every port.

mod cards;
mod fakes;
mod permissions;
mod runs;
mod trail;
