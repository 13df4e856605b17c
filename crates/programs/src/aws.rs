//! The real `aws`, for the services that the portal does not perform itself.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use command::Refusal;
use command::external::Argument;
use operations::{Adapter, Call, CallIo, Environment};
use sandbox::{Access, Door, Input};

use crate::gate::Gate;
use crate::host::{self, Host};
use crate::proxy::{self, Proxy};
use crate::runner::{Job, Printing, Runner, in_workspace, say};
use crate::web;
use operations::Secret;

const TOOL: &str = "aws";
/// Hosts of AWS itself, in its partitions (AWS General Reference, "Service endpoints").
const AMAZON: [&str; 3] = ["*.amazonaws.com", "*.amazonaws.com.cn", "*.api.aws"];

/// Options for all services that may not be shortened: a shortened one would slip past the grammar.
const GLOBAL: [&str; 7] =
    ["--region", "--endpoint-url", "--profile", "--no-verify-ssl", "--ca-bundle", "--debug", "--no-sign-request"];

/// Calls that answer with credentials, which would then be in the sandbox.
const CREDENTIALS: [(&str, &str); 12] = [
    ("configure", ""),
    ("sso", ""),
    ("sts", "assume-role"),
    ("sts", "assume-role-with-saml"),
    ("sts", "assume-role-with-web-identity"),
    ("sts", "get-federation-token"),
    ("sts", "get-session-token"),
    ("ecr", "get-authorization-token"),
    ("ecr", "get-login-password"),
    ("eks", "get-token"),
    ("eks", "update-kubeconfig"),
    ("codeartifact", "get-authorization-token"),
];

/// A key of an AWS account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKeys {
    /// Names the key: `AKIA…`.
    pub access_key: String,
    /// Signs with it.
    pub secret_key: Secret,
    /// Goes with a temporary key.
    pub session_token: Option<Secret>,
}

/// Where the keys of a call come from.
#[async_trait]
pub trait KeySource: Send + Sync {
    /// The keys for one call, which may be temporary.
    ///
    /// # Errors
    /// Why there are none, in a sentence for people that holds no secret.
    async fn keys(&self) -> Result<AwsKeys, String>;
}

#[async_trait]
impl KeySource for AwsKeys {
    async fn keys(&self) -> Result<AwsKeys, String> {
        Ok(self.clone())
    }
}

/// The AWS side of an environment.
#[derive(Clone)]
pub struct AwsAccount {
    /// The only region that calls go to: `eu-west-1`.
    pub region: String,
    /// Where requests go instead of AWS's own addresses: `http://127.0.0.1:5000`.
    pub endpoint: Option<String>,
    /// As whom.
    pub keys: Arc<dyn KeySource>,
}

impl fmt::Debug for AwsAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsAccount")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Aws {
    runner: Runner,
}

impl Aws {
    pub(crate) fn new(runner: Runner) -> Self {
        Self { runner }
    }

    fn understood<'a>(
        &'a self,
        environment: &Environment,
        call: &Call,
    ) -> Result<(&'a AwsAccount, Vec<Host>), Refusal> {
        let account = self.runner.reach(environment).and_then(|reach| reach.aws.as_ref()).ok_or_else(|| {
            Refusal::not_permitted(format!(
                "The environment {} has no AWS account: add one to the portal's configuration.",
                environment.name
            ))
        })?;
        self.runner.installed(TOOL)?;
        let words = call.argv.get(1..).unwrap_or_default();
        check_words(account, words)?;
        if !in_workspace(&call.directory) && words.iter().any(|word| word.starts_with("s3")) {
            return Err(Refusal::not_permitted("`aws s3` sees the files below /workspace only: call it from there."));
        }
        let hosts = match &account.endpoint {
            None => AMAZON.into_iter().filter_map(|pattern| Host::new(pattern).ok()).collect(),
            Some(endpoint) => {
                let (host, port) = host::of_url(endpoint).ok_or_else(|| {
                    Refusal::not_permitted(
                        "The AWS endpoint of this environment cannot be read: correct it.".to_owned(),
                    )
                })?;
                let name = if host.contains(':') { format!("[{host}]") } else { host };
                // Below it are buckets.
                [format!("{name}:{port}"), format!("*.{name}:{port}")]
                    .into_iter()
                    .filter_map(|pattern| Host::new(&pattern).ok())
                    .collect()
            }
        };
        Ok((account, hosts))
    }
}

fn check_words(account: &AwsAccount, words: &[String]) -> Result<(), Refusal> {
    for (at, word) in words.iter().enumerate() {
        let name = word.split('=').next().unwrap_or_default();
        let region = match word.split_once('=') {
            Some(("--region", region)) => Some(region),
            _ if name == "--region" => words.get(at + 1).map(String::as_str),
            _ => None,
        };
        if let Some(region) = region.filter(|region| *region != account.region) {
            return Err(Refusal::not_permitted(format!(
                "`aws --region {region}` is not permitted: this environment is in {}. Leave it out.",
                account.region
            )));
        }
        if matches!(name, "--endpoint-url" | "--profile" | "--no-verify-ssl" | "--ca-bundle" | "--debug") {
            return Err(Refusal::not_permitted(format!(
                "`aws {name}` is not permitted: endpoint and credentials belong to the environment. Leave it out."
            )));
        }
        if name.len() > 3 && GLOBAL.iter().any(|global| global.starts_with(name) && *global != name) {
            return Err(Refusal::not_permitted(format!("`aws {name}` is not permitted: write the option out.")));
        }
    }
    let service = words.iter().position(|word| CREDENTIALS.iter().any(|(service, _)| service == word));
    if let Some(at) = service {
        let asked = |(service, operation): &&(&str, &str)| {
            *service == words[at] && (operation.is_empty() || words[at + 1..].iter().any(|word| word == operation))
        };
        if let Some((service, operation)) = CREDENTIALS.iter().find(asked) {
            return Err(Refusal::not_permitted(format!(
                "`{}` is not permitted: it answers with credentials, and those stay with the portal.",
                format!("aws {service} {operation}").trim_end()
            )));
        }
    }
    Ok(())
}

#[async_trait]
impl Adapter for Aws {
    fn tool(&self) -> &'static str {
        TOOL
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        self.understood(environment, call).map(drop)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let (account, hosts) = match self.understood(environment, call) {
            Ok(understood) => understood,
            Err(refusal) => {
                say(io, &refusal.reason).await;
                return refusal.exit_code;
            }
        };
        let ended = io.ended();
        let keys = tokio::select! {
            biased;
            () = ended.cancelled() => return 1,
            keys = account.keys.keys() => keys,
        };
        let keys = match keys {
            Ok(keys) => keys,
            Err(why) => {
                say(io, &format!("runbook-portal: the portal has no credentials for this account: {why}")).await;
                return 1;
            }
        };
        let words = call.argv.get(1..).unwrap_or_default();
        let arguments: Vec<Argument> = words.iter().map(|word| argument(word)).collect();
        let mut before = vec!["--region".to_owned(), account.region.clone()];
        before.extend(account.endpoint.iter().flat_map(|endpoint| ["--endpoint-url".to_owned(), endpoint.clone()]));
        let mut variables: std::collections::BTreeMap<String, String> = [
            ("AWS_ACCESS_KEY_ID", keys.access_key.as_str()),
            ("AWS_SECRET_ACCESS_KEY", keys.secret_key.expose()),
            ("AWS_REGION", &account.region),
            ("AWS_DEFAULT_REGION", &account.region),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_PAGER", ""),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        variables.extend(web::proxy_variables());
        let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
        variables.extend(token.clone().map(|token| ("AWS_SESSION_TOKEN".to_owned(), token)));
        let gate = Arc::new(Gate::new(hosts));
        let streams = words.iter().any(|word| word == "-");
        let mut job = Job {
            tool: TOOL,
            before,
            arguments: &arguments,
            after: Vec::new(),
            variables,
            files: [].into(),
            workspace: Access::Write,
            input: if streams { Input::Caller } else { Input::None },
            doors: vec![Door { port: proxy::PORT, keeper: Arc::new(Proxy(gate.clone())) }],
            printing: Printing::Own,
            secrets: [keys.secret_key.expose().to_owned()].into_iter().chain(token).collect(),
            unreadable: 252,
        };
        self.runner.trust(environment, &mut job);
        let code = self.runner.run(job, call, io).await;
        if let Some(closed) = gate.closed().filter(|_| code != 0) {
            say(io, &format!("runbook-portal: {closed}")).await;
        }
        code
    }
}

/// `file://…` names one of the caller's files, which need not be in the workspace.
fn argument(word: &str) -> Argument {
    let file = ["file://", "fileb://"].into_iter().find_map(|scheme| Some((scheme, word.strip_prefix(scheme)?)));
    match file {
        Some((before, path)) => {
            Argument::Input { before: before.to_owned(), path: path.to_owned(), after: String::new() }
        }
        None => Argument::Plain(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AwsAccount {
        let keys = AwsKeys { access_key: "AKIA".into(), secret_key: Secret::new("hunter2"), session_token: None };
        AwsAccount { region: "eu-west-1".into(), endpoint: None, keys: Arc::new(keys) }
    }

    #[test]
    fn other_places_and_credentials_are_refused() {
        let check = |call: &str| check_words(&account(), &call.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for call in [
            "--region us-east-1 s3 ls",
            "s3 ls --region=us-east-1",
            "--regio us-east-1 s3 ls",
            "--endpoint http://evil s3 ls",
            "--endpoint-url http://evil s3 ls",
            "--prof x s3 ls",
            "sts get-session-token",
            "configure export-credentials",
            "--output json ecr get-login-password",
        ] {
            assert!(check(call).is_err(), "{call}");
        }
        for call in ["s3 ls --region eu-west-1", "sts get-caller-identity", "ecr describe-repositories --no-cli-pager"]
        {
            assert_eq!(check(call), Ok(()), "{call}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert!(!format!("{:?} {:?}", account(), Secret::new("hunter2")).contains("hunter2"));
        assert!(matches!(argument("file://x.json"), Argument::Input { path, .. } if path == "x.json"));
    }
}
