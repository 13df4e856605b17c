//! A provider that answers whatever a test tells it to.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use identity::IdentityConfig;
use jiff::Timestamp;
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreHmacKey, CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use operations::Secret;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use crate::portal::text;

pub(crate) const CLIENT: &str = "portal";
pub(crate) const CLIENT_SECRET: &str = "s3cr3t-of-the-client";
pub(crate) const ACCESS_TOKEN: &str = "t0ken-of-access";

/// An Ed25519 key from a seed.
pub(crate) fn key(seed: u8, id: &str) -> CoreEdDsaPrivateSigningKey {
    let der = [&STANDARD.decode("MC4CAQAwBQYDK2VwBCIEIA==").unwrap()[..], &[seed; 32]].concat();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.into()))).unwrap()
}

/// A compact JWS with this header and these claims.
pub(crate) fn jws<K>(key: &K, algorithm: &CoreJwsSigningAlgorithm, header: &Value, claims: &Value) -> String
where
    K: PrivateSigningKey<VerificationKey = CoreJsonWebKey>,
{
    let message = unsigned(header, claims);
    let signature = key.sign(algorithm, message.as_bytes()).unwrap_or_else(|_| panic!("cannot sign"));
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Header and claims without a signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Signed with the key that the provider publishes first.
pub(crate) fn signed(claims: &Value) -> String {
    jws(&key(1, "first"), &CoreJwsSigningAlgorithm::EdDsa, &json!({"alg": "EdDSA", "kid": "first"}), claims)
}

/// Signed with the client secret, as a provider may not.
pub(crate) fn signed_with_secret(claims: &Value) -> String {
    let header = json!({"alg": "HS256"});
    jws(&CoreHmacKey::new(CLIENT_SECRET), &CoreJwsSigningAlgorithm::HmacSha256, &header, claims)
}

/// What the provider will say.
pub(crate) struct Script {
    pub(crate) discovery: Value,
    pub(crate) keys: Vec<CoreJsonWebKey>,
    pub(crate) token: (StatusCode, Value),
    pub(crate) user_info: (StatusCode, Value),
    pub(crate) token_requests: Vec<BTreeMap<String, String>>,
    pub(crate) token_redirect: Option<String>,
    pub(crate) requests: Vec<&'static str>,
}

/// The provider on a port of 127.0.0.1.
pub(crate) struct Crooked {
    pub(crate) issuer: String,
    pub(crate) script: Arc<Mutex<Script>>,
    serving: JoinHandle<()>,
}

impl Drop for Crooked {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Crooked {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::on(listener)
    }

    /// A port on which nobody listens yet.
    pub(crate) async fn free_address() -> SocketAddr {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(Script {
            discovery: json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"),
                "userinfo_endpoint": format!("{issuer}/userinfo"),
                "jwks_uri": format!("{issuer}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                // A provider's own word is not what decides which algorithms are good enough.
                "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
            }),
            keys: vec![PrivateSigningKey::as_verification_key(&key(1, "first"))],
            token: (StatusCode::BAD_REQUEST, json!({"error": "invalid_grant"})),
            user_info: (StatusCode::UNAUTHORIZED, json!({})),
            token_requests: Vec::new(),
            token_redirect: None,
            requests: Vec::new(),
        }));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/elsewhere", get(elsewhere).post(elsewhere))
            .route("/userinfo", get(user_info))
            .with_state(Arc::clone(&script));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { issuer, script, serving }
    }

    pub(crate) fn config(&self) -> IdentityConfig {
        serde_json::from_value(json!({
            "issuer": self.issuer,
            "client_id": CLIENT,
            "client_secret": CLIENT_SECRET,
            "public_url": "http://127.0.0.1:8080",
            "secure_cookies": false,
            "roles": {"readers": "viewer", "sre": "operator", "leads": "approver"},
        }))
        .inspect(|config: &IdentityConfig| {
            assert_eq!(config.client_secret, Some(Secret::new(CLIENT_SECRET)));
        })
        .unwrap()
    }

    /// Good claims for a sign-in.
    pub(crate) fn claims(&self, departed: &BTreeMap<String, String>) -> Value {
        let now = Timestamp::now().as_second();
        json!({
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "u-17",
            "name": "Robin Reliable",
            "email": "robin@example.com",
            "groups": ["readers", "sre"],
            "iat": now,
            "exp": now + 300,
            "nonce": departed["nonce"],
        })
    }

    pub(crate) fn will_say(&self, id_token: &str) {
        self.script.lock().unwrap().token = (
            StatusCode::OK,
            json!({"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}),
        );
    }
}

type Shared = State<Arc<Mutex<Script>>>;

fn note(script: &Shared, name: &'static str) {
    script.lock().unwrap().requests.push(name);
}

async fn discovery(script: Shared) -> Json<Value> {
    note(&script, "discovery");
    Json(script.lock().unwrap().discovery.clone())
}

async fn keys(script: Shared) -> Json<Value> {
    note(&script, "keys");
    Json(json!({"keys": script.lock().unwrap().keys}))
}

async fn elsewhere(script: Shared) -> Json<Value> {
    note(&script, "elsewhere");
    Json(script.lock().unwrap().token.1.clone())
}

async fn token(script: Shared, headers: HeaderMap, Form(mut form): Form<BTreeMap<String, String>>) -> Response {
    note(&script, "token");
    if let Some(authorization) = headers.get("authorization") {
        form.insert("authorization".into(), authorization.to_str().unwrap().into());
    }
    let mut script = script.lock().unwrap();
    script.token_requests.push(form);
    if let Some(elsewhere) = &script.token_redirect {
        return Redirect::temporary(elsewhere).into_response();
    }
    let (status, body) = script.token.clone();
    (status, Json(body)).into_response()
}

async fn user_info(script: Shared, headers: HeaderMap) -> Response {
    note(&script, "userinfo");
    let (status, body) = script.lock().unwrap().user_info.clone();
    assert_eq!(text(&json!(headers["authorization"].to_str().unwrap())), format!("Bearer {ACCESS_TOKEN}"));
    (status, Json(body)).into_response()
}
