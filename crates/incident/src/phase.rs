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
