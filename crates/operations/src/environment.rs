//! Where a run acts.

use command::Parameter;
use serde::{Deserialize, Serialize};

/// The short name of an environment, as configured: `practice`, `production`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvironmentName(pub String);

impl std::fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How serious an environment is: it chooses the band across the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentKind {
    /// The portal's own practice cluster: nothing here is real.
    Practice,
    /// A test system.
    Test,
    /// What customers use.
    Production,
}

/// Which namespaces an environment may touch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespaces {
    /// All, and cluster-wide objects.
    All,
    /// These only.
    Only(Vec<String>),
}

impl Namespaces {
    /// Whether a call may name this namespace.
    #[must_use]
    pub fn permit(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| name == namespace),
        }
    }
}

/// The Kubernetes side of an environment. Credentials are the adapter's: they are not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubernetesScope {
    /// The context's name, as `--context` would say it and as pages show it.
    pub context: String,
    /// The namespace of a call that names none.
    pub default_namespace: String,
    /// Which namespaces calls may name.
    pub namespaces: Namespaces,
}

/// The AWS side of an environment. Credentials are the adapter's: they are not here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsScope {
    /// The region of a call that names none, and the only one that calls may name: `eu-west-1`.
    pub region: String,
    /// What people call the account: `payments-production`.
    pub account: String,
}

/// What a datasource speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatasourceKind {
    /// PostgreSQL: `psql`, SQL steps.
    Postgres,
    /// Redis: `redis-cli`.
    Redis,
}

/// A database of the team's own that runs may reach, by name. Its address and credentials are the adapter's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datasource {
    /// Names it on pages and in the trail: `payments`.
    pub name: String,
    /// What it speaks.
    pub kind: DatasourceKind,
    /// What runbooks call it: the variable of its address (`DATABASE_URL`), a host (`rds-endpoint`, `postgres`), a
    /// database (`fintech_banking_db`). In the sandbox such a variable holds [`Datasource::reference`].
    pub references: Vec<String>,
}

impl Datasource {
    /// How the address of a datasource begins inside the sandbox.
    pub const SCHEME: &str = "datasource:";

    /// What stands for its address inside the sandbox: `datasource:payments`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}{}", Self::SCHEME, self.name)
    }

    /// Whether a runbook means this one by that word: its name, one of its references, or the reference itself.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        word.strip_prefix(Self::SCHEME).map_or_else(
            || self.name == word || self.references.iter().any(|reference| reference == word),
            |name| self.name == name,
        )
    }
}

/// Where a run acts, without any credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Names it in configuration, addresses and the trail.
    pub name: EnvironmentName,
    /// How serious it is.
    pub kind: EnvironmentKind,
    /// The Kubernetes cluster, where it has one.
    pub kubernetes: Option<KubernetesScope>,
    /// The AWS account, where it has one.
    pub aws: Option<AwsScope>,
    /// The databases that it reaches. Of several of a kind, the first one is meant by a call that names none.
    pub datasources: Vec<Datasource>,
    /// The variables for whose secrets the portal stands in: runbooks name them (`$API_TOKEN`), and nobody is asked.
    pub given: Vec<String>,
    /// Who may do what here, beyond the permission grid.
    pub policy: crate::Policy,
}

/// How what stands for a secret begins inside the sandbox.
const GIVEN: &str = "given:";

impl Environment {
    /// What stands for a datasource inside the sandbox, where a runbook means one by this word.
    #[must_use]
    pub fn reference(&self, word: &str) -> Option<String> {
        let datasource = self.datasources.iter().find(|datasource| datasource.is_called(word));
        let given = || self.given.iter().find(|name| *name == word).map(|name| format!("{GIVEN}{name}"));
        datasource.map(Datasource::reference).or_else(given)
    }

    /// What this environment means where nobody gives a value: a reference, or the only database that there is.
    #[must_use]
    pub fn meant(&self, parameter: &Parameter) -> Option<String> {
        let only = || {
            let mut databases = self.databases();
            let database = databases.next().filter(|_| *parameter == Parameter::database())?;
            databases.next().is_none().then(|| database.reference())
        };
        self.reference(&parameter.name).or_else(only)
    }

    /// The databases that take SQL.
    pub fn databases(&self) -> impl Iterator<Item = &Datasource> {
        self.datasources.iter().filter(|datasource| datasource.kind == DatasourceKind::Postgres)
    }

    /// The variables that stand for datasources: name and reference.
    pub(crate) fn references(&self) -> impl Iterator<Item = (String, String)> {
        let variable = |word: &&String| {
            word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        };
        let datasources = self.datasources.iter().flat_map(move |datasource| {
            datasource.references.iter().filter(variable).map(|name| (name.clone(), datasource.reference()))
        });
        datasources.chain(self.given.iter().map(|name| (name.clone(), format!("{GIVEN}{name}"))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    #[test]
    fn the_only_database_is_meant_and_of_several_none() {
        let datasource = |name: &str, kind| Datasource { name: name.to_owned(), kind, references: Vec::new() };
        let with = |datasources| Environment {
            name: EnvironmentName("test".to_owned()),
            kind: EnvironmentKind::Test,
            kubernetes: None,
            aws: None,
            datasources,
            given: Vec::new(),
            policy: Policy::default(),
        };
        let cache = || datasource("cache", DatasourceKind::Redis);
        let one = with(vec![cache(), datasource("shop", DatasourceKind::Postgres)]);
        assert_eq!(one.meant(&Parameter::database()), Some("datasource:shop".to_owned()));
        let postgres = ["shop", "bank"].map(|name| datasource(name, DatasourceKind::Postgres));
        assert_eq!(with(postgres.to_vec()).meant(&Parameter::database()), None, "somebody has to say which");
        assert_eq!(with(vec![cache()]).meant(&Parameter::database()), None);
        assert_eq!(one.meant(&Parameter::named("database", "<database>")), None, "a text may mean another thing by it");
        let token = Parameter::named("API_TOKEN", "$API_TOKEN");
        assert_eq!(one.meant(&token), None);
        let given = Environment { given: vec!["API_TOKEN".to_owned()], ..one };
        assert_eq!(given.meant(&token), Some("given:API_TOKEN".to_owned()));
        let variables: Vec<_> = given.references().collect();
        assert_eq!(variables, [("API_TOKEN".to_owned(), "given:API_TOKEN".to_owned())]);
    }
}
