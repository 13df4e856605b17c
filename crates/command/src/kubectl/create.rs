//! `kubectl create`: from manifests, and objects made of arguments.

use super::commands::{DryRun, Output};
use super::manifests::{Manifests, Validation, manifests, validation};
use super::pflag::Arguments;
use super::read::{CHANGE_FORMATS, dry_run, output};
use super::usage;
use crate::Refusal;

/// `kubectl create`
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    /// What is made.
    pub what: Created,
    /// Whether it carries the annotation that `kubectl apply` looks for.
    pub save_config: bool,
    /// `--validate`
    pub validation: Validation,
    /// Whether it is only tried.
    pub dry_run: DryRun,
    /// How the result is written; `None` for a sentence.
    pub output: Option<Output>,
}

/// What `kubectl create` makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Created {
    /// What manifests say.
    Manifests(Manifests),
    /// A namespace.
    Namespace(String),
    /// A configuration map.
    ConfigMap {
        /// Its name.
        name: String,
        /// Its data.
        sources: Sources,
    },
    /// `create secret generic`
    Secret {
        /// Its name.
        name: String,
        /// Its data.
        sources: Sources,
        /// `--type`
        kind: Option<String>,
    },
    /// `create secret tls`: two files of the caller.
    TlsSecret {
        /// Its name.
        name: String,
        /// The certificate's file, PEM.
        certificate: String,
        /// The private key's file, PEM.
        key: String,
    },
    /// `create secret docker-registry`
    RegistrySecret {
        /// Its name.
        name: String,
        /// The registry's address.
        server: String,
        /// Who signs in.
        username: String,
        /// With which password.
        password: String,
        /// Their address; may be empty.
        email: String,
    },
    /// A deployment.
    Deployment {
        /// Its name.
        name: String,
        /// The images of its containers; never empty.
        images: Vec<String>,
        /// Its size.
        replicas: u32,
        /// The port of its container.
        port: Option<i64>,
        /// What its container runs; empty for the image's own.
        command: Vec<String>,
    },
    /// A job of its own.
    Job {
        /// Its name.
        name: String,
        /// The image of its container.
        image: String,
        /// What it runs; empty for the image's own.
        command: Vec<String>,
    },
    /// A job now, from a cron job.
    JobFrom {
        /// Its name.
        name: String,
        /// `cronjob/name`, as written.
        from: String,
    },
}

/// Where data comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `key=value`
    pub literals: Vec<String>,
    /// `path` or `key=path`
    pub files: Vec<String>,
    /// Files of `KEY=value` lines.
    pub env_files: Vec<String>,
}

/// Reads `create` and the forms of it that the portal performs; `None` for the others.
pub(super) fn create(verb: &str, given: &Arguments) -> Result<Option<Create>, Refusal> {
    let name = || match given.words.as_slice() {
        [name] => Ok(name.clone()),
        words => Err(usage(format!(
            "error: exactly one NAME is required, got {}\nSee 'kubectl {verb} -h' for help and examples",
            words.len()
        ))),
    };
    let required = |flag: &str| given.text(flag).ok_or_else(|| needed(flag));
    if given.on("append-hash") {
        return Err(Refusal::not_permitted(format!(
            "kubectl {verb} --append-hash is not performed by this portal: choose the name yourself"
        )));
    }
    let what = match verb {
        "create" => {
            let Some(manifests) = manifests(verb, given)? else {
                return Err(usage("error: must specify one of -f and -k"));
            };
            if !given.words.is_empty() {
                return Err(usage(format!("error: unknown command {:?}", given.words.join(" "))));
            }
            Created::Manifests(manifests)
        }
        "create namespace" => Created::Namespace(name()?),
        "create configmap" => Created::ConfigMap { name: name()?, sources: sources(given)? },
        "create secret generic" => {
            Created::Secret { name: name()?, sources: sources(given)?, kind: given.text("type") }
        }
        "create secret tls" => {
            Created::TlsSecret { name: name()?, certificate: required("cert")?, key: required("key")? }
        }
        "create secret docker-registry" => {
            if given.given("from-file") {
                return Err(Refusal::not_permitted(
                    "kubectl create secret docker-registry --from-file is not performed by this portal: use create \
                     secret generic --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE",
                ));
            }
            Created::RegistrySecret {
                name: name()?,
                server: given.text("docker-server").unwrap_or_else(|| "https://index.docker.io/v1/".to_owned()),
                username: required("docker-username")?,
                password: required("docker-password")?,
                email: given.text("docker-email").unwrap_or_default(),
            }
        }
        "create deployment" => {
            let (name, command) = split(verb, given)?;
            let images = given.list("image");
            if images.is_empty() {
                return Err(needed("image"));
            }
            if images.len() > 1 && !command.is_empty() {
                return Err(usage("error: cannot specify multiple --image options and command"));
            }
            Created::Deployment {
                name,
                images,
                replicas: u32::try_from(given.number("replicas").unwrap_or(1)).unwrap_or(1),
                port: given.number("port").filter(|port| *port >= 0),
                command,
            }
        }
        "create job" => {
            let (name, command) = split(verb, given)?;
            match (given.text("image"), given.text("from")) {
                (Some(_), Some(_)) | (None, None) => {
                    return Err(usage("error: either --image or --from must be specified"));
                }
                (None, Some(_)) if !command.is_empty() => {
                    return Err(usage("error: cannot specify --from and command"));
                }
                (None, Some(from)) => Created::JobFrom { name, from },
                (Some(image), None) => Created::Job { name, image, command },
            }
        }
        _ => return Ok(None),
    };
    Ok(Some(Create {
        what,
        save_config: given.on("save-config"),
        validation: validation(given)?,
        dry_run: dry_run(given)?,
        output: output(given, CHANGE_FORMATS)?,
    }))
}

fn needed(flag: &str) -> Refusal {
    usage(format!("error: required flag(s) {flag:?} not set"))
}

/// The name, and the command after `--`.
fn split(verb: &str, given: &Arguments) -> Result<(String, Vec<String>), Refusal> {
    let end = given.dash_at.unwrap_or(given.words.len());
    match &given.words[..end] {
        [name] => Ok((name.clone(), given.words[end..].to_vec())),
        words => Err(usage(format!(
            "error: exactly one NAME is required, got {}\nSee 'kubectl {verb} -h' for help and examples",
            words.len()
        ))),
    }
}

fn sources(given: &Arguments) -> Result<Sources, Refusal> {
    let sources = Sources {
        literals: given.every("from-literal"),
        files: given.list("from-file"),
        env_files: given.list("from-env-file"),
    };
    let others = sources.files.len() + sources.literals.len();
    if !sources.env_files.is_empty() && others > 0 {
        return Err(usage("error: from-env-file cannot be combined with from-file or from-literal"));
    }
    Ok(sources)
}
