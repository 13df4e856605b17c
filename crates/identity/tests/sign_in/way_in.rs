//! The way to the provider and back: binding to the browser, single use, where it ends.

use axum::http::{Method, StatusCode};
use identity::IdentityConfig;
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use url::{Url, form_urlencoded};

use crate::{
    crooked::{ACCESS_TOKEN, CLIENT_SECRET, Crooked, signed},
    portal::{Answer, BROWSER_ADDRESS, Browser, Portal},
};

pub(crate) async fn callback(browser: &mut Browser<'_>, state: &str) -> Answer {
    browser.get(&format!("/auth/callback?code=c0de&state={state}")).await
}

/// A whole sign-in that succeeds, and where it ended.
pub(crate) async fn come_in(browser: &mut Browser<'_>, provider: &Crooked, path: &str) -> String {
    let departed = browser.depart(path).await;
    provider.will_say(&signed(&provider.claims(&departed)));
    let answer = callback(browser, &departed["state"]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    answer.location().to_owned()
}

#[tokio::test]
async fn somebody_signs_in() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();

    let turned_away = browser.get("/runs/7").await;
    assert_eq!(turned_away.status, StatusCode::SEE_OTHER);
    let departed = browser.depart(turned_away.location()).await;
    assert_eq!(departed["response_type"], "code");
    assert_eq!(departed["client_id"], "portal");
    assert_eq!(departed["redirect_uri"], "http://127.0.0.1:8080/auth/callback");
    assert_eq!(departed["scope"], "openid profile email");
    assert_eq!(departed["code_challenge_method"], "S256");
    assert!(departed["state"].len() >= 43 && departed["nonce"].len() >= 43, "256 bits each");

    provider.will_say(&signed(&provider.claims(&departed)));
    let back = callback(&mut browser, &departed["state"]).await;
    assert_eq!((back.status, back.location()), (StatusCode::SEE_OTHER, "/runs/7"));
    assert_eq!(back.headers["cache-control"], "no-store");
    assert_eq!(back.headers["referrer-policy"], "no-referrer");

    let page = browser.get("/").await;
    assert_eq!(page.body, format!("u-17 Robin Reliable operator Some({BROWSER_ADDRESS})"));
    assert_eq!(portal.log.lines(), [format!("in Robin Reliable operator Some({BROWSER_ADDRESS})")]);

    let exchange = provider.script.lock().unwrap().token_requests[0].clone();
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(exchange["code_verifier"].clone()));
    assert_eq!(challenge.as_str(), departed["code_challenge"]);
    assert_eq!((exchange["grant_type"].as_str(), exchange["code"].as_str()), ("authorization_code", "c0de"));
    assert!(exchange["authorization"].starts_with("Basic "));

    let stored = portal.store.dump();
    for secret in [ACCESS_TOKEN, CLIENT_SECRET, "c0de", departed["nonce"].as_str(), exchange["code_verifier"].as_str()]
    {
        assert!(!stored.contains(secret), "the session keeps {secret}");
    }
}

#[tokio::test]
async fn a_wrong_state_is_refused() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    provider.will_say(&signed(&provider.claims(&departed)));
    let mut longer = departed["state"].clone();
    longer.push('x');
    for state in ["", "wrong", &departed["state"][1..], &longer, &departed["state"].to_lowercase(), &departed["nonce"]]
    {
        let answer = callback(&mut browser, state).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{state}");
        assert!(answer.body.contains("was not started in this browser"), "{}", answer.body);
    }
    for query in ["code=c0de", "", "error=access_denied", &format!("state={0}&state={0}&code=c0de", departed["state"])]
    {
        let answer = browser.get(&format!("/auth/callback?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    assert!(provider.script.lock().unwrap().token_requests.is_empty(), "no code was exchanged");
    assert!(portal.log.lines().is_empty(), "strangers cannot fill the trail");
    assert_eq!(
        callback(&mut browser, &departed["state"]).await.status,
        StatusCode::SEE_OTHER,
        "the right one still works"
    );
}

#[tokio::test]
async fn a_state_of_another_browser_is_refused() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let departed = portal.browser().depart("/auth/sign-in").await;
    provider.will_say(&signed(&provider.claims(&departed)));
    let (mut bare, mut other) = (portal.browser(), portal.browser());
    other.depart("/auth/sign-in").await;
    for browser in [&mut bare, &mut other] {
        assert_eq!(callback(browser, &departed["state"]).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
    }
    assert!(provider.script.lock().unwrap().token_requests.is_empty());
}

#[tokio::test]
async fn a_state_works_once() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    let before = browser.clone();
    provider.will_say(&signed(&provider.claims(&departed)));
    assert_eq!(callback(&mut browser, &departed["state"]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(callback(&mut browser, &departed["state"]).await.status, StatusCode::BAD_REQUEST, "same browser");
    assert_eq!(
        callback(&mut before.clone(), &departed["state"]).await.status,
        StatusCode::BAD_REQUEST,
        "with the old cookie"
    );
    assert_eq!(browser.get("/").await.status, StatusCode::OK, "the first sign-in holds");

    let mut second = portal.browser();
    let departed = second.depart("/auth/sign-in").await;
    provider.will_say("no token at all");
    assert_eq!(callback(&mut second, &departed["state"]).await.status, StatusCode::BAD_GATEWAY);
    provider.will_say(&signed(&provider.claims(&departed)));
    assert_eq!(callback(&mut second, &departed["state"]).await.status, StatusCode::BAD_REQUEST, "after a failure too");
}

#[tokio::test]
async fn two_tabs_sign_in_side_by_side() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let first = browser.depart("/auth/sign-in?next=/runs/7").await;
    let second = browser.depart("/auth/sign-in?next=/audit").await;
    for (departed, next) in [(first, "/runs/7"), (second, "/audit")] {
        provider.will_say(&signed(&provider.claims(&departed)));
        let answer = callback(&mut browser, &departed["state"]).await;
        assert_eq!(answer.location(), next);
    }
}

#[tokio::test]
async fn a_browser_keeps_few_sign_ins_and_not_for_long() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let oldest = browser.depart("/auth/sign-in").await;
    let mut latest = oldest.clone();
    for _ in 0..5 {
        latest = browser.depart("/auth/sign-in").await;
    }
    assert_eq!(portal.store.records.lock().unwrap().len(), 1, "one session holds them");
    assert_eq!(callback(&mut browser, &oldest["state"]).await.status, StatusCode::BAD_REQUEST);

    portal.store.change(|record| {
        let left = record.expiry_date - tower_sessions::cookie::time::OffsetDateTime::now_utc();
        assert!(left.whole_minutes() <= 10, "without a person it is kept for minutes only");
        for pending in record.data.get_mut("pending").unwrap().as_array_mut().unwrap() {
            pending["started"] = "2020-01-01T00:00:00Z".into();
        }
    });
    provider.will_say(&signed(&provider.claims(&latest)));
    assert_eq!(callback(&mut browser, &latest["state"]).await.status, StatusCode::BAD_REQUEST, "too late");
}

#[tokio::test]
async fn sign_in_ends_in_the_portal_and_nowhere_else() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    for (next, expected) in [
        ("/runs/7?step=2#output", "/runs/7?step=2#output"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a/..//evil.example", "/"),
        ("/\r\nSet-Cookie: a=b", "/"),
        ("/auth/sign-in", "/"),
        ("/auth/sign-out", "/"),
        ("", "/"),
    ] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
        let mut browser = portal.browser();
        let landed = come_in(&mut browser, &provider, &format!("/auth/sign-in?{query}")).await;
        assert_eq!(landed, expected, "{next:?}");
    }
    let twice = come_in(&mut portal.browser(), &provider, "/auth/sign-in?next=/a&next=//evil.example").await;
    assert_eq!(twice, "/");
}

#[tokio::test]
async fn what_the_provider_says_is_shown_as_text() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let state = browser.depart("/auth/sign-in").await["state"].clone();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("error", "access_denied")
        .append_pair("error_description", "<img src=x onerror=alert(1)>\u{202e}")
        .append_pair("state", &state)
        .finish();
    let answer = browser.get(&format!("/auth/callback?{query}")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("access_denied: &lt;img src=x onerror=alert(1)&gt;<"), "{}", answer.body);
    assert!(portal.log.lines()[0].contains("access_denied"), "{:?}", portal.log.lines());
    assert!(provider.script.lock().unwrap().token_requests.is_empty());
}

#[tokio::test]
async fn scripts_and_forms_without_a_person_get_401() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    for headers in [&[("accept", "text/event-stream")][..], &[("accept", "*/*")], &[]] {
        assert_eq!(browser.send(Method::GET, "/", headers).await.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    assert_eq!(browser.post("/").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.get("/open").await.body, "nobody");
    assert!(portal.store.records.lock().unwrap().is_empty(), "visits alone leave no session");
}

#[tokio::test]
async fn a_cross_site_form_is_refused_even_with_a_session() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    come_in(&mut browser, &provider, "/auth/sign-in").await;
    for path in ["/", "/auth/sign-out"] {
        for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")], &[]] {
            let answer = browser.send(Method::POST, path, headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
        }
    }
    assert_eq!(browser.send(Method::POST, "/", &[("origin", "http://127.0.0.1:8080")]).await.status, StatusCode::OK);
    assert_eq!(browser.get("/auth/sign-out").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(browser.get("/").await.status, StatusCode::OK, "still signed in");
}

#[tokio::test]
async fn the_portal_starts_before_its_provider() {
    let address = Crooked::free_address().await;
    let config: IdentityConfig = serde_json::from_value(serde_json::json!({
        "issuer": format!("http://{address}"), "client_id": "portal", "client_secret": CLIENT_SECRET,
        "public_url": "http://127.0.0.1:8080", "secure_cookies": false, "roles": {"sre": "operator"},
    }))
    .unwrap();
    let portal = Portal::new(config).await;
    let mut browser = portal.browser();
    let down = browser.get("/auth/sign-in?next=/runs/7").await;
    assert_eq!(down.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(down.body.contains("The identity provider does not answer"), "{}", down.body);
    assert_eq!(browser.get("/open").await.status, StatusCode::OK, "everything else answers");

    let provider = Crooked::on(tokio::net::TcpListener::bind(address).await.unwrap());
    assert_eq!(come_in(&mut browser, &provider, "/auth/sign-in?next=/runs/7").await, "/runs/7");

    let departed = portal.browser().depart("/auth/sign-in").await;
    assert_eq!(departed["client_id"], "portal");
    let discoveries = provider.script.lock().unwrap().requests.iter().filter(|name| **name == "discovery").count();
    assert_eq!(discoveries, 1, "discovered once");
}

#[tokio::test]
async fn a_provider_that_is_not_the_configured_one_is_not_used() {
    for (setting, value) in [
        ("issuer", "http://127.0.0.1:1/other"),
        ("token_endpoint", "http://evil.example/token"),
        ("userinfo_endpoint", "http://evil.example/userinfo"),
        ("authorization_endpoint", "http://evil.example/authorize"),
    ] {
        let provider = Crooked::start().await;
        provider.script.lock().unwrap().discovery[setting] = value.into();
        let portal = Portal::new(provider.config()).await;
        let answer = portal.browser().get("/auth/sign-in").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{setting}");
    }
}

#[tokio::test]
async fn the_policy_can_name_where_signing_out_ends() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    assert_eq!(portal.identity.provider_origin(), Url::parse(&provider.issuer).unwrap().origin().ascii_serialization());
}

#[tokio::test]
async fn another_name_of_this_machine_leads_to_the_public_one() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let public = "http://127.0.0.1:8080/auth/sign-in";
    for (host, query, expected) in [
        ("localhost:8080", "?next=/runs/7", Some(format!("{public}?next=%2Fruns%2F7"))),
        ("[::1]:8080", "?next=//evil.example", Some(public.to_owned())),
        ("127.0.0.1:8080", "", None),
        ("localhost:9000", "", None),
        ("evil.example:8080", "", None),
        ("localhost:8080@evil.example", "", None),
    ] {
        let headers = [("host", host), ("accept", "text/html")];
        let mut browser = portal.browser();
        let answer = browser.send(Method::GET, &format!("/auth/sign-in{query}"), &headers).await;
        match expected {
            Some(expected) => assert_eq!(answer.location(), expected),
            None => assert!(answer.location().starts_with(&provider.issuer), "{host}"),
        }
    }
}
