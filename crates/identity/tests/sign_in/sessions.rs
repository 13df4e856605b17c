//! When a session begins, what it is worth, and when it ends.

use axum::http::{Method, StatusCode};
use tower_sessions::{SessionStore as _, cookie::time};

use crate::{
    crooked::{Crooked, signed},
    portal::{Browser, Portal},
    way_in::{callback, come_in},
};

#[tokio::test]
async fn signing_in_changes_the_session_id() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    let mut planted = browser.clone();
    let before = browser.session().cloned().unwrap();

    provider.will_say(&signed(&provider.claims(&departed)));
    callback(&mut browser, &departed["state"]).await;
    let after = browser.session().cloned().unwrap();
    assert_ne!(before, after);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    assert_eq!(planted.get("/").await.status, StatusCode::SEE_OTHER, "the id from before is worth nothing");

    come_in(&mut browser, &provider, "/auth/sign-in").await;
    assert_ne!(browser.session(), Some(&after), "signing in again changes it again");
    assert_eq!(portal.store.records.lock().unwrap().len(), 1, "and leaves nothing behind");
}

#[tokio::test]
async fn an_invented_session_id_is_not_adopted() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    for invented in ["AAAAAAAAAAAAAAAAAAAAAA", "", "x", "\"quoted\"", &"A".repeat(5000)] {
        let mut browser = portal.browser();
        browser.cookies.insert("runbook-portal".into(), invented.into());
        assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "{invented}");
        browser.depart("/auth/sign-in").await;
        assert_ne!(browser.session().map(String::as_str), Some(invented));
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_in_the_store() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    let mut thief = browser.clone();
    let record = portal.store.records.lock().unwrap().values().next().unwrap().clone();

    let answer = browser.post("/auth/sign-out").await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/auth/signed-out"));
    assert_eq!(browser.session(), None, "the browser forgot it: {:?}", answer.cookies());
    assert!(portal.store.records.lock().unwrap().is_empty(), "so did the portal");
    assert_eq!(thief.get("/").await.status, StatusCode::SEE_OTHER, "a copy of the cookie is worth nothing");
    assert_eq!(portal.log.lines()[1], "out Robin Reliable");

    portal.store.save(&record).await.unwrap();
    assert_eq!(
        thief.get("/").await.status,
        StatusCode::SEE_OTHER,
        "an older request that ends later brings nothing back"
    );

    let page = browser.get("/auth/signed-out").await;
    assert!(page.status == StatusCode::OK && page.body.contains("You are signed out"));
    assert_eq!(browser.post("/auth/sign-out").await.status, StatusCode::SEE_OTHER, "once more does no harm");
    assert_eq!(portal.log.lines().len(), 2);
}

#[tokio::test]
async fn an_idle_session_ends() {
    for by_store in [true, false] {
        let provider = Crooked::start().await;
        let portal = Portal::new(provider.config()).await;
        let mut browser = portal.browser();
        come_in(&mut browser, &provider, "/auth/sign-in").await;
        portal.store.change(|record| {
            let left = record.expiry_date - time::OffsetDateTime::now_utc();
            assert!(left > time::Duration::minutes(119) && left <= time::Duration::hours(2), "{left}");
            if by_store {
                record.expiry_date = time::OffsetDateTime::now_utc() - time::Duration::seconds(1);
            } else {
                record.data.get_mut("signed-in").unwrap()["seen"] = earlier(2 * 60).into();
            }
        });
        assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "by the store: {by_store}");
    }
}

#[tokio::test]
async fn a_session_in_use_lives_on_but_not_for_ever() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    let quick = browser.get("/").await;
    assert!(quick.cookies().is_empty(), "not written at every request");

    portal.store.change(|record| {
        record.data.get_mut("signed-in").unwrap()["seen"] = earlier(119).into();
        record.expiry_date = time::OffsetDateTime::now_utc() + time::Duration::minutes(1);
    });
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    portal.store.change(|record| {
        assert!(
            record.expiry_date > time::OffsetDateTime::now_utc() + time::Duration::minutes(119),
            "a request prolongs it"
        );
        record.data.get_mut("signed-in").unwrap()["since"] = earlier(12 * 60 - 1).into();
    });
    assert_eq!(browser.get("/").await.status, StatusCode::OK, "one minute left");
    portal.store.change(|record| {
        record.data.get_mut("signed-in").unwrap()["since"] = earlier(12 * 60).into();
    });
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "twelve hours are over");
    assert!(portal.store.records.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_open_page_alone_does_not_prolong_a_session() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    let seen = earlier(119);
    portal.store.change(|record| record.data.get_mut("signed-in").unwrap()["seen"] = seen.clone().into());
    let stream = browser.send(Method::GET, "/", &[("accept", "text/event-stream")]).await;
    assert_eq!(stream.status, StatusCode::OK);
    portal.store.change(|record| assert_eq!(record.data["signed-in"]["seen"], seen.as_str()));
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    portal.store.change(|record| assert_ne!(record.data["signed-in"]["seen"], seen.as_str()));
}

fn earlier(minutes: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes)).to_string()
}

#[tokio::test]
async fn a_session_of_another_version_is_no_session() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    portal.store.change(|record| *record.data.get_mut("signed-in").unwrap() = "old".into());
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn without_a_trail_nobody_signs_in() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    provider.will_say(&signed(&provider.claims(&departed)));
    *portal.log.broken.lock().unwrap() = true;
    let answer = callback(&mut browser, &departed["state"]).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("audit trail") && !answer.body.contains("disk full"), "{}", answer.body);
    *portal.log.broken.lock().unwrap() = false;
    assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn without_a_trail_signing_out_still_works() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    *portal.log.broken.lock().unwrap() = true;
    assert_eq!(browser.post("/auth/sign-out").await.status, StatusCode::SEE_OTHER);
    assert!(portal.store.records.lock().unwrap().is_empty());
}

/// Signs in with these groups, and tells how that ended.
async fn come_in_as(browser: &mut Browser<'_>, provider: &Crooked, groups: &[&str]) -> StatusCode {
    let departed = browser.depart("/auth/sign-in").await;
    let mut claims = provider.claims(&departed);
    claims["groups"] = groups.into();
    provider.will_say(&signed(&claims));
    callback(browser, &departed["state"]).await.status
}

#[tokio::test]
async fn another_role_ends_older_sessions_at_their_next_request() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let (mut older, mut twin) = (portal.browser(), portal.browser());
    for browser in [&mut older, &mut twin] {
        assert_eq!(come_in_as(browser, &provider, &["sre"]).await, StatusCode::SEE_OTHER);
    }
    assert_eq!(older.get("/").await.status, StatusCode::OK, "the same role again changes nothing");

    assert_eq!(come_in_as(&mut twin, &provider, &["readers"]).await, StatusCode::SEE_OTHER);
    assert_eq!(older.post("/").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(older.get("/").await.status, StatusCode::SEE_OTHER);
    assert_eq!(portal.store.records.lock().unwrap().len(), 1, "it is gone from the store");
    assert!(twin.get("/").await.body.contains("viewer"), "whoever signed in anew goes on");

    let mut third = portal.browser();
    assert_eq!(come_in_as(&mut third, &provider, &["strangers"]).await, StatusCode::FORBIDDEN);
    assert_eq!(twin.get("/").await.status, StatusCode::SEE_OTHER, "they have no role any more");
    assert!(portal.store.records.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_session_is_neither_believed_nor_ended_while_nobody_knows() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    *portal.log.forgetful.lock().unwrap() = true;
    let answer = browser.get("/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!answer.body.contains("disk full"), "{}", answer.body);
    *portal.log.forgetful.lock().unwrap() = false;
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_store_that_fails_lets_nobody_through() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    *portal.store.broken.lock().unwrap() = true;
    for answer in [browser.get("/").await, browser.get("/auth/sign-in").await, browser.post("/auth/sign-out").await] {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.body.contains("broken"), "{}", answer.body);
    }
}

#[tokio::test]
async fn the_cookie_is_out_of_reach() {
    let provider = Crooked::start().await;
    let mut config = provider.config();
    config.public_url = "https://portal.example".parse().unwrap();
    config.secure_cookies = true;
    let portal = Portal::new(config).await;
    let mut browser = portal.browser();
    let started = browser.get("/auth/sign-in").await;
    assert_eq!(started.cookies().len(), 1);
    for part in ["__Host-runbook-portal=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(started.cookies()[0].contains(part), "{part}: {:?}", started.cookies());
    }
    assert!(!started.cookies()[0].contains("Domain"));

    come_in(&mut browser, &provider, "/auth/sign-in").await;
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    browser.post("/auth/sign-out").await;
    assert_eq!(browser.session(), None, "browsers drop a __Host- cookie only if told with Secure");

    let plain = Portal::new(provider.config()).await;
    let started = plain.browser().get("/auth/sign-in").await;
    assert!(started.cookies()[0].starts_with("runbook-portal=") && !started.cookies()[0].contains("Secure"));
}
