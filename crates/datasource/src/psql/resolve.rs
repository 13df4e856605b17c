//! Which datasource a call means.

use command::Refusal;
use command::psql::Invocation;
use operations::{DatasourceKind, Environment};

use crate::datasources::{Datasources, names};

/// The name of the datasource that the call means by its host and its database; the first one where it names none.
pub(super) fn datasource(
    environment: &Environment,
    datasources: &Datasources,
    invocation: &Invocation,
) -> Result<String, Refusal> {
    let known = || environment.datasources.iter().filter(|datasource| datasource.kind == DatasourceKind::Postgres);
    if known().next().is_none() {
        return Err(Refusal::not_permitted(format!(
            "The environment {} has no PostgreSQL datasource: have one configured, or run this elsewhere and record it as done by hand.",
            environment.name
        )));
    }
    let by_host =
        |datasource: &&operations::Datasource| invocation.host.as_deref().is_none_or(|host| datasource.is_called(host));
    let by_database = |datasource: &&operations::Datasource| {
        invocation.database.as_deref().is_none_or(|database| {
            datasource.is_called(database)
                || datasources
                    .known(&environment.name, &datasource.name)
                    .is_some_and(|known| known.way.address().database == database)
        })
    };
    let meant = known().find(|datasource| by_host(datasource) && by_database(datasource));
    let meant = meant.ok_or_else(|| {
        let word = match (&invocation.host, &invocation.database) {
            (Some(host), Some(database)) => format!("`{database}` at `{host}`"),
            (Some(word), None) | (None, Some(word)) => format!("`{word}`"),
            (None, None) => "this call".to_owned(),
        };
        Refusal::not_permitted(format!(
            "No datasource of the environment {} is called {word}. It has: {}. Use one of these names, or have the reference configured.",
            environment.name,
            names(environment)
        ))
    })?;
    if datasources.known(&environment.name, &meant.name).is_none() {
        return Err(Refusal::not_permitted(format!(
            "The datasource {} has no address in the portal's configuration: have it configured.",
            meant.name
        )));
    }
    Ok(meant.name.clone())
}
