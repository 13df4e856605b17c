//! Tools that build and deploy: `helm`, `argocd`, `docker`, `git`.

use crate::action::{Action, Effect, Refusal, Target};
use crate::classify::{Arguments, target};

/// The effect of each verb of a tool; what stands in neither list changes something.
struct Verbs {
    reads: &'static [&'static str],
    destroys: &'static [&'static str],
}

impl Verbs {
    fn effect(&self, verb: &str) -> Effect {
        if self.reads.contains(&verb) {
            Effect::Read
        } else if self.destroys.contains(&verb) {
            Effect::Destroy
        } else {
            Effect::Change
        }
    }
}

const HELM: Verbs = Verbs {
    reads: &[
        "list", "ls", "status", "history", "hist", "get", "show", "inspect", "search", "template", "lint", "version",
        "env", "diff", "verify", "help",
    ],
    destroys: &["uninstall", "delete", "del", "un"],
};
const ARGOCD_APP: Verbs = Verbs {
    reads: &["get", "list", "history", "diff", "manifests", "logs", "resources", "wait", "get-resource"],
    destroys: &["delete", "delete-resource", "terminate-op"],
};
const DOCKER: Verbs = Verbs {
    reads: &[
        "ps", "images", "logs", "inspect", "stats", "top", "version", "info", "history", "diff", "port", "events",
        "search",
    ],
    destroys: &["rm", "rmi", "kill", "stop", "restart", "prune"],
};
const GIT: Verbs = Verbs {
    reads: &[
        "status",
        "log",
        "diff",
        "show",
        "rev-parse",
        "blame",
        "describe",
        "ls-files",
        "ls-remote",
        "grep",
        "shortlog",
        "version",
    ],
    destroys: &["clean"],
};

pub(crate) fn helm(arguments: &Arguments<'_>) -> Result<Action, Refusal> {
    let credentials = [
        "--kubeconfig",
        "--kube-apiserver",
        "--kube-token",
        "--kube-as-user",
        "--kube-as-group",
        "--kube-ca-file",
        "--kube-insecure-skip-tls-verify",
    ];
    arguments.refuse(&credentials, "cluster and credentials belong to the environment")?;
    arguments.refuse(
        &["--post-renderer", "--post-renderer-args"],
        "it would start a program with the environment's credentials",
    )?;
    let values = [
        "-n",
        "--namespace",
        "-f",
        "--values",
        "--set",
        "--set-string",
        "--set-file",
        "--version",
        "--timeout",
        "-o",
        "--output",
        "--kube-context",
        "--revision",
        "--repo",
    ];
    let plain = arguments.plain(&values);
    let Some(verb) = plain.first().copied() else {
        return Err(Refusal::not_permitted("`helm` needs a command."));
    };
    if matches!(verb, "plugin" | "registry") {
        return Err(Refusal::not_permitted(format!("`helm {verb}` is not permitted: it changes the tool itself.")));
    }
    let (verb, name) = match verb {
        "get" | "show" | "repo" | "search" => {
            (format!("{verb} {}", plain.get(1).unwrap_or(&"")).trim_end().to_owned(), plain.get(2))
        }
        _ => (verb.to_owned(), plain.get(1)),
    };
    let effect = if matches!(verb.as_str(), "repo list" | "repo ls") {
        Effect::Read
    } else {
        HELM.effect(verb.split(' ').next().unwrap_or_default())
    };
    let release = name.map(|name| Target {
        namespace: arguments.value(&["-n", "--namespace"]).map(str::to_owned),
        ..target("release", Some(name))
    });
    Ok(arguments.action(verb, effect, release.into_iter().collect()))
}

pub(crate) fn argocd(arguments: &Arguments<'_>) -> Result<Action, Refusal> {
    let credentials =
        ["--server", "--auth-token", "--config", "--insecure", "--kube-context", "--client-crt", "--client-crt-key"];
    arguments.refuse(&credentials, "server and credentials belong to the environment")?;
    let plain = arguments.plain(&[
        "--timeout",
        "-o",
        "--output",
        "--revision",
        "--resource",
        "-l",
        "--selector",
        "-N",
        "--app-namespace",
    ]);
    let (Some(noun), verb) = (plain.first().copied(), plain.get(1).copied().unwrap_or_default()) else {
        return Err(Refusal::not_permitted("`argocd` needs a command."));
    };
    if matches!(noun, "login" | "logout" | "relogin" | "account" | "admin") {
        return Err(Refusal::not_permitted(format!(
            "`argocd {noun}` is not permitted: credentials belong to the environment."
        )));
    }
    let effect = match verb {
        "sync" if arguments.has(&["--prune"]) => Effect::Destroy,
        _ if noun == "version" => Effect::Read,
        _ => ARGOCD_APP.effect(verb),
    };
    let kind = if noun == "app" { "application" } else { noun };
    let targets = plain.get(2..).unwrap_or_default().iter().map(|name| target(kind, Some(name))).collect();
    let mut action = arguments.action(format!("{noun} {verb}").trim_end(), effect, targets);
    action.follows = verb == "logs" && arguments.has(&["-f", "--follow"]);
    Ok(action)
}

pub(crate) fn docker(arguments: &Arguments<'_>) -> Action {
    let plain = arguments.plain(&[
        "-t",
        "--tag",
        "-f",
        "--file",
        "--name",
        "--format",
        "--filter",
        "-H",
        "--host",
        "--since",
        "-n",
        "--tail",
        "--build-arg",
    ]);
    let nouns = ["container", "image", "volume", "network", "system", "compose", "builder"];
    let skip = usize::from(plain.first().is_some_and(|first| nouns.contains(first)));
    let verb = plain.get(skip).copied().unwrap_or("help");
    let listing = matches!((skip, verb), (1, "ls" | "list" | "df"));
    let effect = if listing || verb == "help" { Effect::Read } else { DOCKER.effect(verb) };
    let targets =
        plain.get(skip + 1..).unwrap_or_default().iter().take(1).map(|name| target("container", Some(name))).collect();
    let mut action =
        arguments.action(plain.get(..=skip).map_or(verb.to_owned(), |words| words.join(" ")), effect, targets);
    action.follows = match verb {
        "stats" => !arguments.has(&["--no-stream"]),
        "logs" => arguments.has(&["-f", "--follow"]),
        "events" => true,
        _ => false,
    };
    action
}

pub(crate) fn git(arguments: &Arguments<'_>) -> Action {
    let plain = arguments.plain(&["-C", "-c", "-m", "--message", "-b"]);
    let verb = plain.first().copied().unwrap_or("help");
    let effect = match verb {
        "help" => Effect::Read,
        "push" if arguments.has(&["-f", "--force", "--force-with-lease", "--delete", "--mirror"]) => Effect::Destroy,
        "reset" if arguments.has(&["--hard"]) => Effect::Destroy,
        "branch" | "remote" | "tag" | "stash" if plain.len() == 1 => Effect::Read,
        _ => GIT.effect(verb),
    };
    arguments.action(verb, effect, plain.get(1).map(|name| target("repository", Some(name))).into_iter().collect())
}
