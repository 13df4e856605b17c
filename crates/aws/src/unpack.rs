//! The words of an option to the value of a parameter (`awscli/argprocess.py`).

use serde_json::{Map, Number, Value};

use crate::arguments::Raw;
use crate::failure::Failure;
use crate::kebab::kebab;
use crate::model::{Kind, Member, Service};
use crate::shorthand;

/// The value of a parameter.
///
/// # Errors
/// In the real program's words: JSON or the short form that cannot be read, a number that is none.
pub(crate) fn unpack(service: &Service, member: &Member, raw: &Raw) -> Result<Value, Failure> {
    let option = format!("--{}", kebab(member.name));
    let unpacking = Unpacking { service, option: &option };
    match raw {
        Raw::Flag(on) => Ok(Value::Bool(*on)),
        Raw::One(word) => unpacking.one(&member.kind, word),
        Raw::Many(words) => unpacking.many(&member.kind, words),
    }
}

struct Unpacking<'a> {
    service: &'a Service,
    option: &'a str,
}

impl Unpacking<'_> {
    fn many(&self, kind: &Kind, words: &[String]) -> Result<Value, Failure> {
        let Kind::List { of, .. } = kind else { return Ok(Value::Null) };
        if let [only] = words
            && only.trim_start().starts_with('[')
        {
            return self.json(only);
        }
        let element = |word: &String| match **of {
            Kind::Structure(_) if !is_json(word) => self.shorthand(of, word),
            _ => self.one(of, word),
        };
        words.iter().map(element).collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn one(&self, kind: &Kind, word: &str) -> Result<Value, Failure> {
        match kind {
            Kind::Structure(_) if word.trim_start().starts_with('{') => self.json(word),
            Kind::Structure(_) if word.trim_start().starts_with('[') => {
                Err(Failure::parsing(self.option, &format!("Invalid JSON:\n{word}")))
            }
            Kind::Structure(_) => self.shorthand(kind, word),
            Kind::List { .. } => self.json(word),
            scalar => typed_scalar(scalar, word),
        }
    }

    fn json(&self, word: &str) -> Result<Value, Failure> {
        serde_json::from_str(word)
            .map_err(|wrong| Failure::parsing(self.option, &format!("Invalid JSON: {wrong}\nJSON received: {word}")))
    }

    fn shorthand(&self, kind: &Kind, word: &str) -> Result<Value, Failure> {
        let value = shorthand::read(word).map_err(|wrong| Failure::parsing(self.option, &wrong))?;
        self.typed(kind, value)
    }

    /// Gives the texts of the short form the types of the model; a lone value of a list is a list of one.
    fn typed(&self, kind: &Kind, value: Value) -> Result<Value, Failure> {
        match (kind, value) {
            (Kind::Structure(name), Value::Object(entries)) => {
                let members = self.service.members(name);
                let mut typed = Map::new();
                for (key, value) in entries {
                    let known = members.iter().find(|member| member.name == key);
                    let value = match known {
                        Some(member) => self.typed(&member.kind, value)?,
                        None => value,
                    };
                    typed.insert(key, value);
                }
                Ok(Value::Object(typed))
            }
            (Kind::List { of, .. }, Value::Array(list)) => {
                list.into_iter().map(|value| self.typed(of, value)).collect::<Result<Vec<_>, _>>().map(Value::Array)
            }
            (Kind::List { of, .. }, value) => Ok(Value::Array(vec![self.typed(of, value)?])),
            (Kind::Boolean, Value::String(word)) => Ok(match word.to_ascii_lowercase().as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::String(word),
            }),
            (scalar, Value::String(word)) => typed_scalar(scalar, &word),
            (_, value) => Ok(value),
        }
    }
}

fn is_json(word: &str) -> bool {
    word.trim_start().starts_with(['{', '['])
}

fn typed_scalar(kind: &Kind, word: &str) -> Result<Value, Failure> {
    match kind {
        Kind::Integer(_) => word
            .trim()
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| Failure::general(format!("invalid literal for int() with base 10: '{word}'"))),
        Kind::Float => {
            let number = word.trim().parse::<f64>().ok().and_then(Number::from_f64);
            number
                .map(Value::Number)
                .ok_or_else(|| Failure::general(format!("could not convert string to float: '{word}'")))
        }
        Kind::Boolean => Ok(Value::Bool(!word.eq_ignore_ascii_case("false"))),
        _ => Ok(Value::String(word.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::service;

    fn value(operation: &str, name: &str, words: &[&str]) -> Result<Value, Failure> {
        let service = service("rds").expect("a model");
        let input = service.command(operation).expect("an operation").input;
        let member = service.members(input).iter().find(|member| member.name == name).expect("a member");
        let many = matches!(member.kind, Kind::List { .. });
        let raw = match words {
            [one] if !many => Raw::One((*one).to_owned()),
            words => Raw::Many(words.iter().map(|&word| word.to_owned()).collect()),
        };
        unpack(service, member, &raw)
    }

    #[test]
    fn lists_are_words_json_or_the_short_form() {
        let filters = json!([{"Name": "engine", "Values": ["postgres"]}, {"Name": "a", "Values": ["b", "c"]}]);
        for words in [
            &["Name=engine,Values=postgres", "Name=a,Values=b,c"][..],
            &[r#"[{"Name":"engine","Values":["postgres"]},{"Name":"a","Values":["b","c"]}]"#],
            &[r#"{"Name":"engine","Values":["postgres"]}"#, r#"{"Name":"a","Values":["b","c"]}"#],
        ] {
            assert_eq!(value("describe-db-instances", "Filters", words), Ok(filters.clone()));
        }
        assert_eq!(value("modify-db-instance", "VpcSecurityGroupIds", &["a", "b"]), Ok(json!(["a", "b"])));
        assert_eq!(value("modify-db-instance", "VpcSecurityGroupIds", &[r#"["a","b"]"#]), Ok(json!(["a", "b"])));
        assert_eq!(value("modify-db-instance", "VpcSecurityGroupIds", &[]), Ok(json!([])));
    }

    #[test]
    fn scalars_have_the_models_types() {
        assert_eq!(value("describe-events", "Duration", &["60"]), Ok(json!(60)));
        assert_eq!(
            value("describe-events", "Duration", &["x"]),
            Err(Failure::general("invalid literal for int() with base 10: 'x'"))
        );
        let scaling = "MinCapacity=1,MaxCapacity=2,AutoPause=true";
        assert_eq!(
            value("modify-db-cluster", "ScalingConfiguration", &[scaling]),
            Ok(json!({"MinCapacity": 1, "MaxCapacity": 2, "AutoPause": true}))
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let Err(wrong) = value("describe-db-instances", "Filters", &["Name"]) else { panic!("it was read") };
        assert_eq!(
            wrong.print(),
            "\nError parsing parameter '--filters': Expected: '=', received: 'EOF' for input:\nName\n    ^\n"
        );
        let Err(wrong) = value("describe-db-instances", "Filters", &["[{"]) else { panic!("it was read") };
        assert!(wrong.print().starts_with("\nError parsing parameter '--filters': Invalid JSON: "), "{wrong:?}");
    }
}
