//! Whether parameters are what the API takes, before anything is sent (botocore, `validate.py`).

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::model::{Kind, Service};
use crate::{python, timestamp};

/// Checks the parameters of a call.
///
/// # Errors
/// All that is wrong, in the real program's words.
pub(crate) fn validate(service: &Service, input: &str, parameters: &Map<String, Value>) -> Result<(), Failure> {
    let mut check = Check { service, wrong: Vec::new() };
    check.structure(input, parameters, "");
    if check.wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid(format!("Parameter validation failed:\n{}", check.wrong.join("\n"))))
}

struct Check<'a> {
    service: &'a Service,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn structure(&mut self, name: &str, values: &Map<String, Value>, place: &str) {
        let members = self.service.members(name);
        let told = if place.is_empty() { "input" } else { place };
        for member in members.iter().filter(|member| member.required && !values.contains_key(member.name)) {
            self.wrong.push(format!("Missing required parameter in {told}: \"{}\"", member.name));
        }
        for unknown in values.keys().filter(|key| members.iter().all(|member| member.name != **key)) {
            let known: Vec<&str> = members.iter().map(|member| member.name).collect();
            let known = known.join(", ");
            self.wrong.push(format!("Unknown parameter in {told}: \"{unknown}\", must be one of: {known}"));
        }
        for (key, value) in values {
            if let Some(member) = members.iter().find(|member| member.name == key) {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                self.value(&member.kind, value, &place);
            }
        }
    }

    fn value(&mut self, kind: &Kind, value: &Value, place: &str) {
        match (kind, value) {
            (Kind::Structure(name), Value::Object(values)) => self.structure(name, values, place),
            (Kind::List { of, least, .. }, Value::Array(list)) => {
                self.length(list.len(), *least, place);
                for (at, value) in list.iter().enumerate() {
                    self.value(of, value, &format!("{place}[{at}]"));
                }
            }
            (Kind::Text(least), Value::String(text)) => self.length(text.chars().count(), *least, place),
            (Kind::Integer(least), Value::Number(number)) if !number.is_f64() => {
                if number
                    .as_i64()
                    .is_some_and(|number| number < i64::try_from(*least).unwrap_or(i64::MAX) && *least > 0)
                {
                    self.wrong.push(format!(
                        "Invalid value for parameter {place}, value: {number}, valid min value: {least}"
                    ));
                }
            }
            (Kind::Timestamp, Value::String(text)) if timestamp::read(text).is_some() => {}
            (Kind::Float | Kind::Timestamp, Value::Number(_))
            | (Kind::Boolean, Value::Bool(_))
            | (Kind::Blob, Value::String(_)) => {}
            (kind, value) => {
                let (shown, of) = (python::shown(value), python::kind(value));
                let wanted = match kind {
                    Kind::Text(_) => "<class 'str'>",
                    Kind::Integer(_) => "<class 'int'>",
                    Kind::Float => "<class 'float'>, <class 'decimal.Decimal'>, <class 'int'>",
                    Kind::Boolean => "<class 'bool'>",
                    Kind::Timestamp => "<class 'datetime.datetime'>, timestamp-string",
                    Kind::Blob => "<class 'bytes'>, <class 'bytearray'>, file-like object",
                    Kind::Structure(_) => "<class 'dict'>",
                    Kind::List { .. } => "<class 'list'>, <class 'tuple'>",
                };
                self.wrong.push(format!(
                    "Invalid type for parameter {place}, value: {shown}, type: <class '{of}'>, valid types: {wanted}"
                ));
            }
        }
    }

    fn length(&mut self, length: usize, least: u64, place: &str) {
        if u64::try_from(length).is_ok_and(|length| length < least) {
            self.wrong
                .push(format!("Invalid length for parameter {place}, value: {length}, valid min length: {least}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::service;

    #[test]
    fn everything_wrong_is_told_in_the_programs_words() {
        let service = service("rds").expect("a model");
        let input = service.command("describe-db-instances").expect("an operation").input;
        let check = |value: Value| {
            let Value::Object(parameters) = value else { panic!("parameters are an object") };
            validate(service, input, &parameters).map_err(|failure| failure.print())
        };
        assert_eq!(check(json!({"DBInstanceIdentifier": "a", "Filters": [{"Name": "a", "Values": ["b"]}]})), Ok(()));
        assert_eq!(
            check(json!({"Foo": 1, "DBInstanceIdentifier": 1, "MaxRecords": "x", "Filters": [{"Name": "a"}, "b"]})),
            Err("\nParameter validation failed:\n\
                 Unknown parameter in input: \"Foo\", must be one of: DBInstanceIdentifier, Filters, MaxRecords, Marker\n\
                 Invalid type for parameter DBInstanceIdentifier, value: 1, type: <class 'int'>, valid types: <class 'str'>\n\
                 Invalid type for parameter MaxRecords, value: x, type: <class 'str'>, valid types: <class 'int'>\n\
                 Missing required parameter in Filters[0]: \"Values\"\n\
                 Invalid type for parameter Filters[1], value: b, type: <class 'str'>, valid types: <class 'dict'>\n"
                .to_owned())
        );
    }
}
