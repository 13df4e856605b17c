//! The timeline's page.

use http::StatusCode;
use operations::{EventKind, Role};

use super::fakes::assert_harmless;
use super::scene;

#[tokio::test]
async fn every_entry_is_on_the_picture_and_in_the_list() {
    let scene = scene::long().await;
    let address = format!("/incidents/{}/timeline", scene.incident);
    let html = scene.portal.get(Role::Operator, &address).await.text;
    for words in [
        "Alert HighErrorRate fires",
        "Ran step 3: Roll back",
        "Handed command to Anna Appel",
        "It is stable since 14:20.",
        "3 min 10 s",
        "in which nothing was recorded",
        "error: no rollout history",
        "kubectl get pods — not ended",
    ] {
        assert!(html.contains(words), "{words} in {html}");
    }
    for turn in ["turn acknowledged", "turn mitigated", "turn resolved"] {
        assert!(html.contains(turn), "{turn}");
    }
    assert!(!html.contains("turn now"), "it is over");
    assert!(html.contains("role=\"img\"") && html.contains("The list below says the same in words."));
    assert!(html.contains("shape destroy") && html.contains("shape alert") && html.contains("class=\"silence\""));
    let events = scene.portal.memory.events.lock().unwrap().clone();
    for event in events.iter().filter(|event| !event.kind.is_outcome() && event.kind != EventKind::ActionIntent) {
        assert!(html.contains(&format!("id=\"entry-{}\"", event.id)), "{:?}", event.kind);
        assert!(html.contains(&format!("href=\"/history/{}\"", event.id)));
    }
    let run = scene.portal.memory.runs.lock().unwrap()[0].id;
    assert!(html.contains(&format!("href=\"/runs/{run}?at=3#step-3\"")));
}

#[tokio::test]
async fn whoever_may_not_read_the_trail_or_output_gets_neither() {
    let scene = scene::long().await;
    let address = format!("/incidents/{}/timeline", scene.incident);
    let answer = scene.portal.get(Role::Viewer, &address).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("Ran step 3: Roll back"));
    assert!(!answer.text.contains("href=\"/history"), "{}", answer.text);
    assert!(!answer.text.contains("no rollout history"));
}

#[tokio::test]
async fn hostile_words_stay_words() {
    let scene = scene::hostile().await;
    for role in [Role::Viewer, Role::Operator] {
        let answer = scene.portal.get(role, &format!("/incidents/{}/timeline", scene.incident)).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_harmless(&answer.text);
        assert!(answer.text.contains("</html>"));
    }
}

#[tokio::test]
async fn a_long_one_is_listed_in_pages_and_begins_with_the_newest() {
    let scene = scene::going().await;
    for second in 0..900 {
        let word = format!("word {second:03}");
        scene.keep(scene.event(2_000 + second, "Olga Berg", EventKind::NoteWritten, &word, &[]));
    }
    let address = format!("/incidents/{}/timeline", scene.incident);
    let newest = scene.portal.get(Role::Operator, &address).await.text;
    assert!(newest.contains("Note: word 899") && newest.contains("?page=2#list") && !newest.contains("?page=4"));
    let first = scene.portal.get(Role::Operator, &format!("{address}?page=1")).await.text;
    assert!(first.contains("Alert CheckoutLatency fires") && first.contains("entries 1 to 400 of 9"), "{first}");
    assert!(!first.contains("Note: word 899</span>") && !first.contains("?page=0"));
    for odd in ["?page=0", "?page=99", "?page=x"] {
        assert_eq!(scene.portal.get(Role::Operator, &format!("{address}{odd}")).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn pages_of_no_incident_are_404() {
    let scene = scene::going().await;
    for page in ["timeline", "message", "post-mortem"] {
        for id in ["none", "0199f0c0-0000-7000-8000-000000000000"] {
            let answer = scene.portal.get(Role::Admin, &format!("/incidents/{id}/{page}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page} of {id}");
        }
    }
}
