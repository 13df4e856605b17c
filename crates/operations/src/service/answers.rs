//! Answers to what a running call asks.

use super::{Operations, TEXT_LIMIT, locked};
use crate::question::Answer;
use crate::{Caller, Error, EventKind, Permission, RunId, Verdict};

impl Operations {
    /// Answers a question of a running command. A yes that changes something is in the trail before the call hears it.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::Invalid`] where the policy does not permit this person so much or the text is too
    /// long, [`Error::Conflict`] when somebody was faster or the command has ended, [`Error::Audit`].
    pub async fn answer(&self, caller: &Caller, run: RunId, id: u64, answer: Answer) -> Result<RunId, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        self.whole(async move { this.answer_whole(&caller, run, id, answer).await }).await
    }

    async fn answer_whole(&self, caller: &Caller, run: RunId, id: u64, answer: Answer) -> Result<RunId, Error> {
        self.permit(caller, Permission::Run, "answer a question of a running command").await?;
        let gone =
            || Error::Conflict("This question is no longer open: it was answered, or its command ended.".to_owned());
        // Of two who answer at once the second finds the question gone, before anything of it is in the trail.
        let _turn = self.rooms.turn(run).await;
        let asked = locked(&self.rooms.questions).get(id).filter(|asked| asked.run == run).ok_or_else(gone)?;
        let execution = self.rooms.runs.execution(asked.execution).await?.ok_or(Error::NotFound("This execution"))?;
        let run = self.existing_run(execution.run).await?;
        if let Answer::Yes(text) = &answer {
            if text.len() > TEXT_LIMIT {
                return Err(Error::Invalid(format!(
                    "The text is longer than {} KiB: write it to a file of the repository and apply that.",
                    TEXT_LIMIT >> 10
                )));
            }
            let environment = self.environment(&run.environment)?;
            let decision = environment.policy.decide(&caller.person, asked.question.effect);
            if decision.verdict != Verdict::Allowed {
                return Err(Error::Invalid(format!(
                    "Your role may not do this in {}: {}. Ask somebody who may to look at it, or go back.",
                    run.environment, decision.rule
                )));
            }
            if let Some((before, after)) = &asked.question.change {
                let part = Some(execution.command.clone());
                let title = asked.question.title.trim_end_matches('?');
                let mut event = self.event(caller, EventKind::StepMarked, &run, part, title);
                event.execution = Some(execution.id);
                event.effect = Some(asked.question.effect);
                event.original = Some(before.clone());
                event.argv = vec![after.clone()];
                self.rooms.trail.append(&event).await?;
            }
        }
        let waiting = locked(&self.rooms.questions).take(id).ok_or_else(gone)?;
        waiting.send(answer).map_err(|_| gone())?;
        self.rooms.changed(execution.run);
        Ok(execution.run)
    }
}
