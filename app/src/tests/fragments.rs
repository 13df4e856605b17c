//! What goes over the stream is what stands on the page.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use operations::{Asked, ExecutionState, OutputStore, Question, Role};

use super::fakes::{assert_harmless, person, portal};
use crate::fragments::{self, Looker, OutputPen, Sent};

#[tokio::test]
async fn every_fragment_has_its_place_on_the_page() {
    let portal = portal();
    let run = portal.start("recover").await;
    portal.execution(run, "2a", ExecutionState::Running, "x").await;
    let page = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    let caller = person(Role::Operator);
    let view = portal.operations.run_page(&caller, run).await.unwrap();
    let mut drawn = fragments::run(&view, &caller, None, Timestamp::now());
    drawn.push(fragments::people(&[
        Looker::at("Olga <i>Berg</i>", "step <b>"),
        Looker::at("Otto", ""),
        Looker::at("Otto", ""),
    ]));
    drawn.push(fragments::cards(&[], Timestamp::now()));
    for fragment in &drawn {
        assert!(page.contains(&format!("id=\"{}\"", fragment.id)), "{} is not on the page", fragment.id);
        let start = fragment.html.split('>').next().unwrap();
        assert!(start.contains(&format!("id=\"{}\"", fragment.id)), "{start}");
        assert_harmless(&fragment.html);
        let typed = ["<textarea", "type=\"text\"", "<select"];
        assert!(typed.iter().all(|field| !fragment.html.contains(field)), "a form is replaced: {}", fragment.html);
        let json: serde_json::Value = serde_json::from_str(&fragment.json()).unwrap();
        assert_eq!(json["html"], fragment.html);
    }
    let people = &drawn[drawn.len() - 2].html;
    assert_eq!(people.matches("<li>").count(), 2, "{people}");
}

#[tokio::test]
async fn only_news_is_sent_and_a_second_is_no_news() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "1", ExecutionState::Running, "x").await;
    let caller = person(Role::Operator);
    let view = portal.operations.run_page(&caller, run).await.unwrap();
    let mut sent = Sent::default();
    let now = Timestamp::now();
    assert!(!sent.fresh(fragments::run(&view, &caller, None, now)).is_empty());
    let later = now + SignedDuration::from_mins(3);
    assert_eq!(sent.fresh(fragments::run(&view, &caller, None, later)), []);
    portal.memory.executions.lock().unwrap()[0].state = ExecutionState::Passed;
    let view = portal.operations.run_page(&caller, run).await.unwrap();
    let news: Vec<_> =
        sent.fresh(fragments::run(&view, &caller, None, later)).into_iter().map(|news| news.id).collect();
    assert_eq!(news, ["run-status", "run-steps", "run-unfinished", "step-1-state", "command-1-state"]);
    portal.execution(run, "1", ExecutionState::Running, "x").await;
    let view = portal.operations.run_page(&caller, run).await.unwrap();
    let news = sent.fresh(fragments::run(&view, &caller, None, later));
    let seen = news.iter().find(|news| news.id == "seen-1").unwrap();
    let latest = portal.memory.executions.lock().unwrap().last().unwrap().id;
    assert!(seen.html.contains(&format!("value=\"{latest}\"")), "{}", seen.html);
}

#[tokio::test]
async fn an_edited_text_is_shown_to_those_who_see_output() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "1", ExecutionState::Passed, "x").await;
    {
        let mut executions = portal.memory.executions.lock().unwrap();
        (executions[0].edited, executions[0].source) = (true, "echo '</pre><script>alert(1)</script>'".to_owned());
    }
    let drawn = async |role| {
        let caller = person(role);
        let view = portal.operations.run_page(&caller, run).await.unwrap();
        let fragments = fragments::run(&view, &caller, None, Timestamp::now());
        fragments.into_iter().find(|fragment| fragment.id == "command-1-state").unwrap().html
    };
    let operator = drawn(Role::Operator).await;
    assert!(operator.contains("The edited text that ran") && operator.contains("echo '&lt;/pre&gt;"), "{operator}");
    assert_harmless(&operator);
    assert!(!drawn(Role::Viewer).await.contains("alert"));
}

#[tokio::test]
async fn the_running_step_is_the_current_one() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "3", ExecutionState::Running, "x").await;
    let caller = person(Role::Operator);
    let current = async || {
        let view = portal.operations.run_page(&caller, run).await.unwrap();
        let fragments = fragments::run(&view, &caller, None, Timestamp::now());
        let steps = fragments.into_iter().find(|fragment| fragment.id == "run-steps").unwrap().html;
        let link = steps.split("<a ").find(|link| link.contains("aria-current")).unwrap().to_owned();
        link.split("href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    assert_eq!(current().await, "#step-3");
    portal.memory.executions.lock().unwrap()[0].state = ExecutionState::Passed;
    assert_eq!(current().await, "#step-1", "without one, the first that is left");
}

#[tokio::test]
async fn closing_says_what_is_left_until_nothing_is() {
    let portal = portal();
    let run = portal.start("restart").await;
    for command in ["1", "2", "3"] {
        portal.execution(run, command, ExecutionState::Passed, "x").await;
    }
    let page = async || portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    let left = page().await;
    assert!(left.contains("data-unfinished") && left.contains("1 step is neither done nor skipped."), "{left}");
    portal.execution(run, "4", ExecutionState::Passed, "x").await;
    let done = page().await;
    assert!(!done.contains("data-unfinished") && done.contains("Every step is done or skipped."), "{done}");
}

#[tokio::test]
async fn output_is_drawn_in_order_and_names_its_cursor() {
    let portal = portal();
    let run = portal.start("restart").await;
    let lines = "<b>done</b>\n".repeat(600);
    let execution = portal.execution(run, "1", ExecutionState::Running, &lines).await;
    portal.execution(run, "1", ExecutionState::Running, "other\n").await;
    let chunks = portal.memory.chunks.lock().unwrap().clone();
    let outputs = OutputPen::new().write(&chunks);
    assert_eq!(
        outputs.iter().filter(|output| output.execution == execution).map(|output| output.lines).sum::<usize>(),
        600
    );
    assert_eq!(outputs.iter().filter_map(|output| output.sequence).collect::<Vec<_>>(), [1, 2]);
    for output in &outputs {
        assert_harmless(&output.html);
        let json: serde_json::Value = serde_json::from_str(&output.json()).unwrap();
        assert_eq!(json["lines"], output.lines);
    }
    assert_eq!(portal.memory.last(run).await.unwrap(), 2);
}

/// A manifest is the cluster's word, and what a question says may quote anything.
#[tokio::test]
async fn a_question_is_harmless_and_for_those_who_may_answer() {
    let portal = portal();
    let run = portal.start("restart").await;
    portal.execution(run, "1", ExecutionState::Running, "x").await;
    let mut view = portal.operations.run_page(&person(Role::Operator), run).await.unwrap();
    let hostile = "</textarea></pre><script>alert(1)</script>";
    let execution = view.steps[0].commands[0].execution.as_ref().unwrap().id;
    let ask = |text: Option<&str>, change: Option<(&str, &str)>| {
        let question = Question {
            title: format!("Edit {hostile}"),
            note: Some(hostile.to_owned()),
            text: text.map(str::to_owned),
            yes: "Go on",
            effect: ::command::Effect::Change,
            change: change.map(|(before, after)| (before.to_owned(), after.to_owned())),
        };
        Some(Arc::new(Asked { id: 7, run, execution, question }))
    };
    let mut html = |role, question| {
        view.steps[0].commands[0].question = question;
        let drawn = fragments::run(&view, &person(role), None, Timestamp::now());
        drawn.into_iter().find(|fragment| fragment.id == "question-1").unwrap().html
    };
    for (question, field) in
        [(ask(Some(hostile), None), "<textarea"), (ask(None, Some((hostile, "secret: 1"))), "class=\"added\"")]
    {
        let shown = html(Role::Operator, question.clone());
        assert_harmless(&shown);
        assert!(
            shown.contains(field) && shown.contains("data-key=\"7\"") && shown.contains("value=\"yes\""),
            "{shown}"
        );
        let seen = html(Role::Viewer, question);
        assert_harmless(&seen);
        assert!(!seen.contains("<form") && !seen.contains("secret: 1") && !seen.contains("<textarea"), "{seen}");
    }
    assert_eq!(html(Role::Operator, None), "<div id=\"question-1\" hidden></div>");
}
