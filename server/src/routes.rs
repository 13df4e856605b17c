//! Every address of the portal, in one place.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::Site;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRef, Path as PathParameter, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Router, middleware};
use futures::StreamExt as _;
use identity::csrf::PublicOrigin;
use identity::{CurrentCaller, Identity};
use leptos::config::LeptosOptions;
use leptos::context::{provide_context, use_context};
use leptos_axum::{LeptosRoutes, generate_route_list};
use operations::{Caller, Error, ExecutionId, Operations, Stream};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::services::ServeDir;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::SessionStore;
use tracing::Span;

use crate::alerts::{self, AlertSource, AlertSources};
use crate::api;
use crate::links::{self, LinkHosts};
use crate::stream::Streams;
use crate::{edits, headers, notes, post_mortem, stream, terminals};

/// The longest body of a request: a pasted result and its form, with room.
const BODY_LIMIT: usize = 256 * 1024;
/// How long a request's body may pause.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// Pieces of output that a download reads at once.
const DOWNLOAD_PIECES: u32 = 64;

/// What the portal's own handlers need.
#[derive(Clone, FromRef)]
pub struct Portal {
    /// The use cases.
    pub operations: Operations,
    options: LeptosOptions,
    site: Arc<Site>,
    streams: Streams,
    alerts: AlertSources,
    links: Option<LinkHosts>,
    /// Known once there is a router.
    #[from_ref(skip)]
    origin: Option<PublicOrigin>,
}

impl FromRef<Portal> for terminals::Desk {
    fn from_ref(portal: &Portal) -> Self {
        (portal.operations.clone(), portal.streams.clone(), portal.origin.clone())
    }
}

impl Portal {
    /// The state of a portal whose built site is in this folder.
    #[must_use]
    pub fn new(
        operations: Operations,
        site: &Path,
        practice: bool,
        alerts: Vec<AlertSource>,
        links: Option<LinkHosts>,
        shutdown: CancellationToken,
    ) -> Self {
        let options = LeptosOptions::builder()
            .output_name("runbook-portal")
            .site_root(site.to_string_lossy().into_owned())
            .site_pkg_dir("pkg")
            .build();
        let site = Arc::new(Site { practice, ..Site::default() });
        let (streams, alerts) = (Streams::new(shutdown), AlertSources::new(alerts));
        Self { operations, options, site, streams, alerts, links, origin: None }
    }
}

/// Addresses that need no session: they show nothing of the portal's content but what somebody has shared.
pub const OPEN: &[(&str, &str)] = &[
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/favicon.svg"),
    ("GET", "/pkg/{*file}"),
    ("GET", "/auth/sign-in"),
    ("GET", "/auth/callback"),
    ("GET", "/auth/signed-out"),
    ("POST", "/auth/sign-out"),
    ("POST", "/api/alerts"),
    // What somebody shared, for whoever has the key in its address.
    ("GET", "/shared/post-mortems/{key}"),
    ("GET", api::DOCUMENT),
];

/// An address that this file answers itself.
struct Own {
    method: &'static str,
    path: &'static str,
    answer: fn() -> MethodRouter<Portal>,
    /// The longest body.
    body: usize,
}

impl Own {
    const fn get(path: &'static str, answer: fn() -> MethodRouter<Portal>) -> Self {
        Self { method: "GET", path, answer, body: BODY_LIMIT }
    }
}

/// What is behind the session and neither a page nor a server function. The router is built from this table, and the
/// test of access reads it: an address that is not here is not served.
const STREAMS_AND_DOWNLOADS: &[Own] = &[
    Own::get("/runs/{run}/events", || get(stream::run_events)),
    Own::get("/open/events", || get(stream::incidents::open_events)),
    Own::get("/incidents/events", || get(stream::incidents::list_events)),
    Own::get("/incidents/{incident}/events", || get(stream::incidents::incident_events)),
    Own::get("/incidents/{incident}/timeline/events", || get(stream::incidents::timeline_events)),
    Own { method: "POST", path: "/runs/{run}/notes", answer: || post(notes::write), body: notes::BODY_LIMIT },
    Own::get("/attachments/{attachment}", || get(notes::attachment)),
    Own::get("/live", || get(stream::live_events)),
    Own::get("/executions/{execution}/output", || get(download)),
    Own::get("/executions/{execution}/cast", || get(terminals::cast)),
    Own::get("/terminals/{terminal}", || get(terminals::attach)),
    Own::get("/links/{link}", || get(links::enter)),
    Own::get("/runbooks/{runbook}/{procedure}/edits.patch", || get(edits::patch)),
    Own::get("/incidents/{incident}/post-mortem.md", || get(post_mortem::download)),
];

/// The methods and addresses of streams, downloads and uploads.
#[must_use]
pub fn streams_and_downloads() -> Vec<(String, String)> {
    STREAMS_AND_DOWNLOADS.iter().map(|own| (own.method.to_owned(), own.path.to_owned())).collect()
}

/// The pages' addresses.
#[must_use]
pub fn pages() -> Vec<String> {
    generate_route_list(app::App).into_iter().map(|listing| listing.path().to_owned()).collect()
}

/// The server functions' addresses and methods.
#[must_use]
pub fn server_functions() -> Vec<(String, String)> {
    leptos::server_fn::axum::server_fn_paths().map(|(path, method)| (method.to_string(), path.to_owned())).collect()
}

/// The whole portal: sessions outermost, then who asks, then the cross-site check, then the addresses.
pub fn router<S: SessionStore + Clone>(portal: Portal, identity: &Identity, sessions: S) -> Router {
    let portal = Portal { origin: Some(identity.public_origin()), ..portal };
    let site = portal.options.site_root.to_string();
    let files = Router::new()
        // The build leaves a brotli form of each file beside it.
        .nest_service("/pkg", ServeDir::new(format!("{site}/pkg")).precompressed_br())
        .route_service("/favicon.svg", tower_http::services::ServeFile::new(format!("{site}/favicon.svg")))
        .layer(middleware::from_fn(headers::revalidate));
    let open = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/shared/post-mortems/{key}", get(post_mortem::shared))
        .with_state(portal.clone());
    // With tokens of their own: no cookie counts here, so no other site can borrow one.
    let told = Router::new()
        .route("/api/alerts", post(alerts::receive))
        .layer(DefaultBodyLimit::max(alerts::BODY_LIMIT))
        .layer(RequestBodyLimitLayer::new(alerts::BODY_LIMIT))
        .with_state(portal.clone());

    let context = {
        let (Portal { operations, site, .. }, identity) = (portal.clone(), identity.clone());
        move || {
            provide_context(operations.clone());
            provide_context(Site { provider_origin: Some(identity.provider_origin()), ..Site::clone(&site) });
            // `require_person` has seen that there is one.
            let caller = use_context::<Parts>().and_then(|parts| parts.extensions.get::<Option<Caller>>().cloned());
            if let Some(caller) = caller.flatten() {
                provide_context(caller);
            }
        }
    };
    // Beside the pages, not behind their session: a program is known by its token, and a browser's cookie means nothing there.
    let programs = api::router(portal.operations.clone(), portal.streams.clone(), identity);
    let link_hosts = portal.links.clone().map(|hosts| (hosts, portal.operations.clone()));
    let document = {
        let options = portal.options.clone();
        move || app::shell(options.clone())
    };
    let own = STREAMS_AND_DOWNLOADS.iter().fold(Router::new(), |router, own| {
        let limited = Router::new().route(own.path, (own.answer)());
        router.merge(limited.layer(DefaultBodyLimit::max(own.body)).layer(RequestBodyLimitLayer::new(own.body)))
    });
    // Pages and server functions.
    let private = Router::new()
        .leptos_routes_with_context(&portal, generate_route_list(app::App), context.clone(), document.clone())
        .fallback(leptos_axum::render_app_async_with_context(context, document))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .merge(own)
        .layer(middleware::from_fn(identity::require_person))
        .with_state(portal);

    let router = private
        .merge(identity.routes().layer(RequestBodyLimitLayer::new(BODY_LIMIT)))
        .layer(middleware::from_fn_with_state(identity.public_origin(), identity::csrf::check))
        .layer(middleware::from_fn_with_state(identity.clone(), identity::authenticate))
        .layer(identity.session_layer(sessions))
        .merge(told)
        .merge(open)
        .merge(files)
        .merge(programs)
        .layer(
            ServiceBuilder::new()
                .layer(TraceLayer::new_for_http().make_span_with(span))
                .layer(middleware::from_fn(headers::secure))
                .layer(RequestBodyTimeoutLayer::new(BODY_PATIENCE))
                // An event stream that is compressed arrives when the compressor likes.
                .layer(
                    CompressionLayer::new()
                        .compress_when(SizeAbove::new(512).and(NotForContentType::const_new("text/event-stream"))),
                ),
        );
    match link_hosts {
        // Outermost: nothing of the portal is for what answers behind a link.
        Some(hosts) => router.layer(middleware::from_fn_with_state(hosts, links::by_host)),
        None => router,
    }
}

/// The span of a request. Queries stay out of logs (codes and tickets are in them), and so do keys in addresses.
fn span(request: &Request) -> Span {
    let path = request.uri().path();
    let shown = if path.starts_with(post_mortem::SHARED) { post_mortem::SHARED } else { path };
    tracing::debug_span!("request", method = %request.method(), path = shown)
}

/// Whether the portal can answer with what it has behind it.
async fn ready(State(operations): State<Operations>) -> Response {
    match operations.is_ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the database does not answer\n").into_response()
        }
    }
}

/// Everything that an execution printed and that was kept, as plain text.
async fn download(
    State(operations): State<Operations>,
    CurrentCaller(caller): CurrentCaller,
    PathParameter(execution): PathParameter<String>,
) -> Result<Response, Problem> {
    let execution: ExecutionId = execution.parse().map_err(|_| Error::NotFound("This execution"))?;
    let pieces = printed(operations, caller, execution).await?;
    let name = format!("attachment; filename=\"execution-{execution}.txt\"");
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// What an execution printed and what was kept of it until now, read as it is sent.
pub(crate) async fn printed(
    operations: Operations,
    caller: Caller,
    execution: ExecutionId,
) -> Result<impl futures::Stream<Item = Result<bytes::Bytes, std::io::Error>> + Send + 'static, Error> {
    let first = operations.output_of(&caller, execution, 0, DOWNLOAD_PIECES).await?;
    let pieces = futures::stream::unfold(Some((operations, caller, first)), move |state| async move {
        let (operations, caller, chunks) = state?;
        let cursor = chunks.last()?.sequence;
        let printed = chunks.iter().map(|chunk| &chunk.content).filter(|content| content.stream != Stream::Resize);
        let bytes: bytes::Bytes = printed.flat_map(|content| content.bytes.iter().copied()).collect();
        match operations.output_of(&caller, execution, cursor, DOWNLOAD_PIECES).await {
            Ok(next) => Some((Ok(bytes), Some((operations, caller, next)))),
            Err(error) => Some((Err(std::io::Error::other(error)), None)),
        }
    });
    // The compressor asks once more after the end.
    Ok(pieces.fuse())
}

/// A use case's failure as an answer for programs and streams: plain text.
pub(crate) struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = match &self.0 {
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::Conflict(_) => StatusCode::CONFLICT,
            Error::CannotRun(_) | Error::Audit(_) | Error::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            tracing::error!(error = &self.0 as &dyn std::error::Error, "a request could not be answered");
        }
        (status, format!("{}\n", self.0)).into_response()
    }
}
