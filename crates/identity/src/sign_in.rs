//! The way in and out: redirect to the provider, callback, sign-out.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    extract::{ConnectInfo, Query, Request, State, connect_info::MockConnectInfo, rejection::QueryRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use openidconnect::{AuthorizationCode, IssuerUrl, Nonce, PkceCodeVerifier};
use operations::{AuditError, Caller, Person, StoreError};
use serde::Deserialize;
use tower_sessions::{Session, SessionManagerLayer, SessionStore, session, session_store};
use url::Url;

use crate::{
    ConfigError, IdentityConfig, NoticePage, SignInLog,
    address::client_address,
    claims::Identified,
    config::is_loopback,
    csrf::PublicOrigin,
    default_notice_page, local_path,
    notice::{Notice, plain, respond},
    provider::{DiscoveryFailed, IdentifyError, Provider},
    provider_http::ProviderHttp,
    session::{Pending, arrive, depart, expired_cookie, layer, person, sign_in},
};

/// Sign-in with one provider. Clones share everything.
#[derive(Clone)]
pub struct Identity {
    shared: Arc<Shared>,
    page: NoticePage,
}

struct Shared {
    config: IdentityConfig,
    issuer: IssuerUrl,
    http: ProviderHttp,
    log: Arc<dyn SignInLog>,
    provider: RwLock<Option<Arc<Provider>>>,
    /// One discovery at a time, and how many have failed so far.
    discovering: tokio::sync::Mutex<()>,
    failures: AtomicU64,
}

impl Identity {
    /// Sign-in as configured. A provider that does not answer now is asked again at each sign-in, so the portal can start
    /// before it.
    ///
    /// # Errors
    /// A mistake in the configuration.
    pub async fn discover(config: IdentityConfig, log: Arc<dyn SignInLog>) -> Result<Self, ConfigError> {
        config.check()?;
        let issuer = IssuerUrl::new(config.issuer.clone()).map_err(|_| ConfigError::Issuer(config.issuer.clone()))?;
        let shared = Shared {
            http: ProviderHttp::new(issuer.url())?,
            issuer,
            config,
            log,
            provider: RwLock::default(),
            discovering: tokio::sync::Mutex::default(),
            failures: AtomicU64::default(),
        };
        let identity = Self { shared: Arc::new(shared), page: default_notice_page };
        // The failure is logged where it happens, and met again at the first sign-in.
        let _ = identity.provider().await;
        Ok(identity)
    }

    /// Gives refusals and the signed-out page the portal's look.
    #[must_use]
    pub fn with_notice_page(self, page: NoticePage) -> Self {
        Self { page, ..self }
    }

    /// `GET /auth/sign-in?next=`, `GET /auth/callback`, `POST /auth/sign-out`, `GET /auth/signed-out`.
    ///
    /// They need the session layer around them, and [`csrf::check`](crate::csrf::check).
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/auth/sign-in", get(start))
            .route("/auth/callback", get(finish))
            .route("/auth/sign-out", post(leave))
            .route("/auth/signed-out", get(left))
            .with_state(self.clone())
    }

    /// The layer that keeps sessions in `store`.
    ///
    /// `save` of the store must change only a record that is still there: one that was deleted by signing out must not
    /// come back when an older request of that session ends later. `load` must not return an expired one.
    pub fn session_layer<S: SessionStore>(&self, store: S) -> SessionManagerLayer<S> {
        layer(&self.shared.config, store)
    }

    /// The portal's origin, for [`csrf::check`](crate::csrf::check).
    #[must_use]
    pub fn public_origin(&self) -> PublicOrigin {
        PublicOrigin::of(&self.shared.config.public_url)
    }

    /// The provider's origin. Signing out is a form that ends there: a content security policy must name it in
    /// `form-action` beside `'self'`, or browsers stop at the redirect.
    #[must_use]
    pub fn provider_origin(&self) -> String {
        let provider = self.known_provider().and_then(|provider| provider.end_session(&self.shared.config));
        provider.as_ref().unwrap_or(self.shared.issuer.url()).origin().ascii_serialization()
    }

    /// Who this session belongs to, if it has not ended. Ends it where its person signed in later with another role, or
    /// was turned away without one: a session says who somebody was when it began.
    pub(crate) async fn person(&self, session: &Session, is_activity: bool) -> Result<Option<Person>, session::Error> {
        let Some(person) = person(&self.shared.config, session, is_activity).await? else {
            return Ok(None);
        };
        match self.shared.log.is_still(&person).await {
            Ok(true) => Ok(Some(person)),
            Ok(false) => {
                tracing::info!(subject = person.subject, "a session ended, because its person has another role now");
                session.flush().await?;
                Ok(None)
            }
            Err(StoreError { operation, source }) => {
                Err(session_store::Error::Backend(format!("{operation}: {source}")).into())
            }
        }
    }

    /// Where the request came from.
    #[must_use]
    pub fn address(&self, request: &Request) -> Option<IpAddr> {
        let extensions = request.extensions();
        let socket = extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
        // What a router without a socket is told in tests; no request can say it.
        let told = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|peer| peer.0);
        let peer = socket.or_else(told).map(|peer| peer.ip());
        client_address(peer, request.headers(), &self.shared.config.trusted_proxies)
    }

    /// A notice in the portal's look.
    pub(crate) fn notice(&self, notice: &Notice) -> Response {
        respond(notice, self.page)
    }

    fn known_provider(&self) -> Option<Arc<Provider>> {
        self.shared.provider.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn provider(&self) -> Result<Arc<Provider>, DiscoveryFailed> {
        if let Some(provider) = self.known_provider() {
            return Ok(provider);
        }
        let failures = self.shared.failures.load(Ordering::Acquire);
        let _alone = self.shared.discovering.lock().await;
        if let Some(provider) = self.known_provider() {
            return Ok(provider);
        }
        // Whoever waited while another attempt failed does not wait for a second one.
        if self.shared.failures.load(Ordering::Acquire) != failures {
            return Err(DiscoveryFailed::Earlier);
        }
        match Provider::discover(self.shared.issuer.clone(), self.shared.http.clone()).await {
            Ok(provider) => {
                let provider = Arc::new(provider);
                *self.shared.provider.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&provider));
                Ok(provider)
            }
            Err(error) => {
                self.shared.failures.fetch_add(1, Ordering::AcqRel);
                tracing::warn!(issuer = %self.shared.config.issuer, %error, "the identity provider cannot be discovered");
                Err(error)
            }
        }
    }
}

/// Why somebody did not get in. The texts are shown.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("The identity provider does not answer, so nobody can sign in at the moment. Try again in a minute.")]
    ProviderDown,
    #[error(
        "This sign-in was not started in this browser, was finished already, or took longer than ten minutes. Start again."
    )]
    NotStartedHere,
    #[error("The identity provider refused the sign-in. It says: {0}")]
    ByProvider(String),
    #[error("The identity provider's answer could not be verified, so the sign-in was refused. Start again.")]
    NotVerified(#[from] IdentifyError),
    #[error(
        "The identity provider knows you as {0}, but none of your groups has a role in this portal. Ask whoever runs it to \
         map one of your groups to a role."
    )]
    NoRole(String),
    #[error("The audit trail could not be written, so you were not signed in. Try again in a minute.")]
    NotWritten(#[source] AuditError),
    #[error(
        "The portal's sessions cannot be read or written, so nobody can sign in or out at the moment. Try again in a minute."
    )]
    NoSession(#[from] session::Error),
}

impl Refused {
    fn notice(&self) -> Notice {
        let status = match self {
            Self::NotStartedHere => StatusCode::BAD_REQUEST,
            Self::ByProvider(_) | Self::NoRole(_) => StatusCode::FORBIDDEN,
            Self::NotVerified(IdentifyError::NoAnswer(_) | IdentifyError::Exchange(_)) => StatusCode::BAD_GATEWAY,
            Self::NotVerified(_) => StatusCode::FORBIDDEN,
            Self::ProviderDown | Self::NotWritten(_) | Self::NoSession(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Notice { status, title: "You are not signed in", text: self.to_string(), action: ("Sign in", "/auth/sign-in") }
    }
}

/// What [`session::Error`] looks like to a person.
pub(crate) fn no_session(error: session::Error) -> Notice {
    tracing::error!(%error, "sessions cannot be read or written");
    Refused::NoSession(error).notice()
}

#[derive(Deserialize)]
struct Wanted {
    next: Option<String>,
}

async fn start(
    State(identity): State<Identity>,
    session: Session,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let next = wanted.ok().and_then(|Query(wanted)| wanted.next);
    if let Some(elsewhere) = public_name(&identity.shared.config, &headers, next.as_deref()) {
        return uncached(Redirect::to(elsewhere.as_str()));
    }
    let Ok(provider) = identity.provider().await else {
        return identity.notice(&Refused::ProviderDown.notice());
    };
    let departure = provider.depart(&identity.shared.config);
    match depart(&session, Pending::new(&departure, next.as_deref())).await {
        Ok(()) => uncached(Redirect::to(departure.url.as_str())),
        Err(error) => identity.notice(&no_session(error)),
    }
}

/// Sign-in under the public address, when the browser came by another name of this machine: the provider sends it back to
/// `127.0.0.1`, where a cookie of `localhost` is not sent. Elsewhere a proxy may change the name, and this would go round in
/// circles.
fn public_name(config: &IdentityConfig, headers: &HeaderMap, next: Option<&str>) -> Option<Url> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let here = Url::parse(&format!("http://{host}/")).ok()?;
    let public = &config.public_url;
    let other_name = here.host() != public.host() && here.port() == public.port();
    if !(other_name && public.scheme() == "http" && is_loopback(&here) && is_loopback(public)) {
        return None;
    }
    let mut there = config.public("/auth/sign-in");
    if let Some(next) = next.and_then(local_path) {
        there.query_pairs_mut().append_pair("next", &next);
    }
    Some(there)
}

/// RFC 6749, sections 4.1.2 and 4.1.2.1, and RFC 9207.
#[derive(Default, Deserialize)]
struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

async fn finish(
    State(identity): State<Identity>,
    session: Session,
    answer: Result<Query<Answer>, QueryRejection>,
    request: Request,
) -> Response {
    let address = identity.address(&request);
    // A repeated parameter is an answer without meaning.
    let answer = answer.map(|Query(answer)| answer).unwrap_or_default();
    let pending = match arrive(&session, answer.state.as_deref().unwrap_or_default()).await {
        Ok(Some(pending)) => pending,
        Ok(None) => {
            tracing::warn!(?address, "a callback belongs to no sign-in of its browser");
            return identity.notice(&Refused::NotStartedHere.notice());
        }
        Err(error) => return identity.notice(&no_session(error)),
    };
    match admit(&identity, &session, answer, &pending, address).await {
        Ok(()) => uncached(Redirect::to(&pending.next)),
        Err(refused) => {
            report(&identity, &refused, address).await;
            identity.notice(&refused.notice())
        }
    }
}

async fn admit(
    identity: &Identity,
    session: &Session,
    answer: Answer,
    pending: &Pending,
    address: Option<IpAddr>,
) -> Result<(), Refused> {
    let config = &identity.shared.config;
    let provider = identity.provider().await.map_err(|_| Refused::ProviderDown)?;
    if !provider.sent(answer.iss.as_deref()) {
        return Err(IdentifyError::Token("another provider sent the answer".into()).into());
    }
    if let Some(error) = answer.error {
        let said = [Some(error), answer.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ");
        return Err(Refused::ByProvider(plain(&said, 300)));
    }
    let code = answer.code.filter(|code| !code.is_empty()).ok_or(IdentifyError::Exchange("there is no code".into()))?;
    let identified = provider
        .identify(
            config,
            AuthorizationCode::new(code),
            PkceCodeVerifier::new(pending.verifier.clone()),
            &Nonce::new(pending.nonce.clone()),
        )
        .await?;
    let Identified { subject, name, email, groups } = identified;
    let Some(role) = config.role(&groups) else {
        // They are refused either way; what could not be ended ends or rests in time.
        if let Err(error) = identity.shared.log.has_no_role(&subject, &name).await {
            tracing::error!(%error, "the sessions and access tokens of somebody without a role could not be ended");
        }
        return Err(Refused::NoRole(name));
    };
    let caller = Caller { person: Person { subject, name, email, role }, address };
    identity.shared.log.signed_in(&caller).await.map_err(Refused::NotWritten)?;
    sign_in(config, session, caller.person).await?;
    Ok(())
}

/// Tells the log why, with the cause that the page keeps to itself; and the trail.
async fn report(identity: &Identity, refused: &Refused, address: Option<IpAddr>) {
    let reason = match refused {
        Refused::NotVerified(cause) => cause.to_string(),
        other => other.to_string(),
    };
    let cause = std::error::Error::source(refused).map(ToString::to_string);
    tracing::warn!(?address, reason, cause, "sign-in refused");
    if let Err(error) = identity.shared.log.refused(&reason, address).await {
        tracing::error!(%error, "a refused sign-in is missing in the audit trail");
    }
}

async fn leave(State(identity): State<Identity>, session: Session, request: Request) -> Response {
    let config = &identity.shared.config;
    let left = async {
        let person = identity.person(&session, true).await?;
        session.flush().await?;
        Ok(person)
    };
    let person = match left.await {
        Ok(person) => person,
        Err(error) => return identity.notice(&no_session(error)),
    };
    if let Some(person) = person {
        let caller = Caller { person, address: identity.address(&request) };
        if let Err(error) = identity.shared.log.signed_out(&caller).await {
            tracing::error!(%error, "a sign-out is missing in the audit trail");
        }
    }
    let end = identity.known_provider().and_then(|provider| provider.end_session(config));
    let mut response = uncached(Redirect::to(end.as_ref().map_or("/auth/signed-out", Url::as_str)));
    if let Ok(cookie) = HeaderValue::try_from(expired_cookie(config)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

async fn left(State(identity): State<Identity>) -> Response {
    identity.notice(&Notice {
        status: StatusCode::OK,
        title: "You are signed out",
        text: "Your session in this portal has ended.".into(),
        action: ("Sign in", "/auth/sign-in"),
    })
}

fn uncached(redirect: Redirect) -> Response {
    ([(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")], redirect).into_response()
}
