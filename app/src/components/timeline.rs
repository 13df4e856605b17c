//! An incident's timeline: as a picture with a lane for each person, and as a list that says the same.

mod axis;
mod entry;
mod picture;
mod shape;

pub(crate) use entry::{Reader, entries};
pub(crate) use picture::{legend, picture};
