//! How procedures went, through the front door.

use runbook::{CommandId, ProcedureId, RunbookId};

use super::fakes::{Bench, bench, person};
use crate::statistics::Proposal;
use crate::*;

const EDITED: &str = "kubectl get nodes -o wide";

/// A completed run in which the only command ran like this.
async fn completed(bench: &Bench, edited: Option<&str>) {
    let run = bench.start("nodes").await;
    let press = Press { edited: edited.map(str::to_owned), ..Press::default() };
    let approver = person(Role::Approver);
    bench.operations.press(&approver, run, &CommandId::new("1"), press).await.unwrap();
    bench.settled(run).await;
    bench.operations.close_run(&approver, run, RunState::Completed).await.unwrap();
}

#[tokio::test]
async fn what_two_runs_edited_is_a_patch() {
    let bench = bench();
    let (shop, nodes, operator) = (RunbookId::new("shop"), ProcedureId::new("nodes"), person(Role::Operator));
    let patch = async || bench.operations.edits_patch(&operator, &shop, &nodes).await;
    completed(&bench, Some(EDITED)).await;
    assert!(matches!(patch().await, Err(Error::NotFound(_))), "one run is no pattern");
    completed(&bench, None).await;
    completed(&bench, Some(EDITED)).await;
    bench.start("restart").await;

    let found = bench.operations.statistics_of(&operator, &shop, &nodes).await.unwrap();
    assert_eq!((found.runs.completed, found.runs.all(), found.runs.success()), (3, 3, Some(100)));
    assert_eq!((found.steps[0].seen, found.steps[0].ran, found.duration.unwrap().of), (3, 3, 3));
    let edit = &found.edits[0];
    assert_eq!((edit.edited, edit.ran), (2, 3));
    assert_eq!(edit.frequent.as_ref().map(|edit| edit.proposal), Some(Proposal::InPatch));
    let patch = patch().await.unwrap();
    assert!(patch.starts_with("--- a/shop.md\n+++ b/shop.md\n@@ -"), "{patch}");
    assert!(patch.contains(&format!("\n-kubectl get nodes\n+{EDITED}\n")), "{patch}");

    let whole = bench.operations.statistics(&operator, &shop).await.unwrap();
    let runs: Vec<_> = whole.procedures.iter().map(|one| (one.procedure.id.as_str(), one.runs.all())).collect();
    assert_eq!(runs.iter().filter(|(_, runs)| *runs > 0).copied().collect::<Vec<_>>(), [("restart", 1), ("nodes", 3)]);
    assert_eq!((runs.len(), whole.gone), (8, 0));
    // What the runbook no longer has is counted, too.
    bench.store.runs.lock().unwrap()[0].procedure = ProcedureId::new("gone");
    let whole = bench.operations.statistics(&operator, &shop).await.unwrap();
    let left = whole.procedures.iter().find(|one| one.procedure.id == nodes).unwrap();
    assert_eq!((whole.gone, left.runs.all()), (1, 2));
}

#[tokio::test]
async fn who_only_claimed_or_noted_a_step_has_not_done_it() {
    let bench = bench();
    let (shop, recover, operator) = (RunbookId::new("shop"), ProcedureId::new("recover"), person(Role::Operator));
    let run = bench.start("recover").await;
    let step = runbook::StepId::new("1");
    bench.operations.claim(&operator, run, &step).await.unwrap();
    bench.operations.note(&operator, run, Some(&step), "Nobody knows", None).await.unwrap();
    bench.press(run, "2a").await.unwrap();
    bench.settled(run).await;
    bench.operations.close_run(&operator, run, RunState::Completed).await.unwrap();
    let found = bench.operations.statistics_of(&operator, &shop, &recover).await.unwrap();
    let first = &found.steps[0];
    assert_eq!((first.seen, first.skipped, first.by_hand), (1, 1, 0));
}

#[tokio::test]
async fn what_people_did_is_for_those_who_read_the_trail() {
    let bench = bench();
    let (shop, nodes, viewer) = (RunbookId::new("shop"), ProcedureId::new("nodes"), person(Role::Viewer));
    let refused = [
        bench.operations.statistics_of(&viewer, &shop, &nodes).await.map(drop),
        bench.operations.statistics(&viewer, &shop).await.map(drop),
        bench.operations.edits_patch(&viewer, &shop, &nodes).await.map(drop),
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::Forbidden(Permission::ReadAudit))), "{result:?}");
    }
    let (operator, none) = (person(Role::Operator), ProcedureId::new("none"));
    assert!(matches!(bench.operations.statistics_of(&operator, &shop, &none).await, Err(Error::NotFound(_))));
    assert!(matches!(bench.operations.statistics(&operator, &RunbookId::new("none")).await, Err(Error::NotFound(_))));
}
