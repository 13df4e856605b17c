//! The port through which sign-ins reach the audit trail, and through which the portal remembers what they told.

use std::net::IpAddr;

use async_trait::async_trait;
use operations::{AuditError, Caller, Person, StoreError};

/// Writes who came and went to the audit trail, and keeps who people are now.
#[async_trait]
pub trait SignInLog: Send + Sync {
    /// Somebody proved who they are, and this is what they are from now on. Returns when it is committed; if it cannot be,
    /// the sign-in fails.
    async fn signed_in(&self, caller: &Caller) -> Result<(), AuditError>;

    /// Somebody proved who they are, and has no role here, perhaps not any more: whatever they have left here that acts for
    /// them (sessions of other browsers, access tokens) ends. The refusal itself is reported by [`SignInLog::refused`].
    async fn has_no_role(&self, subject: &str, name: &str) -> Result<(), AuditError>;

    /// Whether the person of a session still has the role that the session says, as far as later sign-ins of theirs told.
    /// Where that cannot be known, the session is not believed, and not ended either.
    async fn is_still(&self, person: &Person) -> Result<bool, StoreError>;

    /// Somebody signed out. Their session is gone already, whatever this returns.
    async fn signed_out(&self, caller: &Caller) -> Result<(), AuditError>;

    /// A sign-in that this portal had started was refused. The reason is one sentence without secrets.
    ///
    /// Callbacks that belong to no sign-in of the browser are not reported here: anybody could fill the trail with them.
    async fn refused(&self, reason: &str, address: Option<IpAddr>) -> Result<(), AuditError>;
}
