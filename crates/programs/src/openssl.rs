//! `openssl s_client`: asks a server for its certificate.

use std::sync::Arc;

use async_trait::async_trait;
use command::Refusal;
use operations::{Adapter, Call, CallIo, Environment};
use sandbox::{Access, Door, Input};

use crate::gate::Gate;
use crate::host;
use crate::proxy::{self, Proxy};
use crate::runner::{Job, Printing, Runner, say};
use crate::web;

/// The port of a server that names none (openssl-s_client(1)).
const PORT: u16 = 4433;

pub(crate) struct Client {
    runner: Runner,
}

impl Client {
    pub(crate) fn new(runner: Runner) -> Self {
        Self { runner }
    }

    fn understood(&self, environment: &Environment, call: &Call) -> Result<(command::openssl::Client, Gate), Refusal> {
        let client = command::openssl::parse(&call.argv)?;
        self.runner.installed("openssl")?;
        let (name, port) = host::server(&client.server, Some(PORT))
            .ok_or_else(|| Refusal::not_permitted("The server cannot be read. Write `-connect host:port`."))?;
        let known = web::known_hosts(&self.runner, environment)?;
        web::permitted(environment, known, &name, port)?;
        Ok((client, Gate::new(known.to_vec())))
    }
}

#[async_trait]
impl Adapter for Client {
    fn tool(&self) -> &'static str {
        "openssl"
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        self.understood(environment, call).map(drop)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let (client, gate) = match self.understood(environment, call) {
            Ok(understood) => understood,
            Err(refusal) => {
                say(io, &refusal.reason).await;
                return refusal.exit_code;
            }
        };
        let gate = Arc::new(gate);
        let proxy = format!("127.0.0.1:{}", proxy::PORT);
        let mut job = Job {
            tool: "openssl",
            before: ["s_client", "-proxy", &proxy, "-connect", &client.server].map(str::to_owned).to_vec(),
            arguments: &client.arguments,
            after: Vec::new(),
            variables: [].into(),
            files: [].into(),
            workspace: Access::None,
            // It talks until its input ends.
            input: Input::Caller,
            doors: vec![Door { port: proxy::PORT, keeper: Arc::new(Proxy(gate.clone())) }],
            printing: Printing::Own,
            secrets: Vec::new(),
            unreadable: 1,
        };
        self.runner.trust(environment, &mut job);
        let code = self.runner.run(job, call, io).await;
        if let Some(closed) = gate.closed().filter(|_| code != 0) {
            say(io, &format!("runbook-portal: {closed}")).await;
        }
        code
    }
}
