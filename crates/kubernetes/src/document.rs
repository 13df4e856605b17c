//! Objects written whole: JSON, YAML, names, templates, columns of one's own.

use command::kubectl::Output;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::gotext;
use crate::jsonpath::{Missing, Template};
use crate::table::escaped;
use crate::tabwriter::TabWriter;
use crate::yaml;

/// Characters of the object shown beside a template's error.
const DUMP: usize = 16 << 10;

/// Writes objects one after the other.
pub(crate) struct DocumentPrinter {
    form: Form,
    missing: Missing,
    managed_fields: bool,
    written: usize,
    columns: TabWriter,
}

enum Form {
    Json,
    Yaml,
    Name,
    JsonPath(String, Template),
    JsonPathAsJson(String, Template),
    Columns { columns: Vec<(String, Template)>, no_headers: bool },
}

impl DocumentPrinter {
    /// A printer for an output that is no table.
    pub(crate) fn new(
        output: &Output,
        no_headers: bool,
        missing: Missing,
        managed_fields: bool,
    ) -> Result<Self, Failure> {
        let template = |text: &String| {
            Template::parse(text).map_err(|wrong| Failure::error(format!("error parsing jsonpath {text}, {wrong}")))
        };
        let form = match output {
            Output::Yaml => Form::Yaml,
            Output::Name => Form::Name,
            Output::JsonPath(text) => Form::JsonPath(text.clone(), template(text)?),
            Output::JsonPathAsJson(text) => Form::JsonPathAsJson(text.clone(), template(text)?),
            Output::CustomColumns(spec) => Form::Columns { columns: columns(spec)?, no_headers },
            Output::Json | Output::Table | Output::Wide => Form::Json,
        };
        Ok(Self { form, missing, managed_fields, written: 0, columns: TabWriter::default() })
    }

    /// The text of an object, or of a `List`.
    pub(crate) fn print(&mut self, object: &mut Value) -> Result<String, Failure> {
        if !self.managed_fields {
            without_managed_fields(object);
        }
        self.written += 1;
        Ok(match &self.form {
            Form::Json => gotext::json_indented(object) + "\n",
            Form::Yaml if self.written > 1 => format!("---\n{}", yaml::document(object)),
            Form::Yaml => yaml::document(object),
            Form::Name => each(object).map(|object| printed_name(object) + "\n").collect(),
            Form::JsonPath(text, template) => {
                template.print(object, self.missing).map_err(|wrong| template_failed(text, &wrong, object))?
            }
            Form::JsonPathAsJson(text, template) => {
                template.print_json(object, self.missing).map_err(|wrong| template_failed(text, &wrong, object))?
            }
            Form::Columns { columns, no_headers } => {
                if self.written == 1 && !no_headers {
                    self.columns.row(columns.iter().map(|(header, _)| header.clone()).collect());
                }
                for object in each(object) {
                    let mut cells = Vec::with_capacity(columns.len());
                    for (_, template) in columns {
                        let found = template.find(object, Missing::Allowed).map_err(Failure::error)?;
                        let nothing = found.first().is_none_or(Vec::is_empty);
                        let texts: Vec<String> =
                            found.iter().flatten().map(|value| escaped(&gotext::sprint(value))).collect();
                        cells.push(if nothing { "<none>".to_owned() } else { texts.join(",") });
                    }
                    self.columns.row(cells);
                }
                self.columns.flush()
            }
        })
    }
}

fn each(object: &Value) -> impl Iterator<Item = &Value> {
    let list = object["kind"] == "List";
    let items = object["items"].as_array().filter(|_| list).into_iter().flatten();
    items.chain((!list).then_some(object))
}

/// `deployment.apps/web`, from the object's own words.
pub(crate) fn printed_name(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap_or("<unknown>").to_lowercase();
    let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/')).map(|(group, _)| group);
    let name = object["metadata"]["name"].as_str().unwrap_or("<unknown>");
    match group {
        Some(group) => format!("{kind}.{group}/{name}"),
        None => format!("{kind}/{name}"),
    }
}

/// The `List` that kubectl makes of several objects.
pub(crate) fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

pub(crate) fn without_managed_fields(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
        items.iter_mut().for_each(without_managed_fields);
    }
}

fn columns(spec: &str) -> Result<Vec<(String, Template)>, Failure> {
    spec.split(',')
        .map(|part| {
            let (header, path) = part.split_once(':').ok_or_else(|| {
                Failure::error(format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"))
            })?;
            Ok((header.to_owned(), Template::relaxed(path).map_err(Failure::error)?))
        })
        .collect()
}

fn template_failed(template: &str, wrong: &str, object: &Value) -> Failure {
    Failure::error(format!(
        "error executing jsonpath {template:?}: Error executing template: {wrong}. Printing more information for debugging \
         the template:\n\ttemplate was:\n\t\t{template}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n\n",
        gotext::syntax(object, DUMP)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(output: &Output, mut object: Value) -> String {
        DocumentPrinter::new(output, false, Missing::Allowed, false)
            .expect("valid")
            .print(&mut object)
            .expect("printed")
    }

    fn pods() -> Value {
        list(&[
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "managedFields": [1]}, "spec": {"n": null}}),
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "longer"}}),
        ])
    }

    #[test]
    fn objects_are_written_as_kubectl_writes_them() {
        assert_eq!(printed(&Output::Name, pods()), "pod/a\ndeployment.apps/longer\n");
        assert_eq!(
            printed(&Output::CustomColumns("NAME:.metadata.name,N:spec.n,X:.x".into()), pods()),
            "NAME     N        X\na        <nil>    <none>\nlonger   <none>   <none>\n"
        );
        assert_eq!(printed(&Output::JsonPath("{.items[*].metadata.name}".into()), pods()), "a longer");
        assert!(!printed(&Output::Json, pods()).contains("managedFields"));
        assert!(printed(&Output::Yaml, pods()).starts_with("apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n"));
    }

    #[test]
    fn a_failing_template_shows_the_object() {
        let mut printer =
            DocumentPrinter::new(&Output::JsonPath("{.items[0].x}".into()), false, Missing::Allowed, false)
                .expect("valid");
        let failure = printer.print(&mut list(&[])).expect_err("out of bounds");
        assert_eq!(
            failure.print(),
            "error: error executing jsonpath \"{.items[0].x}\": Error executing template: array index out of bounds: index \
             0, length 0. Printing more information for debugging the template:\n\ttemplate \
             was:\n\t\t{.items[0].x}\n\tobject given to jsonpath engine was:\n\t\tmap[string]interface \
             {}{\"apiVersion\":\"v1\", \"items\":[]interface {}{}, \"kind\":\"List\", \"metadata\":map[string]interface \
             {}{\"resourceVersion\":\"\"}}\n\n\n"
        );
    }
}
