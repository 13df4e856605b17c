//! Runs, executions, marks.

use std::collections::BTreeMap;

use operations::{
    Execution, ExecutionId, ExecutionState, Mark, NewRun, RunFilter, RunId, RunState, RunStore, StepMark,
};
use runbook::{CommandId, ProcedureId, RunbookId, Version};

use crate::fixture::{Fixture, at, new_execution, new_run, variables};

pub(crate) async fn a_run_comes_back_as_it_was_made(fixture: &Fixture) {
    let new = new_run();
    let run = fixture.store.create(new.clone()).await.unwrap();
    assert_eq!(run.id, new.id);
    assert_eq!(run.runbook, new.runbook);
    assert_eq!(run.runbook_title, new.runbook_title);
    assert_eq!(run.version, new.version);
    assert_eq!((run.procedure.as_str(), run.procedure_title.as_str()), ("1-1-rolling-restart", "1.1 Rolling Restart"));
    assert_eq!((run.environment.clone(), run.started_by.clone()), (new.environment, new.started_by));
    assert_eq!((run.started_at, run.state, run.ended_at), (at(0), RunState::Open, None));
    assert_eq!(run.variables, BTreeMap::new());
    assert_eq!(fixture.store.run(run.id).await.unwrap(), Some(run));
    assert_eq!(fixture.store.run(RunId::new()).await.unwrap(), None);
}

pub(crate) async fn numbers_grow_and_texts_are_kept_once(fixture: &Fixture) {
    let first = fixture.open_run().await;
    let second = fixture.open_run().await;
    assert!(second.number > first.number);
    assert_eq!(fixture.number("SELECT count(*) FROM runbook_text").await, 1);
    let text = fixture.store.text(&first.version.hash).await.unwrap();
    assert_eq!(text.as_deref(), Some(b"# Payments\n\xff\0".as_slice()));
    assert_eq!(fixture.store.text("none").await.unwrap(), None);
    let twice = NewRun { id: first.id, ..new_run() };
    let error = fixture.store.create(twice).await.unwrap_err();
    assert_eq!(error.operation, "keep a new run");
    assert_eq!(fixture.number("SELECT count(*) FROM run").await, 2);
}

pub(crate) async fn runs_are_filtered_newest_first(fixture: &Fixture) {
    let mut ids = Vec::new();
    for (index, procedure) in ["restart", "restart", "rollback"].into_iter().enumerate() {
        let run = NewRun {
            procedure: ProcedureId::new(procedure),
            runbook: RunbookId::new(if index == 2 { "other" } else { "payments" }),
            started_by: (format!("sub-{index}"), "Somebody".to_owned()),
            ..new_run()
        };
        ids.push(fixture.store.create(run).await.unwrap().id);
    }
    fixture.store.close(ids[0], RunState::Completed, at(9)).await.unwrap();

    let found = async |filter: RunFilter| -> Vec<RunId> {
        fixture.store.runs(&filter).await.unwrap().into_iter().map(|run| run.id).collect()
    };
    assert_eq!(found(RunFilter::default()).await, [ids[2], ids[1], ids[0]]);
    assert_eq!(found(RunFilter { open: true, ..RunFilter::default() }).await, [ids[2], ids[1]]);
    let first = fixture.store.run(ids[1]).await.unwrap().unwrap().number;
    assert_eq!(found(RunFilter { before: Some(first), ..RunFilter::default() }).await, [ids[0]]);
    assert_eq!(found(RunFilter { limit: 1, ..RunFilter::default() }).await, [ids[2]]);
    let payments = RunFilter { runbook: Some(RunbookId::new("payments")), ..RunFilter::default() };
    assert_eq!(found(payments.clone()).await, [ids[1], ids[0]]);
    assert_eq!(found(RunFilter { open: true, ..payments.clone() }).await, [ids[1]]);
    let none = RunFilter { procedure: Some(ProcedureId::new("rollback")), ..payments };
    assert_eq!(found(none).await, []);
    let mine = RunFilter { started_by: Some("sub-1".to_owned()), ..RunFilter::default() };
    assert_eq!(found(mine).await, [ids[1]]);
}

pub(crate) async fn a_run_closes_once(fixture: &Fixture) {
    let run = fixture.open_run().await;
    assert!(fixture.store.close(run.id, RunState::Completed, at(5)).await.unwrap());
    assert!(!fixture.store.close(run.id, RunState::Abandoned, at(6)).await.unwrap());
    assert!(!fixture.store.close(RunId::new(), RunState::Abandoned, at(6)).await.unwrap());
    let run = fixture.store.run(run.id).await.unwrap().unwrap();
    assert_eq!((run.state, run.ended_at), (RunState::Completed, Some(at(5))));
}

pub(crate) async fn variables_are_carried(fixture: &Fixture) {
    let run = fixture.open_run().await;
    fixture.store.carry(run.id, &variables(&[("POD", "old"), ("GONE", "x")])).await.unwrap();
    let hostile = variables(&[("POD", "'; DROP TABLE run; --\0\n\u{1f980}"), ("EMPTY", "")]);
    fixture.store.carry(run.id, &hostile).await.unwrap();
    assert_eq!(fixture.store.run(run.id).await.unwrap().unwrap().variables, hostile);
    assert!(fixture.store.carry(RunId::new(), &hostile).await.is_err());
    assert_eq!(fixture.store.run(run.id).await.unwrap().unwrap().given, BTreeMap::new());
    fixture.store.give(run.id, &hostile).await.unwrap();
    fixture.store.carry(run.id, &BTreeMap::new()).await.unwrap();
    assert_eq!(fixture.store.run(run.id).await.unwrap().unwrap().given, hostile, "values and variables are kept apart");
    let known = NewRun { given: hostile.clone(), ..new_run() };
    assert_eq!(fixture.store.create(known).await.unwrap().given, hostile);
}

pub(crate) async fn an_execution_begins_and_ends(fixture: &Fixture) {
    let execution = fixture.running().await;
    let store = &fixture.store;
    assert_eq!(store.execution(execution.id).await.unwrap(), Some(execution.clone()));
    assert_eq!(store.running().await.unwrap(), std::slice::from_ref(&execution));

    let ended = Execution {
        state: ExecutionState::Failed,
        ended_at: Some(at(7)),
        exit_code: Some(-9),
        note: Some("killed\0by a signal".to_owned()),
        truncated: true,
        findings: command::expectation::judge(&["< 10".to_owned()], "37", 0, true),
        ..execution.clone()
    };
    store.end(&ended).await.unwrap();
    let kept = store.execution(execution.id).await.unwrap().unwrap();
    assert_eq!(kept, Execution { note: Some("killed\u{2400}by a signal".to_owned()), ..ended.clone() });

    // Only a running one changes.
    let late = Execution { state: ExecutionState::Passed, exit_code: Some(0), ..ended };
    store.end(&late).await.unwrap();
    assert_eq!(store.execution(execution.id).await.unwrap(), Some(kept.clone()));
    assert_eq!(store.running().await.unwrap(), []);

    // Once it has ended, the command can run again.
    let again = Execution { edited: true, undoes: Some(execution.id), ..new_execution(execution.run, "1") };
    assert!(store.begin(&again).await.unwrap());
    assert_eq!(store.executions(execution.run).await.unwrap(), [kept, again]);
    assert_eq!(store.executions(RunId::new()).await.unwrap(), []);
    assert_eq!(store.execution(ExecutionId::new()).await.unwrap(), None);
}

pub(crate) async fn many_presses_start_it_once(fixture: &Fixture) {
    let run = fixture.open_run().await;
    let presses = (0..32).map(|_| {
        let store = fixture.store.clone();
        tokio::spawn(async move { store.begin(&new_execution(run.id, "4b")).await.unwrap() })
    });
    let started = futures::future::join_all(presses).await.into_iter().filter(|began| *began.as_ref().unwrap()).count();
    assert_eq!(started, 1);
    assert_eq!(fixture.store.executions(run.id).await.unwrap().len(), 1);
    // Another command of the run, and the same of another run, are free.
    assert!(fixture.store.begin(&new_execution(run.id, "4a")).await.unwrap());
    assert!(fixture.store.begin(&new_execution(fixture.open_run().await.id, "4b")).await.unwrap());
    // An id is never taken twice, running or not.
    let taken = fixture.store.executions(run.id).await.unwrap()[0].id;
    let twice = Execution { id: taken, command: CommandId::new("9"), ..new_execution(run.id, "9") };
    assert!(fixture.store.begin(&twice).await.is_err());
}

pub(crate) async fn only_the_latest_thousand_are_read(fixture: &Fixture) {
    let run = fixture.open_run().await;
    let ended = |index: i32| Execution {
        state: ExecutionState::Failed,
        ended_at: Some(at(2)),
        exit_code: Some(index),
        ..new_execution(run.id, "1")
    };
    for index in 0..1003 {
        assert!(fixture.store.begin(&ended(index)).await.unwrap());
    }
    let found = fixture.store.executions(run.id).await.unwrap();
    assert_eq!(found.len(), 1000);
    assert_eq!(found[0].exit_code, Some(3));
    assert_eq!(found[999].exit_code, Some(1002));
}

pub(crate) async fn the_latest_of_a_command_is_never_forgotten(fixture: &Fixture) {
    let run = fixture.open_run().await;
    let began = async |command: &str, undoes: Option<ExecutionId>, state: ExecutionState| {
        let exit_code = (state == ExecutionState::Passed).then_some(0).or(Some(1));
        let one = Execution { state, ended_at: Some(at(2)), exit_code, undoes, ..new_execution(run.id, command) };
        assert!(fixture.store.begin(&one).await.unwrap());
        one.id
    };
    let (passed, failed) = (ExecutionState::Passed, ExecutionState::Failed);
    began("1", None, failed).await;
    let first = began("1", None, passed).await;
    let tried = began("1", Some(first), failed).await;
    let back = began("1", Some(first), passed).await;
    let other = began("2", None, passed).await;
    for _ in 0..1000 {
        began("3", None, failed).await;
    }
    let found = fixture.store.executions(run.id).await.unwrap();
    let ids: Vec<_> = found.iter().take(5).map(|one| one.id).collect();
    assert_eq!(ids[..4], [first, tried, back, other], "what is shown of 1 is that it was rolled back");
    assert_eq!(found.len(), 1004);
}

pub(crate) async fn however_many_notes_leave_the_marks_alone(fixture: &Fixture) {
    let run = fixture.open_run().await;
    let mark = |part: &str, mark: Mark| StepMark {
        run: run.id,
        part: part.to_owned(),
        mark,
        by: ("sub-2".to_owned(), "Vic Viewer".to_owned()),
        at: at(3),
    };
    let note = |text: String| mark("1", Mark::Noted { text, attachment: None });
    let claimed = || Mark::Claimed { by: ("sub-1".to_owned(), "Ada".to_owned()) };
    let skipped = |reason: &str| Mark::Skipped { reason: reason.to_owned() };
    let said = [mark("1", skipped("last")), mark("1", claimed()), mark("2a", Mark::Chosen), mark("2", Mark::Done)];
    for early in [mark("1", skipped("first")), mark("1", claimed())] {
        fixture.store.mark(&early).await.unwrap();
    }
    for one in &said {
        fixture.store.mark(one).await.unwrap();
    }
    for index in 0..1001 {
        fixture.store.mark(&note(index.to_string())).await.unwrap();
    }
    assert_eq!(fixture.store.marks(run.id).await.unwrap(), said);
    let notes = fixture.store.notes(run.id).await.unwrap();
    assert_eq!((notes.len(), &notes[499]), (StepMark::NOTES, &note("1000".to_owned())), "the newest, oldest first");

    // What was written when a note could be longer does not fill the memory.
    for _ in 0..40 {
        fixture.store.mark(&note("x".repeat(60 * 1024))).await.unwrap();
    }
    let notes = fixture.store.notes(run.id).await.unwrap();
    assert_eq!(notes.len(), 17);
    assert_eq!(fixture.store.notes(RunId::new()).await.unwrap(), []);
}

pub(crate) async fn marks_come_back_in_order(fixture: &Fixture) {
    let run = fixture.open_run().await;
    let marks = [
        Mark::Done,
        Mark::ByHand { result: "pod/a deleted\0\n".repeat(1000) },
        Mark::Skipped { reason: "not needed: \"quotes\" \\ ünïcode".to_owned() },
        Mark::Settled { passed: true, finding: "all pods are ready".to_owned() },
    ]
    .map(|mark| StepMark {
        run: run.id,
        part: "4b".to_owned(),
        mark,
        by: ("sub-2".to_owned(), "Vic Viewer".to_owned()),
        // The order is that of writing, not that of the clocks.
        at: at(3),
    });
    for mark in &marks {
        fixture.store.mark(mark).await.unwrap();
    }
    assert_eq!(fixture.store.marks(run.id).await.unwrap(), marks);
    assert_eq!(fixture.store.marks(RunId::new()).await.unwrap(), []);
    let lost = StepMark { run: RunId::new(), ..marks[0].clone() };
    assert_eq!(fixture.store.mark(&lost).await.unwrap_err().operation, "keep a mark");
}

pub(crate) async fn columns_are_tied(fixture: &Fixture) {
    let execution = fixture.running().await;
    let store = &fixture.store;
    let no_end = Execution { state: ExecutionState::Passed, ..execution.clone() };
    assert!(store.end(&no_end).await.is_err(), "an end without a time");
    let wrong = Execution { ended_at: Some(at(8)), exit_code: Some(1), ..no_end };
    assert!(store.end(&wrong).await.is_err(), "passed with exit code 1");
    assert!(store.begin(&new_execution(RunId::new(), "1")).await.is_err(), "an execution without a run");
    assert!(store.close(execution.run, RunState::Open, at(8)).await.is_err(), "open with an end");
    let version = Version { hash: "short".to_owned(), commit: None };
    assert!(store.create(NewRun { version, ..new_run() }).await.is_err(), "no SHA-256");
    assert!(fixture.raw("UPDATE execution SET state = 'gone'").await.is_err());
}

pub(crate) async fn procedures_are_pinned_by_each_person(fixture: &Fixture) {
    let (runbook, procedure) = (RunbookId::new("shop"), ProcedureId::new("restart"));
    let other = ProcedureId::new("scale");
    for _ in 0..2 {
        fixture.store.pin("sub-1", &runbook, &procedure, at(0)).await.unwrap();
    }
    fixture.store.pin("sub-1", &runbook, &other, at(1)).await.unwrap();
    fixture.store.pin("sub-2", &runbook, &other, at(1)).await.unwrap();
    let pins = fixture.store.pins("sub-1").await.unwrap();
    assert_eq!(pins, [(runbook.clone(), other.clone()), (runbook.clone(), procedure.clone())]);
    fixture.store.unpin("sub-1", &runbook, &other).await.unwrap();
    assert_eq!(fixture.store.pins("sub-1").await.unwrap(), [(runbook.clone(), procedure)]);
    assert_eq!(fixture.store.pins("sub-2").await.unwrap(), [(runbook, other)]);
}
