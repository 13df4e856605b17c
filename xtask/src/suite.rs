//! Everything that must hold before a change lands, in stages: quick ones first.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::bench::{self, Bench};
use crate::process::{self, say};
use crate::workspace::Workspace;
use crate::{kubectl, programs, setup, site};

/// Runs all stages. A stage that fails does not keep the others from running: one run tells all.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut stages = Stages::default();
    stages.run("set-up", || setup::for_tests(workspace));
    if stages.failed.is_empty() {
        checks(workspace, &mut stages);
    }
    let verdict = stages.verdict();
    say(format_args!("\n{}", stages.summary()));
    verdict
}

fn checks(workspace: &Workspace, stages: &mut Stages) {
    stages.run("format", || process::run(workspace.cargo().args(["fmt", "--all", "--check"])));
    stages.run("lints", || {
        process::run(
            workspace.cargo().args(["clippy", "--workspace", "--all-targets"]).args(["--", "--deny", "warnings"]),
        )
    });
    stages.run("programs and tests compile", || programs::build_with_tests(workspace));
    stages.run("tests", || cargo_tests(workspace));
    stages.run("the API and its description", || bench::api::check(workspace));
    stages.run("every command of the runbooks", || bench::coverage(workspace));
    stages.run("site and its size", || site::build(workspace)?.require());
    stages.run("real browser", || playwright(workspace, &[]));
}

fn cargo_tests(workspace: &Workspace) -> Result<()> {
    // Empty: each test makes what it needs.
    let bench = Bench::start(workspace)?;
    let path = kubectl::search_path(workspace)?;
    let cargo = |arguments: &[&str]| {
        let mut cargo = workspace.cargo();
        cargo.args(arguments).envs(bench.environment()).env("PATH", &path);
        process::run(&mut cargo)
    };
    if process::find("cargo-nextest").is_none() {
        return cargo(&["test", "--workspace", "--no-fail-fast"]);
    }
    let tests = cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]);
    // nextest leaves the examples in the documentation out.
    let examples = cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
    tests.and(examples)
}

/// Runs the browser tests against the programs and the site as they are built.
pub(crate) fn playwright(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let folder = workspace.path("end2end");
    let mut playwright = workspace.program("node");
    playwright
        .current_dir(&folder)
        .arg(folder.join("node_modules/@playwright/test/cli.js"))
        .arg("test")
        .args(arguments)
        .env("PORTAL_PROGRAM", programs::portal(workspace))
        .env("PORTAL_SITE", workspace.site())
        .envs(bench::programs(workspace));
    if let Some(chromium) = setup::chromium() {
        playwright.env("CHROMIUM_PROGRAM", chromium);
    }
    process::run(&mut playwright)
}

/// What ran, and what of it failed.
#[derive(Default)]
struct Stages {
    passed: usize,
    failed: Vec<&'static str>,
}

impl Stages {
    fn run(&mut self, name: &'static str, stage: impl FnOnce() -> Result<()>) {
        say(format_args!("\n=== {name}"));
        let start = Instant::now();
        let result = stage();
        let seconds = start.elapsed().as_secs();
        match &result {
            Ok(()) => say(format_args!("=== {name}: passed in {seconds} s")),
            Err(error) => say(format_args!("=== {name}: FAILED in {seconds} s: {error:#}")),
        }
        self.count(name, &result);
    }

    fn count(&mut self, name: &'static str, result: &Result<()>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(_) => self.failed.push(name),
        }
    }

    /// The closing line.
    fn summary(&self) -> String {
        format!("stages: {} passed, {} failed", self.passed, self.failed.len())
    }

    fn verdict(&self) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join(", "));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::Stages;

    #[test]
    fn one_failed_stage_fails_the_whole_and_is_named() {
        let mut stages = Stages::default();
        stages.count("first", &Err(anyhow!("broken")));
        stages.count("second", &Ok(()));
        assert_eq!(stages.summary(), "stages: 1 passed, 1 failed");
        assert_eq!(stages.verdict().unwrap_err().to_string(), "failed: first");
    }

    #[test]
    fn stages_that_all_pass_are_a_success() {
        let mut stages = Stages::default();
        stages.count("only", &Ok(()));
        stages.verdict().unwrap();
    }
}
