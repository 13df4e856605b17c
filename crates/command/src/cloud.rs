//! The AWS command line: `aws [options] <service> <operation> [parameters]` (AWS CLI reference, "aws").
//!
//! [`split`] takes a line apart as the real program does, so that what the policy judges is what will run: options that
//! hold for every command may stand anywhere, the first plain word is the service, the second the operation.

mod effect;
mod native;

use self::effect::{effect, targets};
pub use self::native::{native, native_operations};
use crate::action::{Action, Effect, Refusal};
use crate::classify::{Arguments, target};

/// Options of every command that take a value.
const GLOBAL_VALUES: &[&str] = &[
    "--region",
    "--output",
    "--query",
    "--color",
    "--cli-read-timeout",
    "--cli-connect-timeout",
    "--cli-binary-format",
    "--profile",
    "--endpoint-url",
    "--ca-bundle",
];

/// Options of every command that take none.
const GLOBAL_FLAGS: &[&str] = &[
    "--debug",
    "--no-verify-ssl",
    "--no-sign-request",
    "--no-paginate",
    "--no-cli-pager",
    "--cli-auto-prompt",
    "--no-cli-auto-prompt",
    "--version",
];

/// Options of every command that are never permitted, and why.
const REFUSED: &[(&str, &str)] = &[
    ("--profile", "account and credentials belong to the environment"),
    ("--endpoint-url", "the endpoint belongs to the environment"),
    ("--ca-bundle", "the trusted certificates belong to the environment"),
    ("--no-verify-ssl", "it would weaken the connection"),
    ("--no-sign-request", "it would weaken the connection"),
    ("--debug", "it prints the signatures of requests"),
    ("--cli-auto-prompt", "nobody sits at a terminal here"),
];

/// What hands out credentials, asks for a terminal or changes whose credentials are used: a service, and the
/// operations of it (all where there are none).
const NEVER: &[(&str, &[&str], &str)] = &[
    ("configure", &[], CREDENTIALS),
    ("sso", &[], CREDENTIALS),
    ("sso-oidc", &[], CREDENTIALS),
    ("login", &[], CREDENTIALS),
    ("logout", &[], CREDENTIALS),
    ("signin", &[], CREDENTIALS),
    (
        "sts",
        &[
            "assume-role",
            "assume-role-with-saml",
            "assume-role-with-web-identity",
            "assume-root",
            "get-session-token",
            "get-federation-token",
            "get-delegated-access-token",
            "get-web-identity-token",
        ],
        MINTS,
    ),
    ("iam", &["create-access-key", "create-service-specific-credential", "reset-service-specific-credential"], MINTS),
    ("ecr", &["get-login", "get-login-password", "get-authorization-token"], MINTS),
    ("ecr-public", &["get-login-password", "get-authorization-token"], MINTS),
    ("eks", &["get-token", "update-kubeconfig"], MINTS),
    ("rds", &["generate-db-auth-token"], MINTS),
    ("dsql", &["generate-db-connect-auth-token", "generate-db-connect-admin-auth-token"], MINTS),
    ("redshift", &["get-cluster-credentials", "get-cluster-credentials-with-iam"], MINTS),
    ("redshift-serverless", &["get-credentials"], MINTS),
    ("codeartifact", &["login", "get-authorization-token"], MINTS),
    ("lightsail", &["get-instance-access-details"], MINTS),
    ("cognito-identity", &["get-credentials-for-identity", "get-open-id-token"], MINTS),
    ("acm", &["export-certificate", "get-acme-external-account-binding-credentials"], "it prints a private key"),
    ("s3", &["presign"], "it prints an address that anybody may use"),
    ("ssm", &["start-session", "resume-session"], TERMINAL),
    ("ecs", &["execute-command"], TERMINAL),
    ("ec2-instance-connect", &["ssh", "open-tunnel"], TERMINAL),
    ("emr", &["ssh", "socks", "put", "get"], TERMINAL),
    ("cloudshell", &[], TERMINAL),
    ("history", &[], "nothing is kept of earlier commands; the portal's trail has them"),
];
const CREDENTIALS: &str = "credentials belong to the environment";
const MINTS: &str = "it hands out credentials";
const TERMINAL: &str = "it opens a session at a terminal; use kubectl exec or the system's own console";

/// One command line of `aws`, taken apart. What it borrows are the words of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// The service: `rds`. Empty where only the version is asked for.
    pub service: &'a str,
    /// The operation: `describe-db-instances`; `help` where none is named.
    pub operation: &'a str,
    /// All other words in order, without the options that hold for every command.
    pub rest: Vec<&'a str>,
    /// `--region`.
    pub region: Option<&'a str>,
    /// `--output`: `json`, `text`, `table`, `yaml`, `yaml-stream`.
    pub output: Option<&'a str>,
    /// `--query`: a JMESPath expression.
    pub query: Option<&'a str>,
    /// `--color`: `on`, `off`, `auto`.
    pub color: Option<&'a str>,
    /// Whether long lists are continued until their end: `--no-paginate` is not there.
    pub paginates: bool,
    /// `--version`.
    pub version: bool,
}

impl Invocation<'_> {
    /// Whether the portal performs it itself. Help, skeletons of input and streams of YAML are the real program's.
    #[must_use]
    pub fn native(&self) -> bool {
        let first = self.rest.first().copied().unwrap_or_default();
        let aside = |word: &&str| {
            ["--generate-cli-skeleton", "--cli-input-yaml"]
                .contains(&word.split_once('=').map_or(*word, |(name, _)| name))
        };
        let plain = first != "help" && self.output != Some("yaml-stream");
        plain && native(self.service, self.operation, first) && !self.rest.iter().any(aside)
    }
}

/// How usage errors begin (version 2 of the program).
const USAGE: &str = "usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]\n\
    To see help text, you can run:\n\n  aws help\n  aws <command> help\n  aws <command> <subcommand> help\n\n";

/// An error of usage in the program's own words, with its exit code, 252 ("the command line was invalid").
#[must_use]
pub fn usage(wrong: &str) -> Refusal {
    Refusal { reason: format!("{USAGE}{wrong}"), exit_code: 252 }
}

/// Takes the words after `aws` apart.
///
/// # Errors
/// A [`Refusal`] of what is never permitted: options that lead out of the environment, operations that hand out
/// credentials, files outside the run's workspace. Options of every command must be written out in full: a shortened
/// one means to the real program what nobody sees here.
pub fn split<'a, W: AsRef<str>>(words: &'a [W]) -> Result<Invocation<'a>, Refusal> {
    let mut invocation = Invocation {
        service: "",
        operation: "",
        rest: Vec::new(),
        region: None,
        output: None,
        query: None,
        color: None,
        paginates: true,
        version: false,
    };
    let mut plain = 0;
    let mut words = words.iter().map(AsRef::as_ref).peekable();
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        if name == "--" {
            return Err(Refusal::not_permitted("`aws --` is not permitted: it hides options. Leave it out."));
        }
        permitted(name)?;
        file_in_workspace(word)?;
        if GLOBAL_VALUES.contains(&name) {
            let value = inline.or_else(|| words.next_if(|next| !is_option(next)));
            let Some(value) = value else {
                return Err(usage(&format!("aws: error: argument {name}: expected one argument")));
            };
            let slot = match name {
                "--region" => &mut invocation.region,
                "--output" => &mut invocation.output,
                "--query" => &mut invocation.query,
                "--color" => &mut invocation.color,
                _ => continue,
            };
            *slot = Some(value);
        } else if GLOBAL_FLAGS.contains(&name) {
            match name {
                "--no-paginate" => invocation.paginates = false,
                "--version" => invocation.version = true,
                _ => {}
            }
        } else if is_option(word) || plain > 1 {
            invocation.rest.push(word);
        } else {
            let slot = if plain == 0 { &mut invocation.service } else { &mut invocation.operation };
            *slot = word;
            plain += 1;
        }
    }
    if plain == 0 && !invocation.version {
        return Err(usage("aws: error: the following arguments are required: command"));
    }
    if plain == 1 && invocation.service != "help" {
        return Err(usage("aws: error: the following arguments are required: operation"));
    }
    let refused = NEVER.iter().find(|(service, operations, _)| {
        *service == invocation.service && (operations.is_empty() || operations.contains(&invocation.operation))
    });
    if let Some((service, operations, why)) = refused {
        let operation = if operations.is_empty() { "" } else { invocation.operation };
        let name = [*service, operation].join(" ");
        return Err(Refusal::not_permitted(format!("`aws {}` is not permitted: {why}.", name.trim_end())));
    }
    Ok(invocation)
}

/// Whether the real program takes a word for an option (Python's `argparse`): not a lone dash, a negative number, or a
/// text with spaces.
#[must_use]
pub fn is_option(word: &str) -> bool {
    let number = word.len() > 1 && word[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let named = word.split_once('=').map_or(word, |(name, _)| name);
    word.len() > 1 && word.starts_with('-') && !number && !named.contains(' ')
}

/// Refuses an option that is never permitted, and a shortened one of every command.
fn permitted(name: &str) -> Result<(), Refusal> {
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
        return Err(Refusal::not_permitted(format!("`aws {name}` is not permitted: {why}. Leave it out.")));
    }
    let mut globals = GLOBAL_VALUES.iter().chain(GLOBAL_FLAGS);
    if name.len() < 3 || !name.starts_with("--") || globals.clone().any(|global| *global == name) {
        return Ok(());
    }
    match globals.find(|global| global.starts_with(name)) {
        Some(global) => Err(Refusal::not_permitted(format!(
            "`aws {name}` is not permitted: the program takes it for {global}. Write options out in full."
        ))),
        None => Ok(()),
    }
}

/// Refuses a word that has the program read a file outside the run's workspace.
fn file_in_workspace(word: &str) -> Result<(), Refusal> {
    let paths = ["file://", "fileb://"].into_iter().flat_map(|scheme| word.split(scheme).skip(1));
    for path in paths {
        let inside = path.strip_prefix("/workspace/").unwrap_or(path);
        let leaves =
            inside.starts_with(['/', '~']) || inside.contains('$') || inside.split('/').any(|part| part == "..");
        if leaves {
            return Err(Refusal::not_permitted(
                "`aws` reads files of the run's workspace only: put the file there and name it without a leading slash.",
            ));
        }
    }
    Ok(())
}

pub(crate) fn aws(arguments: &Arguments<'_>) -> Result<Action, Refusal> {
    let invocation = split(arguments.words)?;
    let Invocation { service, operation, .. } = invocation;
    if service.is_empty() {
        return Ok(arguments.action("--version", Effect::Read, Vec::new()));
    }
    let objects = || invocation.rest.iter().filter(|word| word.starts_with("s3://"));
    let targets = match service {
        "s3" => objects().map(|word| target("object", Some(word))).collect(),
        _ => targets(&invocation.rest, operation),
    };
    let verb = [service, operation].join(" ");
    let mut action = arguments.action(verb.trim_end(), effect(&invocation), targets);
    action.follows = operation == "start-live-tail" || (operation == "tail" && invocation.rest.contains(&"--follow"));
    Ok(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        line.split(' ').collect()
    }

    #[test]
    fn options_of_every_command_stand_anywhere() {
        let line =
            words("--output text rds --region=eu-west-1 describe-events --duration 60 --no-paginate --query a.b");
        let found = split(&line).expect("a good line");
        assert_eq!((found.service, found.operation), ("rds", "describe-events"));
        assert_eq!(found.rest, ["--duration", "60"]);
        assert_eq!((found.output, found.region, found.query), (Some("text"), Some("eu-west-1"), Some("a.b")));
        assert!(!found.paginates && found.native());
    }

    #[test]
    fn nothing_leads_out_of_the_environment() {
        for line in [
            "rds describe-events --endpoint-url http://x",
            "rds describe-events --endpoint http://x",
            "rds describe-events --prof=x",
            "--no-verify rds describe-events",
            "rds describe-events --debug",
            "rds describe-events --deb",
            "rds describe-events --reg eu-west-1",
            "--out describe-x rds delete-db-snapshot",
            "rds -- describe-events",
            "configure list",
            "sts assume-role --role-arn x",
            "--output text sts get-session-token",
            "ssm start-session --target i-1",
            "ecr get-login-password",
            "rds generate-db-auth-token --hostname x",
            "acm export-certificate --certificate-arn x",
            "s3 presign s3://a/b",
            "rds describe-events --cli-input-json file:///etc/passwd",
            "rds describe-events --cli-input-json=file://../x",
            "rds describe-events --cli-input-json fileb://~/x",
            "rds describe-events --cli-input-json file://$HOME/x",
            "lambda create-function --code ZipFile@=fileb:///etc/x",
        ] {
            assert_eq!(split(&words(line)).map_err(|refusal| refusal.exit_code), Err(126), "{line}");
        }
        for line in ["rds", "--output", "rds describe-events --query"] {
            assert_eq!(split(&words(line)).map_err(|refusal| refusal.exit_code), Err(252), "{line}");
        }
        for line in [
            "sts get-caller-identity",
            "rds describe-events --cli-input-json file:///workspace/a.json",
            "rds describe-events --cli-input-json file://a/b.json",
            "sns list-topics",
            "--version",
        ] {
            split(&words(line)).expect(line);
        }
    }

    fn action(line: &str) -> Action {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        aws(&Arguments { tool: "aws", words: &words }).expect(line)
    }

    #[test]
    fn effects_are_told_by_the_operation() {
        for (line, effect) in [
            ("elbv2 deregister-targets --target-group-arn x --targets Id=i", Effect::Destroy),
            ("rds reboot-db-instance --db-instance-identifier x", Effect::Destroy),
            ("rds download-db-log-file-portion --log-file-name x", Effect::Read),
            ("rds wait db-instance-available", Effect::Read),
            ("rds add-tags-to-resource --resource-name x", Effect::Change),
            ("logs start-query --log-group-name x", Effect::Read),
            ("s3 mv a s3://b/c", Effect::Destroy),
            ("s3 sync a s3://b --delete", Effect::Destroy),
        ] {
            assert_eq!(action(line).effect, effect, "{line}");
        }
    }

    #[test]
    fn targets_are_what_the_operation_names() {
        let names = |line: &str| action(line).targets.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            names(
                "rds restore-db-instance-to-point-in-time --source-db-instance-identifier a --target-db-instance-identifier b"
            ),
            ["db-instance/a", "db-instance/b"]
        );
        assert_eq!(names("ec2 terminate-instances --instance-ids i-1 i-2 --dry-run"), ["instance/i-1", "instance/i-2"]);
        assert_eq!(names("eks update-nodegroup-config --cluster-name=c --nodegroup-name n"), ["nodegroup/n"]);
        assert_eq!(names("s3 ls s3://b/c"), ["object/s3://b/c"]);
        assert_eq!(names("elbv2 deregister-targets --target-group-arn g --targets Id=i"), ["target-group/g"]);
    }
}
