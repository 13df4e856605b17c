//! Tests of the use cases with fakes for every port.

mod cards;
mod fakes;
mod onward;
mod permissions;
mod runs;
mod trail;
