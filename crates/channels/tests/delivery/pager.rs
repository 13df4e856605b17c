//! PagerDuty's Events API v2.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use channels::{PagerDuty, Patience};
use operations::{Channel, Letter, PagerAction, Secret};
use serde_json::{Value, json};

use crate::stub::{Stub, broken, nobody};
use crate::{ENOUGH, SHORT, failure, letter, verdict};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const ACCEPTED: &str = r#"{"status":"success","message":"Event processed","dedup_key":"0199-incident"}"#;

fn pager(port: u16, patience: Patience) -> PagerDuty {
    let endpoint = format!("http://127.0.0.1:{port}/v2/enqueue");
    PagerDuty::new("on-call", "PagerDuty", Secret::new(KEY), Some(&endpoint), patience).unwrap()
}

#[tokio::test]
async fn an_incident_is_one_alert_from_trigger_to_resolve() {
    let stub = Stub::says(202, ACCEPTED).await;
    let pager = pager(stub.port, ENOUGH);
    for action in [PagerAction::Trigger, PagerAction::Acknowledge, PagerAction::Resolve] {
        let letter = Letter { action, ..letter() };
        assert_eq!(pager.deliver(&letter).await.unwrap().as_deref(), Some("0199-incident"));
    }
    let events: Vec<Value> = stub.asked().into_iter().map(|(_, event)| event).collect();
    assert_eq!(
        events[0],
        json!({
            "routing_key": KEY,
            "event_action": "trigger",
            "dedup_key": "0199-incident",
            "payload": {
                "summary": "Checkout is slow",
                "source": "Runbook Portal",
                "severity": "critical",
                "custom_details": { "text": "Since 10:00.\nWe look into it." },
            },
            "client": "Runbook Portal",
            "client_url": "https://runbooks.example.com/incidents/1",
            "links": [{
                "href": "https://runbooks.example.com/incidents/1",
                "text": "The incident in the runbook portal",
            }],
        })
    );
    let end = |action| json!({ "routing_key": KEY, "event_action": action, "dedup_key": "0199-incident" });
    assert_eq!(events[1..], [end("acknowledge"), end("resolve")]);
}

#[tokio::test]
async fn what_is_longer_than_pagerduty_takes_is_cut() {
    let stub = Stub::says(202, "").await;
    let long =
        Letter { subject: "ä\n".repeat(3000), text: "x".repeat(1 << 20), incident_key: "i".repeat(256), ..letter() };
    let key = pager(stub.port, ENOUGH).deliver(&long).await.unwrap().unwrap();
    let event = &stub.asked()[0].1;
    assert_eq!(event["payload"]["summary"].as_str().unwrap().chars().count(), 1024);
    assert!(event.to_string().len() < 512_000);
    assert_eq!(event["dedup_key"], key);
    assert_eq!(key.len(), 64);
}

#[tokio::test]
async fn every_answer_is_judged_and_none_tells_the_key() {
    for (status, expected, next) in [
        (200, "refused", "endpoint"),
        (302, "refused", "endpoint"),
        (400, "refused", "integration's key"),
        (404, "refused", "endpoint"),
        (429, "failed", "after 7 s"),
        (500, "failed", "again in a minute"),
        (502, "failed", "again in a minute"),
    ] {
        let stub = Stub::start(move |_, body| {
            let event: Value = serde_json::from_str(body).unwrap();
            let told = format!("'routing_key' {} is invalid", event["routing_key"].as_str().unwrap());
            let text = json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [told] });
            let headers = [(header::RETRY_AFTER, "7"), (header::LOCATION, "http://127.0.0.1:1/")];
            (StatusCode::from_u16(status).unwrap(), headers, text.to_string()).into_response()
        })
        .await;
        let error = failure(&pager(stub.port, ENOUGH), &letter(), &[KEY]).await;
        assert_eq!(verdict(&error), expected, "{status}: {error}");
        assert!(error.to_string().contains(next), "{status}: {error}");
        assert!(error.to_string().contains("Event object is invalid; 'routing_key' ••• is invalid"), "{error}");
        assert_eq!(stub.asked().len(), 1);
    }
}

#[tokio::test]
async fn what_may_have_arrived_can_be_sent_again() {
    let lost = [
        (nobody().await, ENOUGH),
        (broken(Some("")).await, ENOUGH),
        (broken(Some("HTTP/1.1 202 Accepted\r\ncontent-length: 20\r\n\r\n{")).await, ENOUGH),
        (broken(None).await, SHORT),
    ];
    for (port, patience) in lost {
        let pager = pager(port, patience);
        assert!(pager.knows_letters_again());
        let error = failure(&pager, &letter(), &[KEY]).await;
        assert_eq!(verdict(&error), "failed", "{error}");
    }
}

#[test]
fn a_key_is_one_word_and_no_error_tells_it() {
    for (key, endpoint) in [("", None), ("two words", None), (KEY, Some("http://events.example.com/v2/enqueue"))] {
        let error = PagerDuty::new("on-call", "PagerDuty", Secret::new(key), endpoint, ENOUGH).unwrap_err();
        assert!(!error.to_string().contains(KEY) && !error.to_string().contains("two words"), "{error}");
    }
}
