//! An incident's own page.

use http::StatusCode;
use jiff::Timestamp;
use operations::{FiredAlert, IncidentId, IncidentStore, NewIncident, Role};

use super::fakes::assert_harmless;
use super::scene::Scene;

async fn page(scene: &Scene) -> String {
    let answer = scene.portal.get(Role::Operator, &format!("/incidents/{}", scene.incident)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_harmless(&answer.text);
    answer.text
}

#[tokio::test]
async fn a_heading_comes_with_what_stands_below_it() {
    let scene = Scene::new("Zzz", 5, Vec::new()).await;
    let html = page(&scene).await;
    assert!(!html.contains("<h2>Alerts</h2>"), "nothing fired: {html}");
    assert!(html.contains("<h2>Procedures that fit</h2>") && html.contains("No procedure fits"), "{html}");

    let now = Timestamp::now();
    let alert = FiredAlert {
        incident: scene.incident,
        source: "alertmanager".to_owned(),
        fingerprint: "f".to_owned(),
        group_key: "g".to_owned(),
        name: "Zzz".to_owned(),
        labels: [("<b>job</b>".to_owned(), "<script>alert(1)</script>".to_owned())].into(),
        annotations: [].into(),
        started_at: now,
        cleared_at: Some(now),
    };
    scene.portal.memory.keep_alert(&alert).await.unwrap();
    let html = page(&scene).await;
    assert!(html.contains("<h2>Alerts</h2>") && html.contains("Every alert is over"), "{html}");

    scene.change(|incident| incident.resolved_at = Some(now)).await;
    let html = page(&scene).await;
    assert!(!html.contains("Procedures that fit"), "it is over: {html}");
    assert!(html.contains("<h2>Alerts</h2>") && !html.contains("Every alert is over"), "{html}");
}

#[tokio::test]
async fn a_flood_of_alerts_is_drawn_in_part_and_counted() {
    let scene = Scene::new("Zzz", 5, Vec::new()).await;
    let now = Timestamp::now();
    for index in 0..53 {
        let alert = FiredAlert {
            incident: scene.incident,
            source: "alertmanager".to_owned(),
            fingerprint: index.to_string(),
            group_key: "g".to_owned(),
            name: format!("Alert{index:02}"),
            labels: (0..13).map(|label| (format!("label{label:02}"), "x".to_owned())).collect(),
            annotations: [].into(),
            started_at: now,
            // The first two are over: they go behind all that fire.
            cleared_at: (index < 2).then_some(now),
        };
        scene.portal.memory.keep_alert(&alert).await.unwrap();
    }
    let html = page(&scene).await;
    assert_eq!(html.matches(r#"<li class="alert">"#).count(), 50);
    assert!(html.contains("and 3 more alerts") && html.contains("Alert02") && !html.contains("Alert00"), "{html}");
    assert!(html.contains("and one more label") && html.contains("label11=x") && !html.contains("label12=x"));
}

#[tokio::test]
async fn the_list_has_the_worst_first_and_goes_on_where_it_ends() {
    let scene = Scene::new("The first of all", 5, Vec::new()).await;
    for index in 0..201 {
        let new = NewIncident {
            id: IncidentId::new(),
            title: format!("Flood{index:03}"),
            severity: Some("warning".to_owned()),
            environment: None,
            affected: String::new(),
            terms: incident::Terms::default(),
            runbook: None,
            opened_by: ("a".to_owned(), "A".to_owned()),
            started_at: Timestamp::now(),
            worst_said: None,
        };
        scene.portal.memory.create_incident(new, &[]).await.unwrap();
    }
    let first = scene.portal.get(Role::Viewer, "/incidents").await.text;
    assert!(first.find("The first of all").unwrap() < first.find("Flood200").unwrap(), "it is P1");
    assert_eq!(first.matches("class=\"open-incident\"").count(), 200);
    let (_, link) = first.split_once("href=\"/incidents?before=").expect("Earlier");
    let place = link.split('"').next().unwrap();
    let next = scene.portal.get(Role::Viewer, &format!("/incidents?before={place}")).await.text;
    assert!(next.contains("Flood001") && next.contains("Flood000") && !next.contains("Flood002"), "{next}");
    assert!(next.contains(&format!("/incidents/events?before={place}")) && !next.contains("No incident is open"));
}
