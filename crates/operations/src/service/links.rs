//! Who opens a link, and by which way it is reached.

use super::Operations;
use crate::link::Way;
use crate::{Caller, Error, EventKind, Permission, Verdict};

impl Operations {
    /// Lets a person's browser into a link: the ticket that its own host takes. That they entered is in the trail first.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where the policy does not permit this person so much,
    /// [`Error::NotFound`] where the link has ended, [`Error::Conflict`] where too many enter at
    /// once, [`Error::Audit`].
    pub async fn enter_link(&self, caller: &Caller, token: &str) -> Result<String, Error> {
        self.permit(caller, Permission::Run, "open a link").await?;
        let now = self.rooms.now();
        let (view, place) = self.rooms.links.known(token, now).ok_or(Error::NotFound("This link"))?;
        let execution = self.rooms.runs.execution(place.execution).await?.ok_or(Error::NotFound("This execution"))?;
        let run = self.existing_run(place.run).await?;
        let environment = self.environment(&run.environment)?;
        let decision = environment.policy.decide(&caller.person, place.effect);
        if decision.verdict != Verdict::Allowed {
            let (environment, rule) = (&run.environment, decision.rule);
            return Err(Error::Invalid(format!("Your role may not open this link in {environment}: {rule}.")));
        }
        let ticket = self.rooms.links.ticket(token, now);
        let ticket = ticket.ok_or_else(|| {
            Error::Conflict("Too many people open this link at once: try again in a minute.".to_owned())
        })?;
        let summary = format!("Opened the link to {}", view.title);
        let mut event = self.event(caller, EventKind::StepMarked, &run, Some(execution.command), &summary);
        event.execution = Some(place.execution);
        event.effect = Some(place.effect);
        self.rooms.trail.append(&event).await?;
        Ok(ticket)
    }

    /// The key that a ticket is exchanged for, once; `None` where it is not good.
    #[must_use]
    pub fn redeem_ticket(&self, token: &str, ticket: &str) -> Option<String> {
        self.rooms.links.redeem(token, ticket, self.rooms.now())
    }

    /// The way through a link, for whoever has a key of it.
    #[must_use]
    pub fn tunnel(&self, token: &str, key: &str) -> Option<Way> {
        self.rooms.links.tunnel(token, key, self.rooms.now())
    }
}
