//! Who may do what, through the front door.

use std::fmt::Write as _;

use runbook::CommandId;

use super::fakes::{bench, bench_with, person};
use crate::*;

/// The grid as `docs/permissions.md` shows it: a change of it is reviewed like code.
#[test]
fn the_grid_is_the_documented_one() {
    let mut grid = String::from("| | ");
    grid.push_str(&Role::ALL.map(Role::word).join(" | "));
    grid.push_str(" |\n|---|---|---|---|---|\n");
    for permission in Permission::ALL {
        let cells = Role::ALL.map(|role| if role.permits(permission) { "yes" } else { "–" }).join(" | ");
        writeln!(grid, "| {} | {cells} |", permission.phrase()).unwrap();
    }
    let documented = include_str!("../../../../docs/permissions.md");
    assert!(documented.contains(&grid), "docs/permissions.md must hold this grid:\n{grid}");
}

#[tokio::test]
async fn a_viewer_starts_presses_stops_marks_and_closes_nothing_and_each_try_is_in_the_trail() {
    let bench = bench();
    let run = bench.start("restart").await;
    let viewer = person(Role::Viewer);
    let operations = &bench.operations;
    let procedure = runbook::ProcedureId::new("restart");
    let environment = EnvironmentName("practice".to_owned());
    let before = bench.kinds().len();
    let refused = [
        operations
            .start_run(&viewer, &runbook::RunbookId::new("shop"), &procedure, &environment, Default::default())
            .await
            .map(drop),
        operations.press(&viewer, run, &runbook::CommandId::new("1"), Press::default()).await.map(drop),
        operations.stop(&viewer, ExecutionId::new()).await.map(drop),
        operations.mark(&viewer, run, "1", Mark::Done).await,
        operations.close_run(&viewer, run, RunState::Completed).await,
    ];
    for result in refused {
        assert!(matches!(result, Err(Error::Forbidden(_))), "{result:?}");
    }
    assert_eq!(bench.kinds()[before..], [EventKind::AccessRefused; 5]);
    assert!(bench.bash.requests.lock().unwrap().is_empty());
    assert!(matches!(
        operations.audit_page(&viewer, &AuditFilter::default()).await,
        Err(Error::Forbidden(Permission::ReadAudit))
    ));
    assert!(matches!(operations.output_after(&viewer, run, 0, 10).await, Err(Error::Forbidden(Permission::SeeOutput))));
}

#[tokio::test]
async fn whoever_may_look_sees_where_people_can_be_told() {
    let told = bench().operations.channels(&person(Role::Viewer)).unwrap();
    let view = |name: &str, kind, about: &str| ChannelView { name: name.to_owned(), kind, about: about.to_owned() };
    let chat = view("incidents", ChannelKind::Slack, "#incidents");
    assert_eq!(told, [chat, view("pager", ChannelKind::PagerDuty, "on call")]);
}

#[tokio::test]
async fn an_operator_may_not_run_an_edited_command_and_an_approver_may() {
    let bench = bench();
    let run = bench.start("restart").await;
    let press = || Press { edited: Some("kubectl get pods -n shop".to_owned()), ..Press::default() };
    let command = runbook::CommandId::new("1");
    let refused = bench.operations.press(&person(Role::Operator), run, &command, press()).await;
    assert!(matches!(refused, Err(Error::Forbidden(Permission::RunEdited))), "{refused:?}");
    bench.operations.press(&person(Role::Approver), run, &command, press()).await.unwrap();
    bench.settled(run).await;
    let events = bench.store.events.lock().unwrap();
    let intent = events.iter().find(|event| event.kind == EventKind::ExecutionIntent).unwrap();
    assert_eq!(intent.argv[0], "kubectl get pods -n shop");
    assert!(intent.original.as_deref().unwrap().contains("rollout restart"));
}

#[tokio::test]
async fn an_operator_may_adjust_what_the_text_names_but_not_go_further() {
    let bench = bench();
    let run = bench.start("scale").await;
    let command = runbook::CommandId::new("1");
    let with = async |replicas: &str, edited: Option<&str>| {
        let adjusted = [(0, replicas.to_owned()), (1, "shop".to_owned())].into();
        let press = Press { adjusted, edited: edited.map(str::to_owned), ..Press::default() };
        let result = bench.operations.press(&person(Role::Approver), run, &command, press).await;
        bench.settled(run).await;
        result
    };
    assert!(matches!(with("0", None).await, Err(Error::Invalid(why)) if why.contains("to destroy")));
    assert!(matches!(with("8; reboot", None).await, Err(Error::Invalid(why)) if why.contains("--replicas")));
    assert!(
        matches!(with("8", Some("kubectl get pods -n shop")).await, Err(Error::Invalid(why)) if why.contains("one of the two"))
    );
    // What removes something in the same text hides nothing.
    for (at, value, why) in [(0, "other", "something else"), (1, "0", "to destroy")] {
        let press = Press { adjusted: [(at, value.to_owned())].into(), ..Press::default() };
        let refused = bench.operations.press(&person(Role::Operator), run, &runbook::CommandId::new("2"), press).await;
        assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains(why)), "{value}: {refused:?}");
    }
    let adjusted = Press { adjusted: [(0, "8".to_owned())].into(), ..Press::default() };
    bench.operations.press(&person(Role::Operator), run, &command, adjusted).await.unwrap();
    bench.settled(run).await;
    with("5", None).await.unwrap();
    let events = bench.store.events.lock().unwrap();
    let intents: Vec<_> = events.iter().filter(|event| event.kind == EventKind::ExecutionIntent).collect();
    let told: Vec<_> = intents.iter().map(|event| (event.argv[0].as_str(), event.original.as_deref())).collect();
    let text = "kubectl scale deployment shop --replicas=5 -n shop";
    assert_eq!(told, [("kubectl scale deployment shop --replicas=8 -n shop", Some(text)), (text, None)]);
}

#[tokio::test]
async fn the_environments_policy_decides_on_each_action() {
    let bench = bench_with(Policy { change: Role::Approver, ..Policy::default() });
    *bench.bash.script.lock().unwrap() = super::fakes::Script::Calls(vec![
        vec!["kubectl", "get", "pods"],
        vec!["kubectl", "rollout", "restart", "deployment/shop"],
    ]);
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    let view = bench.settled(run).await;
    assert_eq!(view.steps[0].state, StepState::Failed);
    assert_eq!(bench.kubectl.performed.lock().unwrap().len(), 1, "only the read was performed");
    let events = bench.store.events.lock().unwrap();
    let denied = events.iter().find(|event| event.summary == "rollout restart").unwrap();
    assert_eq!(denied.decision.as_ref().unwrap().verdict, Verdict::Denied);
}

#[tokio::test]
async fn an_environment_says_how_far_a_verb_reaches() {
    let rule = EffectRule { tool: "kubectl".to_owned(), verb: "get*".to_owned(), effect: command::Effect::Destroy };
    let bench = bench_with(Policy { destroy: Role::Approver, effects: vec![rule], ..Policy::default() });
    let run = bench.start("restart").await;
    bench.press(run, "1").await.unwrap();
    bench.settled(run).await;
    assert!(bench.kubectl.performed.lock().unwrap().is_empty());
    let events = bench.store.events.lock().unwrap().clone();
    let denied = events.iter().find(|event| event.decision.as_ref().is_some_and(|one| one.verdict == Verdict::Denied));
    assert_eq!(denied.unwrap().effect, Some(command::Effect::Destroy));
    // Nor is what counts as more than looking asked for a card.
    let approver = person(Role::Approver);
    let (runbook, procedure) = (runbook::RunbookId::new("shop"), runbook::ProcedureId::new("nodes"));
    let environment = EnvironmentName("practice".to_owned());
    let cards = bench.operations.cards_of_procedure(&approver, &runbook, &procedure, &environment).await;
    let card = cards.unwrap().now().remove(0);
    assert!(matches!(&card.content, Content::Refused(why) if why.contains("counts as destroy here")), "{card:?}");
}

/// The page shows what a text says; a script in a file says nothing.
#[tokio::test]
async fn nothing_reaches_further_than_was_shown() {
    let bench = bench();
    let calls = vec![
        vec!["kubectl", "rollout", "restart", "deployment/shop", "-n", "shop"],
        vec!["kubectl", "delete", "deployment", "shop", "-n", "shop"],
    ];
    *bench.bash.script.lock().unwrap() = super::fakes::Script::Calls(calls);
    let performed = || bench.kubectl.performed.lock().unwrap().len();
    let press = async |procedure, confirmed| {
        let run = bench.start(procedure).await;
        let press = Press { confirmed, ..Press::default() };
        bench.operations.press(&person(Role::Operator), run, &CommandId::new("1"), press).await.unwrap();
        bench.settled(run).await;
    };
    press("nodes", None).await;
    assert!(bench.store.executions.lock().unwrap()[0].reached_too_far());
    assert_eq!(performed(), 0, "what was pressed as a look changes nothing");
    press("restart", None).await;
    assert_eq!(performed(), 1, "what was pressed as a change removes nothing");
    press("restart", Some(command::Effect::Destroy)).await;
    assert_eq!(performed(), 3, "whoever says that it may remove something lets it");
    assert!(!bench.store.executions.lock().unwrap()[2].reached_too_far());
    let events = bench.store.events.lock().unwrap();
    let refused = events.iter().filter(|event| event.kind == EventKind::ActionIntent);
    let refused: Vec<_> = refused.filter_map(|event| event.decision.as_ref()).map(|one| one.verdict).collect();
    let (allowed, refusal) = (Verdict::Allowed, Verdict::Refused);
    assert_eq!(refused, [refusal, refusal, allowed, refusal, allowed, allowed]);
}
