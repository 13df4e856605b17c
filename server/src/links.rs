//! Links: what calls have reached, through the portal, each on a host name of its own.
//!
//! `https://runbooks.example.com/links/TOKEN` asks who is there and sends the browser on to `https://TOKEN.DOMAIN/` with a
//! ticket; that host exchanges the ticket for a cookie of its own and passes everything else through. What answers there is
//! another origin than the portal: it sees none of its cookies, and its scripts can do nothing in its name.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, Uri, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use identity::CurrentCaller;
use operations::{Error, Operations, Way};
use tokio::sync::OwnedSemaphorePermit;

use crate::routes::Problem;

/// What a ticket is called in an address.
const TICKET: &str = "runbook-portal-ticket";
/// What a key is called in a cookie.
const COOKIE: &str = "runbook-portal-link";
const BOUND_COOKIE: &str = "__Host-runbook-portal-link";
/// How long the other side may take to take a connection. How long it thinks about a request is its own affair.
const PATIENCE: Duration = Duration::from_secs(15);

/// Headers of one connection, not of what it carries (RFC 9110, 7.6.1), and what proxies tell of whoever asks.
const OF_THE_CONNECTION: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];
const OF_PROXIES: [&str; 6] =
    ["forwarded", "keep-alive", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// The host names of links.
#[derive(Clone, Debug)]
pub struct LinkHosts {
    portal: url::Url,
    domain: String,
}

impl LinkHosts {
    /// Links below a domain. Without one there are none, unless the portal is on this machine: browsers find every name
    /// below `localhost` there (RFC 6761, 6.3).
    #[must_use]
    pub fn new(portal: url::Url, domain: Option<String>) -> Option<Self> {
        let is_here = match portal.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let domain = domain.or_else(|| is_here.then(|| "localhost".to_owned()))?;
        Some(Self { portal, domain: domain.to_ascii_lowercase() })
    }

    /// The portal's own address.
    #[must_use]
    pub fn portal(&self) -> String {
        self.portal.as_str().trim_end_matches('/').to_owned()
    }

    /// The link that a host name is.
    fn token<'h>(&self, host: &'h str) -> Option<&'h str> {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        // Where the portal is a neighbour of its links, it is no link itself.
        if self.portal.host_str() == Some(name) {
            return None;
        }
        let token = name.strip_suffix(self.domain.as_str())?.strip_suffix('.')?;
        (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(token)
    }

    /// Where a link's own host is.
    fn address(&self, token: &str, ticket: &str) -> String {
        let port = self.portal.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{token}.{}{port}/?{TICKET}={ticket}", self.portal.scheme(), self.domain)
    }

    /// What the cookie is called: where it can be, so that no other host can set it (RFC 6265bis, 4.1.3.2).
    fn cookie_name(&self) -> &'static str {
        if self.portal.scheme() == "https" { BOUND_COOKIE } else { COOKIE }
    }

    fn cookie(&self, key: &str) -> String {
        let secure = if self.portal.scheme() == "https" { "; Secure" } else { "" };
        format!("{}={key}; Path=/; HttpOnly; SameSite=Lax{secure}", self.cookie_name())
    }
}

/// Sends a person's browser on to a link.
pub(crate) async fn enter(
    State(operations): State<Operations>,
    State(hosts): State<Option<LinkHosts>>,
    CurrentCaller(caller): CurrentCaller,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Redirect, Problem> {
    // From its own pages, or typed: what answers behind a link knows its address, and is nobody's hand.
    let from = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if !matches!(from, None | Some(b"same-origin" | b"none")) {
        return Err(Error::Invalid("A link is opened from the page of its run.".to_owned()).into());
    }
    // A picture in somebody's Markdown is no person who opens something.
    let whither = headers.get("sec-fetch-dest").map(HeaderValue::as_bytes);
    if !matches!(whither, None | Some(b"document")) {
        return Err(Error::Invalid("A link is opened as a page.".to_owned()).into());
    }
    let hosts = hosts.ok_or(Error::NotFound("This link"))?;
    let ticket = operations.enter_link(&caller, &token).await?;
    Ok(Redirect::to(&hosts.address(&token, &ticket)))
}

/// Answers what is asked of a link's host; everything else goes on to the portal.
pub(crate) async fn by_host(
    State((hosts, operations)): State<(LinkHosts, Operations)>,
    request: Request,
    next: Next,
) -> Response {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(|authority| authority.as_str()).or(named).unwrap_or_default();
    let Some(token) = hosts.token(host).map(str::to_owned) else { return next.run(request).await };
    let query = request.uri().query().unwrap_or_default();
    let ticket = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == TICKET);
    if let Some((_, ticket)) = ticket {
        return match operations.redeem_ticket(&token, &ticket) {
            Some(key) => ([(header::SET_COOKIE, hosts.cookie(&key))], Redirect::to("/")).into_response(),
            None => closed(&hosts),
        };
    }
    let key = |cookie: &str| cookie.strip_prefix(hosts.cookie_name())?.strip_prefix('=').map(str::to_owned);
    let keys: Vec<String> = cookies(request.headers()).filter_map(|cookie| key(&cookie)).take(8).collect();
    let Some(way) = keys.iter().find_map(|key| operations.tunnel(&token, key)) else { return closed(&hosts) };
    let Ok(place) = way.places.clone().try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Too many requests go through this link at once: try again.\n")
            .into_response();
    };
    pass(way, place, request).await.unwrap_or_else(|error| {
        tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "a link's other side did not answer");
        (StatusCode::BAD_GATEWAY, "What this link leads to does not answer.\n").into_response()
    })
}

fn closed(hosts: &LinkHosts) -> Response {
    let text = format!(
        "This link has ended, or this browser was not let in. Open it from the page of its run: {}/runs\n",
        hosts.portal()
    );
    (StatusCode::FORBIDDEN, [(header::CACHE_CONTROL, "no-store")], text).into_response()
}

/// All cookies of a request; what is no text of one spoils no other.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let texts = headers.get_all(header::COOKIE).iter();
    let all: Vec<u8> = texts.flat_map(|value| [value.as_bytes(), b";"].concat()).collect();
    let all: Vec<Vec<u8>> = all.split(|byte| *byte == b';').map(|cookie| cookie.trim_ascii().to_vec()).collect();
    all.into_iter().filter_map(|cookie| String::from_utf8(cookie).ok()).filter(|cookie| !cookie.is_empty())
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Passes one request through.
async fn pass(way: Way, place: OwnedSemaphorePermit, mut request: Request) -> Result<Response, Failure> {
    let connecting = async {
        let stream = way.tunnel.connect().await?;
        Ok::<_, Failure>(hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?)
    };
    let (mut sender, connection) = tokio::time::timeout(PATIENCE, connecting).await??;
    let ended = way.ended.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = ended.cancelled() => {}
            // A connection that breaks tells whoever waits for its answer.
            _broken = connection.with_upgrades() => {}
        }
    });
    let protocol = request.headers().get(header::UPGRADE).cloned();
    let browser = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    // In HTTP/2 the host stands in the address.
    if let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
    parts.uri = parts.uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| Uri::from(path.clone()));
    parts.version = Version::HTTP_11;
    let is_own = |cookie: &String| [COOKIE, BOUND_COOKIE].iter().all(|name| !cookie.starts_with(name));
    let own = cookies(&parts.headers).filter(is_own).collect::<Vec<_>>().join("; ");
    of_the_connection(&mut parts.headers, protocol.as_ref());
    parts.headers.remove(header::COOKIE);
    if let Ok(own) = HeaderValue::from_str(&own)
        && !own.is_empty()
    {
        parts.headers.insert(header::COOKIE, own);
    }
    let mut response = tokio::select! {
        () = way.ended.cancelled() => return Err("the link has ended".into()),
        response = sender.send_request(Request::from_parts(parts, body)) => response?,
    };
    let place = Arc::new(place);
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if let (true, Some(browser)) = (switched, browser) {
        let server = hyper::upgrade::on(&mut response);
        let (ended, place) = (way.ended.clone(), place.clone());
        tokio::spawn(async move {
            let _place = place;
            let both = async {
                let (browser, server) = (browser.await?, server.await?);
                tokio::io::copy_bidirectional(&mut TokioIo::new(browser), &mut TokioIo::new(server)).await?;
                Ok::<(), Failure>(())
            };
            tokio::select! {
                () = ended.cancelled() => {}
                _done = both => {}
            }
        });
    }
    let (mut parts, body) = response.into_parts();
    of_the_connection(&mut parts.headers, protocol.as_ref().filter(|_| switched));
    // What is set for more than this host would reach the portal's, or another link's.
    let cookies: Vec<HeaderValue> = parts.headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    parts.headers.remove(header::SET_COOKIE);
    parts.headers.remove(header::STRICT_TRANSPORT_SECURITY);
    parts.headers.remove("clear-site-data");
    for cookie in cookies {
        if cookie.to_str().is_ok_and(|text| !text.to_ascii_lowercase().contains("domain")) {
            parts.headers.append(header::SET_COOKIE, cookie);
        }
    }
    // A stream that the link's end cuts must not look whole.
    let ended = way.ended;
    let cut = ended.clone();
    let end = futures::stream::once(async move {
        match cut.is_cancelled() {
            true => Some(Err(axum::Error::new(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)))),
            false => None,
        }
    });
    let pieces = Body::new(body).into_data_stream().take_until(ended.cancelled_owned()).map(Some).chain(end);
    let body = Body::from_stream(pieces.filter_map(move |piece| {
        let _until_the_end = &place;
        std::future::ready(piece)
    }));
    Ok(Response::from_parts(parts, body))
}

/// Removes the headers of one connection; `upgrade` is what it becomes, where it does.
fn of_the_connection(headers: &mut HeaderMap, upgrade: Option<&HeaderValue>) {
    for name in &OF_THE_CONNECTION {
        headers.remove(name);
    }
    for name in OF_PROXIES {
        headers.remove(name);
    }
    headers.remove(header::UPGRADE);
    if let Some(upgrade) = upgrade {
        headers.insert(header::UPGRADE, upgrade.clone());
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(portal: &str, domain: Option<&str>) -> Option<LinkHosts> {
        LinkHosts::new(portal.parse().unwrap(), domain.map(str::to_owned))
    }

    #[test]
    fn a_links_host_is_one_label_below_the_domain() {
        let known = hosts("https://runbooks.example.com", Some("Links.example.net")).unwrap();
        for (host, token) in [
            ("labc.links.example.net", Some("labc")),
            ("labc.links.example.net:443", Some("labc")),
            ("links.example.net", None),
            ("a.b.links.example.net", None),
            ("evillinks.example.net", None),
            ("runbooks.example.com", None),
            ("", None),
        ] {
            assert_eq!(known.token(host), token, "{host}");
        }
        assert_eq!(known.address("labc", "t"), "https://labc.links.example.net/?runbook-portal-ticket=t");
        assert!(known.cookie("k").starts_with("__Host-") && known.cookie("k").ends_with("; Secure"));
        let neighbour = hosts("https://runbooks.example.com", Some("example.com")).unwrap();
        assert_eq!(neighbour.token("runbooks.example.com"), None, "the portal is no link");
    }

    #[test]
    fn without_a_domain_there_are_links_on_this_machine_only() {
        assert!(hosts("https://runbooks.example.com", None).is_none());
        let here = hosts("http://127.0.0.1:8080", None).unwrap();
        assert_eq!(here.address("labc", "t"), "http://labc.localhost:8080/?runbook-portal-ticket=t");
        assert_eq!((here.token("labc.localhost:8080"), here.token("127.0.0.1:8080")), (Some("labc"), None));
        assert_eq!(here.portal(), "http://127.0.0.1:8080");
    }
}
