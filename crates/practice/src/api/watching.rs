//! Watches: a list that goes on.

use super::Call;
use super::read::Form;
use crate::cluster::Cluster;
use crate::kinds::Kind;
use crate::object::text;
use crate::selector::Selector;
use crate::status::Refusal;
use crate::store::{Change, Deed};
use crate::{table, version};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::{StatusCode, header};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long a watch lasts when the client names no time (the real server picks 30 to 60 minutes).
const LONGEST: Duration = Duration::from_secs(45 * 60);
/// How often a bookmark tells an otherwise idle watch how far it has come.
const BOOKMARK_EVERY: Duration = Duration::from_secs(10);

/// One open watch. It keeps nothing but its place in the history, so a slow reader costs no memory.
struct Watch {
    cluster: Arc<Cluster>,
    kind: Arc<Kind>,
    namespace: Option<String>,
    name: String,
    selector: Selector,
    form: Form,
    definition: Option<Arc<Value>>,
    bookmarks: bool,
    seen: u64,
    news: watch::Receiver<u64>,
    ready: VecDeque<Arc<Value>>,
    initial_end: bool,
    first: bool,
    ends: Instant,
    over: bool,
}

impl Call {
    pub(crate) fn watch(self) -> Result<Response, Refusal> {
        let selector = self.selector()?;
        let asked = match self.query.get("resourceVersion") {
            "" | "0" => None,
            given => Some(given.parse::<u64>().map_err(|_| {
                Refusal::bad_request(format!("resourceVersion: Invalid value: \"{given}\": must be a number"))
            })?),
        };
        let initial = self.query.on("sendInitialEvents");
        if initial && self.query.get("resourceVersionMatch") != "NotOlderThan" {
            return Err(Refusal::bad_request(
                "sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
        let form = self.form();
        let bookmarks = self.query.on("allowWatchBookmarks");
        let lasts = self
            .query
            .number("timeoutSeconds")
            .and_then(|s| u64::try_from(s).ok())
            .filter(|s| *s > 0)
            .map_or(LONGEST, |s| Duration::from_secs(s).min(LONGEST));
        let definition = self.definition();
        let (seen, news, ready) = {
            let store = self.cluster.store();
            let silent = self.query.get("sendInitialEvents") == "false";
            let whole = initial || (asked.is_none() && !silent);
            let ready = if whole {
                let mut found = store.list(&self.kind.place(), self.target.namespace.as_deref());
                found.retain(|object| {
                    selector.matches(object)
                        && (self.target.name.is_empty() || crate::object::name(object) == self.target.name)
                });
                found.into()
            } else {
                VecDeque::new()
            };
            let seen = if whole { store.version() } else { asked.unwrap_or_else(|| store.version()) };
            (seen, store.subscribe(), ready)
        };
        let watch = Watch {
            cluster: self.cluster,
            kind: self.kind,
            namespace: self.target.namespace,
            name: self.target.name,
            selector,
            form,
            definition,
            bookmarks,
            seen,
            news,
            ready,
            initial_end: initial && bookmarks,
            first: true,
            ends: Instant::now() + lasts,
            over: false,
        };
        let kind = match form {
            Form::Table(_) => table::CONTENT_TYPE,
            _ => "application/json",
        };
        let body = Body::from_stream(stream::unfold(watch, |mut watch| async move {
            watch.next().await.map(|lines| (Ok::<_, Infallible>(lines), watch))
        }));
        Ok((StatusCode::OK, [(header::CONTENT_TYPE, kind)], body).into_response())
    }
}

impl Watch {
    /// The next lines to send; `None` ends the watch.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        if !self.ready.is_empty() {
            let mut lines = String::new();
            for _ in 0..64 {
                let Some(object) = self.ready.pop_front() else { break };
                self.line(&mut lines, "ADDED", &object);
            }
            return Some(Bytes::from(lines));
        }
        if self.initial_end {
            self.initial_end = false;
            return Some(self.bookmark(&json!({"k8s.io/initial-events-end": "true"})));
        }
        let stop = self.cluster.stop.clone();
        loop {
            self.news.borrow_and_update();
            if let Some(lines) = self.catch_up() {
                return Some(lines);
            }
            let bookmark = tokio::time::sleep(BOOKMARK_EVERY);
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = tokio::time::sleep_until(self.ends) => return None,
                () = stop.cancelled() => return None,
                () = bookmark, if self.bookmarks => return Some(self.bookmark(&Value::Null)),
            }
        }
    }

    fn catch_up(&mut self) -> Option<Bytes> {
        let (changes, version) = {
            let store = self.cluster.store();
            (store.changes(&self.kind.place(), self.seen), store.version())
        };
        match changes {
            Ok(changes) => {
                self.seen = self.seen.max(version);
                let mut lines = String::new();
                for change in &changes {
                    if let Some((deed, object)) = self.seen_as(change) {
                        self.line(&mut lines, deed, &object);
                    }
                }
                (!lines.is_empty()).then(|| Bytes::from(lines))
            }
            Err(gone) => {
                self.over = true;
                let refusal = Refusal::expired(format!("too old resource version: {} ({})", self.seen, gone.oldest));
                let line = json!({"type": "ERROR", "object": refusal.body()});
                Some(Bytes::from(format!("{line}\n")))
            }
        }
    }

    /// What a change looks like through this watch's selector.
    fn seen_as(&self, change: &Change) -> Option<(&'static str, Arc<Value>)> {
        let in_place = |object: &Value| {
            self.namespace.as_deref().is_none_or(|n| crate::object::namespace(object) == n)
                && (self.name.is_empty() || crate::object::name(object) == self.name)
        };
        if !in_place(&change.object) {
            return None;
        }
        let now = change.deed != Deed::Deleted && self.selector.matches(&change.object);
        let before = change.before.as_deref().is_some_and(|object| self.selector.matches(object));
        let deed = match (before, now) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return None,
        };
        Some((deed, Arc::clone(&change.object)))
    }

    fn line(&mut self, lines: &mut String, deed: &str, object: &Arc<Value>) {
        let shown = match self.form {
            Form::Plain => version::shown(&self.kind, object),
            Form::Metadata => table::metadata_only(object),
            Form::Table(include) => {
                let rows = table::Table::new(&self.kind, self.definition.as_deref(), include);
                let mut whole = rows.whole(std::slice::from_ref(object));
                whole["metadata"]["resourceVersion"] = json!(text(object, "/metadata/resourceVersion"));
                // The real server sends the column definitions with the first row only.
                if !self.first {
                    whole["columnDefinitions"] = Value::Null;
                }
                self.first = false;
                whole
            }
        };
        lines.push_str(&json!({"type": deed, "object": shown}).to_string());
        lines.push('\n');
    }

    fn bookmark(&self, annotations: &Value) -> Bytes {
        let mut metadata = json!({"resourceVersion": self.seen.to_string()});
        if !annotations.is_null() {
            metadata["annotations"] = annotations.clone();
        }
        let object = match self.form {
            Form::Table(_) => json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                "columnDefinitions": null, "rows": []}),
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Plain => json!({"kind": self.kind.kind, "apiVersion": self.kind.api_version(), "metadata": metadata}),
        };
        Bytes::from(format!("{}\n", json!({"type": "BOOKMARK", "object": object})))
    }
}
