//! What an environment has that fits a parameter: pods, certificates, queues.

use async_trait::async_trait;
use command::ParameterKind;
use runbook::{Procedure, RunbookId};

use crate::{Datasource, DatasourceKind, Environment};

/// How many suggestions a field has at most.
const MOST: usize = 50;

/// A parameter that a form asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name: `postgres-pod`.
    pub name: String,
    /// What belongs there.
    pub kind: ParameterKind,
    /// The namespace that the first command which needs it names; the environment's default where it names none.
    pub namespace: Option<String>,
    /// Of pods, the label selector that the procedure's commands name in that namespace, where they name one only.
    pub selector: Option<String>,
}

/// One value that would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The value itself.
    pub value: String,
    /// A word about it: `CrashLoopBackOff`, `ends in 12 days`. May be empty.
    pub about: String,
    /// Whether something is wrong with it: it is then the likelier one.
    pub troubled: bool,
}

/// Knows what one kind of infrastructure has.
#[async_trait]
pub trait Suggester: Send + Sync {
    /// What would do for a parameter, at most some hundreds; nothing where this room has no such kind, may not ask, or
    /// gets no answer.
    async fn suggest(&self, environment: &Environment, wanted: &Wanted) -> Vec<Suggestion>;
}

/// The parameters of a procedure that can be suggested, each once.
pub(crate) fn wanted(procedure: &Procedure, environment: &Environment) -> Vec<Wanted> {
    let namespace = |name: &str| {
        let command = procedure.commands().find(|command| command.parameters.iter().any(|other| other.name == name))?;
        let named = command
            .actions
            .iter()
            .flat_map(|action| &action.targets)
            .find_map(|target| target.namespace.clone().filter(|namespace| !namespace.contains(['<', '$', '*'])));
        named.or_else(|| environment.kubernetes.as_ref().map(|scope| scope.default_namespace.clone()))
    };
    let selector = |kind: ParameterKind, namespace: &Option<String>| {
        let default = environment.kubernetes.as_ref().map(|scope| &scope.default_namespace);
        let targets = procedure.commands().flat_map(|command| &command.actions).flat_map(|action| &action.targets);
        let here = targets.filter(|target| {
            target.kind == "pod" && target.namespace.as_ref().or(default) == namespace.as_ref().or(default)
        });
        let mut selectors: Vec<&String> = here.filter_map(|target| target.selector.as_ref()).collect();
        selectors.sort_unstable();
        selectors.dedup();
        match selectors[..] {
            [only] if kind == ParameterKind::Pod && !only.contains(['<', '$', '*']) => Some(only.clone()),
            _ => None,
        }
    };
    procedure
        .parameters()
        .into_iter()
        .filter(|parameter| !matches!(parameter.kind, ParameterKind::Text | ParameterKind::Secret))
        .map(|parameter| {
            let namespace = namespace(&parameter.name);
            let selector = selector(parameter.kind, &namespace);
            Wanted { name: parameter.name.clone(), kind: parameter.kind, namespace, selector }
        })
        .collect()
}

/// The environment's datasources, where a host is asked for.
pub(crate) fn datasources(environment: &Environment, wanted: &Wanted) -> Vec<Suggestion> {
    // Most hosts are no databases: `<es-endpoint>`, `<api-host>`.
    let words = ["rds", "db", "database", "postgres", "redis", "sql", "cache"];
    let name = wanted.name.to_ascii_lowercase();
    let is_database = match wanted.kind {
        ParameterKind::Datasource => true,
        ParameterKind::Host => name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| words.contains(&word)),
        _ => false,
    };
    if !is_database {
        return Vec::new();
    }
    let suggestion = |datasource: &Datasource| Suggestion {
        value: datasource.reference(),
        about: datasource.references.join(", "),
        troubled: false,
    };
    let cache = ["redis", "cache"].iter().any(|word| name.contains(word));
    let fits = |datasource: &&Datasource| {
        wanted.kind != ParameterKind::Datasource || (datasource.kind == DatasourceKind::Redis) == cache
    };
    environment.datasources.iter().filter(fits).map(suggestion).collect()
}

/// Puts first what shares a word with the parameter's name, then with the runbook's, then what is in trouble, and leaves
/// the rest out.
pub(crate) fn rank(wanted: &Wanted, runbook: &RunbookId, found: &mut Vec<Suggestion>) {
    let words = |text: &str| -> Vec<String> {
        text.to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.len() > 2 && !matches!(*word, "pod" | "name" | "node" | "arn" | "url" | "the"))
            .map(str::to_owned)
            .collect()
    };
    let (of_name, of_runbook) = (words(&wanted.name), words(runbook.as_str()));
    let distance = |suggestion: &Suggestion| {
        let value = suggestion.value.to_ascii_lowercase();
        let apart = |words: &[String]| words.iter().filter(|word| !value.contains(word.as_str())).count();
        // The first word of a runbook's name says most: `pms-platform` is about `pms`.
        let first = of_runbook.iter().position(|word| value.contains(word.as_str()));
        let of_runbook = (apart(&of_runbook), first);
        (apart(&of_name), of_runbook, !suggestion.troubled, suggestion.value.clone())
    };
    found.sort_by_cached_key(distance);
    found.dedup_by(|one, other| one.value == other.value);
    found.truncate(MOST);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_those_that_the_procedure_selects() {
        let environment = Environment {
            name: crate::EnvironmentName("test".to_owned()),
            kind: crate::EnvironmentKind::Test,
            kubernetes: Some(crate::KubernetesScope {
                context: "test".to_owned(),
                default_namespace: "shop".to_owned(),
                namespaces: crate::Namespaces::All,
            }),
            aws: None,
            datasources: Vec::new(),
            given: Vec::new(),
            policy: crate::Policy::default(),
        };
        let selector = |commands: &str| {
            let text = format!("# T\n\n## P\n\n```bash\n{commands}\n```\n");
            let runbook = runbook::parse(RunbookId::new("t"), text.as_bytes(), None).unwrap();
            wanted(&runbook.procedures[0], &environment).remove(0).selector
        };
        let logs = "kubectl logs <pod-name> -n shop";
        assert_eq!(selector(&format!("kubectl get pods -l app=web\n\n{logs}")), Some("app=web".to_owned()));
        assert_eq!(selector(&format!("kubectl get pods -n bank -l app=web\n\n{logs}")), None);
        assert_eq!(selector(&format!("kubectl get pods -l app=web\n\nkubectl top pods -l app=db\n\n{logs}")), None);
        assert_eq!(selector(&format!("kubectl get pods -l app=<app>\n\n{logs}")), None);
        assert_eq!(selector(logs), None);
    }

    #[test]
    fn what_shares_a_word_comes_first_then_what_is_in_trouble() {
        let suggestion = |value: &str, troubled| Suggestion { value: value.to_owned(), about: String::new(), troubled };
        let wanted =
            Wanted { name: "postgres-pod".to_owned(), kind: ParameterKind::Pod, namespace: None, selector: None };
        let mut found = vec![
            suggestion("web-1", false),
            suggestion("web-2", true),
            suggestion("postgres-0", false),
            suggestion("web-1", false),
            suggestion("platform-1", true),
            suggestion("billing-1", false),
        ];
        rank(&wanted, &RunbookId::new("billing-platform"), &mut found);
        let values: Vec<_> = found.iter().map(|suggestion| suggestion.value.as_str()).collect();
        assert_eq!(values, ["postgres-0", "billing-1", "platform-1", "web-2", "web-1"]);
    }
}
