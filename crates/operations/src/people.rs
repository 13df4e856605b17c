//! What the portal knows of people: what they are called, and which role they have now.
//!
//! It learns that when they sign in, or are turned away because no group of theirs has a role any more, and at no other
//! time. A session says who somebody was when it began; what is kept here says whether that still holds.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{Role, StoreError};

/// What a person's last sign-in told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPerson {
    /// Their subject at the provider.
    pub subject: String,
    /// What they were called.
    pub name: String,
    /// The role that they have; none where they were turned away for having none.
    pub role: Option<Role>,
    /// When that was.
    pub at: Timestamp,
}

/// Keeps what is known of people, the latest of each.
#[async_trait]
pub trait PersonStore: Send + Sync {
    /// Keeps what is known of a person from now on.
    async fn keep_person(&self, person: &KnownPerson) -> Result<(), StoreError>;

    /// What is known of the person of this subject; none where they have never signed in since this is kept.
    async fn person(&self, subject: &str) -> Result<Option<KnownPerson>, StoreError>;

    /// Those who have one of these roles and signed in since then, latest first, at most 200.
    async fn people(&self, roles: &[Role], since: Timestamp) -> Result<Vec<KnownPerson>, StoreError>;
}
