//! The words of a runbook as types. Nothing here reads a file or knows the time.

use std::fmt;

pub use command::Parameter;
use command::{Action, Effect, ParameterKind};
use serde::{Deserialize, Serialize};

use crate::passage::{Passage, Section};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id as it stands in an address or a database row. Whether it exists is the library's to say.
            #[must_use]
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Names a runbook: its path below the library folder without `.md`, each folder and name slugged and joined by `.`
    /// (`payments/on-call.md` is `payments.on-call`), so that it is one segment of an address.
    RunbookId
);
text_id!(
    /// Names a procedure within its runbook: its heading, slugged, without what stands in parentheses
    /// (`1.1 Rolling Restart (Zero Downtime)` is `1-1-rolling-restart`); a repeated one gets `-2`, `-3`.
    ProcedureId
);
text_id!(
    /// Names a step within its procedure: `1`, `2`, … in the order of the text.
    StepId
);
text_id!(
    /// Names a command within its procedure: the step's number, and a letter where the step has several (`3`, `4a`, `4b`).
    CommandId
);

/// Which text of a runbook: a run keeps the version it was started from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// SHA-256 of the file's bytes, lower-case hex, 64 characters.
    pub hash: String,
    /// The commit that last held this text, where the folder is a git work tree and the file is unchanged in it.
    pub commit: Option<String>,
}

impl Version {
    /// Seven characters for people: of the commit where there is one, else of the hash.
    #[must_use]
    pub fn short(&self) -> &str {
        let full = self.commit.as_deref().unwrap_or(&self.hash);
        full.get(..7).unwrap_or(full)
    }
}

/// HTML that is safe to send to a browser. Only this crate makes it: from Markdown through the sanitiser, or by
/// escaping plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SafeHtml(String);

impl SafeHtml {
    /// Wraps HTML that this crate has just sanitised or escaped.
    pub(crate) fn trusted(html: String) -> Self {
        Self(html)
    }

    /// Adds more of the same.
    pub(crate) fn append(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }

    /// The markup.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// One Markdown file at one version, read.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// Names it within the library.
    pub id: RunbookId,
    /// Front matter's `title`, else the first heading, made telling by the file's name where it says only "Runbook".
    pub title: String,
    /// Which text this is.
    pub version: Version,
    /// The bytes of the file, so that a run can keep the text it was started from.
    pub text: std::sync::Arc<[u8]>,
    /// The whole file in order, for the reading page.
    pub blocks: Vec<Block>,
    /// What can be carried out, in the order of the text.
    pub procedures: Vec<std::sync::Arc<Procedure>>,
    /// Its tables in the order of the text: thresholds, contacts, severities.
    pub tables: Vec<Table>,
    /// All its text in plain words and in order, for rules that read it.
    pub sections: Vec<Section>,
}

/// A table, as plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// The cells of its first row.
    pub header: Vec<String>,
    /// The cells of the others; a row may be shorter than the header.
    pub rows: Vec<Vec<String>>,
}

/// A `widget` fence: what an author wants to see live beside the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WidgetFence {
    /// The text of the fence.
    pub source: String,
    /// The line of the file it starts at, counted from 1.
    pub line: usize,
}

impl Runbook {
    /// What its author wants seen live anywhere in the file, in order.
    pub fn widgets(&self) -> impl Iterator<Item = &WidgetFence> {
        widgets(&self.blocks)
    }

    /// The procedure of this id.
    #[must_use]
    pub fn procedure(&self, id: &ProcedureId) -> Option<&std::sync::Arc<Procedure>> {
        self.procedures.iter().find(|procedure| &procedure.id == id)
    }
}

/// A piece of the reading page.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading with its anchor.
    Heading(Heading),
    /// Text, lists, tables: whatever is not a step.
    Prose(SafeHtml),
    /// A step of this procedure stands here.
    Step(ProcedureId, StepId),
    /// Its author wants something seen live.
    Widget(WidgetFence),
}

fn widgets(blocks: &[Block]) -> impl Iterator<Item = &WidgetFence> {
    blocks.iter().filter_map(|block| match block {
        Block::Widget(fence) => Some(fence),
        _ => None,
    })
}

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// 1 to 6.
    pub level: u8,
    /// Plain text.
    pub text: String,
    /// GitHub's anchor for it, unique in the file; in-document links point here.
    pub anchor: String,
    /// The procedure that begins here.
    pub procedure: Option<ProcedureId>,
}

/// A section that somebody carries out.
#[derive(Clone, Debug)]
pub struct Procedure {
    /// Names it within the runbook.
    pub id: ProcedureId,
    /// The heading's text.
    pub title: String,
    /// The anchor of its heading on the reading page.
    pub anchor: String,
    /// The titles of the headings above it, outermost first, without the file's own title.
    pub path: Vec<String>,
    /// The procedure in order, for its own page: `Prose`, sub-`Heading`s, `Step`s and `Widget`s.
    pub blocks: Vec<Block>,
    /// Its steps in order.
    pub steps: Vec<Step>,
}

impl Procedure {
    /// The step of this id.
    #[must_use]
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| &step.id == id)
    }

    /// The step that holds the command of this id, and the command.
    #[must_use]
    pub fn command(&self, id: &CommandId) -> Option<(&Step, &Command)> {
        self.steps.iter().find_map(|step| step.commands().iter().find(|command| &command.id == id).map(|c| (step, c)))
    }

    /// The texts of its manifests and configuration in order.
    pub fn manifests(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.body {
            Body::Yaml(code) => Some(code.source.as_str()),
            _ => None,
        })
    }

    /// What its author wants seen live, in order.
    pub fn widgets(&self) -> impl Iterator<Item = &WidgetFence> {
        widgets(&self.blocks)
    }

    /// All commands in order.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.steps.iter().flat_map(|step| step.commands())
    }

    /// Makes a value that one command's text shows to be secret a secret of all commands: it is asked for by one name.
    pub(crate) fn agree_on_secrets(&mut self) {
        let secret: Vec<String> = self
            .commands()
            .flat_map(|command| &command.parameters)
            .filter(|parameter| parameter.kind == ParameterKind::Secret)
            .map(|parameter| parameter.name.clone())
            .collect();
        for step in &mut self.steps {
            let Body::Commands { commands, .. } = &mut step.body else { continue };
            for parameter in commands.iter_mut().flat_map(|command| &mut command.parameters) {
                if secret.contains(&parameter.name) {
                    parameter.kind = ParameterKind::Secret;
                }
            }
        }
    }

    /// What its commands leave open, each name once, in the order of the text.
    #[must_use]
    pub fn parameters(&self) -> Vec<&Parameter> {
        let mut found: Vec<&Parameter> = Vec::new();
        for parameter in self.commands().flat_map(|command| &command.parameters) {
            if found.iter().all(|known| known.name != parameter.name) {
                found.push(parameter);
            }
        }
        found
    }

    /// The greatest effect of its commands; `None` where it has none.
    #[must_use]
    pub fn effect(&self) -> Option<Effect> {
        self.commands().map(|command| command.effect).max()
    }
}

/// One thing to do.
#[derive(Clone, Debug)]
pub struct Step {
    /// Names it within the procedure.
    pub id: StepId,
    /// Its bold title, its comment, or its first words.
    pub title: String,
    /// The label or sub-heading it stands under: `Diagnosis`, `Resolution`, `1. Initial Response (0-15 minutes)`.
    pub phase: Option<String>,
    /// What the text says about it beyond the title: sub-bullets, notes.
    pub prose: SafeHtml,
    /// What the item of a list says beyond its title, as plain text; empty for what does not stand in a list.
    pub notes: Vec<Passage>,
    /// What there is to do.
    pub body: Body,
}

impl Step {
    /// The commands of this step; empty for a step that runs nothing.
    #[must_use]
    pub fn commands(&self) -> &[Command] {
        match &self.body {
            Body::Commands { commands, .. } => commands,
            _ => &[],
        }
    }
}

/// What there is to do in a step.
#[derive(Clone, Debug)]
pub enum Body {
    /// Commands to run, in order or one of them.
    Commands {
        /// Whether all are meant, or one.
        alternatives: Alternatives,
        /// At least one.
        commands: Vec<Command>,
    },
    /// A manifest or configuration to read or apply.
    Yaml(Code),
    /// A text to send to people.
    Message(Code),
    /// Something a person does and ticks.
    Manual,
}

/// How the commands of one step belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alternatives {
    /// One after the other.
    All,
    /// Exactly one: `Option 1/2/3`, `Or …`, `If …`. They are never run together.
    One,
}

/// A fence that is shown and not run by bash.
#[derive(Clone, Debug)]
pub struct Code {
    /// The text of the fence.
    pub source: String,
    /// The same with syntax colours.
    pub html: SafeHtml,
    /// What it leaves open.
    pub parameters: Vec<Parameter>,
}

/// What a command is written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Language {
    /// Bash, run as it stands.
    Bash,
    /// SQL, run by `psql`.
    Sql {
        /// What stands behind `psql` where the text names it: `$DATABASE_URL`. Empty means the environment's own.
        connection: String,
    },
}

/// What one press of Run executes.
#[derive(Clone, Debug)]
pub struct Command {
    /// Names it within the procedure.
    pub id: CommandId,
    /// The comment that leads it, without `#`, number or `Option 1:`.
    pub title: Option<String>,
    /// What it is written in.
    pub language: Language,
    /// The text that runs.
    pub source: String,
    /// The same with syntax colours.
    pub html: SafeHtml,
    /// The greatest effect of the calls in it, as far as the text tells; a program nobody knows counts as `Change`.
    pub effect: Effect,
    /// Whether it calls what its text does not show, such as a script in a file: whoever presses Run may have to confirm
    /// more than `effect` says.
    pub opaque: bool,
    /// Whether it goes on until it is stopped.
    pub follows: bool,
    /// What it leaves open.
    pub parameters: Vec<Parameter>,
    /// What its `# Expected:` comments say, in order.
    pub expected: Vec<String>,
    /// The calls that can be read off the text; those inside a loop once.
    pub actions: Vec<Action>,
    /// Every program that the text calls, builtins aside, in order, each once.
    pub programs: Vec<String>,
    /// The line of the file it starts at, counted from 1.
    pub line: usize,
}
