//! Slack, Mattermost and Teams.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use channels::{Dialect, Patience, Webhook};
use operations::{Channel, ChannelKind, Letter, Secret};

use crate::stub::{Stub, broken, nobody};
use crate::{ENOUGH, SHORT, failure, letter, verdict};

const PATH: &str = "/services/T0TEAMTEAM/B0HOOKHOOK/s3cr3t-t0k3n-0f-the-hook?sig=s1gn4tur3";
const SECRETS: [&str; 5] = ["/services", "T0TEAMTEAM", "B0HOOKHOOK", "s3cr3t", "s1gn4tur3"];

fn webhook(dialect: Dialect, port: u16, patience: Patience) -> Webhook {
    let url = Secret::new(format!("http://127.0.0.1:{port}{PATH}"));
    Webhook::new("incidents", "#incidents", dialect, &url, patience).unwrap()
}

#[tokio::test]
async fn each_chat_is_sent_what_it_reads() {
    let stub = Stub::says(200, "ok").await;
    for (dialect, kind) in [
        (Dialect::Slack, ChannelKind::Slack),
        (Dialect::Mattermost, ChannelKind::Slack),
        (Dialect::Teams, ChannelKind::Teams),
    ] {
        let channel = webhook(dialect, stub.port, ENOUGH);
        assert_eq!(channel.kind(), kind);
        assert_eq!(channel.deliver(&letter()).await.unwrap(), None);
    }
    let asked = stub.asked();
    assert!(asked.iter().all(|(address, _)| address == PATH));
    let text = "Since 10:00.\nWe look into it.\n\nhttps://runbooks.example.com/incidents/1";
    assert_eq!(asked[0].1["text"], text);
    assert_eq!(asked[0].1["unfurl_links"], false);
    assert_eq!(asked[1].1["text"], text);
    assert_eq!(asked[2].1["attachments"][0]["content"]["body"][1]["inlines"][0]["text"], "We look into it.");
}

#[tokio::test]
async fn workflows_answer_accepted() {
    let stub = Stub::says(202, "").await;
    webhook(Dialect::Teams, stub.port, ENOUGH).deliver(&letter()).await.unwrap();
}

#[tokio::test]
async fn hostile_text_arrives_as_text() {
    let stub = Stub::says(200, "ok").await;
    let hostile =
        Letter { text: "<!channel> \"}\u{0} <https://evil.example|ok> \u{202e}".to_owned(), address: None, ..letter() };
    webhook(Dialect::Slack, stub.port, ENOUGH).deliver(&hostile).await.unwrap();
    assert_eq!(stub.asked()[0].1["text"], "&lt;!channel&gt; \"} &lt;https://evil.example|ok&gt;");
}

#[tokio::test]
async fn every_answer_is_judged_and_none_tells_the_address() {
    for (status, expected, next) in [
        (400, "refused", "by hand"),
        (403, "refused", "administrator"),
        (404, "refused", "new one"),
        (410, "refused", "new one"),
        (413, "refused", "Shorten"),
        (408, "failed", "again"),
        (429, "failed", "after 30 s"),
        (500, "failed", "again in a minute"),
        (502, "unknown", "Look there"),
        (503, "failed", "again in a minute"),
        (504, "unknown", "Look there"),
    ] {
        // A server that tells back whatever it was told.
        let stub = Stub::start(move |address, body| {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(header::RETRY_AFTER, "30")], format!("invalid_payload\n at {address} {body}")).into_response()
        })
        .await;
        for dialect in [Dialect::Slack, Dialect::Mattermost, Dialect::Teams] {
            let error = failure(&webhook(dialect, stub.port, ENOUGH), &letter(), &SECRETS).await;
            assert_eq!(verdict(&error), expected, "{status}: {error}");
            assert!(error.to_string().contains(next), "{status}: {error}");
            assert!(error.to_string().contains("invalid_payload at"), "{status}: {error}");
        }
        assert_eq!(stub.asked().len(), 3, "sent once each");
    }
}

#[tokio::test]
async fn a_redirection_is_not_followed() {
    let elsewhere = Stub::says(200, "ok").await;
    let target = format!("http://127.0.0.1:{}/", elsewhere.port);
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let stub = Stub::start(move |_, _| {
            (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, target.clone())]).into_response()
        })
        .await;
        let error = failure(&webhook(Dialect::Slack, stub.port, ENOUGH), &letter(), &SECRETS).await;
        assert_eq!(verdict(&error), "refused", "{error}");
    }
    assert_eq!(elsewhere.asked(), []);
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_no_delivery() {
    let stub = Stub::says(200, "\n<!doctype html><title>Sign in</title>").await;
    let error = failure(&webhook(Dialect::Mattermost, stub.port, ENOUGH), &letter(), &SECRETS).await;
    assert_eq!(verdict(&error), "refused", "{error}");
}

#[tokio::test]
async fn endless_answers_are_not_read() {
    let stub = Stub::start(|address, _| {
        let endless = "x".repeat(4090) + address + &"y".repeat(10 << 20);
        (StatusCode::BAD_REQUEST, endless).into_response()
    })
    .await;
    let error = failure(&webhook(Dialect::Slack, stub.port, ENOUGH), &letter(), &SECRETS).await;
    assert_eq!(verdict(&error), "refused", "{error}");
}

#[tokio::test]
async fn without_a_connection_nothing_has_arrived() {
    let error = failure(&webhook(Dialect::Slack, nobody().await, ENOUGH), &letter(), &SECRETS).await;
    assert_eq!(verdict(&error), "failed", "{error}");
    assert!(error.to_string().contains("onnection refused"), "{error}");
}

#[tokio::test]
async fn without_an_answer_it_may_have_arrived() {
    let halves = [
        broken(Some("")).await,
        broken(Some("HTTP/1.1 2")).await,
        broken(Some("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")).await,
    ];
    for port in halves {
        let error = failure(&webhook(Dialect::Teams, port, ENOUGH), &letter(), &SECRETS).await;
        assert_eq!(verdict(&error), "unknown", "{error}");
    }
    let error = failure(&webhook(Dialect::Slack, broken(None).await, SHORT), &letter(), &SECRETS).await;
    assert_eq!(verdict(&error), "unknown", "{error}");
    assert!(error.to_string().contains("in time"), "{error}");
}

#[tokio::test]
async fn who_refused_half_way_has_refused() {
    let port = broken(Some("HTTP/1.1 404 Not Found\r\ncontent-length: 100\r\n\r\nno_ser")).await;
    let error = failure(&webhook(Dialect::Slack, port, ENOUGH), &letter(), &SECRETS).await;
    assert_eq!(verdict(&error), "refused", "{error}");
}
