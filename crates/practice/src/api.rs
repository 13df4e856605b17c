//! The HTTP face of the cluster: who may come in, and which part answers.

mod access;
mod discovery;
mod eviction;
mod exec;
mod forward;
mod log_stream;
mod read;
mod request;
mod scale;
mod watching;
mod write;

use crate::cluster::Cluster;
use crate::status::Refusal;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Limited};
use request::{Query, Target};

pub(crate) use eviction::budget_state;
use serde_json::Value;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The routes of one cluster.
pub(crate) fn router(cluster: Arc<Cluster>) -> Router {
    Router::new().fallback(serve).with_state(cluster)
}

async fn serve(State(cluster): State<Arc<Cluster>>, request: Request<Body>) -> Response {
    answer(&cluster, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(cluster: &Arc<Cluster>, request: Request<Body>) -> Result<Response, Refusal> {
    let (mut parts, body) = request.into_parts();
    // As in a real cluster, anybody may ask whether the server is well and which version it is.
    let public = matches!(parts.uri.path(), "/healthz" | "/livez" | "/readyz" | "/version");
    let path = if public { parts.uri.path() } else { admit(cluster, parts.uri.path(), &parts.headers)? };
    let path = path.to_owned();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let accept = parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    if parts.method == Method::GET
        && let Some(answer) = discovery::answer(cluster, &path, &accept)
    {
        return Ok(answer);
    }
    let target = Target::parse(&path).ok_or_else(Refusal::no_such_path)?;
    let kind = cluster.kind(&target.group, &target.version, &target.plural).ok_or_else(Refusal::no_such_path)?;
    if !kind.namespaced && target.namespace.is_some() {
        return Err(Refusal::no_such_path());
    }
    let limit = cluster.store().limits().request_bytes;
    let body = read_body(body, limit).await?;
    let upgrade: exec::Upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await.ok();
    let content = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let call =
        Call { cluster: Arc::clone(cluster), kind, target, query, accept, content: content.to_owned(), body, upgrade };
    call.dispatch(&parts.method)
}

async fn read_body(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    Limited::new(body, limit).collect().await.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            Refusal::too_large(limit)
        } else {
            Refusal::bad_request("the request body could not be read")
        }
    })
}

/// Checks the token and returns the path below it.
///
/// `kubectl` never sends a bearer token over plain HTTP, so the kubeconfig's server address carries the
/// token as its first path segment; clients that do send the header need not use that prefix.
fn admit<'a>(cluster: &Cluster, path: &'a str, headers: &HeaderMap) -> Result<&'a str, Refusal> {
    let right = |given: &str| bool::from(given.as_bytes().ct_eq(cluster.token.as_bytes()));
    if let Some(rest) = path.strip_prefix("/key/") {
        let (given, rest) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        return if right(given) { Ok(rest) } else { Err(Refusal::unauthorized()) };
    }
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    if bearer.is_some_and(right) { Ok(path) } else { Err(Refusal::unauthorized()) }
}

/// One authenticated request to a resource.
struct Call {
    cluster: Arc<Cluster>,
    kind: Arc<crate::kinds::Kind>,
    target: Target,
    query: Query,
    accept: String,
    content: String,
    body: Bytes,
    upgrade: exec::Upgrade,
}

impl Call {
    fn dispatch(self, method: &Method) -> Result<Response, Refusal> {
        let named = !self.target.name.is_empty();
        let verb = match (method, named) {
            (&Method::GET, true) if self.query.on("watch") => "watch",
            (&Method::GET, true) => "get",
            (&Method::GET, false) if self.query.on("watch") => "watch",
            (&Method::GET, false) => "list",
            (&Method::POST, _) => "create",
            (&Method::PUT, true) => "update",
            (&Method::PATCH, true) => "patch",
            (&Method::DELETE, true) => "delete",
            (&Method::DELETE, false) => "deletecollection",
            _ => return Err(Refusal::method_not_allowed()),
        };
        let sub = self.target.sub.clone();
        self.cluster.permit(verb, &self.kind, &sub, self.target.home(), &self.target.name)?;
        if !sub.is_empty() {
            return self.subresource(verb, &sub);
        }
        if !self.kind.verbs.contains(&verb) {
            return Err(Refusal::method_not_allowed());
        }
        match (self.kind.group.as_str(), verb) {
            ("metrics.k8s.io", _) => self.metrics(),
            ("authorization.k8s.io" | "authentication.k8s.io", _) => access::review(&self),
            (_, "get") => self.get(),
            (_, "list") => self.list(),
            (_, "watch") => self.watch(),
            (_, "create") if !named => self.create(),
            (_, "update") => self.update(""),
            (_, "patch") => self.patch(""),
            (_, "delete") => self.delete(),
            (_, "deletecollection") => self.delete_collection(),
            _ => Err(Refusal::method_not_allowed()),
        }
    }

    fn subresource(self, verb: &str, sub: &str) -> Result<Response, Refusal> {
        match (self.kind.plural.as_str(), sub, verb) {
            (_, "scale", _) if self.kind.scale => scale::serve(&self, verb),
            (_, "status", "get") if self.kind.status => self.get(),
            (_, "status", "update") if self.kind.status => self.update("status"),
            (_, "status", "patch") if self.kind.status => self.patch("status"),
            ("pods", "log", "get") => log_stream::serve(&self),
            ("pods", "eviction", "create") => eviction::serve(&self),
            ("pods", "binding", "create") => eviction::bind(&self),
            ("pods", "exec" | "attach", "get" | "create") => exec::serve(self, sub),
            ("pods", "portforward", "get" | "create") => forward::serve(self),
            ("serviceaccounts", "token", "create") => {
                Err(Refusal::bad_request("the practice cluster issues no service account tokens"))
            }
            _ => Err(Refusal::no_such_path()),
        }
    }

    /// The request body as JSON, whether it was sent as JSON or YAML.
    fn document(&self) -> Result<Value, Refusal> {
        let refuse = |error: &dyn std::fmt::Display| {
            Refusal::bad_request(format!("the object provided is unrecognized or not valid: {error}"))
        };
        if self.content.contains("yaml") {
            serde_yaml_ng::from_slice(&self.body).map_err(|error| refuse(&error))
        } else if self.content.contains("protobuf") {
            crate::protobuf::read(&self.body)
                .map_err(|_| Refusal::unsupported_media("application/json, application/yaml"))
        } else {
            serde_json::from_slice(&self.body).map_err(|error| refuse(&error))
        }
    }

    /// Whether the caller asked to see what would happen without it happening.
    fn rehearsal(&self) -> bool {
        self.query.get("dryRun") == "All"
    }
}

/// A JSON answer.
fn json(status: http::StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
