//! The library: a folder of Markdown, read at start and again when something in it changes.

mod repository;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use notify_debouncer_full::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use operations::{Library, RepositoryFile, Shelf, Unreadable};
use repository::Commits;
use runbook::{Runbook, RunbookId, Version};
use sha2::{Digest, Sha256};

/// How long a change may settle before the folder is read again.
const SETTLE: Duration = Duration::from_millis(300);
/// How often the id at HEAD is looked at.
const LOOK_AT_HEAD: Duration = Duration::from_secs(2);
/// The greatest file that is read, in bytes; the reader has the same limit.
const LARGEST: u64 = 2 << 20;
/// How deep folders may nest, and how many files are read.
const DEEPEST: usize = 16;
const MOST_FILES: usize = 2_000;

/// A folder of runbooks, kept up to date while this value lives.
pub struct Folder {
    shared: Arc<Shared>,
    _watch: Debouncer<RecommendedWatcher, RecommendedCache>,
    /// Ends the thread that looks at HEAD.
    _looks: Sender<()>,
}

struct Shared {
    root: PathBuf,
    shelf: RwLock<Arc<Shelf>>,
    /// One reading at a time.
    reading: Mutex<()>,
}

impl Library for Folder {
    fn shelf(&self) -> Arc<Shelf> {
        self.shared.shelf.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn files(&self, version: &Version, named: &[String]) -> Result<Vec<RepositoryFile>, String> {
        match &version.commit {
            Some(commit) => repository::files(&self.shared.root, commit, named),
            None => Ok(Vec::new()),
        }
    }

    fn path(&self, runbook: &RunbookId) -> String {
        let root = &self.shared.root;
        let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
        let file = markdown(root).0.into_iter().find(|path| id_of(&shown(path)) == *runbook);
        match file {
            Some(file) => repository::path(root, &file).unwrap_or_else(|| shown(&file)),
            // It went a moment ago.
            None => format!("{runbook}.md"),
        }
    }
}

impl Folder {
    /// Reads the folder and begins to watch it.
    ///
    /// # Errors
    /// Where the folder itself cannot be read or watched. A file in it never fails the whole.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let fail = |source| FolderError { root: root.to_owned(), source };
        let root_path = root.canonicalize().map_err(fail)?;
        let shared = Arc::new(Shared {
            shelf: RwLock::new(Arc::new(read(&root_path, None))),
            root: root_path,
            reading: Mutex::new(()),
        });
        let reader = shared.clone();
        let mut watch = new_debouncer(SETTLE, None, move |events: DebounceEventResult| match events {
            // Reading the folder is an event too: answering it would never end.
            Ok(events) if events.iter().all(|event| event.kind.is_access()) => {}
            Ok(_) => reader.read_again(),
            Err(errors) => {
                tracing::warn!(?errors, "the runbook folder is not watched well; it is read again");
                reader.read_again();
            }
        })
        .map_err(|error| fail(std::io::Error::other(error)))?;
        watch.watch(&shared.root, RecursiveMode::Recursive).map_err(|error| fail(std::io::Error::other(error)))?;
        let (looks, stop) = std::sync::mpsc::channel();
        let looker = shared.clone();
        std::thread::Builder::new().name("head".to_owned()).spawn(move || looker.look_at_head(&stop)).map_err(fail)?;
        Ok(Self { shared, _watch: watch, _looks: looks })
    }
}

impl Shared {
    /// A commit changes no file here, and may happen in a git folder far above: the id at HEAD is looked at instead.
    fn look_at_head(&self, stop: &Receiver<()>) {
        let mut known = Commits::of(&self.root).id();
        while stop.recv_timeout(LOOK_AT_HEAD) == Err(RecvTimeoutError::Timeout) {
            let now = Commits::of(&self.root).id();
            if now != known {
                known = now;
                self.read_again();
            }
        }
    }

    fn read_again(&self) {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.shelf.read().unwrap_or_else(PoisonError::into_inner).clone();
        let after = read(&self.root, Some(&before));
        let changed = before.runbooks.len() != after.runbooks.len()
            || before.unreadable != after.unreadable
            || before.runbooks.iter().zip(&after.runbooks).any(|(a, b)| a.id != b.id || a.version != b.version);
        if changed {
            tracing::info!(
                runbooks = after.runbooks.len(),
                unreadable = after.unreadable.len(),
                "the library was read again"
            );
        }
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
    }
}

/// The folder cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("the runbook folder {} cannot be read", root.display())]
pub struct FolderError {
    root: PathBuf,
    #[source]
    source: std::io::Error,
}

/// Reads every Markdown file below `root`. A file that has not changed is taken over from the shelf before.
fn read(root: &Path, before: Option<&Shelf>) -> Shelf {
    let known: HashMap<&RunbookId, &Arc<Runbook>> =
        before.map(|shelf| shelf.runbooks.iter().map(|runbook| (&runbook.id, runbook)).collect()).unwrap_or_default();
    let commits = Commits::of(root);
    let mut runbooks: BTreeMap<RunbookId, Arc<Runbook>> = BTreeMap::new();
    let (mut files, mut unreadable) = markdown(root);
    if files.len() > MOST_FILES {
        unreadable.push(Unreadable {
            path: ".".to_owned(),
            reason: format!("Only the first {MOST_FILES} of {} files are read.", files.len()),
        });
        files.truncate(MOST_FILES);
    }
    for path in files {
        let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
        match read_one(&path, &shown, &commits, &known) {
            Ok(runbook) => {
                if let Some(other) = runbooks.get(&runbook.id) {
                    let reason = format!("Another file already has the address {}: rename one of them.", other.id);
                    unreadable.push(Unreadable { path: shown, reason });
                } else {
                    runbooks.insert(runbook.id.clone(), runbook);
                }
            }
            Err(reason) => unreadable.push(Unreadable { path: shown, reason }),
        }
    }
    let mut runbooks: Vec<_> = runbooks.into_values().collect();
    unreadable.sort_by(|a, b| a.path.cmp(&b.path));
    runbooks.sort_by_key(|runbook| (runbook.title.to_lowercase(), runbook.id.clone()));
    Shelf { runbooks, unreadable, read_at: jiff::Timestamp::now() }
}

/// The Markdown files below a folder, in order, and what cannot be read there.
#[must_use]
pub fn markdown(root: &Path) -> (Vec<PathBuf>, Vec<Unreadable>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    list(root, root, 0, &mut files, &mut unreadable);
    files.sort();
    (files, unreadable)
}

/// Collects Markdown files. Links are not followed: a link in the folder must not publish a file from outside it.
fn list(root: &Path, folder: &Path, depth: usize, files: &mut Vec<PathBuf>, unreadable: &mut Vec<Unreadable>) {
    let shown = |path: &Path| path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            unreadable.push(Unreadable { path: shown(folder), reason: format!("The folder cannot be read: {error}.") });
            return;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let Ok(kind) = entry.file_type() else { continue };
        let markdown = path.extension().is_some_and(|extension| {
            extension.eq_ignore_ascii_case("md") || extension.eq_ignore_ascii_case("markdown")
        });
        let readme = path.file_stem().is_some_and(|stem| stem.eq_ignore_ascii_case("readme"));
        if hidden || readme {
            continue;
        }
        if kind.is_dir() && depth < DEEPEST {
            list(root, &path, depth + 1, files, unreadable);
        } else if markdown && kind.is_file() {
            files.push(path);
        } else if markdown && kind.is_symlink() {
            unreadable.push(Unreadable {
                path: shown(&path),
                reason: "Links are not followed: put the file itself here.".to_owned(),
            });
        }
    }
}

fn read_one(
    path: &Path,
    shown: &str,
    commits: &Commits,
    known: &HashMap<&RunbookId, &Arc<Runbook>>,
) -> Result<Arc<Runbook>, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("It cannot be read: {error}."))?;
    if metadata.len() > LARGEST {
        return Err(format!("It has {} bytes; at most {LARGEST} are read. Split it.", metadata.len()));
    }
    let text = std::fs::read(path).map_err(|error| format!("It cannot be read: {error}."))?;
    let id = id_of(shown);
    let commit = commits.holding(path, &text);
    let hash = hex(&Sha256::digest(&text));
    if let Some(same) = known.get(&id).filter(|known| known.version.hash == hash && known.version.commit == commit) {
        return Ok(Arc::clone(same));
    }
    runbook::parse(id, &text, commit).map(Arc::new).map_err(|error| error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `On Call/Payments (EU).md` is `on-call.payments-eu`.
fn id_of(shown: &str) -> RunbookId {
    let stem = shown.rsplit_once('.').map_or(shown, |(stem, _)| stem);
    let slug = |part: &str| {
        let mut slug = String::new();
        for character in part.chars().flat_map(char::to_lowercase) {
            if character.is_alphanumeric() {
                slug.push(character);
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
        }
        slug.trim_end_matches('-').to_owned()
    };
    let parts: Vec<_> = stem.split(['/', '\\']).map(slug).filter(|part| !part.is_empty()).collect();
    RunbookId::new(parts.join("."))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn ids_are_one_segment_of_an_address() {
        assert_eq!(id_of("fintech-banking.md").as_str(), "fintech-banking");
        assert_eq!(id_of("On Call/Payments (EU).md").as_str(), "on-call.payments-eu");
        assert_eq!(id_of("a/../b?c#d.md").as_str(), "a.b-c-d");
    }

    #[test]
    fn a_bad_file_is_listed_and_harms_no_other() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("good.md"), "# Good\n\n## Restart\n\n```bash\nkubectl get pods\n```\n")
            .unwrap();
        std::fs::write(folder.path().join("latin.md"), b"# caf\xe9\n").unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/er.md"), "# Deeper\n").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link.md")).unwrap();
        let shelf = read(folder.path(), None);
        let ids: Vec<_> = shelf.runbooks.iter().map(|runbook| runbook.id.as_str()).collect();
        assert_eq!(ids, ["deep.er", "good"]);
        let bad: Vec<_> = shelf.unreadable.iter().map(|unreadable| unreadable.path.as_str()).collect();
        assert_eq!(bad, ["latin.md", "link.md"]);
    }

    #[test]
    fn a_path_is_of_the_repository_where_there_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("docs/On Call");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join("Payments (EU).md"), "# Payments\n").unwrap();
        let id = RunbookId::new("on-call.payments-eu");
        let path = || Folder::open(&folder.path().join("docs")).unwrap().path(&id);
        assert_eq!(path(), "On Call/Payments (EU).md");
        let git = std::process::Command::new("git").current_dir(folder.path()).args(["init", "-q"]).status();
        assert!(git.unwrap().success());
        assert_eq!(path(), "docs/On Call/Payments (EU).md", "also before the first commit");
    }

    #[test]
    fn a_changed_file_is_picked_up_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("shop.md"), "# Old\n").unwrap();
        let library = Folder::open(folder.path()).unwrap();
        assert_eq!(library.shelf().runbooks[0].title, "Old");
        std::fs::write(folder.path().join("shop.md"), "# New\n").unwrap();
        std::fs::write(folder.path().join("more.md"), "# Another\n").unwrap();
        let titles = || library.shelf().runbooks.iter().map(|runbook| runbook.title.clone()).collect::<Vec<_>>();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while titles() != ["Another", "New"] {
            assert!(std::time::Instant::now() < deadline, "still {:?}", titles());
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_text_that_the_commit_holds_carries_it_and_an_edit_loses_it() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let done = std::process::Command::new("git")
                .current_dir(folder.path())
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
                .args(arguments)
                .output()
                .unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        std::fs::write(folder.path().join("good.md"), "# Good\n").unwrap();
        std::fs::create_dir(folder.path().join("scripts")).unwrap();
        std::fs::write(folder.path().join("scripts/look.sh"), "echo looked\n").unwrap();
        std::fs::set_permissions(folder.path().join("scripts/look.sh"), Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-qm", "first"]);
        let root = folder.path().canonicalize().unwrap();
        let commit = read(&root, None).runbooks[0].version.commit.clone().expect("HEAD holds this text");
        assert_eq!(commit.len(), 40);
        let library = Folder::open(&root).unwrap();
        assert_eq!(library.path(&RunbookId::new("good")), "good.md");
        let version = library.shelf().runbooks[0].version.clone();
        std::fs::write(folder.path().join("scripts/look.sh"), "not committed").unwrap();
        let files = library.files(&version, &[]).unwrap();
        let found: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.executable, &file.content[..])).collect();
        assert_eq!(found, [("good.md", false, &b"# Good\n"[..]), ("scripts/look.sh", true, b"echo looked\n")]);
        std::fs::write(folder.path().join("good.md"), "# Edited\n").unwrap();
        assert_eq!(read(&root, None).runbooks[0].version.commit, None);
        // A commit alone is seen too.
        git(&["commit", "-qam", "second"]);
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while library.shelf().runbooks[0].version.commit.as_ref().is_none_or(|now| *now == commit) {
            assert!(std::time::Instant::now() < deadline, "the commit was not seen");
            std::thread::yield_now();
        }
    }
}
