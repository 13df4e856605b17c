//! Serving the portal on this machine, to try it or to work on it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Error, Result};

use crate::process::{self, say, step};
use crate::programs::{self, Profile};
use crate::workspace::Workspace;
use crate::{Demo, site};

/// How often the sources are looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// What a change of makes the programs or the site another. Runbooks are not among it: the portal sees them change.
const SOURCES: [&str; 7] = ["Cargo.toml", "app", "server", "crates", "migrations", "style", "public"];

/// Builds the programs and the site.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    programs::build(workspace, Profile::Debug)?;
    site::build(workspace)?.check()
}

/// Turns this process into the portal, so that signals reach it directly. It returns only when that failed.
pub(crate) fn become_portal(workspace: &Workspace, demo: &Demo) -> Error {
    step("starting the portal");
    let mut portal = Command::new(programs::portal(workspace));
    portal.args(arguments(workspace, demo));
    Error::from(portal.exec()).context("cannot start the portal")
}

/// Starts the portal with what a bench has; it ends with this process.
pub(crate) fn portal(workspace: &Workspace, demo: &Demo, reach: &Path) -> Result<Child> {
    step("starting the portal");
    process::tied_to_us(&programs::portal(workspace))
        .args(arguments(workspace, demo))
        .arg("--reach")
        .arg(reach)
        .spawn()
        .context("cannot start the portal")
}

/// Serves, and builds and starts again whenever a source changes. A source that does not compile leaves the last portal
/// running.
pub(crate) fn watch(workspace: &Workspace, demo: &Demo) -> Result<()> {
    let mut seen = Sources::look(workspace);
    build(workspace)?;
    let mut running = Running::start(workspace, demo)?;
    loop {
        std::thread::sleep(PAUSE);
        let now = Sources::look(workspace);
        if now == seen {
            continue;
        }
        seen = now;
        match build(workspace) {
            Ok(()) if running.is_current() => step("built; reload the page"),
            Ok(()) => {
                step("built; starting the portal again");
                running.end()?;
                running = Running::start(workspace, demo)?;
            }
            Err(error) => say(format_args!("not built: {error:#}")),
        }
    }
}

/// A portal, and when the program it runs was built.
struct Running {
    portal: Child,
    program: PathBuf,
    built: Option<SystemTime>,
}

impl Running {
    fn start(workspace: &Workspace, demo: &Demo) -> Result<Self> {
        let program = programs::portal(workspace);
        let portal = process::tied_to_us(&program)
            .args(arguments(workspace, demo))
            .spawn()
            .context("cannot start the portal")?;
        let built = modified(&program);
        Ok(Self { portal, program, built })
    }

    /// Whether the program is still the one that was started, and still runs.
    fn is_current(&mut self) -> bool {
        modified(&self.program) == self.built && matches!(self.portal.try_wait(), Ok(None))
    }

    fn end(&mut self) -> Result<()> {
        process::end(&mut self.portal, "-TERM")
    }
}

fn arguments(workspace: &Workspace, demo: &Demo) -> Vec<std::ffi::OsString> {
    let runbooks = demo.runbooks.clone().unwrap_or_else(|| workspace.path("runbooks"));
    let data = demo.data.clone().unwrap_or_else(|| workspace.path("data/demo"));
    let mut arguments = vec![
        "demo".into(),
        "--listen".into(),
        format!("127.0.0.1:{}", demo.port).into(),
        "--runbooks".into(),
        runbooks.into(),
        "--data".into(),
        data.into(),
        "--site".into(),
        workspace.site().into(),
    ];
    if let Some(kubeconfig) = &demo.kubeconfig {
        arguments.extend(["--kubeconfig".into(), kubeconfig.into()]);
    }
    arguments.extend(demo.more.iter().map(Into::into));
    arguments
}

/// The sources, each with the time of its last change.
#[derive(PartialEq)]
struct Sources(BTreeMap<PathBuf, SystemTime>);

impl Sources {
    fn look(workspace: &Workspace) -> Self {
        let mut files = BTreeMap::new();
        for source in SOURCES {
            collect(&workspace.path(source), &mut files);
        }
        Self(files)
    }
}

/// A file that vanishes while the folder is read is simply not there: the next look settles it.
fn collect(path: &Path, files: &mut BTreeMap<PathBuf, SystemTime>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), files);
        }
    } else if let Some(time) = modified(path) {
        files.insert(path.to_path_buf(), time);
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|data| data.modified()).ok()
}
