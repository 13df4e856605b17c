//! What the provider says is verified before it counts.

use axum::http::StatusCode;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{PrivateSigningKey, core::CoreJwsSigningAlgorithm};
use serde_json::{Value, json};

use crate::{
    crooked::{ACCESS_TOKEN, Crooked, jws, key, signed, signed_with_secret, unsigned},
    portal::{Answer, Portal},
    way_in::callback,
};

/// Signs in with the token that `mint` makes of good claims.
async fn with_token(mint: impl FnOnce(Value) -> String) -> (Answer, Vec<String>) {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    provider.will_say(&mint(provider.claims(&departed)));
    let answer = callback(&mut browser, &departed["state"]).await;
    if answer.status != StatusCode::SEE_OTHER {
        assert_eq!(browser.get("/").await.status, StatusCode::SEE_OTHER, "a refused sign-in leaves nobody signed in");
        assert!(portal.store.records.lock().unwrap().is_empty(), "and no session");
        for secret in [ACCESS_TOKEN, "c0de", departed["nonce"].as_str()] {
            assert!(!answer.body.contains(secret) && !portal.log.lines().concat().contains(secret), "{secret} shows");
        }
    }
    (answer, portal.log.lines())
}

/// The same with changed claims.
async fn with_claims(change: impl FnOnce(&mut Value)) -> (Answer, Vec<String>) {
    with_token(|mut claims| {
        change(&mut claims);
        signed(&claims)
    })
    .await
}

async fn refused(why: &str, change: impl FnOnce(&mut Value)) {
    let (answer, log) = with_claims(change).await;
    assert!(answer.status.is_client_error() || answer.status.is_server_error(), "{why}: {}", answer.status);
    assert_eq!(log.len(), 1);
    assert!(log[0].starts_with("refused") && log[0].to_lowercase().contains(why), "{why}: {log:?}");
}

#[tokio::test]
async fn wrong_claims_are_refused() {
    let now = jiff::Timestamp::now().as_second();
    refused("nonce", |claims| claims["nonce"] = json!("another")).await;
    refused("nonce", |claims| {
        drop(claims.as_object_mut().unwrap().remove("nonce"));
    })
    .await;
    refused("expired", |claims| claims["exp"] = json!(now - 1)).await;
    refused("future", |claims| claims["iat"] = json!(now + 3600)).await;
    refused("audience", |claims| claims["aud"] = json!("another-client")).await;
    refused("audience", |claims| {
        claims["aud"] = json!(["portal", "another-client"]);
    })
    .await;
    refused("audience", |claims| claims["aud"] = json!([])).await;
    refused("another client", |claims| {
        claims["azp"] = json!("another-client");
    })
    .await;
    refused("issuer", |claims| {
        claims["iss"] = json!("https://evil.example");
    })
    .await;
    refused("access token", |claims| {
        claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA");
    })
    .await;
    refused("subject", |claims| claims["sub"] = json!("")).await;
    refused("subject", |claims| claims["sub"] = json!("x".repeat(256))).await;
    refused("subject", |claims| claims["sub"] = json!("u-17\n")).await;
    for ours in ["token:ci", "Token:ci:1a2b3c4d", "alerts:alertmanager", "portal", "unknown"] {
        refused("subject", |claims| claims["sub"] = json!(ours)).await;
    }
    for claim in ["iss", "sub", "exp", "iat"] {
        let (answer, _) = with_claims(|claims| drop(claims.as_object_mut().unwrap().remove(claim))).await;
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "without {claim}");
    }
}

#[tokio::test]
async fn good_variants_are_accepted() {
    for change in [
        (|claims: &mut Value| claims["aud"] = json!(["portal"])) as fn(&mut Value),
        |claims| claims["azp"] = json!("portal"),
        |claims| claims["name"] = json!(null),
        |claims| claims["groups"] = json!("sre"),
    ] {
        let (answer, log) = with_claims(change).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{log:?}");
    }
}

#[tokio::test]
async fn forged_signatures_are_refused() {
    let flip = |token: String, part: usize| {
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
        bytes[10] ^= 1;
        parts[part] = URL_SAFE_NO_PAD.encode(bytes);
        parts.join(".")
    };
    let header = json!({"alg": "EdDSA", "kid": "first"});
    let swap_claims = move |claims: Value| {
        let mut better = claims.clone();
        better["groups"] = json!(["leads"]);
        let signature = signed(&claims).rsplit('.').next().unwrap().to_owned();
        format!("{}.{signature}", unsigned(&header, &better))
    };
    type Forge = Box<dyn FnOnce(Value) -> String>;
    let cases: Vec<(&str, Forge)> = vec![
        ("tampered signature", Box::new(move |claims| flip(signed(&claims), 2))),
        ("tampered claims", Box::new(swap_claims)),
        (
            "another key under the known name",
            Box::new(|claims| {
                jws(
                    &key(9, "first"),
                    &CoreJwsSigningAlgorithm::EdDsa,
                    &json!({"alg": "EdDSA", "kid": "first"}),
                    &claims,
                )
            }),
        ),
        (
            "a key nobody published",
            Box::new(|claims| {
                jws(
                    &key(9, "ninth"),
                    &CoreJwsSigningAlgorithm::EdDsa,
                    &json!({"alg": "EdDSA", "kid": "ninth"}),
                    &claims,
                )
            }),
        ),
        ("alg none", Box::new(|claims| format!("{}.", unsigned(&json!({"alg": "none"}), &claims)))),
        ("alg None", Box::new(|claims| format!("{}.", unsigned(&json!({"alg": "None"}), &claims)))),
        (
            "alg none with a key",
            Box::new(|claims| format!("{}.", unsigned(&json!({"alg": "none", "kid": "first"}), &claims))),
        ),
        (
            "no signature",
            Box::new(|claims| format!("{}.", unsigned(&json!({"alg": "EdDSA", "kid": "first"}), &claims))),
        ),
        ("the client secret as key", Box::new(|claims| signed_with_secret(&claims))),
        (
            "the wrong algorithm for the key",
            Box::new(|claims| {
                jws(
                    &key(1, "first"),
                    &CoreJwsSigningAlgorithm::EdDsa,
                    &json!({"alg": "RS256", "kid": "first"}),
                    &claims,
                )
            }),
        ),
        (
            "a critical header",
            Box::new(|claims| {
                let header = json!({"alg": "EdDSA", "kid": "first", "crit": ["exp"]});
                jws(&key(1, "first"), &CoreJwsSigningAlgorithm::EdDsa, &header, &claims)
            }),
        ),
        (
            "a key of its own in the header",
            Box::new(|claims| {
                let own = PrivateSigningKey::as_verification_key(&key(9, "ninth"));
                jws(&key(9, "ninth"), &CoreJwsSigningAlgorithm::EdDsa, &json!({"alg": "EdDSA", "jwk": own}), &claims)
            }),
        ),
        ("no JWT", Box::new(|_| "a.b.c".into())),
        ("empty", Box::new(|_| String::new())),
    ];
    for (name, mint) in cases {
        let (answer, log) = with_token(mint).await;
        assert!(
            matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::BAD_GATEWAY),
            "{name}: {} {log:?}",
            answer.status
        );
        assert!(log.len() == 1 && log[0].starts_with("refused"), "{name}: {log:?}");
    }
}

#[tokio::test]
async fn a_new_key_of_the_provider_is_fetched() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let second = key(2, "second");
    provider.script.lock().unwrap().keys = vec![PrivateSigningKey::as_verification_key(&second)];
    for _ in 0..2 {
        let mut browser = portal.browser();
        let departed = browser.depart("/auth/sign-in").await;
        let header = json!({"alg": "EdDSA", "kid": "second"});
        provider.will_say(&jws(&second, &CoreJwsSigningAlgorithm::EdDsa, &header, &provider.claims(&departed)));
        assert_eq!(callback(&mut browser, &departed["state"]).await.status, StatusCode::SEE_OTHER);
    }
    let fetched = provider.script.lock().unwrap().requests.iter().filter(|name| **name == "keys").count();
    assert_eq!(fetched, 2, "at discovery, and once for the new key");

    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    provider.will_say(&signed(&provider.claims(&departed)));
    assert_eq!(callback(&mut browser, &departed["state"]).await.status, StatusCode::FORBIDDEN, "the old key is gone");
}

#[tokio::test]
async fn groups_decide_the_role() {
    for (groups, role) in [
        (json!(["readers"]), Some("viewer")),
        (json!(["readers", "sre"]), Some("operator")),
        (json!(["leads", "readers", "unknown"]), Some("approver")),
        (json!(["unknown"]), None),
        (json!([]), None),
        (json!(["SRE"]), None),
    ] {
        let (answer, log) = with_claims(|claims| claims["groups"] = groups.clone()).await;
        match role {
            Some(role) => assert!(log[0].starts_with(&format!("in Robin Reliable {role}")), "{groups}: {log:?}"),
            None => {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{groups}");
                assert!(answer.body.contains("none of your groups has a role"), "{}", answer.body);
                assert_eq!((log[0].as_str(), log.len()), ("no role u-17 Robin Reliable", 2), "what acts for them ends");
                assert!(log[1].starts_with("refused") && log[1].contains("Robin Reliable"), "{log:?}");
            }
        }
    }
}

/// Signs in with an ID token without groups, and this userinfo.
async fn with_user_info(status: StatusCode, info: Value) -> (Answer, Vec<String>) {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    let mut claims = provider.claims(&departed);
    for claim in ["groups", "name", "email"] {
        claims.as_object_mut().unwrap().remove(claim);
    }
    provider.will_say(&signed(&claims));
    provider.script.lock().unwrap().user_info = (status, info);
    (callback(&mut browser, &departed["state"]).await, portal.log.lines())
}

#[tokio::test]
async fn groups_may_come_from_userinfo() {
    let (answer, log) =
        with_user_info(StatusCode::OK, json!({"sub": "u-17", "name": "Robin", "groups": ["leads"]})).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(log[0].starts_with("in Robin approver"), "{log:?}");

    for (status, info) in [
        (StatusCode::OK, json!({"sub": "somebody-else", "groups": ["leads"]})),
        (StatusCode::OK, json!({"groups": ["leads"]})),
        (StatusCode::OK, json!({"sub": "u-17"})),
        (StatusCode::OK, json!("text")),
        (StatusCode::UNAUTHORIZED, json!({})),
    ] {
        let (answer, log) = with_user_info(status, info.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{info} {log:?}");
        let (last, before) = log.split_last().unwrap();
        assert!(last.starts_with("refused"), "{info} {log:?}");
        // Only of whom the provider has told everything it is certain that they have no role.
        let certain = info == json!({"sub": "u-17"});
        assert_eq!(before, if certain { ["no role u-17 u-17"].as_slice() } else { &[] }, "{info}");
    }
}

#[tokio::test]
async fn names_are_shown_without_tricks() {
    let (_, log) = with_claims(|claims| claims["name"] = json!("  Mal\u{202e}lory\r\n\u{0}  ")).await;
    assert!(log[0].starts_with("in Mallory operator"), "{log:?}");
    let (_, log) = with_claims(|claims| claims["name"] = json!("\u{200b}\u{200b}")).await;
    assert!(log[0].starts_with("in robin@example.com operator"), "{log:?}");
}

#[tokio::test]
async fn the_code_is_not_carried_along_a_redirect() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    provider.will_say(&signed(&provider.claims(&departed)));
    provider.script.lock().unwrap().token_redirect = Some(format!("{}/elsewhere", provider.issuer));
    assert_eq!(callback(&mut browser, &departed["state"]).await.status, StatusCode::BAD_GATEWAY);
    assert!(!provider.script.lock().unwrap().requests.contains(&"elsewhere"));
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    provider.will_say(&"x".repeat(2 << 20));
    let answer = callback(&mut browser, &departed["state"]).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    assert!(portal.log.lines()[0].contains("longer than"), "{:?}", portal.log.lines());
}

#[tokio::test]
async fn an_answer_of_another_issuer_is_refused() {
    let provider = Crooked::start().await;
    provider.script.lock().unwrap().discovery["authorization_response_iss_parameter_supported"] = json!(true);
    let portal = Portal::new(provider.config()).await;
    for (iss, expected) in [
        (String::new(), StatusCode::FORBIDDEN),
        ("&iss=https://evil.example".into(), StatusCode::FORBIDDEN),
        (format!("&iss={}", provider.issuer), StatusCode::SEE_OTHER),
    ] {
        let mut browser = portal.browser();
        let departed = browser.depart("/auth/sign-in").await;
        provider.will_say(&signed(&provider.claims(&departed)));
        let answer = browser.get(&format!("/auth/callback?code=c0de&state={}{iss}", departed["state"])).await;
        assert_eq!(answer.status, expected, "{iss}");
    }
}

#[tokio::test]
async fn an_access_token_that_fits_no_header_is_refused() {
    let provider = Crooked::start().await;
    let portal = Portal::new(provider.config()).await;
    let mut browser = portal.browser();
    let departed = browser.depart("/auth/sign-in").await;
    let mut claims = provider.claims(&departed);
    claims.as_object_mut().unwrap().remove("groups");
    provider.will_say(&signed(&claims));
    provider.script.lock().unwrap().token.1["access_token"] = json!("two\r\nlines");
    assert_eq!(callback(&mut browser, &departed["state"]).await.status, StatusCode::BAD_GATEWAY);
}
