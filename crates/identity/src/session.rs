//! What a session holds, and when it ends.

use jiff::{SignedDuration, Timestamp};
use operations::Person;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::{SameSite, time},
    session,
};

use crate::{IdentityConfig, local_path, provider::Departure};

/// Where the person stands in the session.
const SIGNED_IN: &str = "signed-in";
/// Where the sign-ins stand that have not come back from the provider.
const PENDING: &str = "pending";
/// A sign-in that takes longer has to start again.
const PENDING_FOR: SignedDuration = SignedDuration::from_mins(10);
/// A browser opens a few tabs at once after its session ended; more is not a person.
const MOST_PENDING: usize = 5;
/// A session is written at most once in this time, however many requests come.
const TOUCH_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// Somebody who signed in. No token of the provider is kept.
#[derive(Clone, Serialize, Deserialize)]
struct SignedIn {
    person: Person,
    since: Timestamp,
    seen: Timestamp,
}

/// A sign-in on its way through the provider.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    pub(crate) next: String,
    started: Timestamp,
}

impl Pending {
    /// Remembers what the browser was sent off with. `next` is believed only if it is a local path.
    pub(crate) fn new(departure: &Departure, next: Option<&str>) -> Self {
        Self {
            state: departure.state.secret().clone(),
            nonce: departure.nonce.secret().clone(),
            verifier: departure.verifier.secret().clone(),
            next: next.and_then(local_path).unwrap_or_else(|| "/".to_owned()),
            started: Timestamp::now(),
        }
    }

    fn is_recent(&self, now: Timestamp) -> bool {
        now.duration_since(self.started) < PENDING_FOR
    }
}

/// The name of the session cookie. `__Host-` makes browsers refuse one that another host of the domain set
/// (RFC 6265bis, section 4.1.3).
pub(crate) fn cookie_name(config: &IdentityConfig) -> &'static str {
    if config.secure_cookies { "__Host-runbook-portal" } else { "runbook-portal" }
}

/// The `Set-Cookie` that makes a browser forget the session. tower-sessions sends one without `Secure`, which browsers
/// ignore for a `__Host-` cookie.
pub(crate) fn expired_cookie(config: &IdentityConfig) -> String {
    let secure = if config.secure_cookies { "; Secure" } else { "" };
    format!("{}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0{secure}", cookie_name(config))
}

/// The layer that loads and keeps sessions.
pub(crate) fn layer<S: SessionStore>(config: &IdentityConfig, store: S) -> SessionManagerLayer<S> {
    SessionManagerLayer::new(store)
        .with_name(cookie_name(config))
        .with_http_only(true)
        // Strict would withhold the cookie when the provider sends the browser back.
        .with_same_site(SameSite::Lax)
        .with_secure(config.secure_cookies)
        .with_path("/")
        .with_expiry(on_inactivity(config.idle_timeout))
}

fn on_inactivity(duration: SignedDuration) -> Expiry {
    Expiry::OnInactivity(time::Duration::seconds(duration.as_secs()))
}

/// Who is signed in, if the session has neither been idle nor lived for too long. Ends it if it has. A
/// request that is no activity does not prolong it.
pub(crate) async fn person(
    config: &IdentityConfig,
    session: &Session,
    is_activity: bool,
) -> Result<Option<Person>, session::Error> {
    let mut signed_in: SignedIn = match session.get(SIGNED_IN).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return Ok(None),
        // Written by another version of the portal.
        Err(session::Error::SerdeJson(_)) => {
            session.flush().await?;
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let now = Timestamp::now();
    let idle = now.duration_since(signed_in.seen);
    if idle >= config.idle_timeout || now.duration_since(signed_in.since) >= config.absolute_timeout {
        session.flush().await?;
        return Ok(None);
    }
    if is_activity && idle >= TOUCH_AFTER.min(config.idle_timeout / 10) {
        signed_in.seen = now;
        session.insert(SIGNED_IN, &signed_in).await?;
    }
    Ok(Some(signed_in.person))
}

/// Keeps a sign-in until its browser comes back.
pub(crate) async fn depart(session: &Session, pending: Pending) -> Result<(), session::Error> {
    let mut all = all_pending(session).await?;
    if all.len() >= MOST_PENDING {
        all.remove(0);
    }
    all.push(pending);
    keep(session, &all).await
}

/// Takes the sign-in with this state out of the session, so that no second callback finds it. Returns when that is stored.
pub(crate) async fn arrive(session: &Session, state: &str) -> Result<Option<Pending>, session::Error> {
    let mut all = all_pending(session).await?;
    let same = |pending: &Pending| bool::from(pending.state.as_bytes().ct_eq(state.as_bytes()));
    let Some(position) = all.iter().position(same) else {
        return Ok(None);
    };
    let found = all.remove(position);
    if all.is_empty() && session.get_value(SIGNED_IN).await?.is_none() {
        session.flush().await?;
    } else {
        keep(session, &all).await?;
        session.save().await?;
    }
    Ok(Some(found))
}

/// Makes the session this person's, under a new id: one that somebody else knew beforehand is worth nothing.
pub(crate) async fn sign_in(config: &IdentityConfig, session: &Session, person: Person) -> Result<(), session::Error> {
    let now = Timestamp::now();
    session.cycle_id().await?;
    session.set_expiry(Some(on_inactivity(config.idle_timeout)));
    session.insert(SIGNED_IN, SignedIn { person, since: now, seen: now }).await?;
    session.save().await
}

async fn all_pending(session: &Session) -> Result<Vec<Pending>, session::Error> {
    let now = Timestamp::now();
    let mut all: Vec<Pending> = match session.get(PENDING).await {
        Ok(all) => all.unwrap_or_default(),
        Err(session::Error::SerdeJson(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    all.retain(|pending| pending.is_recent(now));
    Ok(all)
}

async fn keep(session: &Session, all: &[Pending]) -> Result<(), session::Error> {
    session.insert(PENDING, all).await?;
    if session.get_value(SIGNED_IN).await?.is_none() {
        session.set_expiry(Some(on_inactivity(PENDING_FOR)));
    }
    Ok(())
}
