//! Who looks at which run or incident just now, and where. Known by the streams that are open, so it ends with them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use app::fragments::Looker;
use tokio::sync::watch;
use uuid::Uuid;

/// The people on every page of a run or incident, in this process.
#[derive(Clone, Default)]
pub(crate) struct Presence {
    pages: Arc<Mutex<HashMap<Uuid, watch::Sender<Vec<Looker>>>>>,
}

/// One open page: the person is there until it is dropped.
pub(crate) struct Here {
    presence: Presence,
    page: Uuid,
    looker: Looker,
    people: watch::Receiver<Vec<Looker>>,
}

impl Presence {
    /// A person opens the page of a run or incident.
    pub(crate) fn enter(&self, page: Uuid, looker: Looker) -> Here {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let people = pages.entry(page).or_insert_with(|| watch::channel(Vec::new()).0);
        people.send_modify(|lookers| lookers.push(looker.clone()));
        Here { presence: self.clone(), page, looker, people: people.subscribe() }
    }

    /// Everybody who is there; somebody with two pages is there twice.
    pub(crate) fn lookers(&self, page: Uuid) -> Vec<Looker> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(&page).map(|people| people.borrow().clone()).unwrap_or_default()
    }
}

impl Here {
    /// Everybody who is there; somebody with two pages is there twice.
    pub(crate) fn lookers(&mut self) -> Vec<Looker> {
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
        let mut pages = self.presence.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(people) = pages.get(&self.page) else { return };
        people.send_modify(|lookers| {
            if let Some(at) = lookers.iter().position(|looker| looker == &self.looker) {
                lookers.swap_remove(at);
            }
        });
        if people.borrow().is_empty() {
            pages.remove(&self.page);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_and_go_and_nothing_is_left_behind() {
        let presence = Presence::default();
        let page = Uuid::now_v7();
        let mut ada = presence.enter(page, Looker::at("Ada", "step 1"));
        let otto = presence.enter(page, Looker::at("Otto", ""));
        assert_eq!(ada.lookers(), [Looker::at("Ada", "step 1"), Looker::at("Otto", "")]);
        assert_eq!(presence.lookers(page), ada.lookers());
        drop(otto);
        assert_eq!(ada.lookers(), [Looker::at("Ada", "step 1")]);
        drop(ada);
        assert!(presence.pages.lock().unwrap().is_empty());
        assert_eq!(presence.lookers(page), []);
    }
}
