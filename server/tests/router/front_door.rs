//! A portal to test against, and people who have signed in to it the way people do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use identity::demo::{DEMO_PEOPLE, DemoProvider};
use operations::{EnvironmentKind, Limits, Policy, Role};
use reqwest::{Client, Response, StatusCode, redirect};
use server::alerts::AlertSource;
use server::config::{ChannelConfig, Cluster, EnvironmentConfig, ReachConfig};
use server::listen::{self, Bounds};
use server::portal::{Assembled, Plan, assemble};
use tokio_util::sync::CancellationToken;

/// How much faster than real the practice cluster moves in tests.
const SPEED: f64 = 20.0;

pub(crate) struct TestApp {
    pub(crate) url: String,
    pub(crate) portal: Assembled,
    shutdown: CancellationToken,
    _provider: DemoProvider,
    data: tempfile::TempDir,
}

/// What a portal has beside its one runbook.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) bounds: Bounds,
    /// Who may tell of alerts.
    pub(crate) alerts: Vec<AlertSource>,
    /// Where messages go.
    pub(crate) channels: Vec<ChannelConfig>,
}

impl TestApp {
    /// A portal with one runbook of this text, named `shop`.
    pub(crate) async fn start(text: &str) -> Self {
        Self::start_as(text, Setup::default()).await
    }

    /// The same with other bounds on connections.
    pub(crate) async fn start_with(text: &str, bounds: Bounds) -> Self {
        Self::start_as(text, Setup { bounds, ..Setup::default() }).await
    }

    /// The same with what it may be told and can tell.
    pub(crate) async fn start_as(text: &str, setup: Setup) -> Self {
        static TLS: std::sync::Once = std::sync::Once::new();
        TLS.call_once(|| {
            rustls::crypto::ring::default_provider().install_default().expect("the first of this process");
        });
        let data = tempfile::tempdir().unwrap();
        let runbooks = data.path().join("runbooks");
        std::fs::create_dir(&runbooks).unwrap();
        std::fs::write(runbooks.join("shop.md"), text).unwrap();
        let site = data.path().join("site");
        std::fs::create_dir_all(site.join("pkg")).unwrap();
        std::fs::write(site.join("favicon.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}");
        let provider = DemoProvider::start(address, &url.parse().unwrap()).await.unwrap();
        let portal = assemble(Plan {
            runbooks,
            database: format!("sqlite://{}", data.path().join("portal.db").display()),
            data: data.path().join("data"),
            site: Some(site),
            shim: Some(shim()),
            environments: vec![EnvironmentConfig {
                name: "practice".to_owned(),
                kind: EnvironmentKind::Practice,
                kubernetes: Some(Cluster::Practice),
                default_namespace: "default".to_owned(),
                namespaces: None,
                policy: Policy::default(),
                reach: ReachConfig::default(),
            }],
            limits: Limits::default(),
            channels: setup.channels,
            programs: BTreeMap::new(),
            practice_speed: SPEED,
            alerts: setup.alerts,
            links: server::links::LinkHosts::new(url.parse().unwrap(), None),
        })
        .await
        .unwrap();
        let shutdown = CancellationToken::new();
        let router = portal.router(provider.identity_config(), shutdown.clone()).await.unwrap();
        tokio::spawn(listen::serve(listener, router, setup.bounds, shutdown.clone()));
        Self { url, portal, shutdown, _provider: provider, data }
    }

    /// Ends what runs; a test that leaves commands running would hang here and not later.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.portal.close().await;
    }

    /// A connection of the test's own to the portal's database.
    pub(crate) async fn store(&self) -> store::Store {
        store::Store::connect(&format!("sqlite://{}", self.data.path().join("portal.db").display())).await.unwrap()
    }

    /// Everything that the portal has written to its own folder and database.
    pub(crate) fn kept(&self) -> Vec<u8> {
        let mut folders = vec![self.data.path().to_path_buf()];
        let mut kept = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => folders.push(entry.path()),
                    kind if kind.is_file() => kept.extend(std::fs::read(entry.path()).unwrap()),
                    _ => {}
                }
            }
        }
        kept
    }

    /// A browser that nobody has signed in with.
    pub(crate) fn anonymous(&self) -> Browser {
        let client = Client::builder().cookie_store(true).redirect(redirect::Policy::none()).build().unwrap();
        Browser { client, url: self.url.clone() }
    }

    /// A browser in which the demo person of this role has signed in.
    pub(crate) async fn signed_in(&self, role: Role) -> Browser {
        let browser = self.anonymous();
        let person = DEMO_PEOPLE.iter().find(|person| person.role == role).unwrap();
        let asked = browser.get("/auth/sign-in").await;
        let authorize = location(&asked);
        let form = reqwest::Url::parse(&authorize).unwrap();
        let mut fields: Vec<(String, String)> = form.query_pairs().into_owned().collect();
        fields.push(("person".to_owned(), person.subject.to_owned()));
        let mut bare = form.clone();
        bare.set_query(None);
        let origin = form.origin().ascii_serialization();
        let chosen = browser.client.post(bare).header("origin", origin).form(&fields).send().await.unwrap();
        let back = location(&chosen);
        let arrived = browser.client.get(back).send().await.unwrap();
        assert!(arrived.status().is_redirection(), "{}: {}", arrived.status(), arrived.text().await.unwrap());
        browser
    }
}

/// The shim that `cargo test` builds beside the test binaries.
fn shim() -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    deps.parent().and_then(|deps| deps.parent()).unwrap().join("runbook-shim")
}

pub(crate) fn location(response: &Response) -> String {
    let location = response.headers().get("location").unwrap_or_else(|| panic!("no redirect: {}", response.status()));
    location.to_str().unwrap().to_owned()
}

pub(crate) struct Browser {
    client: Client,
    url: String,
}

impl Browser {
    pub(crate) async fn get(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url)).header("accept", "text/html");
        request.send().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    /// Sends a form as the portal's own page would.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.client.post(format!("{}{path}", self.url)).form(fields);
        request.header("accept", "text/html").header("sec-fetch-site", "same-origin").send().await.unwrap()
    }

    /// Asks with the session's cookie and nothing else.
    pub(crate) async fn ask(&self, method: reqwest::Method, path: &str) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.header("sec-fetch-site", "same-origin").send().await.unwrap()
    }

    /// Asks for a WebSocket as a page of this origin would.
    pub(crate) async fn web_socket(&self, path: &str, origin: Option<&str>) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            request = request.header(name, value);
        }
        match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    /// Asks for a page and says which origin asks.
    pub(crate) async fn get_with_origin(&self, path: &str, origin: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).header("origin", origin).send().await.unwrap()
    }

    /// Asks as another site's page would make the browser ask.
    pub(crate) async fn get_from_elsewhere(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url)).header("sec-fetch-site", "same-site");
        request.send().await.unwrap()
    }

    /// Sends a form as another site would make the browser send it.
    pub(crate) async fn post_from_elsewhere(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let request = self.client.post(format!("{}{path}", self.url)).form(fields);
        request.header("sec-fetch-site", "cross-site").header("origin", "https://evil.example").send().await.unwrap()
    }
}
