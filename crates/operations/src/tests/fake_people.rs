//! The fake of the port that keeps who people are. The tests of `app` use this file, too: whoever includes it says what
//! `ports` and `FakeStore` are.

use async_trait::async_trait;
use jiff::Timestamp;

use super::FakeStore;
use super::ports::*;

#[async_trait]
impl PersonStore for FakeStore {
    async fn keep_person(&self, person: &KnownPerson) -> Result<(), StoreError> {
        let mut people = self.people.lock().unwrap();
        people.retain(|known| known.subject != person.subject);
        people.push(person.clone());
        Ok(())
    }

    async fn person(&self, subject: &str) -> Result<Option<KnownPerson>, StoreError> {
        Ok(self.people.lock().unwrap().iter().find(|known| known.subject == subject).cloned())
    }

    async fn people(&self, roles: &[Role], since: Timestamp) -> Result<Vec<KnownPerson>, StoreError> {
        let people = self.people.lock().unwrap();
        let wanted = |known: &&KnownPerson| known.at >= since && known.role.is_some_and(|role| roles.contains(&role));
        Ok(people.iter().rev().filter(wanted).cloned().collect())
    }
}
