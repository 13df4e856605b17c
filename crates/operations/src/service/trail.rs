//! The audit trail, and what the portal itself writes to it when it starts and stops.

use jiff::Timestamp;

use super::runs::LOST;
use super::{Operations, permit};
use crate::{
    Actor, AuditEntry, AuditEvent, AuditFilter, AuditPage, Caller, Error, EventId, EventKind, ExecutionState, Outcome,
    OutcomeResult, Permission,
};

impl Operations {
    /// A page of the audit trail.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Audit`].
    pub async fn audit_page(&self, caller: &Caller, filter: &AuditFilter) -> Result<AuditPage, Error> {
        permit(caller, Permission::ReadAudit)?;
        let _turn = match filter.text {
            Some(_) => self.rooms.searching.acquire().await.ok(),
            None => None,
        };
        Ok(self.rooms.trail.page(filter).await?)
    }

    /// One entry of the trail, and the actions below it where it is an execution.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Audit`].
    pub async fn audit_entry(&self, caller: &Caller, id: EventId) -> Result<(AuditEntry, Vec<AuditEntry>), Error> {
        permit(caller, Permission::ReadAudit)?;
        let entry = self.rooms.trail.entry(id).await?.ok_or(Error::NotFound("This event"))?;
        let actions = match (entry.event.kind, entry.event.execution) {
            (EventKind::ExecutionIntent, Some(execution)) => self.rooms.trail.actions_of(execution).await?,
            _ => Vec::new(),
        };
        Ok((entry, actions))
    }

    /// Writes what happened at the door: sign-ins, sign-outs, refusals.
    ///
    /// # Errors
    /// [`Error::Audit`].
    pub async fn record(&self, kind: EventKind, actor: Actor, summary: &str) -> Result<(), Error> {
        Ok(self.rooms.trail.append(&AuditEvent::new(self.rooms.now(), kind, actor, summary)).await?)
    }

    /// Called once at start: whatever was in flight when the portal ended last is *outcome unknown* from now on. It is
    /// never executed again by itself.
    ///
    /// # Errors
    /// [`Error::Audit`], [`Error::Store`].
    pub async fn recover(&self) -> Result<usize, Error> {
        let now = self.rooms.now();
        let mut settled = 0;
        loop {
            let unfinished = self.rooms.trail.unfinished().await?;
            if unfinished.is_empty() {
                break;
            }
            settled += unfinished.len();
            self.call_unknown(&unfinished, now).await?;
        }
        for mut execution in self.rooms.runs.running().await? {
            execution.state = ExecutionState::Unknown;
            execution.ended_at = Some(now);
            execution.note = Some(LOST.to_owned());
            self.rooms.runs.end(&execution).await?;
        }
        self.recover_messages().await?;
        Ok(settled)
    }

    async fn call_unknown(&self, unfinished: &[AuditEvent], now: Timestamp) -> Result<(), Error> {
        for intent in unfinished {
            let kind = match intent.kind {
                EventKind::ActionIntent => EventKind::ActionOutcome,
                EventKind::MessageIntent => EventKind::MessageOutcome,
                _ => EventKind::ExecutionOutcome,
            };
            let mut event = AuditEvent::new(now, kind, Actor::portal(), "The portal ended before it knew");
            event.completes = Some(intent.id);
            event.parent = intent.parent;
            event.incident = intent.incident;
            event.run = intent.run;
            event.execution = intent.execution;
            event.place.clone_from(&intent.place);
            event.environment.clone_from(&intent.environment);
            event.effect = intent.effect;
            event.outcome = Some(Outcome {
                result: OutcomeResult::Unknown,
                exit_code: None,
                duration_ms: now.duration_since(intent.at).as_millis().try_into().unwrap_or(i64::MAX),
                output_digest: None,
                output_bytes: 0,
            });
            self.rooms.trail.append(&event).await?;
        }
        Ok(())
    }

    /// Stops what runs and waits for its outcomes to be written.
    pub async fn shutdown(&self) {
        self.rooms.shutdown.cancel();
        self.rooms.tasks.close();
        self.rooms.tasks.wait().await;
    }
}
