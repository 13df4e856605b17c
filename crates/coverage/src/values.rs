//! What somebody would give for what a command leaves open: what the portal itself suggests, what the bench was filled
//! with under that name, or something of that kind.

use std::collections::BTreeMap;

use command::{Parameter, ParameterKind};
use operations::Suggestion;
use serde_json::Value;

/// A value for every parameter; none for a database that the environment means by that name.
pub(crate) fn fill(
    parameters: &[Parameter],
    suggestions: &BTreeMap<String, Vec<Suggestion>>,
    bench: &Value,
) -> BTreeMap<String, String> {
    let value = |parameter: &Parameter| Some((parameter.name.clone(), value(parameter, suggestions, bench)?));
    parameters.iter().filter_map(value).collect()
}

fn value(parameter: &Parameter, suggestions: &BTreeMap<String, Vec<Suggestion>>, bench: &Value) -> Option<String> {
    if let Some(choice) = parameter.choices().first() {
        return Some(choice.clone());
    }
    let suggested = suggestions.get(&parameter.name).and_then(|suggested| suggested.first());
    if matches!(parameter.kind, ParameterKind::Datasource | ParameterKind::Host)
        && let Some(suggested) = suggested
    {
        return Some(suggested.value.clone());
    }
    if parameter.kind == ParameterKind::Datasource {
        return None;
    }
    if let Some(made) = bench["values"].get(&parameter.name).and_then(Value::as_str) {
        return Some(made.to_owned());
    }
    if let Some(suggested) = suggested {
        return Some(suggested.value.clone());
    }
    let made = |name: &str| bench["values"][name].as_str().unwrap_or(name).to_owned();
    Some(match parameter.kind {
        ParameterKind::Certificate => made("cert-arn"),
        ParameterKind::LoadBalancer => made("ALB_ARN"),
        ParameterKind::TargetGroup => made("target-group-arn"),
        ParameterKind::WebAcl => made("WAF_ACL_ARN"),
        ParameterKind::Arn => made("arn"),
        ParameterKind::Queue => made("queue-url"),
        ParameterKind::SecurityGroup => made("security-group-id"),
        ParameterKind::Volume => made("volume-id"),
        ParameterKind::Snapshot => made("snapshot-id"),
        ParameterKind::Instance => made("db-instance"),
        ParameterKind::Zone => made("zone-id"),
        ParameterKind::Distribution => made("distribution-id"),
        ParameterKind::Api => made("api-id"),
        ParameterKind::Address => "203.0.113.7".to_owned(),
        ParameterKind::Host => "api.example.com".to_owned(),
        ParameterKind::Url => "https://api.example.com".to_owned(),
        ParameterKind::Integer => "2".to_owned(),
        ParameterKind::Time => "2024-01-15T02:00:00Z".to_owned(),
        ParameterKind::Secret => "made-up-secret-4711".to_owned(),
        _ => "made-up".to_owned(),
    })
}
