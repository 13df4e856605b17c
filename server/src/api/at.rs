//! What a request is about, by the id in its path, and who asks: what most handlers begin with.

use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use operations::{AttachmentId, Caller, ExecutionId, IncidentId, MessageId, Operations, RunId};
use utoipa::IntoParams;

use super::access::{Allowed, Needed};
use super::input::{Path, id};
use super::problem::Problem;
use super::{Api, Pages};

/// An id that stands in paths.
pub(crate) trait InPath: FromStr + Send {
    /// How paths call it.
    const NAME: &'static str;
    /// What is not found where it is none.
    const WHAT: &'static str;
}

macro_rules! in_path {
    ($id:ty, $name:ident, $what:literal, $(#[$about:meta])* $parameters:ident) => {
        impl InPath for $id {
            const NAME: &'static str = stringify!($name);
            const WHAT: &'static str = $what;
        }

        $(#[$about])*
        #[derive(IntoParams)]
        #[into_params(parameter_in = Path)]
        #[expect(dead_code, reason = "it describes what is read by its name")]
        pub(crate) struct $parameters {
            $(#[$about])*
            $name: String,
        }
    };
}

in_path!(
    IncidentId,
    incident,
    "This incident",
    /// The incident's id.
    IncidentPath
);
in_path!(
    RunId,
    run,
    "This run",
    /// The run's id.
    RunPath
);
in_path!(
    ExecutionId,
    execution,
    "This execution",
    /// The execution's id.
    ExecutionPath
);
in_path!(
    MessageId,
    message,
    "This message",
    /// The message's id.
    MessagePath
);
in_path!(
    AttachmentId,
    attachment,
    "This attachment",
    /// The attachment's id.
    AttachmentPath
);

/// A step of a run, beside the run's id.
#[derive(serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct StepPath {
    /// The step's id within the procedure.
    pub(crate) step: String,
}

/// A command of a run, beside the run's id.
#[derive(serde::Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct CommandPath {
    /// The command's id within the procedure.
    pub(crate) command: String,
}

/// What a request is about, for whoever has the scopes `N`.
pub(crate) struct At<T, N> {
    /// The use cases.
    pub(crate) operations: Operations,
    /// The portal's pages.
    pub(crate) pages: Pages,
    /// What opened the door.
    pub(crate) token: Allowed<N>,
    /// What it is about.
    pub(crate) id: T,
}

impl<T, N> At<T, N> {
    /// Who every use case is called by.
    pub(crate) fn caller(&self) -> &Caller {
        self.token.caller()
    }
}

impl<T: InPath, N: Needed> FromRequestParts<Api> for At<T, N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        // Whether there is such a thing is nobody's business who may not ask.
        let token = Allowed::from_request_parts(parts, api).await?;
        let Path(mut path) = Path::<HashMap<String, String>>::from_request_parts(parts, api).await?;
        let id = id(&path.remove(T::NAME).unwrap_or_default(), T::WHAT)?;
        Ok(Self { operations: api.operations.clone(), pages: api.pages.clone(), token, id })
    }
}
