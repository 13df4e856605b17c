//! Steps and commands as a runbook has them: what the endpoints of runbooks and of runs share.

use runbook::{Alternatives, Body, Language};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::words::Effect;

/// One thing to do, as the runbook has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Step {
    /// Names it within the procedure.
    #[schema(example = "2")]
    pub(crate) id: String,
    /// Its title.
    pub(crate) title: String,
    /// The label or sub-heading that it stands under.
    pub(crate) phase: Option<String>,
    /// What there is to do.
    pub(crate) kind: StepKind,
    /// The text of a manifest or a message.
    pub(crate) text: Option<String>,
}

/// What there is to do in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StepKind {
    /// Commands to run one after the other.
    Commands,
    /// One of several commands to run.
    Choice,
    /// A manifest or configuration to read or apply.
    Manifest,
    /// A text to send to people.
    Message,
    /// Something that a person does.
    Manual,
}

/// What one press of Run executes, as the runbook has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Command {
    /// Names it within the procedure.
    #[schema(example = "2a")]
    pub(crate) id: String,
    /// The comment that leads it.
    pub(crate) title: Option<String>,
    /// `bash` or `sql`.
    #[schema(example = "bash")]
    pub(crate) language: String,
    /// The text that runs.
    pub(crate) source: String,
    /// How far it reaches, as far as the text tells.
    pub(crate) effect: Effect,
    /// Whether it calls what its text does not show, such as a script in a file: see `may_remove` of a press.
    #[serde(default)]
    pub(crate) opaque: bool,
    /// Whether it goes on until it is stopped.
    pub(crate) follows: bool,
    /// The values that the text leaves open.
    pub(crate) parameters: Vec<Parameter>,
    /// The values that the text names and that may be adjusted, by their number in this list.
    pub(crate) adjustable: Vec<Adjustable>,
    /// What the runbook expects of it.
    pub(crate) expected: Vec<String>,
}

/// A value that the text leaves open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Parameter {
    /// By this name it is given.
    #[schema(example = "pod-name")]
    pub(crate) name: String,
    /// How it stands in the text.
    #[schema(example = "<pod-name>")]
    pub(crate) placeholder: String,
    /// What belongs there, in words.
    pub(crate) about: String,
    /// Whether it is a secret: given with each command that needs it, kept and shown nowhere.
    pub(crate) secret: bool,
    /// The values to choose from; empty where anything of the right shape may be given.
    pub(crate) choices: Vec<String>,
}

/// A value that the text names and that may be adjusted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Adjustable {
    /// The option.
    #[schema(example = "--replicas")]
    pub(crate) option: String,
    /// The value as the text has it.
    #[schema(example = "5")]
    pub(crate) value: String,
}

impl From<&runbook::Step> for Step {
    fn from(step: &runbook::Step) -> Self {
        let (kind, text) = match &step.body {
            Body::Commands { alternatives: Alternatives::All, .. } => (StepKind::Commands, None),
            Body::Commands { alternatives: Alternatives::One, .. } => (StepKind::Choice, None),
            Body::Yaml(code) => (StepKind::Manifest, Some(code.source.clone())),
            Body::Message(code) => (StepKind::Message, Some(code.source.clone())),
            Body::Manual => (StepKind::Manual, None),
        };
        Self { id: step.id.to_string(), title: step.title.clone(), phase: step.phase.clone(), kind, text }
    }
}

impl Command {
    /// A command, and how far it reaches where it is looked at from.
    pub(crate) fn told(command: &runbook::Command, effect: command::Effect) -> Self {
        let adjustable = match command.language {
            Language::Bash => command::adjust::adjustable(&command.source),
            Language::Sql { .. } => Vec::new(),
        };
        Self {
            id: command.id.to_string(),
            title: command.title.clone(),
            language: match command.language {
                Language::Bash => "bash".to_owned(),
                Language::Sql { .. } => "sql".to_owned(),
            },
            source: command.source.clone(),
            effect: effect.into(),
            opaque: command.opaque,
            follows: command.follows,
            parameters: command.parameters.iter().map(Parameter::from).collect(),
            adjustable: adjustable.into_iter().map(|one| Adjustable { option: one.option, value: one.value }).collect(),
            expected: command.expected.clone(),
        }
    }
}

impl From<&runbook::Parameter> for Parameter {
    fn from(parameter: &runbook::Parameter) -> Self {
        Self {
            name: parameter.name.clone(),
            placeholder: parameter.placeholder.clone(),
            about: parameter.kind.words().to_owned(),
            secret: parameter.kind == command::ParameterKind::Secret,
            choices: parameter.choices(),
        }
    }
}
