//! Who looks at which run just now. Known by the streams that are open, so it ends with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use operations::RunId;
use tokio::sync::watch;

/// The people on every run's page, in this process.
#[derive(Clone, Default)]
pub(crate) struct Presence {
    runs: Arc<Mutex<HashMap<RunId, watch::Sender<Vec<String>>>>>,
}

/// One open page: the person is there until it is dropped.
pub(crate) struct Here {
    presence: Presence,
    run: RunId,
    name: String,
    people: watch::Receiver<Vec<String>>,
}

impl Presence {
    /// A person opens the page of a run.
    pub(crate) fn enter(&self, run: RunId, name: &str) -> Here {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let people = runs.entry(run).or_insert_with(|| watch::channel(Vec::new()).0);
        people.send_modify(|names| names.push(name.to_owned()));
        Here { presence: self.clone(), run, name: name.to_owned(), people: people.subscribe() }
    }
}

impl Here {
    /// Everybody who is there; somebody with two pages is there twice.
    pub(crate) fn names(&mut self) -> Vec<String> {
        self.people.borrow_and_update().clone()
    }

    /// Returns when somebody comes or goes.
    pub(crate) async fn changed(&mut self) {
        if self.people.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut runs = self.presence.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(people) = runs.get(&self.run) else { return };
        people.send_modify(|names| {
            if let Some(at) = names.iter().position(|name| name == &self.name) {
                names.swap_remove(at);
            }
        });
        if people.borrow().is_empty() {
            runs.remove(&self.run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_and_go_and_nothing_is_left_behind() {
        let presence = Presence::default();
        let run = RunId::new();
        let mut ada = presence.enter(run, "Ada");
        let otto = presence.enter(run, "Otto");
        assert_eq!(ada.names(), ["Ada", "Otto"]);
        drop(otto);
        assert_eq!(ada.names(), ["Ada"]);
        drop(ada);
        assert!(presence.runs.lock().unwrap().is_empty());
    }
}
