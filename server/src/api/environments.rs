//! Where procedures may be carried out.

use axum::Json;
use axum::extract::State;
use operations::{DatasourceKind, Operations};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::access::{Allowed, Reads};
use super::problem::{Looking, Problem};

pub(super) fn endpoints() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_environments))
}

/// All environments.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Environments {
    /// In the order of the configuration.
    pub(crate) environments: Vec<Environment>,
}

/// Where runs may act.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Environment {
    /// Names it.
    #[schema(example = "practice")]
    pub(crate) name: String,
    /// How serious it is.
    pub(crate) kind: EnvironmentKind,
    /// The context of its Kubernetes cluster, where it has one.
    pub(crate) kubernetes_context: Option<String>,
    /// The namespace of calls that name none.
    pub(crate) default_namespace: Option<String>,
    /// What people call its AWS account, where it has one.
    pub(crate) aws_account: Option<String>,
    /// The AWS region.
    pub(crate) aws_region: Option<String>,
    /// The databases that it reaches.
    pub(crate) datasources: Vec<Datasource>,
    /// The least role for what only looks.
    pub(crate) read: String,
    /// The least role for what changes something.
    pub(crate) change: String,
    /// The least role for what removes something or interrupts service.
    pub(crate) destroy: String,
}

/// How serious an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnvironmentKind {
    /// Nothing in it is real.
    Practice,
    /// Real, and nobody's business depends on it.
    Test,
    /// Real.
    Production,
}

/// A database.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Datasource {
    /// Names it.
    pub(crate) name: String,
    /// `postgres` or `redis`.
    pub(crate) kind: String,
}

/// List environments
#[utoipa::path(
    get, path = "/environments", tag = "environments", security(("token" = ["read"])),
    responses((status = 200, body = Environments), Looking)
)]
async fn list_environments(
    State(operations): State<Operations>,
    token: Allowed<Reads>,
) -> Result<Json<Environments>, Problem> {
    let environments = operations.environments(token.caller())?.iter().map(|one| told(one)).collect();
    Ok(Json(Environments { environments }))
}

fn told(environment: &operations::Environment) -> Environment {
    let (kubernetes, aws, policy) = (&environment.kubernetes, &environment.aws, &environment.policy);
    Environment {
        name: environment.name.0.clone(),
        kind: match environment.kind {
            operations::EnvironmentKind::Practice => EnvironmentKind::Practice,
            operations::EnvironmentKind::Test => EnvironmentKind::Test,
            operations::EnvironmentKind::Production => EnvironmentKind::Production,
        },
        kubernetes_context: kubernetes.as_ref().map(|scope| scope.context.clone()),
        default_namespace: kubernetes.as_ref().map(|scope| scope.default_namespace.clone()),
        aws_account: aws.as_ref().map(|scope| scope.account.clone()),
        aws_region: aws.as_ref().map(|scope| scope.region.clone()),
        datasources: environment
            .datasources
            .iter()
            .map(|one| Datasource {
                name: one.name.clone(),
                kind: match one.kind {
                    DatasourceKind::Postgres => "postgres".to_owned(),
                    DatasourceKind::Redis => "redis".to_owned(),
                },
            })
            .collect(),
        read: policy.read.word().to_owned(),
        change: policy.change.word().to_owned(),
        destroy: policy.destroy.word().to_owned(),
    }
}
