//! Which objects the words of a call name, by the rules of kubectl's resource builder.
//!
//! Source: `k8s.io/cli-runtime/pkg/resource/builder.go`, `ResourceTypeOrNameArgs`.

use super::kinds;
use super::usage;
use crate::{Refusal, Target};

/// What kubectl says when a call names nothing.
pub(super) const NOTHING_NAMED: &str = "error: You must provide one or more resources by argument or filename.\n\
    Example resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   \
    '<resource>'";

/// How many objects one call may name. `p,p,p… n n n…` means each with each: a short call would otherwise say millions.
const MOST: usize = 1_000;
/// How long a label selector may be, in bytes.
const LONGEST_SELECTOR: usize = 4 * 1024;

/// The objects that the words of a call name. Types are as the caller wrote them: discovery knows what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// `pods` or `pods,services`: all of these types, or those that a selector chooses.
    Types(Vec<String>),
    /// `pod a b`: objects of one type.
    Names {
        /// The type.
        kind: String,
        /// At least one name.
        names: Vec<String>,
    },
    /// `pod/a deployment/b`, also what `pods,services a` means: type and name of each.
    Pairs(Vec<(String, String)>),
}

impl Selection {
    /// Reads the words of a call. `None` when there are none.
    pub(super) fn read(words: &[String]) -> Result<Option<Self>, Refusal> {
        let Some((first, names)) = words.split_first() else { return Ok(None) };
        let types = split(first);
        if types.len().max(1).saturating_mul(names.len()).max(types.len()) > MOST {
            return Err(Refusal::not_permitted(format!(
                "kubectl: this call names more than {MOST} objects, the most that the portal takes at once: choose them with \
                 -l, or split the call"
            )));
        }
        if types.len() > 1 && !names.is_empty() {
            let pairs = types.iter().flat_map(|kind| names.iter().map(|name| (kind.clone(), name.clone())));
            return Ok(Some(Self::Pairs(pairs.collect())));
        }
        let slashes = words.iter().filter(|word| word.contains('/')).count();
        if slashes == 0 {
            return Ok(Some(match names {
                [] => Self::Types(types),
                _ => Self::Names { kind: first.clone(), names: names.to_vec() },
            }));
        }
        if slashes != words.len() {
            return Err(usage(
                "error: there is no need to specify a resource type as a separate argument when passing arguments in \
                 resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource \
                 resource/<resource_name>'",
            ));
        }
        words.iter().map(|word| pair(word)).collect::<Result<_, _>>().map(|pairs| Some(Self::Pairs(pairs)))
    }

    /// As [`Selection::read`], where the call must name something.
    pub(super) fn required(words: &[String]) -> Result<Self, Refusal> {
        Self::read(words)?.ok_or_else(|| usage(NOTHING_NAMED))
    }

    /// The targets that the selection says, for the policy and the trail.
    pub(super) fn targets(&self, selector: Option<&str>, namespace: Option<&str>) -> Vec<Target> {
        let selector = selector.map(|text| &text[..text.floor_char_boundary(LONGEST_SELECTOR)]);
        let target = |kind: &str, name: Option<&str>| Target {
            kind: kinds::singular(kind),
            name: name.map(str::to_owned),
            selector: selector.map(str::to_owned),
            namespace: namespace.map(str::to_owned),
        };
        match self {
            Self::Types(types) => types.iter().map(|kind| target(kind, None)).collect(),
            Self::Names { kind, names } => names.iter().map(|name| target(kind, Some(name))).collect(),
            Self::Pairs(pairs) => pairs.iter().map(|(kind, name)| target(kind, Some(name))).collect(),
        }
    }
}

fn split(types: &str) -> Vec<String> {
    types.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect()
}

/// Takes `TYPE/NAME` apart.
pub(super) fn pair(word: &str) -> Result<(String, String), Refusal> {
    let mut parts = word.split('/');
    let (kind, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if parts.next().is_some() {
        return Err(usage("error: arguments in resource/name form may not have more than one slash"));
    }
    if kind.is_empty() || name.is_empty() || kind.contains(',') {
        return Err(usage("error: arguments in resource/name form must have a single resource and name"));
    }
    Ok((kind.to_owned(), name.to_owned()))
}
