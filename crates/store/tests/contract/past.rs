//! Many runs with what became of them.

use operations::{Execution, ExecutionState, Mark, NewRun, PastRun, RunFilter, RunId, RunState, RunStore, StepMark};
use runbook::ProcedureId;

use crate::fixture::{Fixture, at, new_execution, new_run};

fn mark(run: RunId, mark: Mark) -> StepMark {
    StepMark { run, part: "2".to_owned(), mark, by: ("sub-2".to_owned(), "Vic Viewer".to_owned()), at: at(4) }
}

pub(crate) async fn runs_come_with_what_became_of_them(fixture: &Fixture) {
    let store = &fixture.store;
    let first = fixture.open_run().await;
    let other = store.create(NewRun { procedure: ProcedureId::new("other"), ..new_run() }).await.unwrap();
    let second = fixture.open_run().await;
    for run in [&first, &other, &second] {
        for command in ["1", "2"] {
            let execution = new_execution(run.id, command);
            assert!(store.begin(&execution).await.unwrap());
            let findings = command::expectation::judge(&["< 10".to_owned()], "37", 0, true);
            let (state, exit_code, ended_at) = (ExecutionState::Passed, Some(0), Some(at(3)));
            store.end(&Execution { state, exit_code, ended_at, findings, ..execution }).await.unwrap();
        }
        store.mark(&mark(run.id, Mark::Done)).await.unwrap();
        store.mark(&mark(run.id, Mark::Judged { met: false })).await.unwrap();
    }
    store.close(first.id, RunState::Completed, at(9)).await.unwrap();

    let filter = RunFilter {
        runbook: Some(first.runbook.clone()),
        procedure: Some(first.procedure.clone()),
        ..RunFilter::default()
    };
    let past = store.past(&filter).await.unwrap();
    assert_eq!(past.iter().map(|past| past.run.id).collect::<Vec<_>>(), [second.id, first.id]);
    for PastRun { run, executions, marks } in &past {
        assert_eq!(store.run(run.id).await.unwrap().as_ref(), Some(run));
        let whole = store.executions(run.id).await.unwrap();
        let brief: Vec<_> = whole.into_iter().map(|one| Execution { source: String::new(), ..one }).collect();
        assert_eq!(*executions, brief, "oldest first, without a text that nobody edited");
        assert_eq!(*marks, store.marks(run.id).await.unwrap());
    }
    let newest = store.past(&RunFilter { limit: 1, ..filter.clone() }).await.unwrap();
    assert_eq!(newest, past[..1]);
    let open = store.past(&RunFilter { open: true, ..filter }).await.unwrap();
    assert_eq!(open, past[..1]);
    let none = RunFilter { procedure: Some(ProcedureId::new("none")), ..RunFilter::default() };
    assert_eq!(store.past(&none).await.unwrap(), []);
    assert_eq!(store.past(&RunFilter::default()).await.unwrap().len(), 3);
}

pub(crate) async fn what_is_long_is_left_out(fixture: &Fixture) {
    let store = &fixture.store;
    let run = fixture.open_run().await;
    let note = Some("killed".to_owned());
    for (command, source) in [("1", "é".repeat(4096)), ("2", "é".repeat(4097))] {
        let execution = Execution { source, edited: true, note: note.clone(), ..new_execution(run.id, command) };
        assert!(store.begin(&execution).await.unwrap());
    }
    let words = "}\"{ \u{1f980}\0\n".repeat(1000);
    for one in [
        Mark::ByHand { result: words.clone() },
        Mark::Skipped { reason: words.clone() },
        Mark::Settled { passed: false, finding: words },
    ] {
        store.mark(&mark(run.id, one)).await.unwrap();
    }
    let past = store.past(&RunFilter::default()).await.unwrap();
    let [PastRun { executions, marks, .. }] = past.as_slice() else { panic!("one run") };
    let texts: Vec<_> =
        executions.iter().map(|one| (one.source.chars().count(), one.edited, one.note.clone())).collect();
    assert_eq!(texts, [(4096, true, None), (0, true, None)]);
    let marks: Vec<_> = marks.iter().map(|one| one.mark.clone()).collect();
    let none = String::new;
    assert_eq!(
        marks,
        [
            Mark::ByHand { result: none() },
            Mark::Skipped { reason: none() },
            Mark::Settled { passed: false, finding: none() }
        ]
    );
}

pub(crate) async fn a_run_is_read_whole_or_not_at_all(fixture: &Fixture) {
    let store = &fixture.store;
    let old = store.create(NewRun { started_at: at(0), ..new_run() }).await.unwrap();
    let young = store.create(NewRun { started_at: at(100), ..new_run() }).await.unwrap();
    for (run, command) in [(old.id, "1"), (young.id, "2")] {
        assert!(store.begin(&new_execution(run, command)).await.unwrap());
    }
    // More than are read at once: the oldest run has lost its first execution among them.
    let many = format!(
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 10000) \
         INSERT INTO execution (id, run, command, source, edited, started_by_subject, started_by_name, started_at, state, \
         ended_at, truncated) SELECT '00000000-0000-7000-8000-' || (100000000000 + number), '{}', '3', 'x', 0, 's', 'n', \
         {}, 'failed', {}, 0 FROM numbers",
        young.id,
        at(101).as_microsecond() + 1,
        at(102).as_microsecond(),
    );
    assert_eq!(fixture.raw(&many).await.unwrap(), 10_000);
    let past = store.past(&RunFilter::default()).await.unwrap();
    assert!(past.is_empty(), "neither run is read whole");
    let last = store.create(NewRun { started_at: at(200), ..new_run() }).await.unwrap();
    let past = store.past(&RunFilter::default()).await.unwrap();
    assert_eq!(past.iter().map(|past| past.run.id).collect::<Vec<_>>(), [last.id]);
}
