//! Objects as rows: what `kubectl get` prints comes from here.
//!
//! The columns are those of the real server (kubernetes `pkg/printers/internalversion/printers.go`);
//! custom resources use the `additionalPrinterColumns` of their definition.

mod cells;
mod columns;

use crate::kinds::Kind;
use crate::object::list;
use serde_json::{Value, json};
use std::sync::Arc;

/// The content type of a table.
pub(crate) const CONTENT_TYPE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// How much of each object goes with its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

/// One column: name, type, priority (1 is shown with `-o wide` only).
pub(crate) type Column = (&'static str, &'static str, u8);

/// Turns objects of one kind into rows.
pub(crate) struct Table<'a> {
    kind: &'a Kind,
    definition: Option<&'a Value>,
    include: Include,
}

impl<'a> Table<'a> {
    pub(crate) fn new(kind: &'a Kind, definition: Option<&'a Value>, include: Include) -> Self {
        Self { kind, definition, include }
    }

    /// The whole table; its `metadata` is for the caller to fill in.
    pub(crate) fn whole(&self, objects: &[Arc<Value>]) -> Value {
        let printers = self.printers();
        let columns: Vec<Value> = if let Some(printers) = printers {
            let mut columns = vec![definition("Name", "string", "name", 0)];
            for printer in printers {
                columns.push(json!({
                    "name": printer["name"], "type": printer["type"], "format": printer.get("format").cloned().unwrap_or(json!("")),
                    "description": printer.get("description").cloned().unwrap_or(json!("")),
                    "priority": printer.get("priority").cloned().unwrap_or(json!(0)),
                }));
            }
            if printers.is_empty() {
                columns.push(definition("Age", "date", "", 0));
            }
            columns
        } else {
            columns::of(&self.kind.place())
                .iter()
                .map(|(name, kind, priority)| {
                    definition(name, kind, if *name == "Name" { "name" } else { "" }, *priority)
                })
                .collect()
        };
        let rows: Vec<Value> = objects.iter().map(|object| self.row(object)).collect();
        json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": columns, "rows": rows})
    }

    fn printers(&self) -> Option<&'a [Value]> {
        let definition = self.definition?;
        let versions = list(definition, "/spec/versions");
        let version = versions.iter().find(|v| v["name"] == self.kind.version.as_str())?;
        Some(list(version, "/additionalPrinterColumns"))
    }

    fn row(&self, object: &Arc<Value>) -> Value {
        let cells = match self.printers() {
            Some(printers) => cells::custom(object, printers),
            None => cells::of(&self.kind.place(), object),
        };
        let mut row = json!({"cells": cells});
        match self.include {
            Include::None => {}
            Include::Metadata => row["object"] = metadata_only(object),
            Include::Object => row["object"] = crate::version::shown(self.kind, object),
        }
        row
    }
}

fn definition(name: &str, kind: &str, format: &str, priority: u8) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": "", "priority": priority})
}

/// An object's metadata alone.
pub(crate) fn metadata_only(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}
