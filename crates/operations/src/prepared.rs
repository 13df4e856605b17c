//! A command with its values bound, ready for bash.

use std::collections::BTreeMap;

use command::{Parameter, ParameterKind, parameter};
use runbook::{Command, Language};

use crate::secrecy::{self, Secrets};
use crate::{Datasource, Environment, Error, Run};

/// The longest value of a parameter, in bytes.
const VALUE_LIMIT: usize = 16 * 1024;

/// What one press of Run executes.
pub(crate) struct Prepared {
    /// The text as the page and the trail show it: values are not in it.
    pub(crate) shown: String,
    /// For an edited command: the text as the runbook has it.
    pub(crate) original: Option<String>,
    /// The bash text that runs; it holds no value.
    pub(crate) script: String,
    /// What bash finds in its environment.
    pub(crate) variables: BTreeMap<String, String>,
    /// The values that were given, for the trail: `pod-name=web-1`.
    pub(crate) given: Vec<String>,
    /// The values that the run keeps for its other commands.
    pub(crate) kept: BTreeMap<String, String>,
    /// The values that nobody may see.
    pub(crate) secrets: Secrets,
    /// What the runbook expects of it.
    pub(crate) expected: Vec<String>,
}

impl Prepared {
    /// Binds values to the command's parameters as data. A value that is not given now is taken from what the run has
    /// been given before, from what earlier commands exported, or from what the environment means by that name.
    pub(crate) fn new(
        run: &Run,
        command: &Command,
        edited: Option<String>,
        values: &BTreeMap<String, String>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let shown = edited.clone().unwrap_or_else(|| command.source.clone());
        let open = match (&edited, &command.language) {
            (None, _) => command.parameters.clone(),
            (Some(text), Language::Bash) => parameter::in_script(text, &run.variables.keys().cloned().collect()),
            (Some(text), Language::Sql { connection }) => {
                let mut open = match connection.as_str() {
                    "" => vec![Parameter::database()],
                    connection => parameter::in_script(connection, &run.variables.keys().cloned().collect()),
                };
                open.extend(parameter::in_text(text));
                open
            }
        };
        let mut bindings = Vec::new();
        let mut missing = Vec::new();
        for parameter in open {
            let known = || run.given.get(&parameter.name).cloned();
            let meant = || environment.meant(&parameter);
            let carried = parameter.placeholder.starts_with('$') && run.variables.contains_key(&parameter.name);
            let given = values.get(&parameter.name).filter(|value| !value.is_empty()).cloned();
            match given.or_else(known) {
                Some(value) => {
                    check(&parameter, &value)?;
                    bindings.push((parameter, value));
                }
                None if carried => {}
                None => match meant() {
                    Some(reference) => bindings.push((parameter, reference)),
                    None => missing.push(parameter.name),
                },
            }
        }
        if missing.contains(&Parameter::database().name) && environment.databases().next().is_none() {
            return Err(Error::Invalid(format!(
                "The environment {} has no PostgreSQL database. Whoever runs this portal can add one to its `reach`.",
                environment.name
            )));
        }
        if !missing.is_empty() {
            return Err(Error::Invalid(format!("Fill in {} before this command can run.", missing.join(", "))));
        }
        let refused = |refusal: command::Refusal| Error::Invalid(refusal.reason);
        // What earlier commands exported came from values and programs: bash must not read it as code either.
        let carried = run.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let bound = match &command.language {
            Language::Bash => {
                command::bind::check_variables(&shown, carried).map_err(refused)?;
                command::bind(&shown, &bindings).map_err(refused)?
            }
            Language::Sql { connection } => {
                command::bind::check_variables(connection, carried).map_err(refused)?;
                command::bind_sql(connection, &shown, &bindings).map_err(refused)?
            }
        };

        // An edited text may lack the place that made a value secret in the runbook's.
        let by_name = |name: &str| command.parameters.iter().find(|known| known.name == name).map(|known| known.kind);
        let secret = |parameter: &Parameter| {
            parameter.kind == ParameterKind::Secret || by_name(&parameter.name) == Some(ParameterKind::Secret)
        };
        let (secrets, open): (Vec<_>, Vec<_>) = bindings.iter().partition(|(parameter, _)| secret(parameter));
        if let Some((parameter, _)) = secrets.iter().find(|(_, value)| value.len() < secrecy::SHORTEST) {
            return Err(Error::Invalid(format!(
                "The value for {} is secret and too short to be kept out of what is shown: give at least {} characters.",
                parameter.name,
                secrecy::SHORTEST
            )));
        }
        let given = bindings
            .iter()
            .map(|(parameter, value)| match secret(parameter) {
                true => format!("{}=•••", parameter.name),
                false => command::mask::mask_text(&format!("{}={value}", parameter.name)),
            })
            .collect();
        let kept = open.iter().map(|(parameter, value)| (parameter.name.clone(), value.clone())).collect();
        let secrets = Secrets::new(secrets.iter().map(|(_, value)| value.as_str()));

        let mut variables = run.variables.clone();
        for (name, reference) in environment.references() {
            variables.entry(name).or_insert(reference);
        }
        variables.extend(bound.environment);
        variables.insert("RUNBOOK_ENVIRONMENT".to_owned(), environment.name.0.clone());
        if let Some(scope) = &environment.kubernetes {
            variables.insert("RUNBOOK_CONTEXT".to_owned(), scope.context.clone());
        }
        let original = edited.map(|_| command.source.clone());
        let expected = command.expected.clone();
        Ok(Self { shown, original, script: bound.source, variables, given, kept, secrets, expected })
    }
}

/// Checks one value's length and shape.
///
/// # Errors
/// [`Error::Invalid`] with what is expected.
pub(crate) fn check(parameter: &Parameter, value: &str) -> Result<(), Error> {
    let Parameter { name, kind, .. } = parameter;
    if value.len() > VALUE_LIMIT {
        return Err(Error::Invalid(format!("The value for {name} is too long.")));
    }
    if value.starts_with(Datasource::SCHEME) && *kind == ParameterKind::Host {
        return Ok(());
    }
    kind.check(value)
        .map_err(|expected| Error::Invalid(format!("The value for {name} does not look right: give {expected}.")))
}
