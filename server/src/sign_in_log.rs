//! Sign-ins reach the audit trail.

use std::net::IpAddr;

use async_trait::async_trait;
use identity::SignInLog;
use operations::{Actor, AuditError, Caller, Error, EventKind, Operations};

/// Writes who came and went through the use cases.
pub(crate) struct TrailLog(pub(crate) Operations);

impl TrailLog {
    async fn write(&self, kind: EventKind, actor: Actor, summary: &str) -> Result<(), AuditError> {
        match self.0.record(kind, actor, summary).await {
            Err(Error::Audit(error)) => Err(error),
            Err(other) => Err(AuditError { operation: "record", source: Box::new(other) }),
            Ok(()) => Ok(()),
        }
    }
}

#[async_trait]
impl SignInLog for TrailLog {
    async fn signed_in(&self, caller: &Caller) -> Result<(), AuditError> {
        let summary = format!("Signed in as {}", caller.person.role.word());
        self.write(EventKind::SignedIn, Actor::from(caller), &summary).await
    }

    async fn signed_out(&self, caller: &Caller) -> Result<(), AuditError> {
        self.write(EventKind::SignedOut, Actor::from(caller), "Signed out").await
    }

    async fn refused(&self, reason: &str, address: Option<IpAddr>) -> Result<(), AuditError> {
        let nobody = Actor { subject: "unknown".to_owned(), name: "Nobody signed in".to_owned(), address };
        self.write(EventKind::SignInRefused, nobody, reason).await
    }
}
