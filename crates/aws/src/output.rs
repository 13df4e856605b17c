//! What a call prints: `--output json|text|table|yaml`, byte for byte as version 2 of the program does.

mod table;
mod text;
mod yaml;

use command::cloud::Invocation;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use crate::failure::Failure;
use crate::model::Page;
use crate::page::Pages;
use crate::query::Query;

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Text,
    Table,
    Yaml,
}

/// How a call prints.
pub(crate) struct Style {
    form: Form,
    coloured: bool,
    query: Option<Query>,
}

impl Style {
    /// What the call asks for.
    ///
    /// # Errors
    /// Of usage: a form that does not exist, an expression that cannot be read.
    pub(crate) fn read(invocation: &Invocation<'_>) -> Result<Self, Failure> {
        let form = match invocation.output {
            None | Some("json") => Form::Json,
            Some("text") => Form::Text,
            Some("table") => Form::Table,
            Some("yaml") => Form::Yaml,
            Some(_) => return Err(choice("--output", &["json", "text", "table", "yaml", "yaml-stream"])),
        };
        let coloured = match invocation.color {
            None | Some("auto" | "off") => false,
            Some("on") => true,
            Some(_) => return Err(choice("--color", &["on", "off", "auto"])),
        };
        Ok(Self { form, coloured, query: invocation.query.map(Query::read).transpose()? })
    }

    /// The output of an operation without pages.
    pub(crate) fn print(&self, operation: &str, output: Value) -> Result<String, Failure> {
        let selected = match &self.query {
            Some(query) => query.search(&output)?,
            None => output,
        };
        match self.form {
            Form::Text => Ok(text::print(&selected)),
            Form::Table => table::print(operation, &selected, self.coloured).map_err(Failure::general),
            _ if selected.as_object().is_some_and(serde_json::Map::is_empty) => Ok(String::new()),
            Form::Yaml if selected.is_array() || selected.is_object() => Ok(yaml::print(&selected)),
            Form::Yaml | Form::Json => Ok(json(&selected)),
        }
    }

    /// The output of an operation with pages: text selects from each page by itself, all else from the whole.
    pub(crate) fn print_pages(&self, operation: &str, page: &Page, pages: Pages) -> Result<String, Failure> {
        if self.form != Form::Text {
            return self.print(operation, pages.joined(page));
        }
        let mut printed = String::new();
        for result in pages.results {
            let mut output = serde_json::Map::new();
            output.insert(page.result.to_owned(), result);
            printed += &self.print(operation, Value::Object(output))?;
        }
        if let Some(token) = pages.resume {
            printed += &self.print(operation, serde_json::json!({"NextToken": {"NextToken": token}}))?;
        }
        Ok(printed)
    }
}

fn choice(option: &str, choices: &[&str]) -> Failure {
    let lines: Vec<String> = choices
        .chunks(2)
        .map(|pair| pair.iter().map(|word| format!("{word:<40}")).collect::<Vec<_>>().join(" | "))
        .collect();
    Failure::usage(&format!(
        "aws: error: argument {option}: Invalid choice, valid choices are:\n\n{}",
        lines.join("\n")
    ))
}

/// Indented by four, non-ASCII letters as they are.
fn json(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).expect("a value is JSON");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}
