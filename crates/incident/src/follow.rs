//! What follows a procedure: which sections of the same runbook verify what it did, and which take it back.
//!
//! A title says what a section is for, its commands say what it is about. Where both leave it open nothing is named: a
//! wrong way back is worse than none.

use std::collections::{BTreeMap, BTreeSet};

use command::undo::Brought;
use command::{Effect, Target};
use runbook::{Command, Procedure, ProcedureId, Runbook, Step, StepId};
use serde::{Deserialize, Serialize};

use crate::alert;
use crate::phase;
use crate::words::lower_words;

/// The most that are named.
pub const MOST: usize = 3;

/// A section that follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follow {
    /// The procedure.
    pub procedure: ProcedureId,
    /// Where in it, if only a part of it is meant: the first step of that part.
    pub step: Option<StepId>,
    /// The title of the procedure or part.
    pub title: String,
    /// What it is for.
    pub why: Why,
}

/// What a section that follows is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// It looks whether it worked.
    Verify,
    /// It takes it back.
    Rollback,
}

/// What follows a procedure that changes something, the surest first, at most [`MOST`].
#[must_use]
pub fn after(runbook: &Runbook, procedure: &ProcedureId) -> Vec<Follow> {
    let Some(at) = runbook.procedures.iter().position(|one| one.id == *procedure) else { return Vec::new() };
    let here = &runbook.procedures[at];
    if here.effect() < Some(Effect::Change) || meant_by(&here.title) == Some(Why::Verify) {
        return Vec::new();
    }
    let mut following: Vec<Follow> = Vec::new();
    following.extend(verifying(runbook, at).map(|one| whole(one, Why::Verify)));
    if meant_by(&here.title) != Some(Why::Rollback) {
        following.extend(back(runbook, here));
    }
    following.truncate(MOST);
    following
}

/// The step that verifies what a step did: a later one whose title says so, before the next change.
#[must_use]
pub fn verifies<'p>(procedure: &'p Procedure, step: &StepId) -> Option<&'p Step> {
    let at = procedure.steps.iter().position(|one| one.id == *step)?;
    let changes = |step: &Step| step.commands().iter().any(|command| command.effect > Effect::Read);
    let mut later = procedure.steps.iter().skip(at + 1);
    later
        .find(|step| meant_by(&step.title) == Some(Why::Verify) || changes(step))
        .filter(|step| meant_by(&step.title) == Some(Why::Verify))
}

/// The values that what was changed gives to what a section leaves open, by parameter name: the workload's name, the
/// revision and the number of replicas that were there before; and what the run was given under the same names. Never a
/// secret. Of several workloads none is meant.
#[must_use]
pub fn prefill(
    procedure: &Procedure,
    brought: &[Brought],
    given: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = given.clone();
    let same = |part: fn(&Brought) -> Option<&String>| {
        let mut parts = brought.iter().map(part);
        let first = parts.next().flatten()?;
        parts.all(|other| other == Some(first)).then(|| first.clone())
    };
    let is_one = brought.iter().all(|one| (&one.kind, &one.name) == (&brought[0].kind, &brought[0].name));
    labels.extend(same(|one| Some(&one.namespace)).map(|namespace| ("namespace".to_owned(), namespace)));
    if let Some(first) = brought.first().filter(|_| is_one) {
        labels.insert(first.kind.clone(), first.name.clone());
        let known = |part: fn(&Brought) -> Option<&String>| brought.iter().find_map(part);
        let before =
            [("revision", known(|one| one.revision.as_ref())), ("replica", known(|one| one.replicas.as_ref()))];
        for parameter in procedure.parameters() {
            let words = lower_words(&parameter.name);
            let named = |word: &str| words.iter().any(|one| one == word || one.strip_suffix('s') == Some(word));
            let value = before.iter().find_map(|(word, value)| value.filter(|_| named(word)));
            if let Some(value) = value {
                labels.insert(parameter.name.clone(), value.clone());
            }
        }
    }
    alert::prefill(procedure, &labels)
}

fn whole(procedure: &Procedure, why: Why) -> Follow {
    Follow { procedure: procedure.id.clone(), step: None, title: procedure.title.clone(), why }
}

/// What a title says that its section is for.
fn meant_by(title: &str) -> Option<Why> {
    let words = lower_words(title);
    let begins = |beginnings: &[&str]| words.iter().any(|word| beginnings.iter().any(|one| word.starts_with(one)));
    let pair = |first: &[&str], second: &str| {
        words.windows(2).any(|pair| first.contains(&pair[0].as_str()) && pair[1].starts_with(second))
    };
    if begins(&["verif", "validat", "confirm", "healthcheck"]) || pair(&["health"], "check") {
        Some(Why::Verify)
    } else if begins(&["rollback", "revert", "undo", "failback"])
        || pair(&["roll", "rolling", "fail", "failing"], "back")
        || pair(&["restore", "restoring"], "previous")
    {
        Some(Why::Rollback)
    } else {
        None
    }
}

/// The next section below the same heading that verifies, before the next one that changes something.
fn verifying(runbook: &Runbook, at: usize) -> Option<&Procedure> {
    let path = &runbook.procedures[at].path;
    let mut siblings = runbook.procedures.iter().skip(at + 1).take_while(|one| one.path == *path);
    let says_so = |one: &Procedure| meant_by(&one.title) == Some(Why::Verify);
    siblings
        .find(|one| says_so(one) || one.effect() > Some(Effect::Read))
        .filter(|one| says_so(one))
        .map(|procedure| &**procedure)
}

/// A section that takes something back, and what it is about.
struct Candidate<'r> {
    follow: Follow,
    path: &'r [String],
    about: About<'r>,
}

/// The sections that take back what a procedure did, the surest first.
fn back(runbook: &Runbook, here: &Procedure) -> Vec<Follow> {
    let others = runbook.procedures.iter().filter(|one| one.id != here.id);
    let candidates: Vec<Candidate<'_>> = others.flat_map(|one| candidates(one)).collect();
    let about = About::of(here.commands());
    let is_only = candidates.len() == 1;
    let mut rated: Vec<(u32, Follow)> = candidates
        .into_iter()
        .filter_map(|one| {
            let same_heading = match (here.path.first(), one.path.first()) {
                (Some(_), _) if *here.path == *one.path => 2,
                (Some(mine), Some(other)) if mine == other => 1,
                _ => 0,
            };
            let score = if about.shares(&one.about) { 4 } else { 0 } + same_heading;
            (about.is_like(&one.about) && (score > 0 || is_only)).then_some((score, one.follow))
        })
        .collect();
    rated.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    rated.into_iter().map(|(_, follow)| follow).collect()
}

/// A procedure that takes something back, or the parts of it that do.
fn candidates(procedure: &Procedure) -> Vec<Candidate<'_>> {
    if meant_by(&procedure.title) == Some(Why::Rollback) {
        let about = About::of(procedure.commands());
        return vec![Candidate { follow: whole(procedure, Why::Rollback), path: &procedure.path, about }];
    }
    let parts = phase::phases(procedure).into_iter().filter(|part| meant_by(&part.title) == Some(Why::Rollback));
    parts
        .map(|part| {
            let steps: BTreeSet<&StepId> = part.steps.iter().collect();
            let inside = procedure.steps.iter().filter(|step| steps.contains(&step.id));
            let follow = Follow {
                procedure: procedure.id.clone(),
                step: part.steps.first().cloned(),
                title: part.title.clone(),
                why: Why::Rollback,
            };
            Candidate { follow, path: &procedure.path, about: About::of(inside.flat_map(|step| step.commands())) }
        })
        .collect()
}

/// Kinds whose earlier versions something keeps.
const WORKLOADS: &[&str] = &["deployment", "statefulset", "daemonset", "release", "application"];

/// All of them together.
const WORKLOAD: &str = "workload";

/// What the commands of a section act on.
struct About<'r> {
    named: Vec<&'r Target>,
    /// The kinds of what they change, workloads of all kinds as one; of a command that names none, its programs.
    changed: BTreeSet<&'r str>,
}

impl<'r> About<'r> {
    fn of(commands: impl Iterator<Item = &'r Command>) -> Self {
        let mut about = Self { named: Vec::new(), changed: BTreeSet::new() };
        for command in commands {
            let mut kinds = BTreeSet::new();
            for action in &command.actions {
                for target in &action.targets {
                    let is_workload = WORKLOADS.contains(&target.kind.as_str());
                    if is_workload && target.name.is_some() {
                        about.named.push(target);
                    }
                    if action.effect > Effect::Read {
                        kinds.insert(if is_workload { WORKLOAD } else { &target.kind });
                    }
                }
            }
            if kinds.is_empty() && command.effect > Effect::Read {
                let kept = |program: &String| ["kubectl", "helm", "argocd"].contains(&program.as_str());
                kinds.extend(command.programs.iter().map(|one| if kept(one) { WORKLOAD } else { one }));
            }
            about.changed.append(&mut kinds);
        }
        about
    }

    /// Whether both act on one workload.
    fn shares(&self, other: &Self) -> bool {
        let same = |one: &Target, other: &Target| {
            let elsewhere = one.namespace.is_some() && other.namespace.is_some() && one.namespace != other.namespace;
            one.kind == other.kind && one.name == other.name && !elsewhere
        };
        self.named.iter().any(|one| other.named.iter().any(|other| same(one, other)))
    }

    /// Whether both change the same kind of thing, as far as their commands tell.
    fn is_like(&self, other: &Self) -> bool {
        self.changed.is_empty() || other.changed.is_empty() || !self.changed.is_disjoint(&other.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{id, read};

    const SAMPLE: &str = "\
# Shop

## Deploying

### Deploy

```bash
# Change it
kubectl set image deployment/shop web=shop:2 -n shop

# Look at it
kubectl rollout status deployment/shop -n shop

# Verify the version
kubectl get deployment shop -n shop
```

### Look around

```bash
kubectl get pods -n shop
```

### Verify the deployment

```bash
kubectl get pods -n shop
```

### Rolling back

```bash
# To the one before
kubectl rollout undo deployment/<deployment> -n <namespace> --to-revision=<revision>

# As many as before
kubectl scale deployment/<deployment> -n <namespace> --replicas=<replica-count>
```

### Undo the deployment of the shop

```bash
kubectl rollout undo deployment/shop -n shop
```

## Data

### Vacuum

```bash
psql -c 'VACUUM orders'
```

### Verify the orders

```bash
psql -c 'SELECT 1'
```
";

    fn told(text: &str, procedure: &str) -> Vec<String> {
        let one = |follow: Follow| {
            let step = follow.step.map(|step| format!("/{step}")).unwrap_or_default();
            format!("{:?} {}{step}", follow.why, follow.procedure)
        };
        after(&read(text), &id(procedure)).into_iter().map(one).collect()
    }

    #[test]
    fn a_change_is_verified_and_taken_back() {
        assert_eq!(
            told(SAMPLE, "deploy"),
            ["Verify verify-the-deployment", "Rollback undo-the-deployment-of-the-shop", "Rollback rolling-back"],
            "what is about the same deployment comes first"
        );
        assert_eq!(told(SAMPLE, "vacuum"), ["Verify verify-the-orders"], "no deployment is a way back for data");
        for procedure in ["look-around", "verify-the-deployment", "rolling-back", "nowhere"] {
            assert_eq!(told(SAMPLE, procedure), Vec::<String>::new(), "{procedure}");
        }
    }

    #[test]
    fn the_only_way_back_counts_for_every_workload() {
        let text = "# A\n\n## Restart\n\n```bash\nkubectl rollout restart deployment/web\n```\n\n## Recovery\n\n\
                    **Database:**\n```bash\npsql -c 'VACUUM a'\n```\n\n**Reverting the release:**\n```bash\n# Back\nhelm rollback web 1\n```\n";
        assert_eq!(told(text, "restart"), ["Rollback recovery/2"]);
        let two = format!("{text}\n## Rollback of mail\n\n```bash\nkubectl rollout undo deployment/mail\n```\n");
        assert_eq!(told(&two, "restart"), Vec::<String>::new(), "of two nobody knows which");
    }

    #[test]
    fn titles_say_what_they_are_for() {
        for (title, why) in [
            ("1.4 Rollback Deployment", Some(Why::Rollback)),
            ("Roll back", Some(Why::Rollback)),
            ("Restore previous version", Some(Why::Rollback)),
            ("Fail back to eu-west-1", Some(Why::Rollback)),
            ("Verify rollback", Some(Why::Verify)),
            ("Post-deployment Health Check", Some(Why::Verify)),
            ("Restore from backup", None),
            ("Rolling restart", None),
            ("Roll out", None),
            ("Background jobs", None),
        ] {
            assert_eq!(meant_by(title), why, "{title}");
        }
    }

    #[test]
    fn a_step_is_verified_before_the_next_change() {
        let runbook = read(SAMPLE);
        let deploy = runbook.procedure(&id("deploy")).unwrap();
        let by = |step: &str| verifies(deploy, &StepId::new(step)).map(|step| step.id.to_string());
        assert_eq!((by("1").as_deref(), by("3")), (Some("3"), None));
        let text = "# A\n\n## B\n\n```bash\n# Change it\nkubectl set image deployment/a a=a:2\n\n# Close a node\nkubectl cordon \
                    n\n\n# Verify\nkubectl get pods\n```\n";
        let runbook = read(text);
        let by = |step: &str| verifies(&runbook.procedures[0], &StepId::new(step)).map(|step| step.id.to_string());
        assert_eq!((by("1"), by("2").as_deref()), (None, Some("3")));
    }

    #[test]
    fn what_was_there_before_fills_the_parameters() {
        let runbook = read(SAMPLE);
        let back = runbook.procedure(&id("rolling-back")).unwrap();
        let call = |line: &str| Brought::by(&line.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap();
        let undo = call("kubectl rollout undo deployment/web -n shop --to-revision=7");
        let scale = call("kubectl scale deployment/web -n shop --replicas=3");
        let other = call("kubectl scale deployment/mail -n shop --replicas=9");
        let text = |brought: &[Brought]| {
            let given = BTreeMap::from([("unknown".to_owned(), "x".to_owned())]);
            let filled = prefill(back, brought, &given);
            filled.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(text(&[undo.clone(), scale]), "deployment=web namespace=shop replica-count=3 revision=7");
        assert_eq!(text(&[undo, other]), "namespace=shop", "of two workloads nobody knows which");
        assert_eq!(text(&[]), "");
    }
}
