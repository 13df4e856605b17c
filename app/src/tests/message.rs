//! The page on which people are told, and what its forms do.

use http::StatusCode;
use operations::{ChannelKind, DeliveryState, Incident, Role};

use super::fakes::assert_harmless;
use super::scene::{self, Chat, Scene};

async fn page(scene: &Scene, role: Role, query: &str) -> String {
    let answer = scene.portal.get(role, &format!("/incidents/{}/message{query}", scene.incident)).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}");
    assert_harmless(&answer.text);
    answer.text
}

/// What would be sent as it stands in the form.
fn written(html: &str) -> &str {
    let from = html.find("name=\"text\"").expect("a text");
    let area = &html[from..];
    &area[area.find('>').expect("an area") + 1..area.find("</textarea>").expect("its end")]
}

#[tokio::test]
async fn a_template_is_filled_with_what_is_known_and_asks_for_the_rest() {
    let scene = scene::going().await;
    let html = page(&scene, Role::Operator, "").await;
    for words in ["First it message", "All clear", "#platform-alerts", "Free text", "As it will leave"] {
        assert!(html.contains(words), "{words} in {html}");
    }
    assert!(html.contains("value=\"Checkout, for everybody\""), "the incident knows what is affected");
    assert!(html.contains("<option value=\"High\""), "a choice");
    assert!(html.contains("places are still open:") && html.contains("[describe impact]"));
    assert!(html.contains("Send with"));
    assert!(html.contains("value=\"45\""), "the runbook's promise");
    assert!(html.contains("<option value=\"stakeholders\" selected"), "a mail goes to the mail channel: {html}");

    let query = "?template=0&f0=Shop&f1=14%3A02&f2=many&f3=Low&f4=%3Cb%3Eit%3C%2Fb%3E%0D%0Alast";
    let html = page(&scene, Role::Operator, query).await;
    assert!(!html.contains("still open:") && html.contains(">Send</button>"), "{html}");
    assert!(html.contains("Since 14:02, many cannot pay.\nSeverity: Low\nImpact: &lt;b&gt;it"), "{html}");
    assert!(written(&html).starts_with("\nSince 14:02, many"), "{}", written(&html));
    assert!(html.contains("value=\"Trouble with Shop\""));

    let cleared = page(&scene, Role::Operator, "?template=0&f0=&f1=&f2=&f3=&f4=").await;
    assert!(cleared.contains("Send with 5 open"), "what is taken away is open");
    let secret = page(&scene, Role::Operator, "?template=0&f4=password%3Dhunter2hunter2").await;
    let preview = &secret[secret.find("As it will leave").unwrap()..secret.find("class=\"send-form\"").unwrap()];
    assert!(!preview.contains("hunter2hunter2"), "as it will leave: {preview}");
}

#[tokio::test]
async fn free_words_and_odd_addresses_are_answered() {
    let scene = scene::going().await;
    let free = page(&scene, Role::Operator, "?template=free").await;
    assert!(!free.contains("As it will leave") && written(&free).trim().is_empty());
    assert!(free.contains("message-words") && free.contains(" required"), "there is nothing else to send: {free}");
    for odd in ["?template=99", "?template=-1", "?template=x", "?f0=x&f0=y", "?template=2", "?template=1&f9=x"] {
        page(&scene, Role::Operator, odd).await;
    }
    let silent = scene::Scene::new("Nobody to tell", 5, Vec::new()).await;
    let html = page(&silent, Role::Operator, "").await;
    assert!(html.contains("No channel is configured") && !html.contains("/api/send_message"), "{html}");
    page(&scene::hostile().await, Role::Operator, "").await;
}

#[tokio::test]
async fn a_pager_is_offered_where_there_is_one() {
    let scene = scene::going().await;
    let html = page(&scene, Role::Operator, "").await;
    assert!(html.contains("name=\"action\"") && html.contains("<option value=\"acknowledge\" selected"), "{html}");
    let without = Scene::new("No pager", 5, vec![Chat::new("chat", ChannelKind::Slack, "#x")]).await;
    assert!(!page(&without, Role::Operator, "").await.contains("name=\"action\""));
}

#[tokio::test]
async fn what_was_sent_says_how_far_it_came() {
    let scene = scene::going().await;
    let html = page(&scene, Role::Operator, "").await;
    for words in ["delivered", "perhaps delivered", "not delivered", "being sent", "no such channel", "3 attempts"] {
        assert!(html.contains(words), "{words}");
    }
    assert_eq!(html.matches("action=\"/api/send_message_again\"").count(), 2, "where it failed or may have arrived");
    let viewer = page(&scene, Role::Viewer, "").await;
    assert!(viewer.contains("perhaps delivered") && viewer.contains("id=\"incident-messages\""));
    assert!(!viewer.contains("/api/send_message") && !viewer.contains("name=\"text\""));
}

#[tokio::test]
async fn a_message_is_sent_and_repeated_by_plain_forms() {
    let chat = Chat::new("incidents", ChannelKind::Slack, "#incidents");
    let scene = Scene::new("Down", 5, vec![chat.clone()]).await;
    let id = scene.incident;
    let form = format!("incident={id}&channel=incidents&title=First&subject=Hello&text=a%0D%0Ab&again=30");
    let sent = scene.portal.post(Role::Operator, "/api/send_message", &form).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{}", sent.text);
    assert_eq!(sent.headers["location"], format!("/incidents/{id}#incident-messages"));
    scene.portal.operations.shutdown().await;
    {
        let letters = chat.letters.lock().unwrap();
        assert_eq!((letters[0].subject.as_str(), letters[0].text.as_str()), ("Hello", "a\nb"));
    }
    let incidents: Vec<Incident> = scene.portal.memory.incidents.lock().unwrap().clone();
    assert_eq!(incidents[0].terms.update_every, Some(jiff::SignedDuration::from_mins(30)));

    let failed = scene.message(9, "Second", DeliveryState::Failed, None).await;
    let again = scene.portal.post(Role::Operator, "/api/send_message_again", &format!("message={failed}")).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "{}", again.text);
    for (address, form) in [
        ("/api/send_message", format!("incident={id}&channel=incidents&text=x")),
        ("/api/send_message_again", format!("message={failed}")),
    ] {
        let refused = scene.portal.post(Role::Viewer, address, &form).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{address}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_comes_back_with_its_words() {
    let scene = scene::going().await;
    let id = scene.incident;
    for wrong in [
        format!("incident={id}&channel=nowhere&subject=Hi&text=%3C%2Ftextarea%3E%3Cscript%3Ealert(1)"),
        format!("incident={id}&channel=incidents&text=mine&again=soon"),
        format!("incident={id}&channel=incidents&text=mine&action=explode"),
    ] {
        let refused = scene.portal.post(Role::Operator, "/api/send_message", &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.text.contains("What you wrote was not kept"), "{}", refused.text);
        assert_harmless(&refused.text);
    }
    let lost = scene.portal.post(Role::Operator, "/api/send_message", "incident=none&text=mine").await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert!(lost.text.contains("mine</textarea>"));
}
