//! The git repository that the folder lies in: which commit holds a text, and the files beside it.

use std::collections::BTreeSet;
use std::path::Path;

use gix::objs::tree::EntryKind;
use operations::RepositoryFile;

/// The most that a workspace begins with, in files and in bytes.
const MOST_FILES: usize = 2_000;
const MOST_BYTES: u64 = 16 << 20;
/// The most entries of a commit that are looked at.
const MOST_ENTRIES: usize = 500_000;

/// The commit at HEAD and the texts it holds, where the folder is a git work tree.
pub(super) struct Commits {
    head: Option<(gix::Repository, String)>,
}

impl Commits {
    pub(super) fn of(root: &Path) -> Self {
        let head = gix::discover(root).ok().and_then(|repository| {
            let commit = repository.head_id().ok()?.to_string();
            Some((repository, commit))
        });
        Self { head }
    }

    /// The commit at HEAD.
    pub(super) fn id(&self) -> Option<String> {
        self.head.as_ref().map(|(_, commit)| commit.clone())
    }

    /// The commit at HEAD, where it holds exactly this text at this path.
    pub(super) fn holding(&self, path: &Path, text: &[u8]) -> Option<String> {
        let (repository, commit) = self.head.as_ref()?;
        let work_tree = repository.workdir()?.canonicalize().ok()?;
        let within = path.strip_prefix(&work_tree).ok()?;
        let tree = repository.head_commit().ok()?.tree().ok()?;
        let entry = tree.lookup_entry_by_path(within).ok()??;
        let object = entry.object().ok()?;
        (object.data == text).then(|| commit.clone())
    }
}

/// Where a file is below the root of the work tree that the folder lies in; `None` where it lies in none.
pub(super) fn path(root: &Path, file: &Path) -> Option<String> {
    let work_tree = gix::discover(root).ok()?.workdir()?.canonicalize().ok()?;
    Some(file.strip_prefix(&work_tree).ok()?.to_string_lossy().into_owned())
}

/// A file of a commit that is not read yet.
struct Entry {
    path: String,
    id: gix::ObjectId,
    executable: bool,
}

/// The files of a commit: all of them, or those that somebody names and what lies beside them.
pub(super) fn files(root: &Path, commit: &str, named: &[String]) -> Result<Vec<RepositoryFile>, String> {
    let repository = gix::discover(root).map_err(|error| format!("the repository cannot be opened: {error}"))?;
    let entries = entries(&repository, commit)?;
    let (few, small) = within(&repository, entries.iter())?;
    let chosen = if few && small {
        entries.iter().collect()
    } else {
        let beside = beside(&entries, named);
        let (few, small) = within(&repository, beside.iter().copied())?;
        if !few || !small {
            return Err(format!(
                "the repository is large, and what the commands name in it has more than {MOST_FILES} files or {} MiB. \
                 Put what they need into a folder of its own.",
                MOST_BYTES >> 20
            ));
        }
        beside
    };
    let read = |entry: &Entry| {
        let blob =
            repository.find_object(entry.id).map_err(|error| format!("{} cannot be read: {error}", entry.path))?;
        let content = blob.detach().data.into();
        Ok(RepositoryFile { path: entry.path.clone(), content, executable: entry.executable })
    };
    chosen.into_iter().map(read).collect()
}

/// Every plain file of a commit. Links and other repositories are left out.
fn entries(repository: &gix::Repository, commit: &str) -> Result<Vec<Entry>, String> {
    let fail = |error: &dyn std::error::Error| format!("commit {commit} cannot be read: {error}");
    let id: gix::ObjectId = commit.parse().map_err(|error| fail(&error))?;
    let tree = repository.find_commit(id).map_err(|error| fail(&error))?.tree().map_err(|error| fail(&error))?;
    let mut all = Vec::new();
    let mut folders = vec![(String::new(), tree)];
    let mut seen = 0;
    while let Some((above, tree)) = folders.pop() {
        for entry in tree.iter() {
            seen += 1;
            let entry = entry.map_err(|error| fail(&error))?;
            // A name that is no UTF-8 is one that no runbook names.
            let Ok(name) = std::str::from_utf8(entry.filename()) else { continue };
            let path = format!("{above}{name}");
            match entry.mode().kind() {
                EntryKind::Tree => {
                    let object = entry.object().map_err(|error| fail(&error))?;
                    folders.push((format!("{path}/"), object.into_tree()));
                }
                kind @ (EntryKind::Blob | EntryKind::BlobExecutable) => {
                    all.push(Entry { path, id: entry.object_id(), executable: kind == EntryKind::BlobExecutable });
                }
                EntryKind::Link | EntryKind::Commit => {}
            }
            if seen > MOST_ENTRIES {
                return Err(format!("the repository has more than {MOST_ENTRIES} files"));
            }
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// Whether these are few enough, and small enough together.
fn within<'a>(
    repository: &gix::Repository,
    entries: impl ExactSizeIterator<Item = &'a Entry>,
) -> Result<(bool, bool), String> {
    if entries.len() > MOST_FILES {
        return Ok((false, false));
    }
    let mut bytes = 0;
    for entry in entries {
        let header = repository.find_header(entry.id);
        bytes += header.map_err(|error| format!("{} cannot be read: {error}", entry.path))?.size();
    }
    Ok((true, bytes <= MOST_BYTES))
}

/// The files that words name, with everything below a named folder and beside a named file; at the root itself only what
/// is named.
fn beside<'a>(entries: &'a [Entry], named: &[String]) -> Vec<&'a Entry> {
    let slashed: BTreeSet<&str> = named.iter().filter_map(|word| word.strip_suffix('/')).collect();
    let named: BTreeSet<&str> = named.iter().map(|word| word.trim_start_matches("./").trim_end_matches('/')).collect();
    let mut folders = BTreeSet::new();
    for entry in entries {
        let above = |path: &'a str| path.rsplit_once('/').map(|(above, _)| above);
        if named.contains(entry.path.as_str()) {
            folders.extend(above(&entry.path));
        }
        let mut folder = above(&entry.path);
        while let Some(path) = folder {
            // A bare word is many things: `deployment api`.
            if named.contains(path) && (path.contains('/') || slashed.contains(path)) {
                folders.insert(path);
            }
            folder = above(path);
        }
    }
    let wanted = |entry: &&Entry| {
        named.contains(entry.path.as_str())
            || folders.iter().any(|folder| entry.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    };
    entries.iter().filter(wanted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_comes_with_what_lies_beside_it() {
        let entry = |path: &str| Entry {
            path: path.to_owned(),
            id: gix::ObjectId::null(gix::hash::Kind::Sha1),
            executable: false,
        };
        let entries = [
            ".env",
            "README.md",
            "k8s/base/hpa.yaml",
            "k8s/prod/hpa.yaml",
            "scripts/a.sh",
            "scripts/lib/b.sh",
            "src/x",
        ]
        .map(entry);
        let chosen = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|&word| word.to_owned()).collect();
            beside(&entries, &named).iter().map(|entry| entry.path.clone()).collect::<Vec<_>>()
        };
        assert_eq!(chosen(&["./scripts/a.sh"]), ["scripts/a.sh", "scripts/lib/b.sh"]);
        assert_eq!(chosen(&["k8s/prod/"]), ["k8s/prod/hpa.yaml"]);
        assert_eq!(chosen(&["k8s/"]), ["k8s/base/hpa.yaml", "k8s/prod/hpa.yaml"]);
        assert!(chosen(&["k8s", "scripts"]).is_empty(), "a bare word is many things");
        assert_eq!(chosen(&[".env"]), [".env"]);
        assert!(chosen(&["kubectl", "/etc/passwd", "..", ""]).is_empty());
    }
}
