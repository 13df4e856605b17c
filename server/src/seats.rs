//! How many event streams may be open at once: in all, and for one person.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use operations::Error;

/// Streams at once in one process.
const MOST: usize = 1_000;
/// Streams at once of one person: more tabs than anybody reads.
const MOST_OF_ONE: usize = 50;

/// The streams that are open, by the person's subject.
#[derive(Clone, Default)]
pub(crate) struct Seats {
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

/// One open stream; its place is free again when this is dropped.
pub(crate) struct Seat {
    seats: Seats,
    subject: String,
}

impl Seats {
    /// Takes a place for a person.
    pub(crate) fn take(&self, subject: &str) -> Result<Seat, Error> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(subject).copied().unwrap_or_default();
        if own >= MOST_OF_ONE || taken.values().sum::<usize>() >= MOST {
            let text = "Too many live pages are open. This one shows what was when it was loaded; close some others.";
            return Err(Error::Conflict(text.to_owned()));
        }
        taken.insert(subject.to_owned(), own + 1);
        Ok(Seat { seats: self.clone(), subject: subject.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.subject) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_cannot_take_the_places_of_all() {
        let seats = Seats::default();
        let mut own: Vec<_> = (0..MOST_OF_ONE).map(|_| seats.take("otto").expect("a free place")).collect();
        assert!(seats.take("otto").is_err());
        assert!(seats.take("ada").is_ok());
        own.pop();
        assert!(seats.take("otto").is_ok());
        drop(own);
        assert!(seats.taken.lock().unwrap().is_empty());
    }
}
