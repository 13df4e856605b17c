//! Getting and listing, in the form that the client asked for.

use super::{Call, json};
use crate::cluster::subject;
use crate::kinds::Kind;
use crate::object::{self, name, namespace, text};
use crate::selector::Selector;
use crate::status::Refusal;
use crate::{metrics, table, version};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use http::{StatusCode, header};
use serde_json::{Value, json as value};
use std::sync::Arc;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Plain,
    Table(table::Include),
    Metadata,
}

impl Call {
    /// Which form the `Accept` header asks for.
    pub(crate) fn form(&self) -> Form {
        for choice in self.accept.split(',') {
            if choice.contains("as=Table") && choice.contains("v=v1;") | choice.trim_end().ends_with("v=v1") {
                return Form::Table(match self.query.get("includeObject") {
                    "None" => table::Include::None,
                    "Object" => table::Include::Object,
                    _ => table::Include::Metadata,
                });
            }
            if choice.contains("as=PartialObjectMetadata") {
                return Form::Metadata;
            }
            if choice.trim().starts_with("application/json") && !choice.contains("as=") {
                break;
            }
        }
        Form::Plain
    }

    pub(crate) fn selector(&self) -> Result<Selector, Refusal> {
        let selector = Selector::parse(self.query.get("labelSelector"), self.query.get("fieldSelector"))?;
        selector.check_fields(&self.kind.plural)?;
        Ok(selector)
    }

    /// The CustomResourceDefinition behind the kind, if it is not built in.
    pub(crate) fn definition(&self) -> Option<Arc<Value>> {
        let place = "customresourcedefinitions.apiextensions.k8s.io";
        self.kind
            .custom
            .then(|| self.cluster.store().get(place, "", &format!("{}.{}", self.kind.plural, self.kind.group)))?
    }

    pub(crate) fn stored(&self) -> Result<Arc<Value>, Refusal> {
        let found = self.cluster.store().get(&self.kind.place(), self.target.home(), &self.target.name);
        found.ok_or_else(|| Refusal::not_found(subject(&self.kind, &self.target.name)))
    }

    pub(crate) fn get(self) -> Result<Response, Refusal> {
        let found = self.stored()?;
        Ok(self.show(StatusCode::OK, &found))
    }

    /// Answers with one object in the form asked for.
    pub(crate) fn show(&self, status: StatusCode, object: &Arc<Value>) -> Response {
        match self.form() {
            Form::Plain => json(status, &version::shown(&self.kind, object)),
            Form::Metadata => json(status, &table::metadata_only(object)),
            Form::Table(include) => {
                let definition = self.definition();
                let rows = table::Table::new(&self.kind, definition.as_deref(), include);
                let mut whole = rows.whole(std::slice::from_ref(object));
                whole["metadata"]["resourceVersion"] = object["metadata"]["resourceVersion"].clone();
                (status, [(header::CONTENT_TYPE, table::CONTENT_TYPE)], whole.to_string()).into_response()
            }
        }
    }

    pub(crate) fn list(self) -> Result<Response, Refusal> {
        let selector = self.selector()?;
        let limit = usize::try_from(self.query.number("limit").unwrap_or(0).max(0)).unwrap_or(usize::MAX);
        let after = match self.query.get("continue") {
            "" => None,
            token => Some(read_token(token)?),
        };
        let (version, mut found) = {
            let store = self.cluster.store();
            let start = after.as_ref().map(|(_, namespace, name)| (namespace.clone(), name.clone()));
            let found = store.list_after(&self.kind.place(), self.target.namespace.as_deref(), start);
            (after.map_or(store.version(), |(version, _, _)| version), found)
        };
        found.retain(|object| selector.matches(object));
        let mut metadata = value!({"resourceVersion": version.to_string()});
        if limit > 0 && found.len() > limit {
            let last = &found[limit - 1];
            metadata["continue"] = value!(write_token(version, namespace(last), name(last)));
            if selector.is_empty() {
                metadata["remainingItemCount"] = value!(found.len() - limit);
            }
            found.truncate(limit);
        }
        Ok(self.show_list(&metadata, &found))
    }

    fn show_list(&self, metadata: &Value, found: &[Arc<Value>]) -> Response {
        match self.form() {
            Form::Plain => {
                let items: Vec<Value> = found.iter().map(|object| item(&self.kind, object)).collect();
                let body = value!({
                    "kind": format!("{}List", self.kind.kind), "apiVersion": self.kind.api_version(),
                    "metadata": metadata, "items": items,
                });
                json(StatusCode::OK, &body)
            }
            Form::Metadata => {
                let items: Vec<Value> = found.iter().map(|object| table::metadata_only(object)).collect();
                let body = value!({
                    "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata, "items": items,
                });
                json(StatusCode::OK, &body)
            }
            Form::Table(include) => {
                let definition = self.definition();
                let mut whole = table::Table::new(&self.kind, definition.as_deref(), include).whole(found);
                whole["metadata"] = metadata.clone();
                (StatusCode::OK, [(header::CONTENT_TYPE, table::CONTENT_TYPE)], whole.to_string()).into_response()
            }
        }
    }

    /// Usage of pods and nodes, computed when asked for.
    pub(crate) fn metrics(self) -> Result<Response, Refusal> {
        let selector = Selector::parse(self.query.get("labelSelector"), self.query.get("fieldSelector"))?;
        let mut items = {
            let store = self.cluster.store();
            if self.kind.namespaced {
                metrics::pods(&store, self.target.namespace.as_deref(), self.cluster.speed)
            } else {
                metrics::nodes(&store, self.cluster.speed)
            }
        };
        items.retain(|item| selector.matches(item) && (self.target.name.is_empty() || name(item) == self.target.name));
        if self.target.name.is_empty() {
            let body = value!({
                "kind": format!("{}List", self.kind.kind), "apiVersion": self.kind.api_version(), "metadata": {}, "items": items,
            });
            return Ok(json(StatusCode::OK, &body));
        }
        let found = items.pop().ok_or_else(|| Refusal::not_found(subject(&self.kind, &self.target.name)))?;
        Ok(json(StatusCode::OK, &found))
    }
}

/// An object inside a list; typed lists leave kind and apiVersion to the list, custom ones repeat them.
fn item(kind: &Kind, object: &Value) -> Value {
    let mut shown = version::shown(kind, object);
    if !kind.custom
        && let Some(map) = shown.as_object_mut()
    {
        map.shift_remove("kind");
        map.shift_remove("apiVersion");
    }
    shown
}

fn write_token(version: u64, namespace: &str, name: &str) -> String {
    let token = value!({"v": "practice", "rv": version, "ns": namespace, "start": name});
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.to_string())
}

fn read_token(token: &str) -> Result<(u64, String, String), Refusal> {
    let refuse = || Refusal::bad_request("continue key is not valid: illegal continue token");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).map_err(|_| refuse())?;
    let token: Value = serde_json::from_slice(&bytes).map_err(|_| refuse())?;
    let version = u64::try_from(object::number(&token, "/rv", -1)).map_err(|_| refuse())?;
    Ok((version, text(&token, "/ns").to_owned(), text(&token, "/start").to_owned()))
}
