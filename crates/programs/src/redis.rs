//! `redis-cli`.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use command::Refusal;
use command::external::Argument;
use command::redis::{self, Invocation};
use operations::{Adapter, Call, CallIo, Datasource, DatasourceKind, Environment};
use sandbox::{Access, Door, Input, inside};

use crate::connection::{Connection, meant};
use crate::runner::{Job, Printing, Runner, outputs, say};
use crate::terminal::TERM;
use crate::{RedisServer, RedisTls};

const TOOL: &str = "redis-cli";
/// The port inside, whatever the server's own is.
const PORT: u16 = 6379;
/// Authorities that the configuration names.
const AUTHORITIES: &str = "authorities/redis.pem";

pub(crate) struct Redis {
    runner: Runner,
}

impl Redis {
    pub(crate) fn new(runner: Runner) -> Self {
        Self { runner }
    }

    fn understood<'a>(
        &'a self,
        environment: &'a Environment,
        call: &Call,
    ) -> Result<(Invocation, &'a Datasource, &'a RedisServer), Refusal> {
        let invocation = redis::parse(&call.argv)?;
        self.runner.installed(TOOL)?;
        outputs(call, &invocation.arguments)?;
        let words: Vec<&str> = invocation.server.as_deref().into_iter().collect();
        let datasource = meant(environment, DatasourceKind::Redis, &words, |_, _| false)?;
        let server = self.runner.reach(environment).and_then(|reach| reach.redis.get(&datasource.name));
        let server = server.ok_or_else(|| not_configured(environment, datasource))?;
        Ok((invocation, datasource, server))
    }
}

/// A datasource that has a name and no address.
pub(crate) fn not_configured(environment: &Environment, datasource: &Datasource) -> Refusal {
    Refusal::not_permitted(format!(
        "The portal has no address for the datasource {} of the environment {}: add it to the portal's configuration.",
        datasource.name, environment.name
    ))
}

#[async_trait]
impl Adapter for Redis {
    fn tool(&self) -> &'static str {
        TOOL
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        self.understood(environment, call).map(drop)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let (invocation, datasource, server) = match self.understood(environment, call) {
            Ok(understood) => understood,
            Err(refusal) => {
                say(io, &refusal.reason).await;
                return refusal.exit_code;
            }
        };
        let ended = io.ended();
        let connection = tokio::select! {
            biased;
            () = ended.cancelled() => return 1,
            connection = Connection::open(&server.host, server.port) => connection,
        };
        let connection = match connection {
            Ok(connection) => connection,
            Err(closed) => {
                // Its address is the portal's own knowledge.
                tracing::warn!(datasource = datasource.name, error = %closed, "a datasource cannot be reached");
                say(io, &unreachable(datasource)).await;
                return 1;
            }
        };
        let mut before: Vec<String> =
            ["-h", "127.0.0.1", "-p", &PORT.to_string(), "--no-auth-warning"].map(str::to_owned).to_vec();
        let mut files = std::collections::BTreeMap::new();
        let mut variables = std::collections::BTreeMap::new();
        if let Some(user) = &server.user {
            before.extend(["--user".to_owned(), user.clone()]);
        }
        match &server.tls {
            RedisTls::Disabled => {}
            RedisTls::System => before.extend(["--tls", "--sni", &server.host].map(str::to_owned)),
            RedisTls::By(authorities) => {
                before.extend(["--tls", "--sni", &server.host, "--cacert"].map(str::to_owned));
                before.push(format!("{}/{AUTHORITIES}", inside::FILES));
                files.insert(AUTHORITIES.to_owned(), Bytes::from(authorities.clone()));
            }
        }
        before.extend(["-n".to_owned(), invocation.database.unwrap_or(server.database).to_string()]);
        let password = server.password.as_ref().map(|password| password.expose().to_owned());
        variables.extend(password.clone().map(|password| ("REDISCLI_AUTH".to_owned(), password)));
        let wants = command::wants_terminal(&call.argv) && io.is_at_terminal().await;
        let terminal = if wants { io.open_terminal(format!("{TOOL}: {}", datasource.name)).await } else { None };
        if terminal.is_some() {
            let (name, value) = TERM;
            variables.insert(name.to_owned(), value.to_owned());
        }
        let writes = invocation.arguments.iter().any(|argument| matches!(argument, Argument::Output { .. }));
        let job = Job {
            tool: TOOL,
            before,
            arguments: &invocation.arguments,
            after: Vec::new(),
            variables,
            files,
            workspace: if writes { Access::Write } else { Access::None },
            input: if invocation.reads_input { Input::Caller } else { Input::None },
            doors: vec![Door { port: PORT, keeper: Arc::new(connection) }],
            printing: if invocation.action.follows { Printing::Lines } else { Printing::Own },
            secrets: password.into_iter().collect(),
            unreadable: 1,
        };
        match terminal {
            Some(terminal) => self.runner.talk(job, call, terminal, io).await,
            None => self.runner.run(job, call, io).await,
        }
    }
}

/// What the caller is told of a datasource that does not answer.
pub(crate) fn unreachable(datasource: &Datasource) -> String {
    format!(
        "runbook-portal: the datasource {} cannot be reached from the portal; the portal's log says why. Check that it is \
         up and that the portal's network permits the connection.",
        datasource.name
    )
}
