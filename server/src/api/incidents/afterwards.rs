//! What is left of an incident: its timeline, its post-mortem, the link by which others read that.

use axum::Json;
use axum::http::StatusCode;
use jiff::Timestamp;
use operations::{IncidentId, Lane, PostMortem, version};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::Api;
use crate::api::access::{Incidents, Needed, Reads};
use crate::api::at::{At, IncidentPath};
use crate::api::input::Body;
use crate::api::problem::{Doing, Looking, Problem};
use crate::api::words::Who;

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get_timeline))
        .routes(routes!(get_post_mortem, keep_post_mortem))
        .routes(routes!(share_post_mortem, unshare_post_mortem))
}

/// What happened, as the audit trail has it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentTimeline {
    /// Oldest first.
    entries: Vec<TimelineEntry>,
    /// Seconds from the start until somebody took it on.
    seconds_to_acknowledge: Option<i64>,
    /// Seconds from the start until nobody suffered.
    seconds_to_mitigate: Option<i64>,
    /// Seconds from the start to the end.
    seconds_to_resolve: Option<i64>,
    /// Whether older entries are left out.
    cut: bool,
}

/// One thing that happened.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TimelineEntry {
    /// Its row in the trail: see `/history`.
    #[schema(format = "uuid")]
    event: String,
    /// When it began.
    at: Timestamp,
    /// When it ended.
    until: Option<Timestamp>,
    /// Whose doing; null for monitoring and the portal itself.
    who: Option<Who>,
    /// The kind of event.
    #[schema(example = "step-marked")]
    kind: String,
    /// One line for people.
    words: String,
    /// More of it.
    details: Vec<String>,
}

/// A post-mortem.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PostMortemText {
    /// Markdown.
    text: String,
    /// Whether somebody has kept it; else it is written from the trail, anew each time.
    kept: bool,
    /// Names the text that was kept; null where none was.
    version: Option<String>,
    /// Whether there is a link by which others read what was kept.
    shared: bool,
}

/// A post-mortem to keep.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPostMortem {
    /// Markdown, at most 64 KiB; an empty one lets it be written from the trail again.
    text: String,
    /// The `version` of the text that it was made from, where one was kept: where there is another one meanwhile, it is a
    /// conflict.
    #[serde(default)]
    version: Option<String>,
}

/// A link by which others read a post-mortem.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct SharedLink {
    /// Whoever has it reads what was kept, without signing in. It is told once.
    url: String,
}

/// Get what happened in an incident, oldest first
#[utoipa::path(
    get, path = "/incidents/{incident}/timeline", tag = "incidents", security(("token" = ["read"])),
    params(IncidentPath), responses((status = 200, body = IncidentTimeline), Looking)
)]
async fn get_timeline(at: At<IncidentId, Reads>) -> Result<Json<IncidentTimeline>, Problem> {
    let timeline = at.operations.timeline(at.caller(), at.id).await?;
    let seconds = |span: Option<jiff::SignedDuration>| span.map(|span| span.as_secs());
    let entries = timeline.entries.into_iter().map(|entry| TimelineEntry {
        event: entry.event.to_string(),
        at: entry.at,
        until: entry.until,
        who: match entry.lane {
            Lane::System => None,
            Lane::Person(subject, name) => Some(Who { subject, name }),
        },
        kind: entry.kind.word().to_owned(),
        words: entry.words,
        details: entry.details,
    });
    Ok(Json(IncidentTimeline {
        entries: entries.collect(),
        seconds_to_acknowledge: seconds(timeline.to_acknowledge),
        seconds_to_mitigate: seconds(timeline.to_mitigate),
        seconds_to_resolve: seconds(timeline.to_resolve),
        cut: timeline.cut,
    }))
}

/// Get the post-mortem of an incident
#[utoipa::path(
    get, path = "/incidents/{incident}/post-mortem", tag = "incidents", security(("token" = ["read"])),
    params(IncidentPath), responses((status = 200, body = PostMortemText), Looking)
)]
async fn get_post_mortem(at: At<IncidentId, Reads>) -> Result<Json<PostMortemText>, Problem> {
    at.post_mortem().await
}

/// Keep the post-mortem of an incident
#[utoipa::path(
    put, path = "/incidents/{incident}/post-mortem", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), request_body = NewPostMortem, responses((status = 200, body = PostMortemText), Doing)
)]
async fn keep_post_mortem(
    at: At<IncidentId, Incidents>,
    Body(new): Body<NewPostMortem>,
) -> Result<Json<PostMortemText>, Problem> {
    let read = new.version.unwrap_or_default();
    at.operations.keep_post_mortem(at.caller(), at.id, &new.text, &read).await?;
    at.post_mortem().await
}

/// Make a link by which others read the post-mortem that was kept
///
/// A link that was made before it is void.
#[utoipa::path(
    post, path = "/incidents/{incident}/post-mortem/share", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), responses((status = 201, body = SharedLink), Doing)
)]
async fn share_post_mortem(at: At<IncidentId, Incidents>) -> Result<(StatusCode, Json<SharedLink>), Problem> {
    let key = at.operations.share_post_mortem(at.caller(), at.id).await?;
    Ok((StatusCode::CREATED, Json(SharedLink { url: at.pages.shared(&key) })))
}

/// Stop sharing a post-mortem: its link is void
#[utoipa::path(
    delete, path = "/incidents/{incident}/post-mortem/share", tag = "incidents", security(("token" = ["incidents"])),
    params(IncidentPath), responses((status = 204, description = "It is shared no more"), Doing)
)]
async fn unshare_post_mortem(at: At<IncidentId, Incidents>) -> Result<StatusCode, Problem> {
    at.operations.unshare_post_mortem(at.caller(), at.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl<N: Needed> At<IncidentId, N> {
    /// The post-mortem as it is now.
    async fn post_mortem(&self) -> Result<Json<PostMortemText>, Problem> {
        let PostMortem { incident, text, kept, .. } = self.operations.post_mortem(self.caller(), self.id).await?;
        let version = kept.then(|| version(&text));
        Ok(Json(PostMortemText { text, kept, version, shared: incident.share_key.is_some() }))
    }
}
