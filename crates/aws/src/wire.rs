//! Parameters to a request's body, and a response's body to a value, by the service's model.
//!
//! Members come in the order of the model, absent ones are left out and moments are written as version 2 of the
//! command-line program writes them: what comes out is what that program prints (botocore, `serialize.py` and
//! `parsers.py`).

use bytes::Bytes;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Number, Value};
use url::form_urlencoded::Serializer;

use crate::model::{Kind, Operation, Protocol, Service};
use crate::timestamp;

/// Elements of one response, at most.
const MOST_ELEMENTS: u32 = 2_000_000;

/// The body of a request. The parameters are valid.
pub(crate) fn body(service: &Service, operation: &Operation, parameters: &Map<String, Value>) -> Bytes {
    match service.protocol {
        Protocol::Query => {
            let mut form = Serializer::new(String::new());
            form.append_pair("Action", operation.name).append_pair("Version", service.version);
            form_structure(service, &mut form, operation.input, parameters, "");
            Bytes::from(form.finish())
        }
        Protocol::Json => {
            let value = json_structure(service, operation.input, parameters);
            Bytes::from(value.to_string())
        }
    }
}

fn form_structure(
    service: &Service,
    form: &mut Serializer<'_, String>,
    name: &str,
    values: &Map<String, Value>,
    prefix: &str,
) {
    for member in service.members(name) {
        if let Some(value) = values.get(member.name) {
            let name = if prefix.is_empty() { member.name.to_owned() } else { format!("{prefix}.{}", member.name) };
            form_value(service, form, &member.kind, value, &name);
        }
    }
}

fn form_value(service: &Service, form: &mut Serializer<'_, String>, kind: &Kind, value: &Value, name: &str) {
    match (kind, value) {
        (Kind::Structure(structure), Value::Object(values)) => form_structure(service, form, structure, values, name),
        (Kind::List { .. }, Value::Array(list)) if list.is_empty() => {
            form.append_pair(name, "");
        }
        (Kind::List { of, location, .. }, Value::Array(list)) => {
            for (at, value) in list.iter().enumerate() {
                form_value(service, form, of, value, &format!("{name}.{location}.{}", at + 1));
            }
        }
        (Kind::Timestamp, value) => {
            let text = moment(value).map_or_else(String::new, timestamp::wire);
            form.append_pair(name, &text);
        }
        (_, Value::String(text)) => {
            form.append_pair(name, text);
        }
        (_, value) => {
            form.append_pair(name, &value.to_string());
        }
    }
}

fn json_structure(service: &Service, name: &str, values: &Map<String, Value>) -> Value {
    let members = service.members(name).iter();
    let given = members.filter_map(|member| Some((member, values.get(member.name)?)));
    Value::Object(
        given.map(|(member, value)| (member.name.to_owned(), json_value(service, &member.kind, value))).collect(),
    )
}

fn json_value(service: &Service, kind: &Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Structure(name), Value::Object(values)) => json_structure(service, name, values),
        (Kind::List { of, .. }, Value::Array(list)) => {
            Value::Array(list.iter().map(|value| json_value(service, of, value)).collect())
        }
        (Kind::Timestamp, value) => moment(value).map_or(Value::Null, |moment| moment.as_second().into()),
        (_, value) => value.clone(),
    }
}

fn moment(value: &Value) -> Option<jiff::Timestamp> {
    match value {
        Value::String(text) => timestamp::read(text),
        other => timestamp::from_seconds(other.as_f64()?),
    }
}

/// What a response that is a success holds.
///
/// # Errors
/// Where the body is not what the protocol says; the reason in plain words.
pub(crate) fn response(service: &Service, operation: &Operation, body: &[u8]) -> Result<Map<String, Value>, String> {
    let Some(output) = operation.output else { return Ok(Map::new()) };
    match service.protocol {
        Protocol::Query => {
            let text = std::str::from_utf8(body).map_err(|wrong| wrong.to_string())?;
            let options = ParsingOptions { nodes_limit: MOST_ELEMENTS, ..ParsingOptions::default() };
            let document = Document::parse_with_options(text, options).map_err(|wrong| wrong.to_string())?;
            let root = document.root_element();
            let named = |name: &str| root.children().find(|child| child.tag_name().name() == name);
            Ok(from_element(service, output, operation.wrapper.and_then(named).unwrap_or(root)))
        }
        Protocol::Json => {
            if body.is_empty() {
                return Ok(Map::new());
            }
            let value: Value = serde_json::from_slice(body).map_err(|wrong| wrong.to_string())?;
            Ok(from_json(service, output, &value))
        }
    }
}

fn from_element(service: &Service, name: &str, element: Node<'_, '_>) -> Map<String, Value> {
    let mut values = Map::new();
    for member in service.members(name) {
        if let Some(child) = element.children().find(|child| child.tag_name().name() == member.name) {
            values.insert(member.name.to_owned(), element_value(service, &member.kind, child));
        }
    }
    values
}

fn element_value(service: &Service, kind: &Kind, element: Node<'_, '_>) -> Value {
    match kind {
        Kind::Structure(name) => Value::Object(from_element(service, name, element)),
        Kind::List { of, .. } => {
            let children = element.children().filter(Node::is_element);
            Value::Array(children.map(|child| element_value(service, of, child)).collect())
        }
        scalar => {
            let text: String = element.children().filter_map(|child| child.text()).collect();
            text_value(scalar, text)
        }
    }
}

fn text_value(kind: &Kind, text: String) -> Value {
    match kind {
        Kind::Boolean => Value::Bool(text == "true"),
        Kind::Integer(_) => text.trim().parse::<i64>().map_or(Value::String(text), Value::from),
        Kind::Float => {
            let number = text.trim().parse::<f64>().ok().and_then(Number::from_f64);
            number.map_or(Value::String(text), Value::Number)
        }
        Kind::Timestamp => Value::String(timestamp::read(&text).map_or(text, timestamp::print)),
        _ => Value::String(text),
    }
}

fn from_json(service: &Service, name: &str, value: &Value) -> Map<String, Value> {
    let members = service.members(name).iter();
    let present = members.filter_map(|member| Some((member, value.get(member.name).filter(|value| !value.is_null())?)));
    present.map(|(member, value)| (member.name.to_owned(), printed_json(service, &member.kind, value))).collect()
}

fn printed_json(service: &Service, kind: &Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Structure(name), value) => Value::Object(from_json(service, name, value)),
        (Kind::List { of, .. }, Value::Array(list)) => {
            Value::Array(list.iter().map(|value| printed_json(service, of, value)).collect())
        }
        (Kind::Timestamp, value) => {
            moment(value).map_or_else(|| value.clone(), |moment| Value::String(timestamp::print(moment)))
        }
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::service;

    fn parameters(value: Value) -> Map<String, Value> {
        let Value::Object(parameters) = value else { panic!("parameters are an object") };
        parameters
    }

    #[test]
    fn a_form_numbers_the_elements_of_lists() {
        let rds = service("rds").expect("a model");
        let operation = rds.command("describe-events").expect("an operation");
        let values = parameters(json!({
            "StartTime": "2026-11-21",
            "Duration": 60,
            "Filters": [{"Name": "a b", "Values": ["x", "y&z"]}],
            "EventCategories": [],
        }));
        assert_eq!(
            String::from_utf8_lossy(&body(rds, operation, &values)),
            "Action=DescribeEvents&Version=2014-10-31&StartTime=2026-11-21T00%3A00%3A00Z&Duration=60&EventCategories=\
             &Filters.Filter.1.Name=a+b&Filters.Filter.1.Values.Value.1=x&Filters.Filter.1.Values.Value.2=y%26z"
        );
    }

    #[test]
    fn xml_is_read_by_the_model_in_its_order() {
        let rds = service("rds").expect("a model");
        let operation = rds.command("describe-db-instances").expect("an operation");
        let body =
            br#"<?xml version="1.0"?><DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">
            <DescribeDBInstancesResult><DBInstances><DBInstance><MultiAZ>false</MultiAZ><Unknown>1</Unknown>
            <AllocatedStorage>20</AllocatedStorage><DBSecurityGroups/><EngineVersion></EngineVersion>
            <InstanceCreateTime>2026-11-21T06:56:07.5Z</InstanceCreateTime>
            <DBInstanceIdentifier>a&amp;b</DBInstanceIdentifier></DBInstance></DBInstances></DescribeDBInstancesResult>
            <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></DescribeDBInstancesResponse>"#;
        let found = Value::Object(response(rds, operation, body).expect("good XML"));
        assert_eq!(
            found.to_string(),
            r#"{"DBInstances":[{"DBInstanceIdentifier":"a&b","AllocatedStorage":20,"InstanceCreateTime":"2026-11-21T06:56:07.500000+00:00","DBSecurityGroups":[],"MultiAZ":false,"EngineVersion":""}]}"#
        );
        assert!(response(rds, operation, b"<html>").is_err());
        assert!(response(rds, operation, b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").is_err());
    }

    #[test]
    fn json_is_read_by_the_model_too() {
        let acm = service("acm").expect("a model");
        let operation = acm.command("describe-certificate").expect("an operation");
        let body =
            br#"{"Certificate":{"Status":"ISSUED","NotAfter":1795244167.0,"DomainName":"a","Serial":null,"X":1}}"#;
        let found = Value::Object(response(acm, operation, body).expect("good JSON"));
        assert_eq!(
            found.to_string(),
            r#"{"Certificate":{"DomainName":"a","Status":"ISSUED","NotAfter":"2026-11-21T06:56:07+00:00"}}"#
        );
        let list = acm.command("list-certificates").expect("an operation");
        let sent = body_text(acm, list, json!({"CertificateStatuses": ["ISSUED"], "MaxItems": 5}));
        assert_eq!(sent, r#"{"CertificateStatuses":["ISSUED"],"MaxItems":5}"#);
    }

    fn body_text(service: &Service, operation: &Operation, value: Value) -> String {
        String::from_utf8(body(service, operation, &parameters(value)).to_vec()).expect("UTF-8")
    }
}
