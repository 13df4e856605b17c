//! The parts of a response, and when each one is.

use runbook::{Block, Procedure, StepId};
use serde::{Deserialize, Serialize};

use crate::duration::{self, Window};

/// Steps that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// The sub-heading or label above the steps: `1. Initial Response (0-15 minutes)`. Empty where there is none.
    pub title: String,
    /// When it is, counted from the start of the incident, where the title says so.
    pub window: Option<Window>,
    /// Its steps in order; at least one.
    pub steps: Vec<StepId>,
}

/// The phases of a procedure in order. Every step is in exactly one. A sub-heading counts more than a label below it.
#[must_use]
pub fn phases(procedure: &Procedure) -> Vec<Phase> {
    let mut phases: Vec<(Option<usize>, Phase)> = Vec::new();
    let mut heading = None;
    let mut steps = procedure.steps.iter();
    for (at, block) in procedure.blocks.iter().enumerate() {
        match block {
            Block::Heading(_) => heading = Some(at),
            Block::Step(..) => {
                // Steps stand in the blocks in their own order.
                let Some(step) = steps.next() else { break };
                let title = match heading.map(|at| &procedure.blocks[at]) {
                    Some(Block::Heading(heading)) => heading.text.as_str(),
                    _ => step.phase.as_deref().unwrap_or_default(),
                };
                match phases.last_mut() {
                    Some((place, phase)) if *place == heading && phase.title == title => {
                        phase.steps.push(step.id.clone());
                    }
                    _ => {
                        let window = duration::window(title);
                        let phase = Phase { title: title.to_owned(), window, steps: vec![step.id.clone()] };
                        phases.push((heading, phase));
                    }
                }
            }
            Block::Prose(_) | Block::Widget(_) => {}
        }
    }
    phases.into_iter().map(|(_, phase)| phase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::read;

    fn told(text: &str) -> Vec<String> {
        let runbook = read(text);
        let one = |phase: Phase| {
            let window = phase.window.map_or("-".to_owned(), |window| format!("{:#}..{:#}", window.from, window.until));
            let steps: Vec<&str> = phase.steps.iter().map(StepId::as_str).collect();
            format!("{}|{window}|{}", phase.title, steps.join(","))
        };
        phases(&runbook.procedures[0]).into_iter().map(one).collect()
    }

    #[test]
    fn sub_headings_are_phases_with_their_windows() {
        let text = "## Answer\n\n1. Breathe\n\n### 1. First (0-15 minutes)\n\n1. Look\n\n**Check:**\n\n1. Look again\n\n\
            ### 2. Mend (1–4 hours)\n\n1. Mend\n\n### 3. Learn\n\n1. Write\n";
        assert_eq!(
            told(text),
            ["|-|1", "1. First (0-15 minutes)|0s..15m|2,3", "2. Mend (1–4 hours)|1h..4h|4", "3. Learn|-|5"]
        );
    }

    #[test]
    fn labels_are_phases_where_nothing_else_is() {
        let text = "## Slow\n\n**Diagnosis:**\n\n```bash\nuptime\n```\n\n**Resolution (within 1 hour):**\n\n```bash\nreboot\n```\n";
        assert_eq!(told(text), ["Diagnosis|-|1", "Resolution (within 1 hour)|0s..1h|2"]);
        assert_eq!(told("## Go\n\n1. One\n2. Two\n"), ["|-|1,2"]);
    }
}
