//! Runs made by hand, and what is said of them; patches are tried with the real git.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command as Program, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use runbook::{CommandId, ProcedureId, Runbook, RunbookId};

use super::{PastRun, ProcedureStatistics, Proposal, Texts, Trouble, patch, statistics};
use crate::{EnvironmentName, Execution, ExecutionId, ExecutionState, Mark, Run, RunId, RunState, StepMark};

const TEXT: &str = "\
# Shop

## Restart

1. **Tell people**

2. **Look**
   ```bash
   # Look at one
   kubectl get pod <pod-name> \\
     -n shop
   ```

3. **Restart**
   ```bash
   kubectl rollout restart deployment/shop -n shop
   kubectl create secret generic db --from-literal=password=<new-password> -n shop
   ```
";

fn read(text: &str) -> Arc<Runbook> {
    Arc::new(runbook::parse(RunbookId::new("shop"), text.as_bytes(), None).unwrap())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// A run of this text that was completed after ten minutes.
fn run(text: &Runbook) -> PastRun {
    let run = Run {
        id: RunId::new(),
        number: 1,
        runbook: text.id.clone(),
        runbook_title: text.title.clone(),
        version: text.version.clone(),
        procedure: ProcedureId::new("restart"),
        procedure_title: "Restart".to_owned(),
        environment: EnvironmentName("practice".to_owned()),
        started_by: ("otto".to_owned(), "Otto".to_owned()),
        started_at: at(0),
        state: RunState::Completed,
        ended_at: Some(at(600)),
        variables: BTreeMap::new(),
        given: BTreeMap::new(),
        incident: None,
    };
    PastRun { run, executions: Vec::new(), marks: Vec::new() }
}

impl PastRun {
    fn ran(mut self, command: &str, from: i64, until: i64, state: ExecutionState) -> Self {
        self.executions.push(Execution {
            id: ExecutionId::new(),
            run: self.run.id,
            command: CommandId::new(command),
            source: String::new(),
            edited: false,
            started_by: ("otto".to_owned(), "Otto".to_owned()),
            started_at: at(from),
            state,
            ended_at: (state != ExecutionState::Running).then(|| at(until)),
            exit_code: None,
            note: None,
            truncated: false,
            undoes: None,
            findings: Vec::new(),
        });
        self
    }

    fn edited(self, command: &str, text: &str) -> Self {
        let mut past = self.ran(command, 1, 2, ExecutionState::Passed);
        let last = past.executions.last_mut().unwrap();
        (last.edited, last.source) = (true, text.to_owned());
        past
    }

    fn marked(mut self, part: &str, second: i64, mark: Mark) -> Self {
        let by = ("otto".to_owned(), "Otto".to_owned());
        self.marks.push(StepMark { run: self.run.id, part: part.to_owned(), mark, by, at: at(second) });
        self
    }

    fn given(mut self, name: &str, value: &str) -> Self {
        self.run.given.insert(name.to_owned(), value.to_owned());
        self
    }
}

/// What runs, newest first, of these texts say; the first text is today's.
fn of(texts: &[&Arc<Runbook>], past: &[PastRun]) -> ProcedureStatistics {
    let id = ProcedureId::new("restart");
    let known: Texts =
        texts.iter().map(|text| (text.version.hash.clone(), text.procedure(&id).unwrap().clone())).collect();
    statistics(texts[0], texts[0].procedure(&id).unwrap(), past, &known)
}

fn skipped() -> Mark {
    Mark::Skipped { reason: "not now".to_owned() }
}

#[test]
fn nothing_is_said_of_no_runs() {
    let text = read(TEXT);
    let found = of(&[&text], &[]);
    assert_eq!((found.runs.all(), found.runs.success(), found.duration, found.since), (0, None, None, None));
    assert_eq!((found.steps.len(), found.edits.len(), found.older_edits), (3, 0, 0));
    assert!(found.steps.iter().all(|step| step.duration.is_none() && step.trouble().is_none()));
    assert_eq!(found.worst(), None);
    assert_eq!(patch(&found, "shop.md"), None);
}

#[test]
fn steps_are_counted_by_run() {
    let text = read(TEXT);
    use ExecutionState::{Failed, Passed, Running, Unknown};
    let mut abandoned = run(&text).ran("2", 10, 20, Failed);
    abandoned.run.state = RunState::Abandoned;
    let mut open = run(&text).ran("2", 10, 20, Running);
    (open.run.state, open.run.ended_at) = (RunState::Open, None);
    let past = [
        open,
        abandoned,
        run(&text)
            .marked("1", 5, skipped())
            .ran("2", 10, 20, Failed)
            .ran("2", 30, 40, Passed)
            .ran("3", 100, 200, Passed),
        run(&text).marked("1", 60, Mark::Done).marked("2", 90, Mark::ByHand { result: String::new() }),
        run(&text).ran("2", 10, 400, Unknown).marked("2", 500, Mark::Settled { passed: true, finding: "x".to_owned() }),
    ];
    let found = of(&[&text], &past);
    assert_eq!(
        (found.runs.open, found.runs.completed, found.runs.abandoned, found.runs.success()),
        (1, 3, 1, Some(75))
    );
    assert_eq!(found.duration.map(|spread| (spread.median, spread.of)), Some((600_000, 3)));
    let counts: Vec<_> =
        found.steps.iter().map(|step| (step.seen, step.ran, step.failed, step.skipped, step.by_hand)).collect();
    // Only completed runs, and those that did something there, have seen a step.
    assert_eq!(counts, [(3, 0, 0, 2, 1), (5, 4, 2, 0, 1), (3, 1, 0, 2, 0)]);
    assert_eq!(found.steps[1].trouble(), Some(Trouble::OftenFailed));
    assert_eq!(found.worst().unwrap().id.as_str(), "2");
}

#[test]
fn time_belongs_to_the_step_that_it_leads_to() {
    let text = read(TEXT);
    use ExecutionState::{Passed, Unknown};
    // Step 3 began while step 2 ran, and step 2 was looked at again at the end.
    let one = run(&text)
        .marked("1", 60, Mark::Done)
        .ran("2", 70, 100, Passed)
        .ran("3", 90, 150, Passed)
        .ran("2", 160, 170, Passed);
    let times = |found: &ProcedureStatistics| -> Vec<_> {
        found.steps.iter().map(|step| step.duration.map(|spread| spread.median / 1000)).collect()
    };
    assert_eq!(times(&of(&[&text], std::slice::from_ref(&one))), [Some(60), Some(60), Some(50)]);
    // What nobody watched counts for nobody, and a clock that was set back costs nothing.
    let mut lost = run(&text).ran("2", 10, 5000, Unknown).ran("3", 5010, 5020, Passed);
    assert_eq!(times(&of(&[&text], std::slice::from_ref(&lost))), [None, None, Some(20)]);
    lost.run.started_at = at(9000);
    let found = of(&[&text], &[lost]);
    assert_eq!((times(&found)[2], found.duration.unwrap().median), (Some(0), 0));
}

#[test]
fn a_step_that_three_runs_leave_out_is_always_skipped() {
    let text = read(TEXT);
    let skips = || run(&text).marked("1", 5, skipped());
    let of_two = of(&[&text], &[skips(), skips()]);
    assert_eq!(of_two.steps[0].trouble(), None);
    let untouched = run(&text);
    let found = of(&[&text], &[skips(), untouched, skips()]);
    assert_eq!(found.steps[0].trouble(), Some(Trouble::AlwaysSkipped));
    assert_eq!(found.worst().unwrap().id.as_str(), "1");
    let mut open = run(&text);
    (open.run.state, open.run.ended_at) = (RunState::Open, None);
    let with_open = of(&[&text], &[open, skips(), skips(), skips()]);
    assert_eq!(with_open.steps[0].seen, 3, "an open run may still come to it");
}

#[test]
fn steps_of_an_older_text_are_found_in_todays() {
    let old = read(TEXT);
    let new = read(
        &TEXT
            .replace("1. **Tell people**", "1. **Breathe**\n\n1. **Tell people**")
            .replace("restart deployment", "restart -v=2 deployment"),
    );
    use ExecutionState::Passed;
    let past = [run(&old).marked("1", 60, Mark::Done).ran("2", 70, 100, Passed).ran("3", 110, 120, Passed)];
    let found = of(&[&new, &old], &past);
    let counts: Vec<_> = found.steps.iter().map(|step| (step.seen, step.ran, step.by_hand)).collect();
    assert_eq!(counts, [(0, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 0)], "a new step has not been seen");
    // Of a text that nobody has any more only the beginning and the end count.
    let lost = of(&[&new], &past);
    assert_eq!((lost.runs.completed, lost.steps.iter().map(|step| step.seen).sum::<usize>()), (1, 0));
}

const WIDE: &str = "kubectl get pod <pod-name> \\\n  -n shop -o wide";

#[test]
fn an_edit_that_two_runs_agree_on_is_suggested() {
    let text = read(TEXT);
    let past = [
        run(&text).edited("2", "kubectl get pod <pod-name> -n other"),
        run(&text).edited("2", &format!("{WIDE} \n")),
        run(&text).edited("2", WIDE),
        run(&text).ran("2", 1, 2, ExecutionState::Passed),
    ];
    let found = of(&[&text], &past);
    let edit = &found.edits[0];
    assert_eq!((edit.id.as_str(), edit.ran, edit.edited), ("2", 4, 3));
    let frequent = edit.frequent.as_ref().unwrap();
    assert_eq!((frequent.text.as_str(), frequent.runs, frequent.proposal), (WIDE, 2, Proposal::InPatch));
    assert_eq!(found.proposed(), 1);
    let patch = patch(&found, "docs/shop.md").unwrap();
    assert_eq!(
        patch,
        "--- a/docs/shop.md\n+++ b/docs/shop.md\n@@ -8,7 +8,7 @@\n    ```bash\n    # Look at one\n    kubectl get pod <pod-name> \\\n\
         -     -n shop\n+     -n shop -o wide\n    ```\n \n 3. **Restart**\n"
    );
    assert_eq!(applied(TEXT, "docs/shop.md", &patch), TEXT.replace("\\\n     -n shop", "\\\n     -n shop -o wide"));

    let once = of(&[&text], &past[1..2]);
    assert_eq!(once.edits[0].frequent.as_ref().unwrap().proposal, Proposal::Once);
    assert_eq!(super::patch(&once, "shop.md"), None);
}

#[test]
fn what_a_run_was_given_is_open_again() {
    let text = read(TEXT);
    let one = |pod: &str| run(&text).given("pod-name", pod).edited("2", &WIDE.replace("<pod-name>", pod));
    let found = of(&[&text], &[one("web-1"), one("web-10"), one("shop")]);
    let frequent = found.edits[0].frequent.as_ref().unwrap();
    assert_eq!((frequent.text.as_str(), frequent.runs), (WIDE, 2));
    assert!(!patch(&found, "shop.md").unwrap().contains("web-1"));
    // The text alone is not an edit of the runbook.
    let same =
        of(&[&text], &[run(&text).given("pod-name", "web-1").edited("2", "kubectl get pod web-1 \\\n  -n shop")]);
    assert_eq!((same.edits[0].edited, &same.edits[0].frequent), (1, &None));
}

#[test]
fn what_failed_is_no_suggestion() {
    let text = read(TEXT);
    let mut failed = run(&text).edited("2", WIDE);
    failed.executions[0].state = ExecutionState::Failed;
    let again = failed.clone().edited("2", "kubectl get pods -n shop");
    let found = of(&[&text], &[failed, again.clone(), again]);
    let edit = &found.edits[0];
    assert_eq!(edit.edited, 3);
    assert_eq!(
        edit.frequent.as_ref().map(|edit| (edit.text.as_str(), edit.runs)),
        Some(("kubectl get pods -n shop", 2))
    );
}

#[test]
fn an_edit_of_an_older_text_is_not_suggested_against_a_newer_one() {
    let old = read(TEXT);
    let new =
        read(&TEXT.replace("     -n shop", "     -n shop -o yaml").replace("## Restart", "Some words.\n\n## Restart"));
    let restart = "kubectl rollout restart deployment/shop -n shop -v=2\nkubectl create secret generic db --from-literal=password=<new-password> -n shop";
    let past = || run(&old).edited("2", WIDE).edited("3", restart);
    let found = of(&[&new, &old], &[past(), past()]);
    assert_eq!(found.older_edits, 2);
    let ids: Vec<_> = found.edits.iter().map(|edit| edit.id.as_str()).collect();
    assert_eq!(ids, ["3"], "its text is as it was, further down");
    let patch = patch(&found, "shop.md").unwrap();
    let text = std::str::from_utf8(&new.text).unwrap();
    assert_eq!(
        applied(text, "shop.md", &patch),
        text.replace("restart deployment/shop -n shop", "restart deployment/shop -n shop -v=2")
    );
}

#[test]
fn secrets_are_neither_shown_nor_suggested() {
    let text = read(TEXT);
    let command = "kubectl rollout restart deployment/shop -n shop\nkubectl create secret generic db --from-literal=password=<new-password> -n shop";
    for (edit, shown) in [
        (command.replace("<new-password>", "hunter2"), false),
        (format!("{command}\nPGPASSWORD=hunter2 psql"), true),
        (format!("curl -u admin:hunter2 https://example.com\n{command}"), true),
    ] {
        let past = || run(&text).edited("3", &edit);
        let found = of(&[&text], &[past(), past()]);
        let frequent = found.edits[0].frequent.as_ref().unwrap();
        assert_eq!(frequent.proposal, Proposal::Secret, "{edit}");
        assert_eq!(frequent.text.contains("rollout"), shown, "{}", frequent.text);
        assert!(!frequent.text.contains("hunter2"), "{}", frequent.text);
        assert_eq!(patch(&found, "shop.md"), None);
    }
}

#[test]
fn the_runbooks_own_lines_are_in_the_patch_as_they_are() {
    let source = "## Restart\n\n```bash\nPGPASSWORD=example psql \\\n  -c 'SELECT 1'\n```\n";
    let text = read(source);
    let past = || run(&text).edited("1", "PGPASSWORD=example psql \\\n  -c 'SELECT 2'");
    let found = of(&[&text], &[past(), past()]);
    assert!(!found.edits[0].frequent.as_ref().unwrap().text.contains("example"), "the page errs on the side of hiding");
    assert_eq!(applied(source, "shop.md", &patch(&found, "shop.md").unwrap()), source.replace("SELECT 1", "SELECT 2"));
}

#[test]
fn what_would_end_the_fence_is_not_suggested() {
    let text = read(TEXT);
    for line in ["```", "  ~~~~", "echo \u{202e}x", "echo \u{1b}[31m", "a\rb"] {
        let past = || run(&text).edited("2", &format!("{WIDE}\n{line}\n# Much more"));
        let found = of(&[&text], &[past(), past()]);
        assert_eq!(found.edits[0].frequent.as_ref().unwrap().proposal, Proposal::Unplaced, "{line:?}");
        assert_eq!(patch(&found, "shop.md"), None);
    }
}

/// Files as people write them: the command `kubectl get pods` of each becomes two lines.
#[test]
fn every_file_is_patched_where_the_command_stands() {
    let files = [
        ("plain.md", "## Restart\n\n```bash\nkubectl get pods\n```\n"),
        ("with blanks.md", "## Restart\n\n```bash\n# Look\nkubectl get pods\n```\n"),
        ("a \"quoted\"/näme\\.md", "## Restart\n\n~~~sh\nkubectl get pods\n~~~\n"),
        ("no-end.md", "## Restart\n\n```bash\nkubectl get pods"),
        ("windows.md", "# Shop\r\n\r\n## Restart\r\n\r\n```bash\r\nkubectl get pods\r\n```\r\n"),
        ("indented.md", "## Restart\n\n- Item\n\n      kubectl get pods\n"),
        ("mark.md", "\u{feff}## Restart\n\n```bash\nkubectl get pods   # all\n```\n"),
        ("tabs.md", "## Restart\n\n1. Look\n\n\t```bash\n\tkubectl get pods\n\t```\n"),
    ];
    for (path, source) in files {
        let text = read(source);
        let command = text.procedure(&ProcedureId::new("restart")).unwrap().commands().next().unwrap();
        let past = || run(&text).edited(command.id.as_str(), "kubectl get pods -A\n\nkubectl get nodes");
        let found = of(&[&text], &[past(), past()]);
        let patch = patch(&found, path).unwrap_or_else(|| panic!("{path}: {:?}", found.edits));
        let patched = applied(source, path, &patch);
        let again = read(&patched);
        let sources: Vec<_> = again.procedures[0].commands().map(|command| command.source.as_str()).collect();
        assert_eq!(sources.join("\n\n"), "kubectl get pods -A\n\nkubectl get nodes", "{patched}");
        let kept: Vec<_> = source.lines().filter(|line| !line.contains("kubectl")).collect();
        let left: Vec<_> = patched.lines().filter(|line| !line.contains("kubectl")).collect();
        assert_eq!(left.len(), kept.len() + 1, "one blank line more: {patched}");
        assert_eq!(source.contains("\r\n"), patched.contains("\r\n") && !patched.replace("\r\n", "").contains('\n'));
        assert_eq!(patched.ends_with('\n'), source.ends_with('\n'), "{patched}");
    }
}

/// The text after git has applied the patch to it.
fn applied(text: &str, path: &str, patch: &str) -> String {
    let folder = TempFolder::new();
    let file = folder.0.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    for arguments in [&["apply", "--check", "-"][..], &["apply", "-"]] {
        let mut git = Program::new("git");
        git.current_dir(&folder.0).args(arguments).stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut git = git.spawn().expect("git is installed");
        git.stdin.take().unwrap().write_all(patch.as_bytes()).ok();
        let done = git.wait_with_output().unwrap();
        assert!(done.status.success(), "git {arguments:?}: {}\n{patch}", String::from_utf8_lossy(&done.stderr));
    }
    std::fs::read_to_string(file).unwrap()
}

struct TempFolder(std::path::PathBuf);

impl TempFolder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("statistics-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever lines people leave, change and add: git applies the patch, and nothing but the commands has changed.
    #[test]
    fn git_applies_any_edit(
        margin in "( {0,3}|\t)",
        before in prop::collection::vec("kubectl get [a-c]{1,2}( \\\\\n  -n shop)?( +# note)?", 1..4),
        after in prop::collection::vec("(kubectl get [a-c]{1,2}|echo [a-z'\"<>]{0,6}|  --x|)", 1..5),
        end in "(\n|\r\n)",
    ) {
        let margin = if margin == "\t" { "   ".to_owned() } else { margin };
        let fenced: String = before.join("\n").lines().map(|line| format!("{margin}{line}\n")).collect();
        let source = format!("# Shop\n\n## Restart\n\n{margin}```bash\n{fenced}{margin}```\n\nThe end.\n").replace('\n', &end);
        let text = read(&source);
        let command = text.procedure(&ProcedureId::new("restart")).unwrap().commands().next().unwrap().clone();
        let past = || run(&text).edited(command.id.as_str(), &after.join("\n"));
        let found = of(&[&text], &[past(), past()]);
        if let Some(patch) = patch(&found, "shop.md") {
            let patched = applied(&source, "shop.md", &patch);
            let lines = command.source.split('\n').count();
            let all: Vec<_> = source.split(&end).collect();
            let now: Vec<_> = patched.split(&end).collect();
            let (above, below) = (command.line - 1, all.len() - (command.line - 1 + lines));
            prop_assert_eq!(&now[..above], &all[..above]);
            prop_assert_eq!(&now[now.len() - below..], &all[all.len() - below..]);
            let wanted: Vec<_> = found.edits[0].frequent.as_ref().unwrap().text.lines().map(str::to_owned).collect();
            let got = &now[above..now.len() - below];
            prop_assert_eq!(got.len(), wanted.len());
            for (line, wanted) in got.iter().zip(&wanted) {
                prop_assert!(line.trim_start().starts_with(wanted.trim()), "{line:?} {wanted:?}");
            }
        }
    }
}

/// Every command of the samples, and of `RUNBOOK_CORPUS` where it is set, with another line before it: what the patch
/// holds is in the file afterwards, and nothing else has changed.
#[test]
fn commands_of_real_runbooks_are_found_in_their_files() {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runbooks");
    let corpus = std::env::var_os("RUNBOOK_CORPUS").map(std::path::PathBuf::from);
    let folders = std::iter::once(samples).chain(corpus);
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let (mut all, mut placed) = (0, 0);
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        let source = std::fs::read_to_string(&file).unwrap();
        let text = read(&source);
        for procedure in &text.procedures {
            let mut past = run(&text);
            for command in procedure.commands() {
                past = past.edited(command.id.as_str(), &format!("true edited\n{}", command.source));
                all += 1;
            }
            let known: Texts = [(text.version.hash.clone(), procedure.clone())].into();
            let found = statistics(&text, procedure, &[past.clone(), past], &known);
            let Some(patch) = patch(&found, "file.md") else { continue };
            placed += found.proposed();
            let patched = applied(&source, "file.md", &patch);
            assert_eq!(patched.matches("true edited\n").count(), found.proposed(), "{}: {patch}", file.display());
            let left: Vec<_> = patched.lines().filter(|line| line.trim() != "true edited").collect();
            let other = left.iter().zip(source.lines()).find(|(left, source)| *left != source);
            assert_eq!((other, left.len()), (None, source.lines().count()), "{}", file.display());
        }
    }
    assert!(all > 30 && placed * 10 >= all * 9, "{placed} of {all}");
}
