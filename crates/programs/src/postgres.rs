//! `pg_dump`, `pg_restore` and `pg_isready`: the clients of PostgreSQL that the portal does not perform itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use command::Refusal;
use command::dump::{self, Invocation};
use command::external::Argument;
use operations::{Adapter, Call, CallIo, Datasource, DatasourceKind, Environment};
use sandbox::{Access, Door, Input, inside};

use crate::connection::{Connection, meant};
use crate::redis::{not_configured, unreachable};
use crate::runner::{Job, Printing, Runner, SYSTEM_AUTHORITIES, outputs, say};
use crate::{PostgresServer, PostgresTls};

/// The port inside, whatever the server's own is.
const PORT: u16 = 5432;
/// Authorities that the configuration names.
const AUTHORITIES: &str = "authorities/postgres.pem";

pub(crate) struct Postgres {
    runner: Runner,
    tool: &'static str,
}

/// What a call acts on: nothing for `pg_restore -l`.
type Meant<'a> = Option<(&'a Datasource, &'a PostgresServer)>;

impl Postgres {
    pub(crate) fn new(runner: Runner, tool: &'static str) -> Self {
        Self { runner, tool }
    }

    fn understood<'a>(&'a self, environment: &'a Environment, call: &Call) -> Result<(Invocation, Meant<'a>), Refusal> {
        let invocation = dump::parse(&call.argv)?;
        self.runner.installed(self.tool)?;
        outputs(call, &invocation.arguments)?;
        if !invocation.connects {
            return Ok((invocation, None));
        }
        let servers = self.runner.reach(environment).map(|reach| &reach.postgres);
        let server = |datasource: &Datasource| servers.and_then(|servers| servers.get(&datasource.name));
        let words: Vec<&str> =
            [&invocation.database, &invocation.host].into_iter().flatten().map(String::as_str).collect();
        let own =
            |datasource: &Datasource, word: &str| server(datasource).is_some_and(|server| server.database == word);
        let datasource = meant(environment, DatasourceKind::Postgres, &words, own)?;
        let server = server(datasource).ok_or_else(|| not_configured(environment, datasource))?;
        Ok((invocation, Some((datasource, server))))
    }
}

/// How libpq is told (PostgreSQL documentation, "Environment Variables"). The name stays the server's own, for its
/// certificate; the address is the door.
fn variables(server: &PostgresServer) -> BTreeMap<String, String> {
    let (mode, authorities) = match &server.tls {
        PostgresTls::System => ("verify-full", SYSTEM_AUTHORITIES.to_owned()),
        PostgresTls::By(_) => ("verify-full", format!("{}/{AUTHORITIES}", inside::FILES)),
        PostgresTls::Disabled => ("disable", String::new()),
    };
    let port = PORT.to_string();
    let mut variables: BTreeMap<String, String> = [
        ("PGHOST", server.host.as_str()),
        ("PGHOSTADDR", "127.0.0.1"),
        ("PGPORT", &port),
        ("PGUSER", &server.user),
        ("PGDATABASE", &server.database),
        ("PGSSLMODE", mode),
        ("PGSSLROOTCERT", &authorities),
        ("PGGSSENCMODE", "disable"),
        ("PGCONNECT_TIMEOUT", "10"),
        ("PGAPPNAME", "runbook-portal"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Some(password) = &server.password {
        variables.insert("PGPASSWORD".to_owned(), password.expose().to_owned());
    }
    variables
}

#[async_trait]
impl Adapter for Postgres {
    fn tool(&self) -> &'static str {
        self.tool
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        self.understood(environment, call).map(drop)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let (invocation, meant) = match self.understood(environment, call) {
            Ok(understood) => understood,
            Err(refusal) => {
                say(io, &refusal.reason).await;
                return refusal.exit_code;
            }
        };
        let writes = invocation.arguments.iter().any(|argument| matches!(argument, Argument::Output { .. }));
        let mut job = Job {
            tool: self.tool,
            before: Vec::new(),
            arguments: &invocation.arguments,
            after: Vec::new(),
            variables: BTreeMap::new(),
            files: BTreeMap::new(),
            workspace: if writes { Access::Write } else { Access::None },
            input: if invocation.reads_input { Input::Caller } else { Input::None },
            doors: Vec::new(),
            printing: Printing::Own,
            secrets: Vec::new(),
            unreadable: 1,
        };
        if let Some((datasource, server)) = meant {
            let ended = io.ended();
            let connection = tokio::select! {
                biased;
                () = ended.cancelled() => return 1,
                connection = Connection::open(&server.host, server.port) => connection,
            };
            match connection {
                Ok(connection) => job.doors.push(Door { port: PORT, keeper: Arc::new(connection) }),
                Err(closed) => {
                    // Its address is the portal's own knowledge.
                    tracing::warn!(datasource = datasource.name, error = %closed, "a datasource cannot be reached");
                    say(io, &unreachable(datasource)).await;
                    return if self.tool == "pg_isready" { 2 } else { 1 };
                }
            }
            if self.tool == "pg_restore" {
                // It writes a script unless it is told the database.
                job.before = vec![format!("--dbname={}", server.database)];
            }
            if let PostgresTls::By(authorities) = &server.tls {
                job.files.insert(AUTHORITIES.to_owned(), Bytes::from(authorities.clone()));
            }
            job.variables = variables(server);
            job.secrets.extend(server.password.as_ref().map(|password| password.expose().to_owned()));
        }
        self.runner.run(job, call, io).await
    }
}
