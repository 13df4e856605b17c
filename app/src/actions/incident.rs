//! What people do with an incident, and with each other at a run of one.

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos::server_fn::codec::{Post, PostUrl};
use operations::{Change, Changes, EnvironmentName, Error, IncidentId};
use runbook::{CommandId, ProcedureId, RunbookId, StepId};

use super::{Document, answer, path_part, place, run_id};

/// Opens an incident. Only the title is needed; an empty runbook lets the title decide.
#[server(endpoint = "open_incident", input = PostUrl, output = Post<Document>)]
pub async fn open_incident(
    #[server(default)] title: String,
    #[server(default)] severity: String,
    #[server(default)] environment: String,
    #[server(default)] affected: String,
    #[server(default)] runbook: String,
) -> Result<String, ServerFnError> {
    answer("/incidents", async |operations, caller| {
        let changes = Changes {
            title: Some(title),
            severity: Some(severity),
            environment: Some(environment),
            affected: Some(affected),
            runbook: Some(runbook),
        };
        let incident = operations.open_incident(&caller, changes).await?;
        Ok(format!("/incidents/{incident}"))
    })
    .await
}

/// One step in the life of an incident: `change` is `acknowledge`, `mitigate`, `resolve` or `reopen`.
#[server(endpoint = "change_stage", input = PostUrl, output = Post<Document>)]
pub async fn change_stage(
    #[server(default)] incident: String,
    #[server(default)] change: String,
) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        let change = match change.as_str() {
            "acknowledge" => Change::Acknowledge,
            "mitigate" => Change::Mitigate,
            "resolve" => Change::Resolve,
            "reopen" => Change::Reopen,
            _ => {
                let words = "An incident is acknowledged, mitigated, resolved or reopened.";
                return Err(Error::Invalid(words.to_owned()));
            }
        };
        operations.change_stage(&caller, incident_id(&incident)?, change).await?;
        Ok(back.clone())
    })
    .await
}

/// What the form of an incident showed when it was made.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Was {
    pub(crate) title: Option<String>,
    pub(crate) severity: Option<String>,
    pub(crate) environment: Option<String>,
    pub(crate) affected: Option<String>,
    pub(crate) runbook: Option<String>,
}

/// Changes what is said of an incident; what is not sent, or sent as it `was` when the form was made, stays as it is: a form
/// that stood open for a while takes nothing back that others have said.
#[server(endpoint = "change_incident", input = PostUrl, output = Post<Document>)]
pub async fn change_incident(
    #[server(default)] incident: String,
    #[server(default)] title: Option<String>,
    #[server(default)] severity: Option<String>,
    #[server(default)] environment: Option<String>,
    #[server(default)] affected: Option<String>,
    #[server(default)] runbook: Option<String>,
    #[server(default)] was: String,
) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        let was: Was = serde_json::from_str(&was).unwrap_or_default();
        let changes = Changes {
            title: title.filter(|title| was.title.as_ref() != Some(title)),
            severity: severity.filter(|severity| was.severity.as_ref() != Some(severity)),
            environment: environment.filter(|environment| was.environment.as_ref() != Some(environment)),
            affected: affected.filter(|affected| was.affected.as_ref() != Some(affected)),
            runbook: runbook.filter(|runbook| was.runbook.as_ref() != Some(runbook)),
        };
        operations.change_incident(&caller, incident_id(&incident)?, changes).await?;
        Ok(back.clone())
    })
    .await
}

/// Says how an incident stands.
#[server(endpoint = "update_status", input = PostUrl, output = Post<Document>)]
pub async fn update_status(
    #[server(default)] incident: String,
    #[server(default)] text: String,
) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        operations.update_status(&caller, incident_id(&incident)?, &text.replace("\r\n", "\n")).await?;
        Ok(back.clone())
    })
    .await
}

/// Writes a note on an incident.
#[server(endpoint = "note_incident", input = PostUrl, output = Post<Document>)]
pub async fn note_incident(
    #[server(default)] incident: String,
    #[server(default)] text: String,
) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        operations.note_incident(&caller, incident_id(&incident)?, &text.replace("\r\n", "\n")).await?;
        Ok(back.clone())
    })
    .await
}

/// Leads an incident from now on.
#[server(endpoint = "take_command", input = PostUrl, output = Post<Document>)]
pub async fn take_command(#[server(default)] incident: String) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        operations.take_command(&caller, incident_id(&incident)?).await?;
        Ok(back.clone())
    })
    .await
}

/// Hands the lead to somebody: `to` is their subject.
#[server(endpoint = "hand_over", input = PostUrl, output = Post<Document>)]
pub async fn hand_over(
    #[server(default)] incident: String,
    #[server(default)] to: String,
    #[server(default)] text: String,
) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        operations.hand_over(&caller, incident_id(&incident)?, &to, &text.replace("\r\n", "\n")).await?;
        Ok(back.clone())
    })
    .await
}

/// Starts a run of a procedure for an incident. `values` are its parameters by name, as far as they are known.
#[server(endpoint = "start_incident_run", input = PostUrl, output = Post<Document>)]
pub async fn start_incident_run(
    #[server(default)] incident: String,
    #[server(default)] runbook: String,
    #[server(default)] procedure: String,
    #[server(default)] environment: String,
    #[server(default)] values: BTreeMap<String, String>,
) -> Result<String, ServerFnError> {
    let back = page(&incident);
    answer(&back, async |operations, caller| {
        let (runbook, procedure) = (RunbookId::new(runbook), ProcedureId::new(procedure));
        let (incident, environment) = (incident_id(&incident)?, EnvironmentName(environment));
        let run = operations.start_incident_run(&caller, incident, &runbook, &procedure, &environment, values).await?;
        Ok(format!("/runs/{run}"))
    })
    .await
}

/// Means to do a step, or takes it over.
#[server(endpoint = "claim_step", input = PostUrl, output = Post<Document>)]
pub async fn claim_step(
    #[server(default)] run: String,
    #[server(default)] step: String,
) -> Result<String, ServerFnError> {
    let back = place(&run, &step);
    answer(&back, async |operations, caller| {
        operations.claim(&caller, run_id(&run)?, &StepId::new(step)).await?;
        Ok(back.clone())
    })
    .await
}

/// Gives a step to somebody else; without `to` it is nobody's again.
#[server(endpoint = "hand_over_step", input = PostUrl, output = Post<Document>)]
pub async fn hand_over_step(
    #[server(default)] run: String,
    #[server(default)] step: String,
    #[server(default)] to: String,
) -> Result<String, ServerFnError> {
    let back = place(&run, &step);
    answer(&back, async |operations, caller| {
        let to = Some(to.as_str()).filter(|to| !to.is_empty());
        operations.hand_over_step(&caller, run_id(&run)?, &StepId::new(step), to).await?;
        Ok(back.clone())
    })
    .await
}

/// Of several ways chooses one.
#[server(endpoint = "choose", input = PostUrl, output = Post<Document>)]
pub async fn choose(
    #[server(default)] run: String,
    #[server(default)] command: String,
) -> Result<String, ServerFnError> {
    let back = place(&run, &command);
    answer(&back, async |operations, caller| {
        operations.choose(&caller, run_id(&run)?, &CommandId::new(command)).await?;
        Ok(back.clone())
    })
    .await
}

fn incident_id(text: &str) -> Result<IncidentId, Error> {
    text.parse().map_err(|_| Error::NotFound("This incident"))
}

fn page(incident: &str) -> String {
    format!("/incidents/{}", path_part(incident))
}
