//! A portal with one page and one form, its session store, its log, and a browser for it.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::connect_info::MockConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode},
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use identity::{CurrentCaller, Identity, IdentityConfig, SignInLog, authenticate, csrf, require_person};
use operations::{AuditError, Caller, Person, Role, StoreError};
use serde_json::Value;
use tower::ServiceExt as _;
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store,
};
use url::Url;

/// Where the browser sits.
pub(crate) const BROWSER_ADDRESS: &str = "198.51.100.7";

/// Sessions in memory. `save` changes only what is there, as the layer asks of a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    pub(crate) records: Arc<Mutex<HashMap<Id, Record>>>,
    pub(crate) broken: Arc<Mutex<bool>>,
}

impl Store {
    fn check(&self) -> session_store::Result<()> {
        if *self.broken.lock().unwrap() { Err(session_store::Error::Backend("broken".into())) } else { Ok(()) }
    }

    /// All that is stored, as text.
    pub(crate) fn dump(&self) -> String {
        format!("{:?}", self.records.lock().unwrap())
    }

    /// Changes the only record.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Record)) {
        let mut records = self.records.lock().unwrap();
        assert_eq!(records.len(), 1, "one session");
        change(records.values_mut().next().unwrap());
    }
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.check()?;
        self.records.lock().unwrap().insert(record.id, record.clone());
        Ok(())
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.check()?;
        if let Some(kept) = self.records.lock().unwrap().get_mut(&record.id) {
            *kept = record.clone();
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.check()?;
        Ok(self
            .records
            .lock()
            .unwrap()
            .get(id)
            .filter(|record| record.expiry_date > OffsetDateTime::now_utc())
            .cloned())
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.check()?;
        self.records.lock().unwrap().remove(id);
        Ok(())
    }
}

/// What the trail was told, and what that tells of people.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) roles: Mutex<HashMap<String, Option<Role>>>,
    pub(crate) broken: Mutex<bool>,
    /// Nobody can tell who people are now.
    pub(crate) forgetful: Mutex<bool>,
}

impl Log {
    fn write(&self, line: String) -> Result<(), AuditError> {
        if *self.broken.lock().unwrap() {
            return Err(AuditError { operation: "append", source: "disk full".into() });
        }
        self.lines.lock().unwrap().push(line);
        Ok(())
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }
}

#[async_trait]
impl SignInLog for Log {
    async fn signed_in(&self, caller: &Caller) -> Result<(), AuditError> {
        self.write(format!("in {} {} {:?}", caller.person.name, caller.person.role.word(), caller.address))?;
        self.roles.lock().unwrap().insert(caller.person.subject.clone(), Some(caller.person.role));
        Ok(())
    }

    async fn has_no_role(&self, subject: &str, name: &str) -> Result<(), AuditError> {
        self.write(format!("no role {subject} {name}"))?;
        self.roles.lock().unwrap().insert(subject.to_owned(), None);
        Ok(())
    }

    async fn is_still(&self, person: &Person) -> Result<bool, StoreError> {
        if *self.forgetful.lock().unwrap() {
            return Err(StoreError { operation: "find a person", source: "disk full".into() });
        }
        Ok(self.roles.lock().unwrap().get(&person.subject).is_none_or(|role| *role == Some(person.role)))
    }

    async fn signed_out(&self, caller: &Caller) -> Result<(), AuditError> {
        self.write(format!("out {}", caller.person.name))
    }

    async fn refused(&self, reason: &str, address: Option<IpAddr>) -> Result<(), AuditError> {
        self.write(format!("refused {address:?} {reason}"))
    }
}

/// A portal, as the server would put it together.
pub(crate) struct Portal {
    pub(crate) router: Router,
    pub(crate) identity: Identity,
    pub(crate) store: Store,
    pub(crate) log: Arc<Log>,
    pub(crate) public_url: Url,
}

impl Portal {
    pub(crate) async fn new(config: IdentityConfig) -> Self {
        let public_url = config.public_url.clone();
        let (store, log) = (Store::default(), Arc::new(Log::default()));
        let identity = Identity::discover(config, Arc::clone(&log) as Arc<dyn SignInLog>).await.unwrap();
        let who = |CurrentCaller(caller): CurrentCaller| async move {
            format!(
                "{} {} {} {:?}",
                caller.person.subject,
                caller.person.name,
                caller.person.role.word(),
                caller.address
            )
        };
        let guest = |caller: Option<CurrentCaller>| async move { caller.map_or("nobody", |_| "somebody") };
        let router = Router::new()
            .route("/", get(who).post(who))
            .route("/runs/7", get(who))
            .layer(from_fn(require_person))
            .route("/open", get(guest))
            .merge(identity.routes())
            .layer(from_fn_with_state(identity.public_origin(), csrf::check))
            .layer(from_fn_with_state(identity.clone(), authenticate))
            .layer(identity.session_layer(store.clone()))
            .layer(MockConnectInfo(SocketAddr::new(BROWSER_ADDRESS.parse().unwrap(), 50_000)));
        Self { router, identity, store, log, public_url }
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { portal: self, cookies: BTreeMap::new() }
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers
            .get("location")
            .unwrap_or_else(|| panic!("no redirect: {} {}", self.status, self.body))
            .to_str()
            .unwrap()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect()
    }
}

/// A cookie jar that speaks to the portal.
#[derive(Clone)]
pub(crate) struct Browser<'p> {
    portal: &'p Portal,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[("accept", "text/html"), ("sec-fetch-mode", "navigate")]).await
    }

    pub(crate) async fn post(&mut self, path: &str) -> Answer {
        self.send(Method::POST, path, &[("accept", "text/html"), ("sec-fetch-site", "same-origin")]).await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let jar: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", jar.join("; "));
        }
        let response = self.portal.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        let answer = Answer { status: parts.status, headers: parts.headers, body };
        for cookie in answer.cookies() {
            self.keep(cookie);
        }
        answer
    }

    /// As browsers do (RFC 6265bis, section 5.7): a `__Host-` cookie must be `Secure`, without domain, for `/`.
    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let attributes: Vec<String> = attributes.split(';').map(|attribute| attribute.trim().to_lowercase()).collect();
        let has = |wanted: &str| attributes.iter().any(|attribute| attribute == wanted);
        let (name, value) = pair.split_once('=').unwrap();
        if name.starts_with("__Host-") && !(has("secure") && has("path=/")) {
            return;
        }
        if has("max-age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Starts a sign-in and returns the query of the redirect to the provider.
    pub(crate) async fn depart(&mut self, path: &str) -> BTreeMap<String, String> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        Url::parse(answer.location()).unwrap().query_pairs().into_owned().collect()
    }

    /// The value of the session cookie.
    pub(crate) fn session(&self) -> Option<&String> {
        self.cookies.iter().find(|(name, _)| name.ends_with("runbook-portal")).map(|(_, value)| value)
    }
}

/// The path and query of an address of the portal.
pub(crate) fn local(portal: &Portal, location: &str) -> String {
    let url = Url::parse(location).unwrap();
    assert_eq!(url.origin(), portal.public_url.origin(), "{location}");
    format!("{}{}", url.path(), url.query().map(|query| format!("?{query}")).unwrap_or_default())
}

/// A value as text without quotes.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
