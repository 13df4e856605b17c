//! What kubectl would take and this portal refuses, with the reason.

use super::pflag::Arguments;
use super::usage;
use crate::Refusal;

/// Arguments of kubectl as a whole that change who asks or which cluster answers, or that write outside the workspace.
const REDIRECT: &[&str] = &[
    "as",
    "as-group",
    "as-uid",
    "cache-dir",
    "certificate-authority",
    "client-certificate",
    "client-key",
    "cluster",
    "insecure-skip-tls-verify",
    "kubeconfig",
    "password",
    "profile",
    "profile-output",
    "server",
    "tls-server-name",
    "token",
    "user",
    "username",
];

/// Verbs that kubectl has and the portal does not, and why.
const VERBS: &[(&str, &str)] = &[
    ("proxy", "it opens a door to the cluster that nobody watches"),
    ("config", "the environment's connection belongs to the portal"),
    ("plugin", "plugins are programs that the portal does not know"),
    ("cp", "copying files in and out of containers is not recorded; use kubectl exec with tar"),
    ("alpha", "its commands change from version to version"),
    ("completion", "it sets up an interactive shell"),
    ("options", "it only prints help"),
    ("help", "it only prints help"),
];

/// Why a word is no verb that the portal knows.
pub(super) fn verb(word: Option<&str>) -> Refusal {
    let Some(word) = word else {
        return usage("error: kubectl needs a command, such as 'kubectl get pods'");
    };
    if let Some((name, why)) = VERBS.iter().find(|(name, _)| *name == word) {
        return Refusal::not_permitted(format!("kubectl {name} is not permitted: {why}"));
    }
    match word.rsplit_once(' ') {
        Some((parent, child)) => {
            usage(format!("error: unknown command {child:?}\nSee 'kubectl {parent} -h' for help and examples"))
        }
        None if ["rollout", "set", "top", "auth", "certificate"].contains(&word) => {
            usage(format!("error: kubectl {word} needs a command\nSee 'kubectl {word} -h' for help and examples"))
        }
        None => usage(format!("error: unknown command {word:?} for \"kubectl\"")),
    }
}

/// Refuses arguments that redirect credentials, leave the environment, or read files of the machine that performs the
/// call.
pub(super) fn arguments(verb: &str, given: &Arguments) -> Result<(), Refusal> {
    if verb.ends_with("edit-last-applied") || given.on("edit") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} with an editor is not performed by this portal: kubectl edit is, on the page of the run"
        )));
    }
    for (name, everywhere) in given.names() {
        let why = match name {
            _ if everywhere && REDIRECT.contains(&name) => "the portal decides which cluster is reached, and as whom",
            "raw" => "a raw path cannot be judged; name the resource instead",
            "insecure-skip-tls-verify-backend" => "certificates are always checked",
            "help" => "help is in kubectl's documentation, not in a runbook's output",
            "enable-helm" | "helm-command" | "enable-alpha-plugins" | "mount" | "network" => "it runs other programs",
            "output-directory" => "the workspace is not where the portal's kubectl runs",
            _ => continue,
        };
        return Err(Refusal::not_permitted(format!("kubectl --{name} is not permitted: {why}")));
    }
    for name in ["filename", "kustomize"] {
        for file in given.list(name).iter().chain(&given.text(name)) {
            if file.contains("://") || file.starts_with("git@") {
                return Err(Refusal::not_permitted(format!(
                    "kubectl --{name}={file} is not permitted: it fetches from an address that is not part of the \
                     environment; keep the manifest beside the runbook"
                )));
            }
        }
    }
    let format = given.text("output").unwrap_or_default();
    let template = format.split('=').next().unwrap_or_default();
    if template.ends_with("-file") || template == "templatefile" {
        return Err(Refusal::not_permitted(format!(
            "kubectl --output={template} is not permitted: it reads a file of the machine that runs kubectl; write the \
             template in the command"
        )));
    }
    Ok(())
}
