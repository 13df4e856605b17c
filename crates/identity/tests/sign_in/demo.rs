//! The demo provider, by the portal's own sign-in and by hand.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use identity::demo::{DEMO_PEOPLE, DemoError, DemoProvider};
use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::portal::{Portal, local};

const PORTAL: &str = "http://127.0.0.1:8080";

async fn start() -> DemoProvider {
    DemoProvider::start("127.0.0.1:8080".parse().unwrap(), &Url::parse(PORTAL).unwrap()).await.unwrap()
}

fn client() -> Client {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none()).no_proxy().build().unwrap()
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn post(url: &str, body: String, headers: &[(&str, &str)]) -> reqwest::Response {
    let mut request = client().post(url).header("content-type", "application/x-www-form-urlencoded").body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// The hidden fields of the page, as a browser would send them.
fn hidden_fields(page: &str) -> Vec<(String, String)> {
    page.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (
                name.to_owned(),
                rest.split_once('"')
                    .unwrap()
                    .0
                    .replace("&quot;", "\"")
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&amp;", "&"),
            )
        })
        .collect()
}

/// Chooses somebody on the page at `url` and returns where the provider sends the browser.
async fn choose(url: &str, person: &str) -> String {
    let page = client().get(url).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let page = page.text().await.unwrap();
    let mut fields = hidden_fields(&page);
    fields.push(("person".into(), person.into()));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let action = Url::parse(url).unwrap().join("/demo-idp/authorize").unwrap();
    let answer = post(action.as_str(), body, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(answer.status().as_u16(), 303);
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn everybody_signs_in_with_their_role_and_out_again() {
    let demo = start().await;
    let portal = Portal::new(demo.identity_config()).await;
    for person in DEMO_PEOPLE {
        let mut browser = portal.browser();
        let away = browser.get("/auth/sign-in?next=/runs/7").await;
        let back = choose(away.location(), person.subject).await;
        let landed = browser.get(&local(&portal, &back)).await;
        assert_eq!((landed.status, landed.location()), (StatusCode::SEE_OTHER, "/runs/7"), "{:?}", portal.log.lines());
        let page = browser.get("/runs/7").await.body;
        assert!(page.starts_with(&format!("{} {} {}", person.subject, person.name, person.role.word())), "{page}");

        let out = browser.post("/auth/sign-out").await;
        assert!(out.location().starts_with(&demo.issuer()), "{}", out.location());
        let last = client().get(out.location()).send().await.unwrap();
        assert_eq!(last.status().as_u16(), 303);
        let home = local(&portal, last.headers()["location"].to_str().unwrap());
        assert_eq!(browser.get(&home).await.status, StatusCode::OK);
        assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn choosing_nobody_is_told_to_the_portal() {
    let demo = start().await;
    let portal = Portal::new(demo.identity_config()).await;
    let mut browser = portal.browser();
    let away = browser.get("/auth/sign-in").await;
    let back = choose(away.location(), "somebody").await;
    let refused = browser.get(&local(&portal, &back)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("access_denied"), "{}", refused.body);
}

#[tokio::test]
async fn it_starts_for_this_machine_only() {
    let (home, away) = (Url::parse(PORTAL).unwrap(), Url::parse("https://portal.example").unwrap());
    for address in ["0.0.0.0:8080", "[::]:8080", "192.168.1.10:8080", "[2001:db8::1]:8080", "[::ffff:10.0.0.1]:80"] {
        let refused = DemoProvider::start(address.parse().unwrap(), &home).await;
        assert!(matches!(refused, Err(DemoError::NotLoopback(_))), "{address}");
    }
    let refused = DemoProvider::start("127.0.0.1:8080".parse().unwrap(), &away).await;
    assert!(matches!(refused, Err(DemoError::PublicNotLoopback(_))));
    for address in ["127.0.0.1:8080", "[::1]:8080", "127.9.9.9:1"] {
        let demo = DemoProvider::start(address.parse().unwrap(), &home).await.unwrap();
        assert!(demo.issuer().starts_with("http://127.0.0.1:"));
        assert_eq!(demo.identity_config().check(), Ok(()));
    }
}

/// A good authorization request, changed.
fn request(demo: &DemoProvider, change: &[(&str, &str)]) -> String {
    let mut query: BTreeMap<&str, &str> = BTreeMap::from([
        ("client_id", "runbook-portal-demo"),
        ("redirect_uri", "http://127.0.0.1:8080/auth/callback"),
        ("response_type", "code"),
        ("scope", "openid groups"),
        ("state", "st&te\"<"),
        ("nonce", "n0nce"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    query.extend(change.iter().copied());
    let query: Vec<_> = query.into_iter().collect();
    format!("{}/authorize?{}", demo.issuer(), form(&query))
}

#[tokio::test]
async fn it_knows_one_client_and_one_way_back() {
    let demo = start().await;
    for change in [
        ("client_id", "another"),
        ("client_id", ""),
        ("redirect_uri", "https://evil.example/auth/callback"),
        ("redirect_uri", "http://127.0.0.1:8080/auth/callback/"),
        ("redirect_uri", "http://127.0.0.1:8080/auth/callback?x=y"),
        ("redirect_uri", "http://127.0.0.1:8081/auth/callback"),
        ("redirect_uri", ""),
    ] {
        let answer = client().get(request(&demo, &[change])).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{change:?}: shown, not sent anywhere");
    }
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("scope", "profile"), "invalid_scope"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
    ] {
        let answer = client().get(request(&demo, &[change])).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 303, "{change:?}");
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        assert!(location.starts_with("http://127.0.0.1:8080/auth/callback?"), "{location}");
        assert!(location.contains(&format!("error={error}")), "{location}");
    }
}

#[tokio::test]
async fn its_page_is_plain_and_escaped() {
    let demo = start().await;
    let answer = client().get(request(&demo, &[("nonce", "<script>\"'")])).send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        policy.contains("default-src 'none'") && policy.contains("form-action 'self' http://127.0.0.1:8080"),
        "{policy}"
    );
    let page = answer.text().await.unwrap();
    assert!(page.contains("&lt;script&gt;&quot;&#39;") && !page.contains("<script"), "{page}");
    for person in DEMO_PEOPLE {
        assert!(page.contains(person.name), "{page}");
    }
    let style = client().get(format!("{}/style.css", demo.issuer())).send().await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");

    let elsewhere = client().get(request(&demo, &[])).header("host", "evil.example").send().await.unwrap();
    assert_eq!(elsewhere.status().as_u16(), 421, "a rebound name gets nothing");
    let url = request(&demo, &[]);
    let (action, query) = url.split_once('?').unwrap();
    let forged = post(action, format!("{query}&person=demo-anton"), &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(forged.status().as_u16(), 403);
}

/// The verifier of RFC 7636, appendix B, whose challenge `request` sends.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn exchange(demo: &DemoProvider, change: &[(&str, &str)]) -> (u16, Value) {
    let location = choose(&request(demo, &[]), "demo-otto").await;
    let answered: BTreeMap<String, String> = Url::parse(&location).unwrap().query_pairs().into_owned().collect();
    assert_eq!(answered["state"], "st&te\"<");
    assert_eq!(answered["iss"], demo.issuer());
    exchange_code(demo, &answered["code"], change).await
}

async fn exchange_code(demo: &DemoProvider, code: &str, change: &[(&str, &str)]) -> (u16, Value) {
    let config = demo.identity_config();
    let secret = config.client_secret.as_ref().unwrap().expose().to_owned();
    let mut fields: BTreeMap<&str, &str> = BTreeMap::from([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "http://127.0.0.1:8080/auth/callback"),
        ("code_verifier", VERIFIER),
        ("client_id", "runbook-portal-demo"),
        ("client_secret", &secret),
    ]);
    fields.extend(change.iter().copied());
    let fields: Vec<_> = fields.into_iter().collect();
    let answer = post(&format!("{}/token", demo.issuer()), form(&fields), &[]).await;
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_code_is_good_for_its_client_its_verifier_and_one_time() {
    let demo = start().await;
    let (status, tokens) = exchange(&demo, &[]).await;
    assert_eq!(status, 200, "{tokens}");
    for (change, expected, error) in [
        (("code_verifier", "A9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), 400, "invalid_grant"),
        (("code_verifier", ""), 400, "invalid_grant"),
        (("redirect_uri", "http://127.0.0.1:8080/"), 400, "invalid_grant"),
        (("code", "another"), 400, "invalid_grant"),
        (("grant_type", "password"), 400, "unsupported_grant_type"),
        (("client_secret", "wrong"), 401, "invalid_client"),
        (("client_secret", ""), 401, "invalid_client"),
        (("client_id", "another"), 401, "invalid_client"),
    ] {
        let (status, answer) = exchange(&demo, &[change]).await;
        assert_eq!((status, answer["error"].as_str()), (expected, Some(error)), "{change:?}");
    }

    let location = choose(&request(&demo, &[]), "demo-otto").await;
    let code = Url::parse(&location).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    assert_eq!(exchange_code(&demo, &code, &[("code_verifier", "wrong")]).await.0, 400);
    assert_eq!(exchange_code(&demo, &code, &[]).await.0, 400, "one attempt, right or wrong");

    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    for (authorization, expected) in [(bearer.as_str(), 200), ("Bearer wrong", 401), ("", 401)] {
        let info =
            client().get(format!("{}/userinfo", demo.issuer())).header("authorization", authorization).send().await;
        assert_eq!(info.unwrap().status().as_u16(), expected, "{authorization}");
    }
}

#[tokio::test]
async fn signing_out_leads_back_to_the_portal_only() {
    let demo = start().await;
    for wanted in ["https://evil.example/", "http://127.0.0.1:8080/", "//evil.example", ""] {
        let url = format!("{}/end-session?{}", demo.issuer(), form(&[("post_logout_redirect_uri", wanted)]));
        assert_eq!(client().get(url).send().await.unwrap().status().as_u16(), 400, "{wanted}");
    }
}

#[tokio::test]
async fn each_start_has_its_own_key_and_secret() {
    let (one, two) = (start().await, start().await);
    assert_ne!(one.identity_config().client_secret, two.identity_config().client_secret);
    let keys = |demo: &DemoProvider| client().get(format!("{}/jwks", demo.issuer())).send();
    let (one_keys, two_keys) =
        (keys(&one).await.unwrap().text().await.unwrap(), keys(&two).await.unwrap().text().await.unwrap());
    assert_ne!(one_keys, two_keys);
    let key: Value = serde_json::from_str(&one_keys).unwrap();
    assert_eq!(key["keys"][0]["kty"], "OKP");
    assert!(key["keys"][0].get("d").is_none(), "the private half stays inside");
    assert!(!format!("{one:?}").contains(one.identity_config().client_secret.unwrap().expose()));
}
