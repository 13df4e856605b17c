//! From a procedure's commands to what is worth watching beside them.

use command::external::Argument;
use command::{Action, Script, Target, sql::statements};
use runbook::{Command, Language, Procedure, Runbook};

use crate::subject::{Named, Subject, Which};
use crate::{Widget, fence, http, redis, threshold};

/// Cards of one page at most.
pub const MOST: usize = 24;

/// What a text leaves open, with a value where there is one: a parameter by its name, a variable by its own.
type Values<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// What to watch beside a procedure, each thing once: first what its author asks for, then what its commands are about
/// in the order of the text. `values` knows what the text leaves open.
#[must_use]
pub fn of_procedure(procedure: &Procedure, values: &Values<'_>) -> Vec<Widget> {
    let mut found = Vec::new();
    add_procedure(procedure, values, &mut found);
    found.truncate(MOST);
    found
}

/// The same for all procedures of a runbook.
#[must_use]
pub fn of_runbook(runbook: &Runbook, values: &Values<'_>) -> Vec<Widget> {
    let mut found = Vec::new();
    for widget in runbook.widgets().filter_map(|wanted| fence::read(&wanted.source).ok()) {
        add(widget, &mut found);
    }
    for procedure in &runbook.procedures {
        add_procedure(procedure, values, &mut found);
    }
    found.truncate(MOST);
    found
}

fn add_procedure(procedure: &Procedure, values: &Values<'_>, found: &mut Vec<Widget>) {
    for wanted in procedure.widgets() {
        // One that cannot be read says so in its own place.
        if let Ok(widget) = fence::read(&wanted.source) {
            add(widget, found);
        }
    }
    for command in procedure.commands() {
        let mut subjects = Vec::new();
        of_command(command, values, &mut subjects);
        for (subject, title) in subjects {
            add(Widget { subject, title, limits: None }, found);
        }
    }
    for rule in procedure.manifests().flat_map(threshold::rules) {
        let subject = Subject::Metric { server: fence::PROMETHEUS.to_owned(), query: rule.expression };
        add(Widget { subject, title: Some(rule.alert), limits: rule.limits }, found);
    }
}

fn add(widget: Widget, found: &mut Vec<Widget>) {
    if found.iter().all(|known| known.subject != widget.subject) {
        found.push(widget);
    }
}

type Found = Vec<(Subject, Option<String>)>;

fn of_command(command: &Command, values: &Values<'_>, found: &mut Found) {
    if let Language::Sql { connection } = &command.language {
        let place = connection.split_whitespace().next().map(|word| filled(word, values));
        found.extend(database(place.as_deref(), values).map(|subject| (subject, None)));
        return;
    }
    for call in Script::parse(&command.source).calls {
        let argv: Vec<String> = call.argv().iter().map(|word| filled(word, values)).collect();
        let Ok(action) = command::classify(&argv) else { continue };
        match action.tool.as_str() {
            "kubectl" => found.extend(of_kubectl(&action).map(|subject| (subject, None))),
            "aws" => found.extend(of_aws(&action).map(|subject| (subject, None))),
            "argocd" => found.extend(of_argocd(&action).map(|subject| (subject, None))),
            "curl" | "wget" => found.extend(of_http(&argv, command)),
            "psql" => {
                let place = command::psql::parse(&argv).ok().and_then(|call| call.database.or(call.host));
                found.extend(database(place.as_deref(), values).map(|subject| (subject, None)));
            }
            "redis-cli" => {
                let Ok(call) = command::redis::parse(&argv) else { continue };
                // Another server than one that is known is nothing that can be asked.
                let server = match call.server.map(|server| reference(&server, values)) {
                    Some(None) => continue,
                    Some(known) => known,
                    None => None,
                };
                if let Some((command, key)) = redis::asked_length(&argv).filter(|(_, key)| !is_open(key)) {
                    let server = server.clone();
                    found.push((Subject::Length { server, database: call.database, command, key }, None));
                }
                found.push((Subject::Redis(server), None));
            }
            _ => {}
        }
    }
}

/// How a reference to a datasource begins.
const REFERENCE: &str = "datasource:";

/// The reference to a datasource that a word is, or means.
fn reference(word: &str, values: &Values<'_>) -> Option<String> {
    match word.starts_with(REFERENCE) {
        true => Some(word.to_owned()),
        false => values(word).filter(|value| value.starts_with(REFERENCE)),
    }
}

/// A word with what is known of what it leaves open.
fn filled(word: &str, values: &Values<'_>) -> String {
    let mut text = word.to_owned();
    for placeholder in command::placeholder::find(word).into_iter().rev() {
        if let Some(value) = values(&placeholder.name) {
            text.replace_range(placeholder.range, &value);
        }
    }
    let bare = text.trim_matches('"');
    let variable = bare.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| bare.strip_prefix('$'));
    variable.and_then(values).unwrap_or(text)
}

/// Whether a word still depends on something: it names nothing yet.
fn is_open(text: &str) -> bool {
    text.is_empty() || text.contains(['<', '>', '$', '{', '*', '`']) || !command::placeholder::find(text).is_empty()
}

fn known(text: Option<&String>) -> Option<String> {
    text.filter(|text| !is_open(text)).cloned()
}

fn of_kubectl(action: &Action) -> impl Iterator<Item = Subject> {
    action.targets.iter().filter_map(|target| of_target(action, target))
}

fn of_target(action: &Action, target: &Target) -> Option<Subject> {
    let namespace = target.namespace.clone();
    let (name, selector) = (known(target.name.as_ref()), known(target.selector.as_ref()));
    let everywhere = namespace.as_deref() == Some(command::ALL_NAMESPACES);
    if namespace.as_deref().is_some_and(|namespace| !everywhere && is_open(namespace)) {
        return None;
    }
    Some(match (action.verb.as_str(), target.kind.as_str()) {
        ("top pods" | "top pod", _) => Subject::Usage { namespace, selector },
        ("autoscale", _) | (_, "hpa") => Subject::Autoscalers(Named { namespace, name }),
        (_, "node") => Subject::Nodes,
        (_, "event") => Subject::Events(namespace),
        (_, "endpoint" | "endpointslice" | "service") => Subject::Endpoints(Named { namespace, name }),
        (_, "ingress") => Subject::Ingresses(Named { namespace, name }),
        (_, "application") => Subject::Applications(Named { namespace, name }),
        _ if everywhere => return None,
        (_, "deployment") if name.is_some() => Subject::Workloads { namespace, which: Which::Deployment(name?) },
        (_, "pod" | "deployment" | "replicaset") if selector.is_some() => {
            Subject::Workloads { namespace, which: Which::Selector(selector?) }
        }
        (_, "pod" | "deployment") if target.name.is_none() && target.selector.is_none() => {
            Subject::Workloads { namespace, which: Which::All }
        }
        _ => return None,
    })
}

fn of_aws(action: &Action) -> Option<Subject> {
    let named = |kind: &str| {
        known(action.targets.iter().find(|target| target.kind == kind).and_then(|target| target.name.as_ref()))
    };
    let (service, operation) = action.verb.split_once(' ')?;
    Some(match service {
        "rds" if operation.contains("cluster") => Subject::DbClusters(named("db-cluster")),
        "rds" if operation.contains("instance") || operation.contains("snapshot") => {
            Subject::DbInstances(named("db-instance"))
        }
        "acm" => Subject::Certificates(named("certificate").filter(|arn| arn.starts_with("arn:"))),
        "sqs" => Subject::Queues(named("queue").filter(|url| url.contains("://"))),
        "elbv2" if operation.contains("target") => {
            Subject::TargetGroups(named("target-group").filter(|arn| arn.starts_with("arn:")))
        }
        _ => return None,
    })
}

fn of_argocd(action: &Action) -> Option<Subject> {
    let name = action.targets.first().and_then(|target| known(target.name.as_ref()));
    action
        .verb
        .starts_with("app")
        .then_some(Subject::Applications(Named { namespace: Some("argocd".to_owned()), name }))
}

fn of_http(argv: &[String], command: &Command) -> Found {
    let Ok(request) = command::http::parse(argv) else { return Vec::new() };
    if let Some((server, query)) = http::prometheus(argv, &request.urls) {
        let closed = command::placeholder::find(&query).is_empty() && !is_open(&server);
        return if closed { vec![(Subject::Metric { server, query }, command.title.clone())] } else { Vec::new() };
    }
    // Without what the command says of itself another answer would come, and it is not this portal's to send again.
    let says_more = |argument: &Argument| {
        let Argument::Plain(word) = argument else { return true };
        ["--header", "--user", "--cookie", "--data", "--form", "--request"]
            .iter()
            .any(|option| word.starts_with(option))
    };
    if request.action.effect != command::Effect::Read || request.arguments.iter().any(says_more) {
        return Vec::new();
    }
    let healths = request.urls.into_iter().filter(|url| http::is_health(url) && !is_open(url) && is_simple(url));
    healths.map(|url| (Subject::Health { url, is_insecure: request.insecure }, None)).collect()
}

/// Whether an address, with its scheme or without, holds nothing that is secret or that curl reads more into.
fn is_simple(url: &str) -> bool {
    http::is_plain(url) || http::is_plain(&format!("http://{url}"))
}

/// The database that a call means: a reference, else the only one there is.
fn database(place: Option<&str>, values: &Values<'_>) -> Option<Subject> {
    let connection = match place.filter(|place| !is_open(place)) {
        Some(place) => reference(place, values)?,
        None => reference(&command::Parameter::database().name, values)?,
    };
    Some(Subject::Database(connection))
}

/// Whether a text is one statement that only looks.
pub(crate) fn only_looks(text: &str) -> bool {
    let found = statements(text);
    found.len() == 1
        && found.iter().all(|statement| statement.effect() == command::Effect::Read && !statement.starts_program())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(commands: &str) -> Vec<Subject> {
        let text = format!("# T\n\n## P\n\n```bash\n{commands}\n```\n");
        let runbook = runbook::parse(runbook::RunbookId::new("t"), text.as_bytes(), None).unwrap();
        let values = |name: &str| match name {
            "DATABASE_URL" | "database" => Some("datasource:shop".to_owned()),
            "cache.internal" => Some("datasource:cache".to_owned()),
            "queue-url" => Some("https://sqs/1/orders".to_owned()),
            _ => None,
        };
        of_runbook(&runbook, &values).into_iter().map(|widget| widget.subject).collect()
    }

    fn named(namespace: &str, name: Option<&str>) -> Named {
        Named { namespace: Some(namespace.to_owned()), name: name.map(str::to_owned) }
    }

    #[test]
    fn what_commands_name_is_watched() {
        let text = |text: &str| Some(text.to_owned());
        for (command, expected) in [
            ("kubectl get hpa web -n shop", vec![Subject::Autoscalers(named("shop", Some("web")))]),
            ("kubectl get hpa <name> -n shop", vec![Subject::Autoscalers(named("shop", None))]),
            ("kubectl top nodes", vec![Subject::Nodes]),
            ("kubectl get pods -n <namespace>", vec![]),
            (
                "kubectl rollout restart deployment/web -n shop",
                vec![Subject::Workloads { namespace: text("shop"), which: Which::Deployment("web".to_owned()) }],
            ),
            ("aws sqs purge-queue --queue-url <queue-url>", vec![Subject::Queues(text("https://sqs/1/orders"))]),
            ("aws sqs purge-queue --queue-url <other-url>", vec![Subject::Queues(None)]),
            ("psql $DATABASE_URL -c 'SELECT 1'", vec![Subject::Database("datasource:shop".to_owned())]),
            ("psql -h elsewhere.example.com -c 'SELECT 1'", vec![]),
            ("redis-cli -h cache.internal INFO", vec![Subject::Redis(text("datasource:cache"))]),
            ("redis-cli -h elsewhere INFO", vec![]),
            (
                "redis-cli -n 2 LLEN jobs",
                vec![
                    Subject::Length {
                        server: None,
                        database: Some(2),
                        command: "LLEN".to_owned(),
                        key: "jobs".to_owned(),
                    },
                    Subject::Redis(None),
                ],
            ),
        ] {
            assert_eq!(found(command), expected, "{command}");
        }
    }

    #[test]
    fn only_what_is_safe_to_ask_again_and_again_is_asked_over_http() {
        let health = |url: &str| vec![Subject::Health { url: url.to_owned(), is_insecure: false }];
        for (command, expected) in [
            ("curl -s https://a/health", health("https://a/health")),
            ("curl a:8080/healthz", health("a:8080/healthz")),
            ("curl -H 'Host: b' http://a/health", vec![]),
            ("curl -u a:b https://a/health", vec![]),
            ("curl -X POST https://a/health", vec![]),
            ("curl https://a/health?token=x", vec![]),
            ("curl https://u:p@a/health", vec![]),
            ("curl 'http://a/x[1-99]/health'", vec![]),
            ("curl https://a/pay", vec![]),
            ("curl 'https://a/any?x=/api/v1/query' --data-urlencode query=up", vec![]),
            (
                "curl p:9090/api/v1/query --data-urlencode query=up",
                vec![Subject::Metric { server: "http://p:9090".to_owned(), query: "up".to_owned() }],
            ),
        ] {
            assert_eq!(found(command), expected, "{command}");
        }
    }
}
