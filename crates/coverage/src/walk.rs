//! From folder to folder, from command to command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use command::{Effect, Target};
use operations::audit::Verdict as Decided;
use operations::{
    Answer, AuditFilter, Caller, EventKind, Execution, ExecutionId, ExecutionState, Limits, LinkView, Operations,
    OutcomeResult, Person, Policy, Press, Role, RunId,
};
use runbook::{Alternatives, Body, Command, Procedure, Runbook};
use serde_json::Value;
use server::config::{Beside, Cluster, EnvironmentConfig};
use server::links::LinkHosts;
use server::portal::{self, Assembled, Plan};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::effect::{self, Performed};
use crate::report::Row;
use crate::repository::Repository;
use crate::values;
use crate::verdict::{self, Ended, Verdict};
use crate::world::{Part, World};

/// How much faster than real the practice cluster moves.
const SPEED: f64 = 50.0;
/// What goes on until it is stopped is stopped when it has printed something, or after this long.
const FOLLOWED: Duration = Duration::from_secs(3);
/// Everything else is stopped after this long, and has failed then.
const PATIENCE: Duration = Duration::from_secs(240);

/// Presses Run on every command of every runbook.
pub(crate) async fn walk(folders: &[PathBuf], bench: &Value, reach: &Path, only: Option<&str>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut world: Option<World> = None;
    for folder in folders {
        let repository = Repository::new(folder).await?;
        let folder = repository.path();
        let shelf = server::folder::Folder::open(folder).map_err(|error| anyhow!("{error}"))?;
        let shelf = operations::Library::shelf(&shelf);
        for runbook in &shelf.runbooks {
            crate::report::say(format_args!("{}", runbook.id.as_str()));
            for procedure in &runbook.procedures {
                let wanted = |text: &str| runbook.id.as_str().contains(text) || procedure.id.as_str().contains(text);
                if procedure.commands().next().is_none() || only.is_some_and(|text| !wanted(text)) {
                    continue;
                }
                // Each procedure finds the cluster as it was made, with a portal of its own.
                let place = Place::open(folder, reach, own_namespace(runbook)).await?;
                let world = match &mut world {
                    Some(world) => {
                        world.move_to(&place.practice).await?;
                        world.refill().await?;
                        world
                    }
                    None => world.insert(World::new(bench, &place.practice).await?),
                };
                let walked = place.procedure(runbook, procedure, bench, world, &mut rows).await;
                place.close().await;
                walked.with_context(|| format!("{} {}", runbook.id.as_str(), procedure.id.as_str()))?;
            }
        }
    }
    Ok(rows)
}

/// A manifest as somebody leaves it who changes as little as they can: one more annotation.
fn edited(manifest: &str) -> String {
    let line = "    walked: \"yes\"\n";
    match manifest.contains("\n  annotations:\n") {
        true => manifest.replacen("\n  annotations:\n", &format!("\n  annotations:\n{line}"), 1),
        false => manifest.replacen("\nmetadata:\n", &format!("\nmetadata:\n  annotations:\n{line}"), 1),
    }
}

/// What a team's own configuration of kubectl would mean where a command names no namespace: the one that most commands
/// of their runbook name, where most commands name one.
pub(crate) fn own_namespace(runbook: &Runbook) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let actions = runbook.procedures.iter().flat_map(|procedure| procedure.commands()).flat_map(|one| &one.actions);
    for target in actions.filter(|action| action.tool == "kubectl").flat_map(|action| &action.targets) {
        *counts.entry(target.namespace.as_deref().unwrap_or("default")).or_default() += 1;
    }
    counts.remove(command::ALL_NAMESPACES);
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map_or("default", |(namespace, _)| namespace).to_owned()
}

/// A portal, and the cluster that its only environment acts on.
pub(crate) struct Place {
    practice: practice::Practice,
    portal: Assembled,
    caller: Caller,
    default_namespace: String,
    _data: TempDir,
}

impl Place {
    pub(crate) async fn open(runbooks: &Path, reach: &Path, default_namespace: String) -> Result<Self> {
        let data = TempDir::new()?;
        let practice = practice::Practice::builder().speed(SPEED).start(([127, 0, 0, 1], 0).into()).await?;
        let kubeconfig = data.path().join("kubeconfig");
        std::fs::write(&kubeconfig, practice.kubeconfig())?;
        let beside = Beside::read(reach).map_err(|error| anyhow!("{error}"))?;
        let environment = EnvironmentConfig {
            name: "practice".to_owned(),
            kind: operations::EnvironmentKind::Practice,
            kubernetes: Some(Cluster::Kubeconfig { file: Some(kubeconfig), context: None }),
            default_namespace: default_namespace.clone(),
            namespaces: None,
            policy: Policy::default(),
            reach: beside.reach,
        };
        let plan = Plan {
            runbooks: runbooks.to_path_buf(),
            data: data.path().join("portal"),
            database: format!("sqlite://{}", data.path().join("portal.db").display()),
            // Nobody looks at pages here.
            site: Some(data.path().to_path_buf()),
            shim: None,
            environments: vec![environment],
            limits: Limits::default(),
            // Nobody is told of what is only tried.
            channels: Vec::new(),
            programs: beside.programs,
            practice_speed: SPEED,
            alerts: Vec::new(),
            links: LinkHosts::new("http://127.0.0.1/".parse()?, None),
        };
        let portal = portal::assemble(plan).await.map_err(|error| anyhow!("{error}"))?;
        let person =
            Person { subject: "coverage".to_owned(), name: "Coverage".to_owned(), email: None, role: Role::Admin };
        Ok(Self { practice, portal, caller: Caller { person, address: None }, default_namespace, _data: data })
    }

    pub(crate) async fn close(self) {
        self.portal.close().await;
        self.practice.shutdown().await;
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    pub(crate) fn operations(&self) -> &Operations {
        &self.portal.operations
    }

    /// One run of a procedure, every command in order.
    async fn procedure(
        &self,
        runbook: &Runbook,
        procedure: &Arc<Procedure>,
        bench: &Value,
        world: &mut World,
        rows: &mut Vec<Row>,
    ) -> Result<()> {
        let operations = self.operations();
        let run = operations
            .start_run(
                &self.caller,
                &runbook.id,
                &procedure.id,
                &operations::EnvironmentName("practice".to_owned()),
                BTreeMap::new(),
            )
            .await?;
        for command in procedure.commands() {
            let view = operations.view_run(&self.caller, run).await?;
            let suggestions = operations.suggestions(&self.caller, &view).await?;
            let title = command.title.clone().unwrap_or_else(|| command.source.lines().next().unwrap_or("").to_owned());
            let adapters: Vec<&str> = command
                .programs
                .iter()
                .map(String::as_str)
                .filter(|program| !command::is_sandbox_program(program))
                .collect();
            let mut row = Row {
                file: runbook.id.as_str().to_owned(),
                line: command.line,
                procedure: procedure.id.as_str().to_owned(),
                command: format!("{} {title}", command.id.as_str()),
                adapter: if adapters.is_empty() { "bash".to_owned() } else { adapters.join(" ") },
                effect: command.effect.to_string(),
                verdict: "",
                reason: String::new(),
                milliseconds: 0,
            };
            let one = procedure
                .command(&command.id)
                .is_some_and(|(step, _)| matches!(&step.body, Body::Commands { alternatives: Alternatives::One, .. }));
            if one {
                // Every way is walked, though a person takes one.
                operations.choose(&self.caller, run, &command.id).await?;
            }
            let started = Instant::now();
            let press = Press { values: values::fill(&command.parameters, &suggestions, bench), ..Press::default() };
            let verdict = self.command(run, command, press, world, &mut row).await?;
            row.milliseconds = started.elapsed().as_millis();
            if command.actions.iter().any(|action| action.verb == "rollout restart") {
                // kubectl refuses to restart a workload twice within one second.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            row.set(&verdict);
            rows.push(row);
        }
        Ok(())
    }

    /// Presses Run on one command, waits for its end, and judges.
    async fn command(
        &self,
        run: RunId,
        command: &Command,
        press: Press,
        world: &mut World,
        row: &mut Row,
    ) -> Result<Verdict> {
        let mut parts: BTreeSet<Part> = command.programs.iter().filter_map(|program| Part::of(program)).collect();
        if command.programs.iter().any(|program| program.contains('/')) {
            // A script of the repository may call anything.
            parts.insert(Part::Cluster);
        }
        world.before(&parts).await?;
        let id = match self.operations().press(&self.caller, run, &command.id, press).await {
            Ok(id) => id,
            Err(error) => return Ok(Verdict::Refused(error.to_string())),
        };
        let (execution, answered) = self.ended(run, id, command.follows).await?;
        let printed = self.printed(id).await? + &answered;
        let calls = self.calls(run, id).await?;
        let greatest = calls.iter().map(|call| call.effect).max().unwrap_or(Effect::Read);
        row.effect = greatest.to_string();
        let changes = world.changes(&parts).await?;
        let ended = Ended {
            state: execution.state,
            exit_code: execution.exit_code,
            printed: &printed,
            calls: &calls,
            changes: &changes,
            source: &command.source,
        };
        if execution.state == ExecutionState::Stopped && !command.follows {
            return Ok(Verdict::Failed(format!("no end after {} s", PATIENCE.as_secs())));
        }
        Ok(verdict::judge(&ended, |call| world.seen(Part::of(&call.tool).unwrap_or(Part::Cluster))))
    }

    /// Waits for the end of an execution; stops it where it would go on, or does not end. Gives what its links answered, too.
    async fn ended(&self, run: RunId, id: ExecutionId, follows: bool) -> Result<(Execution, String)> {
        let operations = self.operations();
        let mut changes = operations.watch_run(&self.caller, run).await?;
        let started = Instant::now();
        let mut answered = String::new();
        loop {
            let view = operations.view_run(&self.caller, run).await?;
            let links: Vec<_> =
                view.steps.iter().flat_map(|step| &step.commands).flat_map(|one| one.links.clone()).collect();
            if answered.is_empty() {
                for link in links {
                    answered += &self.through(&link).await?;
                }
            }
            let mut executions =
                view.steps.iter().flat_map(|step| &step.commands).filter_map(|one| one.execution.as_ref());
            let execution = executions.find(|one| one.id == id).context("the execution is away")?;
            if execution.state != ExecutionState::Running {
                return Ok((execution.clone(), answered));
            }
            // Somebody who looks in and leaves again: Ctrl+D.
            for terminal in view.steps.iter().flat_map(|step| &step.commands).filter_map(|one| one.terminal.as_ref()) {
                if let Ok(attachment) = operations.attach_terminal(&self.caller, &terminal.id, 0).await {
                    attachment.keyboard().typed(bytes::Bytes::from_static(b"\x04")).await;
                }
            }
            let question = view.steps.iter().flat_map(|step| &step.commands).find_map(|one| one.question.clone());
            if let Some(asked) = question {
                let edited = asked.question.text.as_deref().map(edited).unwrap_or_default();
                operations.answer(&self.caller, run, asked.id, Answer::Yes(edited)).await?;
            }
            let patience = if follows { FOLLOWED } else { PATIENCE };
            let enough = follows && !operations.output_tail(&self.caller, id, 1).await?.is_empty();
            if enough || started.elapsed() > patience {
                match operations.stop(&self.caller, id).await {
                    // It may have ended in between.
                    Ok(_) | Err(operations::Error::Conflict(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            // Output is no change of the run: look again from time to time.
            drop(tokio::time::timeout(Duration::from_millis(200), changes.changed()).await);
        }
    }

    /// What answers behind a link, asked as a browser would.
    async fn through(&self, link: &LinkView) -> Result<String> {
        let operations = self.operations();
        let ticket = operations.enter_link(&self.caller, &link.token).await?;
        let key = operations.redeem_ticket(&link.token, &ticket).context("a fresh ticket")?;
        let way = operations.tunnel(&link.token, &key).context("a fresh key")?;
        let mut connection = way.tunnel.connect().await?;
        connection.write_all(b"GET / HTTP/1.1\r\nHost: walk\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        connection.take(4096).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer);
        Ok(format!("\n{}{}\n", effect::ANSWERED, answer.lines().next().unwrap_or_default()))
    }

    async fn printed(&self, id: ExecutionId) -> Result<String> {
        let chunks = self.operations().output_tail(&self.caller, id, 500).await?;
        let bytes: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.content.bytes.to_vec()).collect();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The calls of an execution, oldest first, as the trail has them.
    async fn calls(&self, run: RunId, id: ExecutionId) -> Result<Vec<Performed>> {
        let filter = AuditFilter { run: Some(run), limit: 500, ..AuditFilter::default() };
        let page = self.operations().audit_page(&self.caller, &filter).await?;
        let own = page
            .entries
            .into_iter()
            .rev()
            .filter(|entry| entry.event.kind == EventKind::ActionIntent && entry.event.execution == Some(id));
        Ok(own
            .map(|entry| {
                let outcome = entry.completion.as_ref().and_then(|event| event.outcome.as_ref());
                let decided = entry.event.decision.as_ref();
                let refused = decided.is_some_and(|decision| decision.verdict != Decided::Allowed)
                    || outcome.is_some_and(|outcome| outcome.result == OutcomeResult::Refused);
                Performed {
                    tool: entry
                        .event
                        .argv
                        .first()
                        .map(|name| name.rsplit('/').next().unwrap_or(name).to_owned())
                        .unwrap_or_default(),
                    verb: entry.event.summary.clone(),
                    argv: entry.event.argv,
                    targets: entry
                        .event
                        .targets
                        .into_iter()
                        .map(|target| Target {
                            namespace: target.namespace.or_else(|| Some(self.default_namespace.clone())),
                            ..target
                        })
                        .collect(),
                    effect: entry.event.effect.unwrap_or(Effect::Read),
                    exit_code: outcome.and_then(|outcome| outcome.exit_code),
                    refused,
                }
            })
            .collect())
    }
}
