//! What a call asks of people while it is under way: `kubectl edit` opens its editor on the page of its run.

use std::sync::Arc;

use command::Effect;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{ExecutionId, RunId};

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked, in a few words: `Edit deployment.apps/web`.
    pub title: String,
    /// What to know before answering: why the last answer would not do, or what would change.
    pub note: Option<String>,
    /// The text to edit; `None` where only yes or no is asked.
    pub text: Option<String>,
    /// The word of the button that goes on.
    pub yes: &'static str,
    /// How far a yes reaches: who says it must be permitted that much.
    pub effect: Effect,
    /// What a yes changes, for the trail: the text before, and the one after.
    pub change: Option<(String, String)>,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on, with the text as they left it; empty where there was none to edit.
    Yes(String),
    /// Not yet: back to the text.
    Back,
    /// Leave everything as it is.
    No,
}

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Names it: an answer is to this one, and not to one that came after it.
    pub id: u64,
    /// The run whose people are asked.
    pub run: RunId,
    /// The execution whose call asks.
    pub execution: ExecutionId,
    /// What is asked.
    pub question: Question,
}

/// All questions that wait.
#[derive(Default)]
pub(crate) struct Questions {
    waiting: Vec<(Arc<Asked>, oneshot::Sender<Answer>)>,
}

impl Questions {
    /// Adds one.
    pub(crate) fn ask(
        &mut self,
        run: RunId,
        execution: ExecutionId,
        question: Question,
    ) -> (u64, oneshot::Receiver<Answer>) {
        // Not counted: after a restart an old page must not answer a new question.
        let id = Uuid::now_v7().as_u64_pair().1;
        let (sender, receiver) = oneshot::channel();
        self.waiting.push((Arc::new(Asked { id, run, execution, question }), sender));
        (id, receiver)
    }

    /// The oldest one of an execution.
    pub(crate) fn of(&self, execution: ExecutionId) -> Option<Arc<Asked>> {
        self.waiting.iter().map(|(asked, _)| asked).find(|asked| asked.execution == execution).cloned()
    }

    /// One by its name, while its call waits.
    pub(crate) fn get(&self, id: u64) -> Option<Arc<Asked>> {
        let open = |(asked, sender): &&(Arc<Asked>, oneshot::Sender<Answer>)| asked.id == id && !sender.is_closed();
        self.waiting.iter().find(open).map(|(asked, _)| asked.clone())
    }

    /// Takes one away; whoever has it answers it.
    pub(crate) fn take(&mut self, id: u64) -> Option<oneshot::Sender<Answer>> {
        let at = self.waiting.iter().position(|(asked, _)| asked.id == id)?;
        Some(self.waiting.remove(at).1)
    }
}
