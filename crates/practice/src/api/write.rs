//! Creating, changing and deleting.

use super::{Call, json};
use crate::admission::{fill_defaults, validate};
use crate::apply::{self, Force};
use crate::cluster::{no_room, subject};
use crate::deletion::{self, Outcome, Propagation, Terms};
use crate::object::{self, entry, list, name, namespace, number, text};
use crate::patch::{self, PatchError};
use crate::status::Refusal;
use crate::store::Store;
use crate::version;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json as value};
use std::sync::Arc;

/// The media type of a server-side apply.
const APPLY_PATCH: &str = "application/apply-patch+yaml";

impl Call {
    pub(crate) fn create(self) -> Result<Response, Refusal> {
        let object = self.document()?;
        let object = self.prepared(object)?;
        let kept = {
            let mut store = self.cluster.store();
            self.insert(&mut store, object)?
        };
        self.notice();
        Ok(self.show(StatusCode::CREATED, &kept))
    }

    /// Checks that a document fits the path, and gives it namespace, name and identity.
    fn prepared(&self, object: Value) -> Result<Value, Refusal> {
        self.check_type(&object)?;
        let mut object = version::stored(&self.kind, object);
        let home = self.target.home();
        let metadata = entry(&mut object, "metadata");
        if self.kind.namespaced {
            let given = text(metadata, "/namespace").to_owned();
            if home.is_empty() {
                return Err(Refusal::method_not_allowed());
            }
            if !given.is_empty() && given != home {
                return Err(Refusal::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
            metadata["namespace"] = value!(home);
        } else {
            object::remove(&mut object, "/metadata", "namespace");
        }
        let metadata = entry(&mut object, "metadata");
        let prefix = text(metadata, "/generateName").to_owned();
        if text(metadata, "/name").is_empty() && !prefix.is_empty() {
            metadata["name"] = value!(format!("{prefix}{}", object::random_ending()));
        }
        Ok(object)
    }

    fn check_type(&self, object: &Value) -> Result<(), Refusal> {
        if !object.is_object() {
            return Err(Refusal::bad_request("the object provided is not an object"));
        }
        let (kind, version) = (text(object, "/kind"), text(object, "/apiVersion"));
        if (!kind.is_empty() && kind != self.kind.kind) || (!version.is_empty() && version != self.kind.api_version()) {
            return Err(Refusal::bad_request(format!(
                "the API version in the data ({version}, {kind}) does not match the expected API version ({}, {})",
                self.kind.api_version(),
                self.kind.kind
            )));
        }
        Ok(())
    }

    fn insert(&self, store: &mut Store, mut object: Value) -> Result<Arc<Value>, Refusal> {
        let place = self.kind.place();
        self.check_home(store)?;
        let named = name(&object).to_owned();
        if store.get(&place, self.target.home(), &named).is_some() {
            return Err(Refusal::already_exists(subject(&self.kind, &named)));
        }
        let metadata = entry(&mut object, "metadata");
        for key in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            if let Some(map) = metadata.as_object_mut() {
                map.shift_remove(key);
            }
        }
        metadata["uid"] = value!(object::fresh_uid());
        metadata["creationTimestamp"] = value!(object::now());
        if self.kind.has_generation() {
            metadata["generation"] = value!(1);
        }
        if self.kind.status && !self.kind.custom && place != "nodes" {
            object.as_object_mut().map(|map| map.shift_remove("status"));
        }
        fill_defaults(&self.kind, &mut object);
        validate(&self.kind, &object, None)?;
        if self.rehearsal() {
            return Ok(Arc::new(object));
        }
        store.put(&place, object).map_err(|full| no_room(full, &self.kind, &named))
    }

    /// Refuses new objects in a namespace that is missing or going away.
    fn check_home(&self, store: &Store) -> Result<(), Refusal> {
        if !self.kind.namespaced {
            return Ok(());
        }
        let home = self.target.home();
        let namespaces = crate::status::Subject { group: "", resource: "namespaces", kind: "Namespace", name: home };
        let found = store.get("namespaces", "", home).ok_or_else(|| Refusal::not_found(namespaces))?;
        if object::deleting(&found) {
            let why = format!("unable to create new content in namespace {home} because it is being terminated");
            return Err(Refusal::forbidden(subject(&self.kind, &self.target.name), &why));
        }
        Ok(())
    }

    pub(crate) fn update(self, part: &str) -> Result<Response, Refusal> {
        let mut object = self.prepared(self.document()?)?;
        let named = name(&object).to_owned();
        if named.is_empty() {
            object["metadata"]["name"] = value!(self.target.name);
        } else if named != self.target.name {
            return Err(Refusal::bad_request(format!(
                "the name of the object ({named}) does not match the name on the URL ({})",
                self.target.name
            )));
        }
        let kept = {
            let mut store = self.cluster.store();
            let old = store
                .get(&self.kind.place(), self.target.home(), &self.target.name)
                .ok_or_else(|| Refusal::not_found(subject(&self.kind, &self.target.name)))?;
            self.replace(&mut store, &old, object, part)?
        };
        self.notice();
        Ok(self.show(StatusCode::OK, &kept))
    }

    /// Puts `next` in the place of `old`, keeping what a client may not change.
    fn replace(&self, store: &mut Store, old: &Arc<Value>, mut next: Value, part: &str) -> Result<Arc<Value>, Refusal> {
        let place = self.kind.place();
        let asked = text(&next, "/metadata/resourceVersion").to_owned();
        if !asked.is_empty() && asked != text(old, "/metadata/resourceVersion") {
            return Err(Refusal::conflict(
                subject(&self.kind, &self.target.name),
                "the object has been modified; please apply your changes to the latest version and try again",
            ));
        }
        let asked = text(&next, "/metadata/uid");
        if !asked.is_empty() && asked != object::uid(old) {
            let why =
                format!("Precondition failed: UID in precondition: {asked}, UID in object meta: {}", object::uid(old));
            return Err(Refusal::conflict(subject(&self.kind, &self.target.name), &why));
        }
        for key in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "name",
            "namespace",
            "resourceVersion",
        ] {
            match old.pointer(&format!("/metadata/{key}")) {
                Some(kept) => next["metadata"][key] = kept.clone(),
                None => {
                    object::remove(&mut next, "/metadata", key);
                }
            }
        }
        if part == "status" {
            let status = next.get("status").cloned();
            next = Value::clone(old);
            if let Some(status) = status {
                next["status"] = status;
            }
        } else if self.kind.status {
            match old.get("status") {
                Some(status) => next["status"] = status.clone(),
                None => {
                    next.as_object_mut().map(|map| map.shift_remove("status"));
                }
            }
        }
        fill_defaults(&self.kind, &mut next);
        if part.is_empty() {
            validate(&self.kind, &next, Some(old))?;
        }
        if self.kind.has_generation() && next.get("spec") != old.get("spec") {
            next["metadata"]["generation"] = value!(number(old, "/metadata/generation", 1) + 1);
        }
        if next == **old {
            return Ok(Arc::clone(old));
        }
        if self.rehearsal() {
            return Ok(Arc::new(next));
        }
        let named = self.target.name.as_str();
        let kept = store.put(&place, next).map_err(|full| no_room(full, &self.kind, named))?;
        deletion::finish(store, &place, &kept);
        Ok(kept)
    }

    pub(crate) fn patch(self, part: &str) -> Result<Response, Refusal> {
        let media = self.content.split(';').next().unwrap_or_default().trim();
        if media == APPLY_PATCH {
            return self.server_side_apply(part);
        }
        let patch = self.document()?;
        let kept = {
            let mut store = self.cluster.store();
            let old = store
                .get(&self.kind.place(), self.target.home(), &self.target.name)
                .ok_or_else(|| Refusal::not_found(subject(&self.kind, &self.target.name)))?;
            let mut next = version::shown(&self.kind, &old);
            match media {
                "application/json-patch+json" => patch::json_patch(&mut next, &patch).map_err(|error| match error {
                    PatchError::Malformed(message) => Refusal::bad_request(message),
                    PatchError::DoesNotFit => Refusal::invalid(
                        subject(&self.kind, &self.target.name),
                        "patch",
                        &format!("Invalid value: {error}"),
                    ),
                })?,
                "application/merge-patch+json" => patch::merge_patch(&mut next, &patch),
                "application/strategic-merge-patch+json" if !self.kind.custom => {
                    patch::strategic_patch(&mut next, &patch);
                }
                _ => return Err(Refusal::unsupported_media(accepted(self.kind.custom))),
            }
            self.check_type(&next)?;
            self.replace(&mut store, &old, version::stored(&self.kind, next), part)?
        };
        self.notice();
        Ok(self.show(StatusCode::OK, &kept))
    }

    fn server_side_apply(self, part: &str) -> Result<Response, Refusal> {
        let manager = self.query.get("fieldManager");
        if manager.is_empty() || manager.len() > 128 {
            return Err(Refusal::bad_request(
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
            ));
        }
        let config: Value = serde_yaml_ng::from_slice(&self.body)
            .map_err(|error| Refusal::bad_request(format!("error decoding YAML: {error}")))?;
        if text(&config, "/kind").is_empty() || text(&config, "/apiVersion").is_empty() {
            return Err(Refusal::bad_request("an applied configuration must name its apiVersion and kind"));
        }
        let config = self.prepared(config)?;
        let force = if self.query.on("force") { Force::Yes } else { Force::No };
        let (status, kept) = {
            let mut store = self.cluster.store();
            let old = store.get(&self.kind.place(), self.target.home(), &self.target.name);
            let live = old.as_ref().map(|old| version::stored(&self.kind, version::shown(&self.kind, old)));
            let mut next = apply::apply(live.as_ref(), &config, manager, force)
                .map_err(|conflicts| Refusal::apply_conflict(&conflicts))?;
            next["metadata"]["name"] = value!(self.target.name);
            match old {
                Some(old) => {
                    // An apply that changes nothing but its own time stays unwritten, as in the real server.
                    let mut quiet = next.clone();
                    for (fresh, before) in quiet["metadata"]["managedFields"]
                        .as_array_mut()
                        .into_iter()
                        .flatten()
                        .zip(list(&old, "/metadata/managedFields"))
                    {
                        fresh["time"] = before["time"].clone();
                    }
                    let next = if object::same(&quiet, &old) { Value::clone(&old) } else { next };
                    (StatusCode::OK, self.replace(&mut store, &old, next, part)?)
                }
                None => (StatusCode::CREATED, self.insert(&mut store, next)?),
            }
        };
        self.notice();
        Ok(self.show(status, &kept))
    }

    fn terms(&self) -> Result<(Terms, Value), Refusal> {
        let options = if self.body.is_empty() { value!({}) } else { self.document()? };
        let grace =
            options.pointer("/gracePeriodSeconds").and_then(Value::as_i64).or(self.query.number("gracePeriodSeconds"));
        let asked = match text(&options, "/propagationPolicy") {
            "" => self.query.get("propagationPolicy"),
            given => given,
        };
        let propagation = match asked {
            "Foreground" => Propagation::Foreground,
            "Orphan" => Propagation::Orphan,
            "" if options.pointer("/orphanDependents") == Some(&Value::Bool(true)) => Propagation::Orphan,
            _ => Propagation::Background,
        };
        Ok((Terms { grace, propagation }, options))
    }

    pub(crate) fn delete(self) -> Result<Response, Refusal> {
        let (terms, options) = self.terms()?;
        let rehearsal = self.rehearsal() || list(&options, "/dryRun").iter().any(|d| d == "All");
        let missing = || Refusal::not_found(subject(&self.kind, &self.target.name));
        let outcome = {
            let mut store = self.cluster.store();
            let place = self.kind.place();
            let found = store.get(&place, self.target.home(), &self.target.name).ok_or_else(missing)?;
            for (key, of) in [("uid", "/metadata/uid"), ("resourceVersion", "/metadata/resourceVersion")] {
                let wanted = text(&options, &format!("/preconditions/{key}"));
                if !wanted.is_empty() && wanted != text(&found, of) {
                    let why = format!(
                        "Precondition failed: {key} in precondition: {wanted}, {key} in object meta: {}",
                        text(&found, of)
                    );
                    return Err(Refusal::conflict(subject(&self.kind, &self.target.name), &why));
                }
            }
            if rehearsal {
                Outcome::Gone(found)
            } else {
                deletion::delete(&mut store, &place, self.target.home(), &self.target.name, terms)
                    .ok_or_else(missing)?
            }
        };
        self.notice();
        Ok(match outcome {
            Outcome::Marked(object) => self.show(StatusCode::OK, &object),
            Outcome::Gone(object) if self.kind.place() == "pods" => self.show(StatusCode::OK, &object),
            Outcome::Gone(object) => {
                let mut details =
                    value!({"name": name(&object), "kind": self.kind.plural, "uid": object::uid(&object)});
                if !self.kind.group.is_empty() {
                    details["group"] = value!(self.kind.group);
                }
                let body = value!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
                json(StatusCode::OK, &body)
            }
        })
    }

    pub(crate) fn delete_collection(self) -> Result<Response, Refusal> {
        let (terms, _) = self.terms()?;
        let selector = self.selector()?;
        let place = self.kind.place();
        let items: Vec<Value> = {
            let mut store = self.cluster.store();
            let found = store.list(&place, self.target.namespace.as_deref());
            found
                .iter()
                .filter(|object| selector.matches(object))
                .map(|object| {
                    if !self.rehearsal() {
                        deletion::delete(&mut store, &place, namespace(object), name(object), terms);
                    }
                    version::shown(&self.kind, object)
                })
                .collect()
        };
        self.notice();
        let body = value!({"kind": format!("{}List", self.kind.kind), "apiVersion": self.kind.api_version(), "metadata": {}, "items": items});
        Ok(json(StatusCode::OK, &body))
    }

    /// A changed CustomResourceDefinition changes what the server serves.
    fn notice(&self) {
        if self.kind.plural == "customresourcedefinitions" {
            self.cluster.learn_kinds();
        }
    }
}

fn accepted(custom: bool) -> &'static str {
    if custom {
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    } else {
        "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"
    }
}
