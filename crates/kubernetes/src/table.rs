//! Tables that the server draws, with the columns that kubectl adds.
//!
//! Source: `k8s.io/cli-runtime/pkg/printers/tableprinter.go`, v0.32.

use serde_json::Value;

use crate::gotext;
use crate::tabwriter::TabWriter;

/// What is shown beside the server's own columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) wide: bool,
    pub(crate) namespace: bool,
    /// `deployment.apps`, written before names.
    pub(crate) kind: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) all_labels: bool,
    pub(crate) no_headers: bool,
    pub(crate) event: bool,
}

/// Prints the tables of one type.
#[derive(Debug)]
pub(crate) struct TablePrinter {
    columns: Columns,
    /// The server's columns, as last sent: a watch sends them once.
    definitions: Vec<Value>,
    printed: bool,
}

impl TablePrinter {
    pub(crate) fn new(columns: Columns) -> Self {
        Self { columns, definitions: Vec::new(), printed: false }
    }

    /// Adds a table's rows; `event` is the watch event's type. An object that is no table is drawn by name.
    pub(crate) fn print(&mut self, answer: &Value, event: &str, out: &mut TabWriter) {
        if answer["kind"] == "Table" {
            if let Some(sent) = answer["columnDefinitions"].as_array().filter(|sent| !sent.is_empty()) {
                if *sent != self.definitions {
                    self.printed = false;
                }
                self.definitions.clone_from(sent);
            }
            for row in answer["rows"].as_array().into_iter().flatten() {
                self.row(row, event, out);
            }
            return;
        }
        // A server that draws no tables for this type: kubectl falls back to names and ages.
        self.definitions = vec![serde_json::json!({"name": "Name", "type": "string", "format": "name"})];
        let single = [answer.clone()];
        let items = answer["items"].as_array().map_or(single.as_slice(), Vec::as_slice);
        for object in items {
            let name = object["metadata"]["name"].clone();
            let row = serde_json::json!({"cells": [name], "object": object});
            self.row(&row, event, out);
        }
    }

    fn shown(&self, definition: &Value) -> bool {
        self.columns.wide || definition["priority"].as_i64().unwrap_or(0) == 0
    }

    fn header(&self) -> Vec<String> {
        let mut cells = Vec::new();
        if self.columns.event {
            cells.push("EVENT".to_owned());
        }
        if self.columns.namespace {
            cells.push("NAMESPACE".to_owned());
        }
        let shown = self.definitions.iter().filter(|definition| self.shown(definition));
        cells.extend(shown.map(|definition| definition["name"].as_str().unwrap_or_default().to_uppercase()));
        let last_part = |label: &String| label.rsplit('/').next().unwrap_or_default().to_uppercase();
        cells.extend(self.columns.labels.iter().map(last_part));
        if self.columns.all_labels {
            cells.push("LABELS".to_owned());
        }
        cells
    }

    fn row(&mut self, row: &Value, event: &str, out: &mut TabWriter) {
        if !std::mem::replace(&mut self.printed, true) && !self.columns.no_headers {
            out.row(self.header());
        }
        let metadata = &row["object"]["metadata"];
        let mut cells = Vec::new();
        if self.columns.event {
            cells.push(format!("{event:<8}"));
        }
        if self.columns.namespace {
            cells.push(metadata["namespace"].as_str().unwrap_or_default().to_owned());
        }
        let mut kind = self.columns.kind.as_deref();
        for (definition, cell) in self.definitions.iter().zip(row["cells"].as_array().into_iter().flatten()) {
            let is_name = definition["format"] == "name" && definition["type"] == "string";
            let prefix = if is_name { kind.take() } else { None };
            if !self.shown(definition) {
                continue;
            }
            cells.push(match prefix {
                Some(kind) => printed(&format!("{kind}/{}", gotext::sprint(cell))),
                None if cell.is_null() => String::new(),
                None => printed(&gotext::sprint(cell)),
            });
        }
        let labels = metadata["labels"].as_object();
        for wanted in &self.columns.labels {
            let value = labels.and_then(|labels| labels.get(wanted)).and_then(Value::as_str);
            cells.push(printed(value.unwrap_or("<none>")));
        }
        if self.columns.all_labels {
            let mut pairs: Vec<String> = labels
                .into_iter()
                .flatten()
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
                .collect();
            pairs.sort();
            cells.push(if pairs.is_empty() { "<none>".to_owned() } else { printed(&pairs.join(",")) });
        }
        out.row(cells);
    }
}

/// One line of a cell, harmless to a terminal.
fn printed(cell: &str) -> String {
    let (line, cut) = match cell.find(['\n', '\r', '\x0c']) {
        Some(at) => (&cell[..at], "..."),
        None => (cell, ""),
    };
    format!("{}{cut}", escaped(line))
}

/// kubectl's `EscapeTerminal`.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('\x1b', "^[").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Value {
        json!({"kind": "Table", "columnDefinitions": [
            {"name": "Name", "type": "string", "format": "name", "priority": 0},
            {"name": "Ready", "type": "string", "format": "", "priority": 0},
            {"name": "Up-To-Date", "type": "integer", "format": "", "priority": 0},
            {"name": "Images", "type": "string", "format": "", "priority": 1}],
          "rows": [
            {"cells": ["web", "2/3", 3, "web:1"], "object": {"metadata": {"namespace": "prod", "labels": {"app": "web", "example.org/tier": "front"}}}},
            {"cells": ["worker-with-a-name", "0/1", null, "two\nlines"], "object": {"metadata": {"namespace": "prod"}}}]})
    }

    fn drawn(columns: Columns) -> String {
        let mut out = TabWriter::default();
        TablePrinter::new(columns).print(&table(), "ADDED", &mut out);
        out.flush()
    }

    #[test]
    fn tables_are_drawn_as_kubectl_draws_them() {
        assert_eq!(
            drawn(Columns::default()),
            "NAME                 READY   UP-TO-DATE\nweb                  2/3     3\nworker-with-a-name   0/1     \n"
        );
        assert_eq!(
            drawn(Columns { wide: true, namespace: true, ..Columns::default() }),
            "NAMESPACE   NAME                 READY   UP-TO-DATE   IMAGES\n\
             prod        web                  2/3     3            web:1\n\
             prod        worker-with-a-name   0/1                  two...\n"
        );
        assert_eq!(
            drawn(Columns {
                labels: vec!["example.org/tier".into()],
                all_labels: true,
                no_headers: true,
                ..Columns::default()
            }),
            "web                  2/3   3     front    app=web,example.org/tier=front\n\
             worker-with-a-name   0/1         <none>   <none>\n"
        );
        assert!(
            drawn(Columns { kind: Some("deployment.apps".into()), ..Columns::default() })
                .contains("deployment.apps/web ")
        );
    }

    #[test]
    fn a_cell_cannot_command_the_terminal() {
        assert_eq!(printed("\x1b[31mred"), "^[[31mred");
    }
}
