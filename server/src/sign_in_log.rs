//! Sign-ins reach the audit trail, and what is known of people.

use std::net::IpAddr;

use async_trait::async_trait;
use identity::SignInLog;
use operations::{Actor, AuditError, Caller, Error, EventKind, Operations, Person, StoreError};

/// Writes who came and went through the use cases.
pub(crate) struct TrailLog(pub(crate) Operations);

impl TrailLog {
    async fn write(&self, kind: EventKind, actor: Actor, summary: &str) -> Result<(), AuditError> {
        self.0.record(kind, actor, summary).await.map_err(unwritten)
    }
}

fn unwritten(error: Error) -> AuditError {
    match error {
        Error::Audit(error) => error,
        other => AuditError { operation: "record", source: Box::new(other) },
    }
}

#[async_trait]
impl SignInLog for TrailLog {
    async fn signed_in(&self, caller: &Caller) -> Result<(), AuditError> {
        let summary = format!("Signed in as {}", caller.person.role.word());
        self.write(EventKind::SignedIn, Actor::from(caller), &summary).await?;
        // What older sessions and tokens may do follows from the role that they have now: without that nobody comes in.
        self.0.person_signed_in(&caller.person).await.map_err(unwritten)
    }

    async fn has_no_role(&self, subject: &str, name: &str) -> Result<(), AuditError> {
        self.0.person_has_no_role(subject, name).await.map_err(unwritten)
    }

    async fn is_still(&self, person: &Person) -> Result<bool, StoreError> {
        self.0.is_still(person).await
    }

    async fn signed_out(&self, caller: &Caller) -> Result<(), AuditError> {
        self.write(EventKind::SignedOut, Actor::from(caller), "Signed out").await
    }

    async fn refused(&self, reason: &str, address: Option<IpAddr>) -> Result<(), AuditError> {
        let nobody = Actor { subject: "unknown".to_owned(), name: "Nobody signed in".to_owned(), address };
        self.write(EventKind::SignInRefused, nobody, reason).await
    }
}
