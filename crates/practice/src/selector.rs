//! Label and field selectors: which objects a list or a watch is about.

use crate::object::text;
use crate::status::Refusal;
use serde_json::Value;

/// One requirement on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A label selector and a field selector together; both must hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

/// The most requirements one selector may hold: far above real use, and a bound on work per object.
const LIMIT: usize = 64;

impl Selector {
    /// Parses the two query parameters of a list; empty text selects everything.
    ///
    /// Grammar: k8s.io/apimachinery `labels.Parse` and `fields.ParseSelector`.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, Refusal> {
        let mut selector = Self { labels: parse_labels(labels)?, fields: Vec::new() };
        for term in fields.split(',').filter(|t| !t.trim().is_empty()) {
            let (key, equal, value) = if let Some((key, value)) = term.split_once("!=") {
                (key, false, value)
            } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
                (key, true, value)
            } else {
                return Err(Refusal::bad_request(format!(
                    "unable to parse field selector: invalid selector: '{term}'; can't understand '{term}'"
                )));
            };
            selector.fields.push((key.trim().to_owned(), equal, value.trim().to_owned()));
        }
        if selector.labels.len() > LIMIT || selector.fields.len() > LIMIT {
            return Err(Refusal::bad_request(format!("a selector may hold at most {LIMIT} requirements")));
        }
        Ok(selector)
    }

    /// Refuses a field that the real server would not know for this resource.
    pub(crate) fn check_fields(&self, resource: &str) -> Result<(), Refusal> {
        for (key, _, _) in &self.fields {
            let known = matches!(key.as_str(), "metadata.name" | "metadata.namespace")
                || match resource {
                    "pods" => matches!(
                        key.as_str(),
                        "status.phase"
                            | "spec.nodeName"
                            | "spec.restartPolicy"
                            | "spec.schedulerName"
                            | "spec.serviceAccountName"
                            | "spec.hostNetwork"
                            | "status.podIP"
                            | "status.nominatedNodeName"
                    ),
                    "events" => {
                        key.starts_with("involvedObject.")
                            || key.starts_with("regarding.")
                            || matches!(
                                key.as_str(),
                                "reason" | "type" | "source" | "reportingComponent" | "reportingController"
                            )
                    }
                    "nodes" => key == "spec.unschedulable",
                    "namespaces" => key == "status.phase",
                    "secrets" => key == "type",
                    "replicasets" => key == "status.replicas",
                    "jobs" => key == "status.successful",
                    "services" => matches!(key.as_str(), "spec.clusterIP" | "spec.type"),
                    _ => false,
                };
            if !known {
                return Err(Refusal::bad_request(format!("field label not supported: {key}")));
            }
        }
        Ok(())
    }

    /// Whether an object is selected.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.fields.iter().all(|(key, equal, value)| (field(object, key) == *value) == *equal)
            && (self.labels.is_empty() || matches_labels(&self.labels, object.pointer("/metadata/labels")))
    }

    /// Reads the selector in an object's spec (`matchLabels`, `matchExpressions`).
    pub(crate) fn from_spec(spec: Option<&Value>) -> Self {
        let mut labels = Vec::new();
        let Some(spec) = spec else { return Self::default() };
        for (key, value) in crate::object::strings(spec.get("matchLabels")) {
            labels.push(Requirement::In(key, vec![value]));
        }
        for expression in crate::object::list(spec, "/matchExpressions") {
            let key = text(expression, "/key").to_owned();
            let values = crate::object::list(expression, "/values")
                .iter()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect();
            labels.push(match text(expression, "/operator") {
                "In" => Requirement::In(key, values),
                "NotIn" => Requirement::NotIn(key, values),
                "DoesNotExist" => Requirement::Absent(key),
                _ => Requirement::Exists(key),
            });
        }
        Self { labels, fields: Vec::new() }
    }

    /// Reads a plain map of labels, as a Service's selector is.
    pub(crate) fn from_map(map: Option<&Value>) -> Self {
        let labels =
            crate::object::strings(map).into_iter().map(|(key, value)| Requirement::In(key, vec![value])).collect();
        Self { labels, fields: Vec::new() }
    }

    /// Whether the selector has no requirement at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether bare labels (of a pod template, say) are selected.
    pub(crate) fn matches_label_map(&self, labels: Option<&Value>) -> bool {
        matches_labels(&self.labels, labels)
    }
}

fn matches_labels(requirements: &[Requirement], labels: Option<&Value>) -> bool {
    let get = |key: &str| labels.and_then(|l| l.get(key)).and_then(Value::as_str);
    requirements.iter().all(|requirement| match requirement {
        Requirement::In(key, values) => get(key).is_some_and(|v| values.iter().any(|w| w == v)),
        Requirement::NotIn(key, values) => get(key).is_none_or(|v| values.iter().all(|w| w != v)),
        Requirement::Exists(key) => get(key).is_some(),
        Requirement::Absent(key) => get(key).is_none(),
    })
}

/// The value of a field selector's key: a dotted path, with the few names that are not paths.
fn field(object: &Value, key: &str) -> String {
    let pointer = match key {
        "source" => "/source/component".to_owned(),
        "reportingController" => "/reportingComponent".to_owned(),
        _ => format!("/{}", key.replace("regarding.", "involvedObject.").replace('.', "/")),
    };
    match object.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None if key == "spec.unschedulable" => "false".to_owned(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, Refusal> {
    let mut requirements = Vec::new();
    for term in split_outside_parentheses(text) {
        let term = term.trim();
        if term.is_empty() {
            continue;
        }
        requirements.push(parse_term(term).ok_or_else(|| {
            Refusal::bad_request(format!("unable to parse requirement: found '{term}', expected: a label requirement"))
        })?);
    }
    Ok(requirements)
}

fn parse_term(term: &str) -> Option<Requirement> {
    if let Some(key) = term.strip_prefix('!') {
        return valid_key(key.trim()).map(Requirement::Absent);
    }
    if let Some(open) = term.find('(') {
        let values: Vec<String> =
            term.get(open + 1..)?.strip_suffix(')')?.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = term[..open].split_whitespace();
        let (key, operator) = (valid_key(words.next()?)?, words.next()?);
        return match (operator, words.next()) {
            ("in", None) => Some(Requirement::In(key, values)),
            ("notin", None) => Some(Requirement::NotIn(key, values)),
            _ => None,
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Some(Requirement::NotIn(valid_key(key.trim())?, vec![valid_value(value.trim())?]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Some(Requirement::In(valid_key(key.trim())?, vec![valid_value(value.trim())?]));
    }
    valid_key(term).map(Requirement::Exists)
}

fn valid_key(key: &str) -> Option<String> {
    let ok = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    ok.then(|| key.to_owned())
}

fn valid_value(value: &str) -> Option<String> {
    value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)).then(|| value.to_owned())
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(app: &str) -> Value {
        json!({"metadata": {"name": "a", "labels": {"app": app}}, "status": {"phase": "Running"}})
    }

    #[test]
    fn label_selectors_read_both_grammars() {
        for (selector, web, db) in [
            ("app=web", true, false),
            ("app==web", true, false),
            ("app!=web", false, true),
            ("app in (web, db)", true, true),
            ("app notin (db)", true, false),
            ("app", true, true),
            ("!app", false, false),
            ("tier!=x,app=db", false, true),
        ] {
            let parsed = Selector::parse(selector, "").unwrap();
            assert_eq!(parsed.matches(&pod("web")), web, "{selector} on web");
            assert_eq!(parsed.matches(&pod("db")), db, "{selector} on db");
        }
        for bad in ["app in web", "=x", "a b", "app in (x"] {
            assert!(Selector::parse(bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn field_selectors_compare_paths() {
        assert!(Selector::parse("", "status.phase=Running,metadata.name!=b").unwrap().matches(&pod("x")));
        assert!(!Selector::parse("", "status.phase!=Running").unwrap().matches(&pod("x")));
        assert!(Selector::parse("", "spec.image=x").unwrap().check_fields("pods").is_err());
    }
}
