//! The post-mortem's page, its forms, and the document that others read.

use http::StatusCode;
use operations::{IncidentStore, Role, version};

use super::fakes::{assert_harmless, person};
use super::scene;

#[tokio::test]
async fn it_is_written_from_the_trail_until_somebody_keeps_it() {
    let scene = scene::long().await;
    let address = format!("/incidents/{}/post-mortem", scene.incident);
    let html = scene.portal.get(Role::Operator, &address).await.text;
    for words in ["Written from the audit trail", "Remove the broken pods", "name=\"text\"", "post-mortem.md"] {
        assert!(html.contains(words), "{words}");
    }
    assert!(!html.contains("/api/share_post_mortem") && !html.contains("from the trail again"), "nothing is kept yet");
    assert!(html.contains("class=\"table-scroll\" tabindex=\"0\""), "a wide table scrolls by keys: {html}");
    let viewer = scene.portal.get(Role::Viewer, &address).await.text;
    assert!(viewer.contains("Remove the broken pods"));
    for offered in ["/api/keep_post_mortem", "/api/share_post_mortem", "name=\"text\"", "no rollout history"] {
        assert!(!viewer.contains(offered), "{offered}");
    }

    let form = format!("incident={}&read=&text=%23+Mine%0D%0A%0D%0AThe+certificate.%0D%0A", scene.incident);
    let kept = scene.portal.post(Role::Operator, "/api/keep_post_mortem", &form).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER, "{}", kept.text);
    assert_eq!(kept.headers["location"], address);
    let html = scene.portal.get(Role::Operator, &address).await.text;
    let read = version("# Mine\n\nThe certificate.\n");
    assert!(html.contains("Kept as somebody wrote it") && html.contains(&format!("value=\"{read}\"")), "{html}");
    assert!(html.contains("<h1>Mine</h1>") && html.contains("/api/share_post_mortem"));

    let late = format!("incident={}&read=&text=Theirs+%3C%2Ftextarea%3E%3Cscript%3Ealert(1)", scene.incident);
    let conflict = scene.portal.post(Role::Operator, "/api/keep_post_mortem", &late).await;
    assert_eq!(conflict.status, StatusCode::CONFLICT);
    assert!(conflict.text.contains("Theirs &lt;/textarea&gt;"), "nobody loses what they wrote: {}", conflict.text);
    assert_harmless(&conflict.text);

    let again = format!("incident={}&read={read}&text=", scene.incident);
    let written = scene.portal.post(Role::Operator, "/api/keep_post_mortem", &again).await;
    assert_eq!(written.status, StatusCode::SEE_OTHER, "{}", written.text);
    assert!(scene.portal.get(Role::Operator, &address).await.text.contains("Written from the audit trail"));
}

#[tokio::test]
async fn a_link_is_shown_once_and_made_void() {
    let scene = scene::long().await;
    let form = format!("incident={}", scene.incident);
    let unread = scene.portal.post(Role::Operator, "/api/share_post_mortem", &form).await;
    assert_eq!(unread.status, StatusCode::CONFLICT, "{}", unread.text);
    scene.portal.post(Role::Operator, "/api/keep_post_mortem", &format!("{form}&read=&text=%23+Ours")).await;
    let made = scene.portal.post(Role::Operator, "/api/share_post_mortem", &form).await;
    assert_eq!(made.status, StatusCode::OK, "no redirect: it is shown here");
    let from = made.text.find("http://portal.example/shared/post-mortems/").expect("the whole address");
    let key: String = made.text[from..].chars().take_while(|c| *c != '<').collect();
    let key = key.rsplit('/').next().unwrap().to_owned();
    assert_eq!(key.len(), 43);
    assert!(made.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    let page = scene.portal.get(Role::Operator, &format!("/incidents/{}/post-mortem", scene.incident)).await.text;
    assert!(!page.contains(&key) && page.contains("/api/unshare_post_mortem"), "it is not shown again");
    let events = scene.portal.memory.events.lock().unwrap().clone();
    assert!(events.iter().all(|event| !format!("{event:?}").contains(&key)), "it is not in the trail");

    let found = scene.portal.operations.shared_post_mortem(&key).await.unwrap();
    let document = crate::shared_post_mortem(&found);
    assert!(document.contains("<h1>Ours</h1>") && document.contains("noindex"), "{document}");
    assert!(!document.contains("<script") && !document.contains("/incidents") && !document.contains("class=\"top\""));
    let stopped = scene.portal.post(Role::Operator, "/api/unshare_post_mortem", &form).await;
    assert_eq!(stopped.status, StatusCode::SEE_OTHER);
    assert!(scene.portal.operations.shared_post_mortem(&key).await.is_err());
}

#[tokio::test]
async fn viewers_change_nothing() {
    let scene = scene::long().await;
    for action in ["keep_post_mortem", "share_post_mortem", "unshare_post_mortem"] {
        let form = format!("incident={}&text=x", scene.incident);
        let refused = scene.portal.post(Role::Viewer, &format!("/api/{action}"), &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert!(scene.portal.memory.incidents.lock().unwrap()[0].post_mortem.is_none());
}

#[tokio::test]
async fn hostile_words_stay_words_for_everybody() {
    let scene = scene::hostile().await;
    let address = format!("/incidents/{}/post-mortem", scene.incident);
    for role in [Role::Viewer, Role::Operator] {
        assert_harmless(&scene.portal.get(role, &address).await.text);
    }
    let mut incident = scene.portal.memory.incident(scene.incident).await.unwrap().unwrap();
    incident.post_mortem = Some(
        "# Mine\n\n<script>alert(1)</script><img src=x onerror=alert(1)>\n\n[x](javascript:alert(1))\n".to_owned(),
    );
    scene.portal.memory.change_incident(&incident).await.unwrap();
    assert_harmless(&scene.portal.get(Role::Viewer, &address).await.text);
    let found = scene.portal.operations.post_mortem(&person(Role::Viewer), scene.incident).await.unwrap();
    let document = crate::shared_post_mortem(&found);
    assert_harmless(&document);
    assert!(!document.contains("javascript:") && !document.contains("<script"), "{document}");
}

#[tokio::test]
async fn the_longest_one_that_the_trail_writes_can_be_kept() {
    let scene = scene::going().await;
    for second in 0..4_000 {
        let word = format!("{second} {}", "word ".repeat(60));
        scene.keep(scene.event(2_000 + second, "Olga Berg", operations::EventKind::NoteWritten, &word, &[]));
    }
    let caller = person(Role::Operator);
    let written = scene.portal.operations.post_mortem(&caller, scene.incident).await.unwrap().text;
    assert!(written.len() < 56 * 1024, "room is left for people's own words: {} bytes", written.len());
    assert!(written.contains("more are left out here") && written.contains("Alert CheckoutLatency"));
    scene.portal.operations.keep_post_mortem(&caller, scene.incident, &written, "").await.unwrap();
}
