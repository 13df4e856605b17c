//! `curl` and `wget`.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use command::Refusal;
use command::external::Argument;
use command::http::{self, Request};
use operations::{Adapter, Call, CallIo, Environment};
use sandbox::{Access, Door, Input, inside};

use crate::gate::{Closed, Gate};
use crate::host::{self, Host};
use crate::proxy::{self, Proxy};
use crate::runner::{Job, Printing, Runner, in_workspace, outputs, say};

/// The file of headers that the portal gives.
const HEADERS: &str = "headers/given";
/// What curl returns where its proxy lets nothing through (`CURLE_PROXY`), where a name has no address, and where a
/// server cannot be reached.
const CURL_PROXY: u8 = 97;
const CURL_NO_ADDRESS: u8 = 6;
const CURL_UNREACHABLE: u8 = 7;
/// What it returns where it cannot read a file (`CURLE_READ_ERROR`); wget's is 3.
const CURL_UNREADABLE: u8 = 26;
const WGET_UNREADABLE: u8 = 3;

pub(crate) struct Web {
    tool: &'static str,
    runner: Runner,
}

/// What a call may reach.
struct Permitted<'a> {
    hosts: Vec<Host>,
    /// The one host that gets headers of the portal's.
    headers: Option<&'a Host>,
}

impl Web {
    pub(crate) fn curl(runner: Runner) -> Self {
        Self { tool: "curl", runner }
    }

    pub(crate) fn wget(runner: Runner) -> Self {
        Self { tool: "wget", runner }
    }

    fn permitted(&self, environment: &Environment, call: &Call, request: &Request) -> Result<Permitted<'_>, Refusal> {
        self.runner.installed(self.tool)?;
        outputs(call, &request.arguments)?;
        if request.writes_folder && !in_workspace(&call.directory) {
            return Err(Refusal::not_permitted(format!(
                "`{}` may only write files below /workspace: call it there, or name the file.",
                self.tool
            )));
        }
        if request.urls.is_empty() {
            return Ok(Permitted { hosts: Vec::new(), headers: None });
        }
        let known = known_hosts(&self.runner, environment)?;
        let meant =
            request.urls.iter().map(|url| find(environment, known, url)).collect::<Result<Vec<&Host>, Refusal>>()?;
        if request.insecure
            && let Some(host) = meant.iter().find(|host| !host.insecure)
        {
            return Err(Refusal::not_permitted(format!(
                "`{}` without a check of certificates is not permitted for {host}: leave the option out, or permit it \
                 for that host in the portal's configuration.",
                self.tool
            )));
        }
        let given = meant.iter().copied().find(|host| !host.headers.is_empty());
        match given {
            None => Ok(Permitted { hosts: known.to_vec(), headers: None }),
            // A redirection must not carry them elsewhere.
            Some(host) if meant.iter().all(|other| std::ptr::eq(*other, host)) => {
                Ok(Permitted { hosts: vec![host.clone()], headers: Some(host) })
            }
            Some(host) => Err(Refusal::not_permitted(format!(
                "{host} is given headers by the portal that other hosts must not see: call it in a command of its own."
            ))),
        }
    }

    async fn call(
        &self,
        environment: &Environment,
        permitted: Permitted<'_>,
        request: Request,
        call: &Call,
        io: &dyn CallIo,
    ) -> u8 {
        let gate = Arc::new(Gate::new(permitted.hosts));
        let door = Door { port: proxy::PORT, keeper: Arc::new(Proxy(gate.clone())) };
        let named = |argument: &Argument| matches!(argument, Argument::Output { .. });
        let writes = request.writes_folder || request.arguments.iter().any(named);
        let headers = permitted.headers.map_or(&[][..], |host| &host.headers);
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        let arguments = without_headers(request.arguments, &names);
        let mut job = Job {
            tool: self.tool,
            before: Vec::new(),
            arguments: &arguments,
            after: Vec::new(),
            variables: [].into(),
            files: [].into(),
            workspace: if writes { Access::Write } else { Access::None },
            input: if request.reads_input { Input::Caller } else { Input::None },
            doors: vec![door],
            printing: Printing::Own,
            secrets: headers.iter().flat_map(|(_, value)| secrets(value.expose())).collect(),
            unreadable: if self.tool == "curl" { CURL_UNREADABLE } else { WGET_UNREADABLE },
        };
        let trusted = self.runner.trust(environment, &mut job);
        if let (Some(path), "wget") = (&trusted, self.tool) {
            job.before.push(format!("--ca-certificate={path}"));
        }
        let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
        if self.tool == "curl" {
            curl(&mut job, &request.urls, &lines);
        } else {
            wget(&mut job, request.urls, &lines);
        }
        let code = self.runner.run(job, call, io).await;
        match gate.closed() {
            Some(closed) if code != 0 => {
                say(io, &format!("runbook-portal: {closed}")).await;
                match closed {
                    _ if code != CURL_PROXY || self.tool != "curl" => code,
                    Closed::NotPermitted(_) | Closed::Forbidden(_) => Refusal::not_permitted("").exit_code,
                    Closed::NoAddress(_) => CURL_NO_ADDRESS,
                    Closed::Unreachable(..) => CURL_UNREACHABLE,
                }
            }
            _ => code,
        }
    }
}

fn curl(job: &mut Job<'_>, urls: &[String], headers: &[String]) {
    let before = ["--disable", "--proto", "=http,https", "--proto-redir", "=http,https", "--proto-default", "http"];
    job.before.extend(before.map(str::to_owned));
    if !headers.is_empty() {
        let line = |header: &String| {
            format!("header = \"{}\"\n", header.replace('\\', "\\\\").replace('"', "\\\"").replace('\t', "\\t"))
        };
        let text: String = headers.iter().map(line).collect();
        job.files.insert(HEADERS.to_owned(), Bytes::from(text));
        job.before.extend(["--config".to_owned(), format!("{}/{HEADERS}", inside::FILES)]);
    }
    job.after = urls.iter().flat_map(|url| ["--url".to_owned(), url.clone()]).collect();
    // Names are looked up by the portal.
    job.variables.insert("ALL_PROXY".to_owned(), format!("socks5h://127.0.0.1:{}", proxy::PORT));
}

fn wget(job: &mut Job<'_>, urls: Vec<String>, headers: &[String]) {
    if !headers.is_empty() {
        let text: String = headers.iter().map(|header| format!("header = {header}\n")).collect();
        job.files.insert(HEADERS.to_owned(), Bytes::from(text));
        job.variables.insert("WGETRC".to_owned(), format!("{}/{HEADERS}", inside::FILES));
    }
    job.after = std::iter::once("--".to_owned()).chain(urls).collect();
    job.variables.extend(proxy_variables());
}

/// For programs that know proxies of HTTP alone.
pub(crate) fn proxy_variables() -> impl Iterator<Item = (String, String)> {
    ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"]
        .into_iter()
        .map(|name| (name.to_owned(), format!("http://127.0.0.1:{}", proxy::PORT)))
}

/// The hosts of an environment, where it has any.
pub(crate) fn known_hosts<'r>(runner: &'r Runner, environment: &Environment) -> Result<&'r [Host], Refusal> {
    let known = runner.reach(environment).map_or(&[][..], |reach| &reach.hosts);
    if known.is_empty() {
        return Err(Refusal::not_permitted(format!(
            "The environment {} permits no host yet: add the hosts that its runbooks call to the portal's configuration.",
            environment.name
        )));
    }
    Ok(known)
}

/// The host that a URL means, where it is permitted.
fn find<'h>(environment: &Environment, known: &'h [Host], url: &str) -> Result<&'h Host, Refusal> {
    let (host, port) = host::of_url(url).ok_or_else(|| {
        Refusal::not_permitted("The address names no host that can be read. Write `https://host/path`.".to_owned())
    })?;
    permitted(environment, known, &host, port)
}

/// The host of this name and port, where it is permitted.
pub(crate) fn permitted<'h>(
    environment: &Environment,
    known: &'h [Host],
    host: &str,
    port: u16,
) -> Result<&'h Host, Refusal> {
    known.iter().find(|known| known.permits(host, port)).ok_or_else(|| {
        let names: Vec<String> = known.iter().take(8).map(ToString::to_string).collect();
        let more = if known.len() > names.len() { ", …" } else { "" };
        Refusal::not_permitted(format!(
            "`{host}:{port}` is not among the hosts that the environment {} permits ({}{more}): add it to the portal's \
             configuration, or do this step elsewhere and mark it as done by hand.",
            environment.name,
            names.join(", ")
        ))
    })
}

/// The caller's words without the headers that the portal gives itself.
fn without_headers(arguments: Vec<Argument>, names: &[&str]) -> Vec<Argument> {
    let same = |header: &str| {
        let name = header.split([':', ';']).next().unwrap_or_default().trim();
        names.iter().any(|given| given.eq_ignore_ascii_case(name))
    };
    let mut kept = Vec::with_capacity(arguments.len());
    let mut arguments = arguments.into_iter().peekable();
    while let Some(argument) = arguments.next() {
        match (&argument, arguments.peek()) {
            (Argument::Plain(word), Some(Argument::Plain(header))) if word == "--header" && same(header) => {
                drop(arguments.next());
            }
            (Argument::Plain(word), _) if word.strip_prefix("--header=").is_some_and(same) => {}
            _ => kept.push(argument),
        }
    }
    kept
}

/// A header's value, and what follows its scheme: `Bearer x` is as secret as `x`.
fn secrets(value: &str) -> Vec<String> {
    let token = value.split_once(' ').map(|(_, token)| token.trim().to_owned());
    token.into_iter().chain([value.to_owned()]).collect()
}

#[async_trait]
impl Adapter for Web {
    fn tool(&self) -> &'static str {
        self.tool
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        self.permitted(environment, call, &http::parse(&call.argv)?).map(drop)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let read = http::parse(&call.argv)
            .and_then(|request| self.permitted(environment, call, &request).map(|permitted| (permitted, request)));
        match read {
            Ok((permitted, request)) => self.call(environment, permitted, request, call, io).await,
            Err(refusal) => {
                say(io, &refusal.reason).await;
                refusal.exit_code
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portals_header_takes_the_place_of_the_callers() {
        let words = ["--header", "authorization: Bearer TOKEN", "--header", "A: b", "--header=Authorization:x"];
        let kept = without_headers(words.map(|word| Argument::Plain(word.into())).to_vec(), &["Authorization"]);
        assert_eq!(kept, ["--header", "A: b"].map(|word| Argument::Plain(word.into())));
    }
}
