//! Who people are now: learnt when they sign in, and asked wherever it counts.

use jiff::SignedDuration;

use super::{Operations, permit};
use crate::{Caller, Error, KnownPerson, Permission, Person, Role, StoreError};

/// How long after their last sign-in people are offered to others.
const LATELY: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Operations {
    /// A person has signed in: this is who they are from now on. Sessions of theirs that say another role end at their next
    /// request ([`Operations::is_still`]), and their tokens act with no more than the role that they have now.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn person_signed_in(&self, person: &Person) -> Result<(), Error> {
        let (this, person) = (self.clone(), person.clone());
        self.whole(async move {
            // A token that is being made says what was known before.
            let _alone = this.rooms.making_tokens.lock().await;
            let at = this.rooms.now();
            let Person { subject, name, role, .. } = person.clone();
            this.rooms.people.keep_person(&KnownPerson { subject, name, role: Some(role), at }).await?;
            Ok(this.rooms.tokens.owner_seen(&person, at).await?)
        })
        .await
    }

    /// A person was turned away because no group of theirs has a role, perhaps not any more: their sessions end at their
    /// next request, and their tokens now.
    ///
    /// # Errors
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn person_has_no_role(&self, subject: &str, name: &str) -> Result<(), Error> {
        let (this, subject, name) = (self.clone(), subject.to_owned(), name.to_owned());
        self.whole(async move {
            let _alone = this.rooms.making_tokens.lock().await;
            let at = this.rooms.now();
            let person = KnownPerson { subject, name, role: None, at };
            this.rooms.people.keep_person(&person).await?;
            this.end_tokens_of(&person.subject, at).await
        })
        .await
    }

    /// Whether a person still has the role that their session says. So has whoever has not signed in since this is kept:
    /// nothing else is known of them.
    ///
    /// # Errors
    /// The database failed: nobody knows.
    pub async fn is_still(&self, person: &Person) -> Result<bool, StoreError> {
        let known = self.rooms.people.person(&person.subject).await?;
        Ok(known.is_none_or(|known| known.role == Some(person.role)))
    }

    /// Whether somebody may do, as far as that is known, at least what their role was when they began something.
    pub(super) async fn may_still(&self, person: &Person) -> Result<bool, StoreError> {
        let known = self.rooms.people.person(&person.subject).await?;
        Ok(known.is_none_or(|known| known.role.is_some_and(|role| role >= person.role)))
    }

    /// People who signed in lately and may run procedures (subject and name), latest first: whom something can be handed
    /// to.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Store`].
    pub async fn people(&self, caller: &Caller) -> Result<Vec<(String, String)>, Error> {
        permit(caller, Permission::View)?;
        let roles: Vec<_> = Role::ALL.into_iter().filter(|role| role.permits(Permission::Run)).collect();
        let people = self.rooms.people.people(&roles, self.rooms.now() - LATELY).await?;
        Ok(people.into_iter().map(|person| (person.subject, person.name)).collect())
    }

    /// Somebody to whom something can be handed (subject and name): one of [`Operations::people`].
    pub(super) async fn known_person(&self, subject: &str) -> Result<(String, String), Error> {
        let lately = self.rooms.now() - LATELY;
        let known = self.rooms.people.person(subject).await?.filter(|known| known.at >= lately);
        let KnownPerson { subject, name, role, .. } = known
            .ok_or_else(|| Error::Invalid("Choose somebody who has signed in to this portal lately.".to_owned()))?;
        if !role.is_some_and(|role| role.permits(Permission::Run)) {
            let may_not = Permission::Run.phrase();
            return Err(Error::Invalid(format!("{name} may not {may_not} here. Choose somebody who may.")));
        }
        Ok((subject, name))
    }

    /// What is known of the caller, where their session says the same.
    pub(super) async fn as_known(&self, caller: &Caller) -> Result<KnownPerson, Error> {
        let known = self.rooms.people.person(&caller.person.subject).await?;
        known.filter(|known| known.role == Some(caller.person.role)).ok_or_else(|| {
            Error::Conflict("The portal does not know your role as it is now. Sign out and in again first.".to_owned())
        })
    }
}
