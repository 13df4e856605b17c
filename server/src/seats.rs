//! How much may be under way at once: in all, and for one person or token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The places that are taken, by whose they are.
#[derive(Clone)]
pub(crate) struct Seats {
    most: usize,
    most_of_one: usize,
    taken: Arc<Mutex<HashMap<String, usize>>>,
}

/// One taken place; it is free again when this is dropped.
pub(crate) struct Seat {
    seats: Seats,
    whose: String,
}

impl Seats {
    /// So many in all, and so many of one.
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self { most, most_of_one, taken: Arc::default() }
    }

    /// Takes a place; `None` where there is none left.
    pub(crate) fn take(&self, whose: &str) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(whose).copied().unwrap_or_default();
        if own >= self.most_of_one || taken.values().sum::<usize>() >= self.most {
            return None;
        }
        taken.insert(whose.to_owned(), own + 1);
        Some(Seat { seats: self.clone(), whose: whose.to_owned() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.whose) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cannot_take_the_places_of_all() {
        let seats = Seats::new(4, 3);
        let mut own: Vec<_> = (0..3).map(|_| seats.take("otto").expect("a free place")).collect();
        assert!(seats.take("otto").is_none());
        let ada = seats.take("ada");
        assert!(ada.is_some() && seats.take("eva").is_none(), "all are taken");
        own.pop();
        assert!(seats.take("otto").is_some());
        drop((own, ada));
        assert!(seats.taken.lock().unwrap().is_empty());
    }
}
