//! The port through which sign-ins reach the audit trail.

use std::net::IpAddr;

use async_trait::async_trait;
use operations::{AuditError, Caller};

/// Writes who came and went to the audit trail.
#[async_trait]
pub trait SignInLog: Send + Sync {
    /// Somebody proved who they are. Returns when it is committed; if it cannot be, the sign-in fails.
    async fn signed_in(&self, caller: &Caller) -> Result<(), AuditError>;

    /// Somebody proved who they are, and has no role here, perhaps not any more: whatever they have left here that acts for
    /// them (access tokens) ends. The refusal itself is reported by [`SignInLog::refused`].
    async fn has_no_role(&self, subject: &str) -> Result<(), AuditError>;

    /// Somebody signed out. Their session is gone already, whatever this returns.
    async fn signed_out(&self, caller: &Caller) -> Result<(), AuditError>;

    /// A sign-in that this portal had started was refused. The reason is one sentence without secrets.
    ///
    /// Callbacks that belong to no sign-in of the browser are not reported here: anybody could fill the trail with them.
    async fn refused(&self, reason: &str, address: Option<IpAddr>) -> Result<(), AuditError>;
}
