//! Incidents: open, look, change. What is done with one stands in the files below.

mod afterwards;
mod life;
mod messages;
mod view;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use operations::{Changes, IncidentFilter, IncidentId, Operations};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::{Allowed, Incidents, Needed, Reads};
use super::at::{At, IncidentPath};
use super::input::{Body, Query, cursor, limit};
use super::problem::{Doing, Looking, Problem};
use super::{Api, BASE, Pages};

use view::{IncidentDetail, IncidentSummary, detail, summary};

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_incidents, open_incident))
        .routes(routes!(get_incident, change_incident))
        .merge(life::endpoints())
        .merge(messages::endpoints())
        .merge(afterwards::endpoints())
}

/// Which incidents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct IncidentsQuery {
    /// Only those that are not resolved.
    #[serde(default)]
    open: bool,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

/// A page of incidents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct IncidentList {
    /// Open ones first, the worst of them before the newest; then what is over, the newest first.
    incidents: Vec<IncidentSummary>,
    /// The `cursor` of the next page; null where this is the last.
    next: Option<String>,
}

/// An incident to open.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewIncident {
    /// One line that says what is wrong.
    #[schema(example = "The API is down")]
    title: String,
    /// The level's name; left out, as the runbook says.
    #[serde(default)]
    severity: Option<String>,
    /// Where it happens.
    #[serde(default)]
    environment: Option<String>,
    /// Who or what suffers.
    #[serde(default)]
    affected: Option<String>,
    /// Where severities and times are read; left out, where the title fits best.
    #[serde(default)]
    runbook: Option<String>,
}

/// What to change of an incident. What is left out or null stays as it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct IncidentChanges {
    /// One line that says what is wrong.
    #[serde(default)]
    title: Option<String>,
    /// One of the incident's `levels`; an empty one takes it away.
    #[serde(default)]
    severity: Option<String>,
    /// Where it happens; an empty one takes it away.
    #[serde(default)]
    environment: Option<String>,
    /// Who or what suffers.
    #[serde(default)]
    affected: Option<String>,
    /// Whose levels, times and ladder count; an empty one takes them away.
    #[serde(default)]
    runbook: Option<String>,
}

/// List incidents, open ones first
#[utoipa::path(
    get, path = "/incidents", tag = "incidents", security(("token" = ["read"])), params(IncidentsQuery),
    responses((status = 200, body = IncidentList), Looking)
)]
async fn list_incidents(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Reads>,
    Query(query): Query<IncidentsQuery>,
) -> Result<Json<IncidentList>, Problem> {
    let before = cursor(query.cursor.as_deref())?;
    let filter = IncidentFilter { open: query.open, with: None, before, limit: limit(query.limit)? };
    let page = operations.incidents_page(token.caller(), &filter).await?;
    let incidents = page.incidents.iter().map(|one| summary(one, &pages)).collect();
    Ok(Json(IncidentList { incidents, next: page.next.map(|place| place.to_string()) }))
}

/// Open an incident
#[utoipa::path(
    post, path = "/incidents", tag = "incidents", security(("token" = ["incidents"])), request_body = NewIncident,
    responses(
        (status = 201, body = IncidentDetail, headers(("Location" = String, description = "The incident's address"))),
        Doing
    )
)]
async fn open_incident(
    State(operations): State<Operations>,
    State(pages): State<Pages>,
    token: Allowed<Incidents>,
    Body(new): Body<NewIncident>,
) -> Result<impl IntoResponse, Problem> {
    let NewIncident { title, severity, environment, affected, runbook } = new;
    let changes = Changes { title: Some(title), severity, environment, affected, runbook };
    let id = operations.open_incident(token.caller(), changes).await?;
    let opened = At { operations, pages, token, id };
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("{BASE}/incidents/{id}"))], opened.detail().await?))
}

/// Get an incident with its clocks, alerts, runs, messages and people
#[utoipa::path(
    get, path = "/incidents/{incident}", tag = "incidents", security(("token" = ["read"])), params(IncidentPath),
    responses((status = 200, body = IncidentDetail), Looking)
)]
async fn get_incident(at: At<IncidentId, Reads>) -> Result<Json<IncidentDetail>, Problem> {
    at.detail().await
}

/// Change what is said of an incident
#[utoipa::path(
    patch, path = "/incidents/{incident}", tag = "incidents", security(("token" = ["incidents"])), params(IncidentPath),
    request_body = IncidentChanges, responses((status = 200, body = IncidentDetail), Doing)
)]
async fn change_incident(
    at: At<IncidentId, Incidents>,
    Body(new): Body<IncidentChanges>,
) -> Result<Json<IncidentDetail>, Problem> {
    let IncidentChanges { title, severity, environment, affected, runbook } = new;
    let changes = Changes { title, severity, environment, affected, runbook };
    at.operations.change_incident(at.caller(), at.id, changes).await?;
    at.detail().await
}

impl<N: Needed> At<IncidentId, N> {
    /// How the incident stands now.
    async fn detail(&self) -> Result<Json<IncidentDetail>, Problem> {
        let view = self.operations.view_incident(self.caller(), self.id).await?;
        let levels = self.operations.severities(self.caller(), view.incident.runbook.as_ref())?;
        Ok(Json(detail(&view, levels, &self.pages)))
    }
}
