//! The endpoints of the demo provider: discovery, keys, choice, tokens, userinfo, sign-out.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Form, Json, Router,
    extract::{DefaultBodyLimit, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use openidconnect::{
    AccessToken, AccessTokenHash, PkceCodeChallenge, PkceCodeVerifier,
    core::{CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use url::Url;

use super::{
    CLIENT_ID, DEMO_PEOPLE, DemoPerson,
    key::{SigningKey, random_token},
    page,
};
use operations::Secret;

use crate::csrf::{self, PublicOrigin};

/// How long a code may wait for the portal.
const CODE_FOR: Duration = Duration::from_secs(60);
/// How long tokens live.
const TOKEN_FOR: Duration = Duration::from_secs(300);
/// No demo has more sign-ins under way.
const MOST_KEPT: usize = 4096;

struct Demo {
    issuer: String,
    host: String,
    redirect: Url,
    after_sign_out: Url,
    secret: Secret,
    key: SigningKey,
    codes: Kept<Grant>,
    tokens: Kept<DemoPerson>,
}

/// What a code is worth.
struct Grant {
    person: DemoPerson,
    nonce: Option<String>,
    challenge: String,
}

/// Things kept under a random name for a while.
struct Kept<T>(Mutex<HashMap<String, (Instant, T)>>);

impl<T> Kept<T> {
    fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    fn put(&self, thing: T, lifetime: Duration) -> Option<String> {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (until, _)| *until > now);
        if kept.len() >= MOST_KEPT {
            return None;
        }
        let name = random_token();
        kept.insert(name.clone(), (now + lifetime, thing));
        Some(name)
    }

    fn take(&self, name: &str) -> Option<T> {
        let (until, thing) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name)?;
        (until > Instant::now()).then_some(thing)
    }

    fn look(&self, name: &str) -> Option<T>
    where
        T: Copy,
    {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(name).filter(|(until, _)| *until > Instant::now()).map(|(_, thing)| *thing)
    }
}

pub(super) fn issuer(address: SocketAddr) -> String {
    format!("http://{address}/demo-idp")
}

pub(super) fn routes(address: SocketAddr, public_url: &Url, secret: Secret) -> Result<Router, String> {
    let path = |path: &str| public_url.join(path).map_err(|error| error.to_string());
    let demo = Arc::new(Demo {
        issuer: issuer(address),
        host: address.to_string(),
        redirect: path("/auth/callback")?,
        after_sign_out: path("/auth/signed-out")?,
        secret,
        key: SigningKey::generate()?,
        codes: Kept::new(),
        tokens: Kept::new(),
    });
    let routes = Router::new()
        .route("/.well-known/openid-configuration", get(discovery))
        .route("/jwks", get(keys))
        .route("/authorize", get(choose).post(chosen))
        .route("/token", post(token))
        .route("/userinfo", get(user_info))
        .route("/end-session", get(end_session))
        .route("/style.css", get(style));
    Ok(Router::new()
        .nest("/demo-idp", routes)
        .layer(middleware::from_fn_with_state(Arc::clone(&demo), guard))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(demo))
}

type DemoState = State<Arc<Demo>>;

/// Answers only to its own name, so that no foreign page reaches it by rebinding a name of its own; and sets the headers
/// that every answer needs.
async fn guard(State(demo): DemoState, request: Request, next: Next) -> Response {
    if request.headers().get(header::HOST).is_none_or(|host| host != demo.host.as_str()) {
        return (StatusCode::MISDIRECTED_REQUEST, "This is another host.").into_response();
    }
    // The form leads through the redirect to the portal, which browsers count as part of the form's action.
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        demo.redirect.origin().ascii_serialization()
    );
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Ok(policy) = policy.parse() {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

async fn discovery(State(demo): DemoState) -> Json<Value> {
    let issuer = &demo.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/end-session"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "scopes_supported": ["openid", "profile", "email", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "claims_supported": ["sub", "name", "email", "groups"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(demo): DemoState) -> Json<CoreJsonWebKeySet> {
    Json(CoreJsonWebKeySet::new(vec![demo.key.public()]))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE)
}

/// An authorization request (OpenID Connect Core, section 3.1.2.1; RFC 7636, section 4.3).
#[derive(Deserialize, Serialize)]
struct Authorize {
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    response_type: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    state: String,
    nonce: Option<String>,
    #[serde(default)]
    code_challenge: String,
    #[serde(default)]
    code_challenge_method: String,
}

impl Demo {
    /// What is wrong with the request. Without a known client and its own redirect address there is nowhere to send the
    /// browser back to, so the person is told; everything else the client is told.
    fn wrong_with(&self, request: &Authorize) -> Option<Response> {
        if request.client_id != CLIENT_ID || request.redirect_uri != self.redirect.as_str() {
            let reason = "The portal that sent you here is not the one this provider was started for.";
            return Some((StatusCode::BAD_REQUEST, Html(page::refusal(reason))).into_response());
        }
        let wrong = if request.response_type != "code" {
            ("unsupported_response_type", "response_type must be code")
        } else if !request.scope.split(' ').any(|scope| scope == "openid") {
            ("invalid_scope", "scope must contain openid")
        } else if request.code_challenge_method != "S256" || request.code_challenge.len() != 43 {
            ("invalid_request", "PKCE with S256 is required")
        } else {
            return None;
        };
        Some(self.send_back(&request.state, &[("error", wrong.0), ("error_description", wrong.1)]))
    }

    fn send_back(&self, state: &str, answer: &[(&str, &str)]) -> Response {
        let mut url = self.redirect.clone();
        url.query_pairs_mut().extend_pairs(answer).append_pair("state", state).append_pair("iss", &self.issuer);
        Redirect::to(url.as_str()).into_response()
    }

    fn claims_of(person: DemoPerson) -> Value {
        json!({
            "sub": person.subject,
            "name": person.name,
            "email": format!("{}@demo.invalid", person.subject),
            "groups": [person.group],
        })
    }

    fn id_token(&self, grant: &Grant, access_token: &str) -> Result<String, String> {
        let now = Timestamp::now().as_second();
        let lifetime = i64::try_from(TOKEN_FOR.as_secs()).map_err(|error| error.to_string())?;
        let hash = AccessTokenHash::from_token(
            &AccessToken::new(access_token.to_owned()),
            &CoreJwsSigningAlgorithm::EdDsa,
            &self.key.public(),
        )
        .map_err(|error| error.to_string())?;
        let mut claims = Self::claims_of(grant.person);
        claims["iss"] = json!(self.issuer);
        claims["aud"] = json!(CLIENT_ID);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + lifetime);
        claims["at_hash"] = json!(hash);
        if let Some(nonce) = &grant.nonce {
            claims["nonce"] = json!(nonce);
        }
        self.key.sign(&claims)
    }

    /// The client proves itself with HTTP Basic or in the form (RFC 6749, section 2.3.1). Name and secret are of characters
    /// that need no decoding.
    fn knows(&self, headers: &HeaderMap, request: &TokenRequest) -> bool {
        let basic = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
            .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok());
        let (id, secret) = match basic.as_deref().and_then(|pair| pair.split_once(':')) {
            Some(pair) => pair,
            None => (request.client_id.as_str(), request.client_secret.as_str()),
        };
        id == CLIENT_ID && bool::from(secret.as_bytes().ct_eq(self.secret.expose().as_bytes()))
    }
}

async fn choose(State(demo): DemoState, Query(request): Query<Authorize>) -> Response {
    if let Some(wrong) = demo.wrong_with(&request) {
        return wrong;
    }
    let mut hidden = vec![
        ("client_id", request.client_id.as_str()),
        ("redirect_uri", &request.redirect_uri),
        ("response_type", &request.response_type),
        ("scope", &request.scope),
        ("state", &request.state),
        ("code_challenge", &request.code_challenge),
        ("code_challenge_method", &request.code_challenge_method),
    ];
    hidden.extend(request.nonce.as_deref().map(|nonce| ("nonce", nonce)));
    Html(page::choice(&hidden)).into_response()
}

#[derive(Deserialize)]
struct Chosen {
    person: String,
    #[serde(flatten)]
    request: Authorize,
}

async fn chosen(
    State(demo): DemoState,
    method: axum::http::Method,
    headers: HeaderMap,
    Form(Chosen { person, request }): Form<Chosen>,
) -> Response {
    let here = Url::parse(&demo.issuer).map(|issuer| PublicOrigin::of(&issuer));
    let own = here.is_ok_and(|here| csrf::verdict(&method, &headers, &here).is_ok());
    if !own {
        return (StatusCode::FORBIDDEN, Html(page::refusal("Another site sent this choice."))).into_response();
    }
    if let Some(wrong) = demo.wrong_with(&request) {
        return wrong;
    }
    let Some(person) = DEMO_PEOPLE.into_iter().find(|known| known.subject == person) else {
        return demo
            .send_back(&request.state, &[("error", "access_denied"), ("error_description", "nobody was chosen")]);
    };
    let grant = Grant { person, nonce: request.nonce, challenge: request.code_challenge };
    match demo.codes.put(grant, CODE_FOR) {
        Some(code) => demo.send_back(&request.state, &[("code", &code)]),
        None => demo.send_back(&request.state, &[("error", "temporarily_unavailable")]),
    }
}

/// RFC 6749, section 4.1.3, and RFC 7636, section 4.5.
#[derive(Deserialize)]
struct TokenRequest {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

async fn token(State(demo): DemoState, headers: HeaderMap, Form(request): Form<TokenRequest>) -> Response {
    let refuse = |status: StatusCode, error: &str| (status, Json(json!({"error": error}))).into_response();
    if !demo.knows(&headers, &request) {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if request.grant_type != "authorization_code" {
        return refuse(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    // Taken before it is looked at: a code is good for one attempt.
    let grant = demo.codes.take(&request.code).filter(|grant| {
        request.redirect_uri == demo.redirect.as_str() && proves(&request.code_verifier, &grant.challenge)
    });
    let Some(grant) = grant else {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    };
    let Some(access_token) = demo.tokens.put(grant.person, TOKEN_FOR) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable");
    };
    match demo.id_token(&grant, &access_token) {
        Ok(id_token) => Json(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_FOR.as_secs(),
            "id_token": id_token,
        }))
        .into_response(),
        Err(error) => {
            tracing::error!(error, "the demo identity provider cannot sign");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "server_error")
        }
    }
}

/// RFC 7636, section 4.6. A verifier of another length cannot be one, and the library would panic at it.
fn proves(verifier: &str, challenge: &str) -> bool {
    if !(43..=128).contains(&verifier.len()) {
        return false;
    }
    let made = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned()));
    bool::from(made.as_str().as_bytes().ct_eq(challenge.as_bytes()))
}

async fn user_info(State(demo): DemoState, headers: HeaderMap) -> Response {
    let person = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .and_then(|token| demo.tokens.look(token));
    match person {
        Some(person) => Json(Demo::claims_of(person)).into_response(),
        None => {
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")]).into_response()
        }
    }
}

#[derive(Deserialize)]
struct EndSession {
    post_logout_redirect_uri: Option<String>,
}

/// There is no session to end: every sign-in asks again. The browser goes back to the portal, and nowhere else.
async fn end_session(State(demo): DemoState, Query(request): Query<EndSession>) -> Response {
    match request.post_logout_redirect_uri {
        Some(wanted) if wanted == demo.after_sign_out.as_str() => Redirect::to(&wanted).into_response(),
        _ => (StatusCode::BAD_REQUEST, Html(page::refusal("The portal does not expect you there."))).into_response(),
    }
}
