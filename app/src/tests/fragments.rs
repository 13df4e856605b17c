//! What goes over the stream is what stands on the page.

use jiff::{SignedDuration, Timestamp};
use operations::{ExecutionState, OutputStore, Role};

use super::fakes::{assert_harmless, person, portal};
use crate::fragments::{self, OutputPen, Sent};

#[tokio::test]
async fn every_fragment_has_its_place_on_the_page() {
    let portal = portal();
    let run = portal.start("recover").await;
    portal.execution(run, "2a", ExecutionState::Running, "x").await;
    let page = portal.get(Role::Operator, &format!("/runs/{run}")).await.text;
    let caller = person(Role::Operator);
    let view = portal.operations.view_run(&caller, run).await.unwrap();
    let mut drawn = fragments::run(&view, &caller, Timestamp::now());
    drawn.push(fragments::people(&["Olga <i>Berg</i>".to_owned(), "Otto".to_owned(), "Otto".to_owned()]));
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
    let view = portal.operations.view_run(&caller, run).await.unwrap();
    let mut sent = Sent::default();
    let now = Timestamp::now();
    assert!(!sent.fresh(fragments::run(&view, &caller, now)).is_empty());
    let later = now + SignedDuration::from_mins(3);
    assert_eq!(sent.fresh(fragments::run(&view, &caller, later)), []);
    portal.memory.executions.lock().unwrap()[0].state = ExecutionState::Passed;
    let view = portal.operations.view_run(&caller, run).await.unwrap();
    let news: Vec<_> = sent.fresh(fragments::run(&view, &caller, later)).into_iter().map(|news| news.id).collect();
    assert_eq!(news, ["run-status", "run-steps", "step-1-state", "command-1-state"]);
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
