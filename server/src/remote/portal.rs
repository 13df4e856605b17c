//! A portal at the other end of its API.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::BoxStream;
use operations::Secret;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, redirect};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sse_stream::{Sse, SseByteStream};
use tokio::time::{Instant, Interval, interval};

use super::terminal::plain;
use crate::api::BASE;
use crate::api::executions::Execution;
use crate::api::output::OutputPiece;
use crate::api::problem::ProblemDocument;
use crate::api::runbooks::Procedure;
use crate::api::runs::RunDetail;
use crate::api::words::Effect;
use crate::cli::{RunProcedure, What};

/// How long the portal may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look whether a running command asks somebody.
const LOOK: Duration = Duration::from_secs(3);
/// How long a portal that does not answer is asked again.
const GIVEN_UP: Duration = Duration::from_secs(60);
/// The pause between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Why it does not go on. The text is for the terminal.
#[derive(Debug)]
pub(super) enum Failed {
    /// What was asked for is not possible so.
    Asked(String),
    /// The portal does not answer, or not as it should.
    Portal(String),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Portal(format!("Nobody takes what is printed: {error}"))
    }
}

/// What happens to an execution that is followed.
pub(super) enum Followed {
    /// It printed something.
    Piece(OutputPiece),
    /// It asks somebody.
    Asks(String),
    /// It has ended.
    Ended(Box<Execution>),
}

/// A portal, and the token that it is asked with.
pub(super) struct Portal {
    http: Client,
    base: String,
    token: Secret,
}

impl Portal {
    pub(super) fn new(wanted: &RunProcedure) -> Result<Self, Failed> {
        let url = &wanted.url;
        let is_here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if !(url.scheme() == "https" || (url.scheme() == "http" && is_here)) {
            let text = "A token is sent over https, or over http to this machine alone: give another --url.";
            return Err(Failed::Asked(text.to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Failed::Asked(
                "The --url holds a name or a password: the token is all that is needed.".to_owned(),
            ));
        }
        let token = std::env::var(&wanted.token_env).ok().filter(|token| !token.trim().is_empty());
        let token = token.ok_or_else(|| {
            let page = url.join("/tokens").map_or_else(|_| "/tokens".to_owned(), |page| page.to_string());
            Failed::Asked(format!(
                "The environment variable {} holds no access token. Make one at {page}, with the scopes read and run.",
                wanted.token_env
            ))
        })?;
        // No redirection: what leads elsewhere is not the portal, and shall not get the token.
        let http = Client::builder().redirect(redirect::Policy::none()).connect_timeout(PATIENCE);
        // What is for this machine is read by no proxy.
        let http = if is_here { http.no_proxy() } else { http };
        let http = http.build().map_err(|error| Failed::Portal(told(&error)))?;
        let base = format!("{}{BASE}", url.as_str().trim_end_matches('/'));
        Ok(Self { http, base, token: Secret::new(token.trim()) })
    }

    pub(super) async fn procedure(&self, what: &What) -> Result<Procedure, Failed> {
        let path = format!("/runbooks/{}/procedures/{}", segment(&what.runbook), segment(&what.procedure));
        as_asked(self.ask(Method::GET, &path, None).await?)
    }

    pub(super) async fn start(
        &self,
        what: &What,
        environment: &str,
        values: &BTreeMap<String, String>,
    ) -> Result<RunDetail, Failed> {
        let new = json!({
            "runbook": what.runbook, "procedure": what.procedure, "environment": environment, "values": values,
        });
        as_asked(self.ask(Method::POST, "/runs", Some(&new)).await?)
    }

    pub(super) async fn run(&self, id: &str) -> Result<RunDetail, Failed> {
        as_answered(self.ask(Method::GET, &format!("/runs/{}", segment(id)), None).await?)
    }

    /// Presses Run on what may reach as far as somebody has consented to; where the portal wants something of a person
    /// first, what.
    pub(super) async fn press(
        &self,
        run: &str,
        command: &str,
        values: &BTreeMap<String, String>,
        reach: Effect,
    ) -> Result<Result<Execution, String>, Failed> {
        let path = format!("/runs/{}/commands/{}/press", segment(run), segment(command));
        let press = json!({ "values": values, "again": "refused", "may_remove": reach == Effect::Destroy });
        match self.ask(Method::POST, &path, Some(&press)).await? {
            Ok(answer) => read(answer).map(Ok),
            Err(problem) if matches!(problem.status, 409 | 422) => Ok(Err(plain(&problem.detail))),
            Err(problem) => Err(Failed::Portal(plain(&problem.detail))),
        }
    }

    pub(super) async fn stop(&self, execution: &str) -> Result<(), Failed> {
        let path = format!("/executions/{}/stop", segment(execution));
        match self.ask(Method::POST, &path, None).await? {
            // It has ended by itself meanwhile.
            Err(problem) if problem.status == 409 => Ok(()),
            answer => as_answered::<Execution>(answer).map(drop),
        }
    }

    pub(super) async fn close(&self, run: &str) -> Result<(), Failed> {
        let path = format!("/runs/{}/close", segment(run));
        let closing = json!({ "outcome": "completed" });
        as_answered::<RunDetail>(self.ask(Method::POST, &path, Some(&closing)).await?).map(drop)
    }

    /// Follows an execution until it ends.
    pub(super) fn follow(&self, run: &str, execution: &str) -> Following {
        Following {
            http: self.http.clone(),
            token: self.token.clone(),
            run: format!("{}/runs/{}", self.base, segment(run)),
            execution: execution.to_owned(),
            output: format!("{}/executions/{}/output", self.base, segment(execution)),
            last: None,
            events: None,
            looks: interval(LOOK),
            lost_since: None,
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failed> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request.bearer_auth(self.token.expose())).await
    }
}

/// What the portal answered: the body of a success, or a problem.
type Answer = Result<Value, ProblemDocument>;

async fn answer(request: RequestBuilder) -> Result<Answer, Failed> {
    let response = request.send().await.map_err(|error| Failed::Portal(told(&error)))?;
    let status = response.status();
    let text = response.text().await.map_err(|error| Failed::Portal(told(&error)))?;
    if status.is_success() {
        return Ok(Ok(serde_json::from_str(&text).map_err(|_| strange(status))?));
    }
    Ok(Err(serde_json::from_str(&text).map_err(|_| strange(status))?))
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Failed> {
    serde_json::from_value(answer).map_err(|_| strange(StatusCode::OK))
}

/// A refusal says that what the command line asks for is not possible so.
fn as_asked<T: DeserializeOwned>(answer: Answer) -> Result<T, Failed> {
    match answer {
        Ok(answer) => read(answer),
        Err(problem) if problem.status < 500 => Err(Failed::Asked(plain(&problem.detail))),
        Err(problem) => Err(Failed::Portal(plain(&problem.detail))),
    }
}

fn as_answered<T: DeserializeOwned>(answer: Answer) -> Result<T, Failed> {
    match answer {
        Ok(answer) => read(answer),
        Err(problem) => Err(Failed::Portal(plain(&problem.detail))),
    }
}

fn strange(status: StatusCode) -> Failed {
    Failed::Portal(format!(
        "What answers there ({status}) is no Runbook Portal of this version: look at --url, and at what stands between."
    ))
}

/// An error of the network with its causes; none of them holds a header.
fn told(error: &reqwest::Error) -> String {
    let mut text = format!("The portal does not answer: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    plain(&text)
}

/// One segment of a path.
fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// An execution that is followed. A stream that is lost is opened again behind what was seen.
pub(super) struct Following {
    http: Client,
    token: Secret,
    run: String,
    execution: String,
    output: String,
    last: Option<String>,
    events: Option<BoxStream<'static, Result<Sse, sse_stream::Error>>>,
    looks: Interval,
    lost_since: Option<Instant>,
}

impl Following {
    /// What happens next. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Followed, Failed> {
        loop {
            let Some(events) = &mut self.events else {
                self.open().await?;
                continue;
            };
            let event = tokio::select! {
                event = events.next() => Some(event),
                _ = self.looks.tick() => None,
            };
            match event {
                None => {
                    if let Some(title) = self.question().await {
                        return Ok(Followed::Asks(title));
                    }
                }
                // Streams end after some minutes; and networks do.
                Some(None | Some(Err(_))) => {
                    self.events = None;
                    tokio::time::sleep(PAUSE).await;
                }
                Some(Some(Ok(event))) => {
                    let Some(data) = event.data else { continue };
                    let wrong = |_| strange(StatusCode::OK);
                    match event.event.as_deref() {
                        Some("output") => {
                            self.last = event.id.or(self.last.take());
                            return Ok(Followed::Piece(serde_json::from_str(&data).map_err(wrong)?));
                        }
                        Some("end") => return Ok(Followed::Ended(serde_json::from_str(&data).map_err(wrong)?)),
                        _ => {}
                    }
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(), Failed> {
        let since = *self.lost_since.get_or_insert_with(Instant::now);
        let mut request = self.http.get(&self.output).bearer_auth(self.token.expose());
        request = request.header("accept", "text/event-stream");
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        let failure = match request.send().await {
            Ok(response) if response.status().is_success() => {
                self.lost_since = None;
                self.events = Some(events(response));
                return Ok(());
            }
            // Too many at once, or a portal that is starting again: that passes.
            Ok(response)
                if response.status() == StatusCode::TOO_MANY_REQUESTS || response.status().is_server_error() =>
            {
                format!("The portal answers {}.", response.status())
            }
            Ok(response) => {
                let status = response.status();
                let text = response.text().await.unwrap_or_default();
                let problem: ProblemDocument = serde_json::from_str(&text).map_err(|_| strange(status))?;
                return Err(Failed::Portal(plain(&problem.detail)));
            }
            Err(error) => told(&error),
        };
        if since.elapsed() > GIVEN_UP {
            return Err(Failed::Portal(format!("{failure} The command may still be running: look at its page.")));
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    /// What the execution asks of people. A portal that does not answer now is asked again.
    async fn question(&self) -> Option<String> {
        let request = self.http.get(&self.run).timeout(PATIENCE).bearer_auth(self.token.expose());
        let run: RunDetail = serde_json::from_value(answer(request).await.ok()?.ok()?).ok()?;
        let commands = run.steps.into_iter().flat_map(|step| step.commands);
        let mut own = commands.filter(|command| command.execution.as_ref().is_some_and(|one| one.id == self.execution));
        Some(plain(&own.next()?.question?.title))
    }
}

fn events(response: Response) -> BoxStream<'static, Result<Sse, sse_stream::Error>> {
    let chunks = futures::stream::unfold(response, |mut response| async {
        let chunk = response.chunk().await.transpose()?;
        Some((chunk, response))
    });
    SseByteStream::new(chunks.boxed()).boxed()
}
