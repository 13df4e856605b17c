//! What a text leaves open and nobody can fill in.

use command::{Parameter, ParameterKind};
use runbook::Language;

use crate::place::Place;
use crate::{Finding, Rule, Severity};

pub(crate) static UNFILLABLE: Rule = Rule {
    id: "unfillable-placeholder",
    severity: Severity::Warning,
    why: "A value here would be more than data, so the portal does not put one in.",
};
pub(crate) static PATH: Rule = Rule {
    id: "path-to-nowhere",
    severity: Severity::Warning,
    why: "A path that stands for another one is taken as it is, by people in a hurry and by the portal.",
};

pub(crate) fn check(place: &Place<'_>, found: &mut Vec<Finding>) {
    let command = place.command;
    let bind = |word: &str| {
        let value = |parameter: &Parameter| (parameter.clone(), plain(parameter, word));
        let values: Vec<(Parameter, String)> = command.parameters.iter().map(value).collect();
        match &command.language {
            Language::Bash => command::bind(&command.source, &values),
            Language::Sql { connection } => command::bind_sql(connection, &command.source, &values),
        }
    };
    // A name, a name as SQL has them, a number: what takes none of them takes nothing.
    let refused = ["value-1", "value_1", "1"].into_iter().try_fold(None, |first, word| match bind(word) {
        Ok(_) => Err(()),
        Err(refusal) => Ok(first.or(Some(refusal))),
    });
    if let (Ok(Some(refusal)), false) = (refused, command.parameters.is_empty()) {
        let open = command.parameters.iter().filter_map(|parameter| command.source.find(&parameter.placeholder)).min();
        found.push(place.finding(&UNFILLABLE, open.unwrap_or(0), refusal.reason, None));
    }
    if let Some(at) = command.source.find("path/to/").filter(|_| command.language == Language::Bash) {
        let start = command.source[..at].rfind([' ', '=', '"', '\'', '\n']).map_or(0, |before| before + 1);
        let word: &str = command.source[start..].split_whitespace().next().unwrap_or_default();
        let message = format!("`{word}` stands for another path");
        found.push(place.finding(&PATH, start, message, Some("a placeholder such as <certificate-file>".to_owned())));
    }
}

/// A value that is harmless wherever a value is.
fn plain(parameter: &Parameter, word: &str) -> String {
    if let Some(choice) = parameter.choices().first() {
        return choice.clone();
    }
    match parameter.kind {
        ParameterKind::Integer => "1".to_owned(),
        ParameterKind::Address => "192.0.2.1".to_owned(),
        _ => word.to_owned(),
    }
}
