//! Links: ways through the portal to a port that a call has reached, for as long as the call lasts.
//!
//! A link has a host name of its own, so that what answers behind it shares nothing with the portal in a browser. Who may
//! open it is decided by the portal, which hands out a ticket; the ticket becomes a key of the link's own host, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use command::Effect;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::service::locked;
use crate::{ExecutionId, RunId};

/// How long a link lasts at most.
pub const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How long a ticket is good for: the time that a browser needs to follow a redirection.
const TICKET: SignedDuration = SignedDuration::from_secs(60);
/// How much goes through one link at once.
const AT_ONCE: usize = 32;
/// How many browsers one link lets in.
const BROWSERS: usize = 64;

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Reaches one port.
#[async_trait]
pub trait Tunnel: Send + Sync {
    /// A new connection to it.
    ///
    /// # Errors
    /// Where nobody answers there.
    async fn connect(&self) -> std::io::Result<Box<dyn Duplex>>;
}

/// A link as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkView {
    /// Names it, and is the first label of its host.
    pub token: String,
    /// What it leads to: `service/grafana:3000`.
    pub title: String,
    /// When it ends at the latest.
    pub until: Timestamp,
}

/// A link that is open while this is held.
pub struct OpenLink {
    /// Where people open it.
    pub address: String,
    _held: Box<dyn Send + Sync>,
}

impl OpenLink {
    /// A link of this address, which ends when `held` is dropped.
    pub fn new(address: String, held: impl Send + Sync + 'static) -> Self {
        Self { address, _held: Box::new(held) }
    }
}

/// Takes a link out of the open ones when it is dropped, and ends what goes through it.
struct Held {
    token: String,
    links: Arc<Links>,
    ended: CancellationToken,
}

/// The way through a link.
#[derive(Clone)]
pub struct Way {
    /// Reaches what it leads to.
    pub tunnel: Arc<dyn Tunnel>,
    /// Cancelled when the link has ended.
    pub ended: CancellationToken,
    /// Requests and connections that may go through at once, until they have ended.
    pub places: Arc<Semaphore>,
}

impl Drop for Held {
    fn drop(&mut self) {
        locked(&self.links.open).remove(&self.token);
        self.ended.cancel();
    }
}

/// Whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) run: RunId,
    pub(crate) execution: ExecutionId,
    /// How far the call reaches that has opened it: whoever goes through must be permitted that much.
    pub(crate) effect: Effect,
}

struct Link {
    view: LinkView,
    place: Place,
    way: Way,
    tickets: Vec<(String, Timestamp)>,
    keys: Vec<String>,
}

/// All links that are open.
pub(crate) struct Links {
    portal: Option<String>,
    open: Mutex<HashMap<String, Link>>,
}

/// 128 bits that nobody guesses, as a label of a host name (RFC 1035, 2.3.1: it begins with a letter).
fn secret() -> String {
    format!("l{}", Uuid::new_v4().simple())
}

impl Links {
    /// The portal's own address, where it is known.
    pub(crate) fn portal(&self) -> Option<&str> {
        self.portal.as_deref()
    }

    pub(crate) fn new(portal: Option<String>) -> Self {
        Self { portal, open: Mutex::default() }
    }

    /// Opens one; `None` where this portal has no links.
    pub(crate) fn open(
        links: &Arc<Self>,
        place: Place,
        title: String,
        tunnel: Arc<dyn Tunnel>,
        now: Timestamp,
    ) -> Option<OpenLink> {
        let portal = links.portal.as_ref()?.trim_end_matches('/').to_owned();
        let token = secret();
        let until = now.checked_add(SignedDuration::try_from(LONGEST).ok()?).ok()?;
        let view = LinkView { token: token.clone(), title, until };
        let ended = CancellationToken::new();
        let way = Way { tunnel, ended: ended.clone(), places: Arc::new(Semaphore::new(AT_ONCE)) };
        let link = Link { view, place, way, tickets: Vec::new(), keys: Vec::new() };
        locked(&links.open).insert(token.clone(), link);
        let address = format!("{portal}/links/{token}");
        Some(OpenLink::new(address, Held { token, links: links.clone(), ended }))
    }

    /// Those of an execution.
    pub(crate) fn of(&self, execution: ExecutionId) -> Vec<LinkView> {
        let open = locked(&self.open);
        let mut found: Vec<_> =
            open.values().filter(|link| link.place.execution == execution).map(|link| link.view.clone()).collect();
        found.sort_by(|left, right| left.title.cmp(&right.title));
        found
    }

    /// What a link is, and whose.
    pub(crate) fn known(&self, token: &str, now: Timestamp) -> Option<(LinkView, Place)> {
        let open = locked(&self.open);
        let link = open.get(token).filter(|link| now < link.view.until)?;
        Some((link.view.clone(), link.place))
    }

    /// A ticket for one browser.
    pub(crate) fn ticket(&self, token: &str, now: Timestamp) -> Option<String> {
        let mut open = locked(&self.open);
        let link = open.get_mut(token).filter(|link| now < link.view.until)?;
        link.tickets.retain(|(_, until)| now < *until);
        if link.tickets.len() >= BROWSERS {
            return None;
        }
        let ticket = secret();
        link.tickets.push((ticket.clone(), now.checked_add(TICKET).ok()?));
        Some(ticket)
    }

    /// The key that a ticket is exchanged for, once.
    pub(crate) fn redeem(&self, token: &str, ticket: &str, now: Timestamp) -> Option<String> {
        let mut open = locked(&self.open);
        let link = open.get_mut(token).filter(|link| now < link.view.until)?;
        let at = link.tickets.iter().position(|(known, until)| known == ticket && now < *until)?;
        link.tickets.remove(at);
        if link.keys.len() >= BROWSERS {
            link.keys.remove(0);
        }
        let key = secret();
        link.keys.push(key.clone());
        Some(key)
    }

    /// The way through, for whoever has a key.
    pub(crate) fn tunnel(&self, token: &str, key: &str, now: Timestamp) -> Option<Way> {
        let open = locked(&self.open);
        let link = open.get(token).filter(|link| now < link.view.until)?;
        link.keys.iter().any(|known| known == key).then(|| link.way.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    #[async_trait]
    impl Tunnel for Nowhere {
        async fn connect(&self) -> std::io::Result<Box<dyn Duplex>> {
            Ok(Box::new(tokio::io::duplex(1).0))
        }
    }

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_ticket_opens_a_link_once_and_a_key_for_as_long_as_it_lasts() {
        let links = Arc::new(Links::new(Some("https://portal.example/".to_owned())));
        let place = Place { run: RunId::new(), execution: ExecutionId::new(), effect: Effect::Change };
        let open = Links::open(&links, place, "service/web:80".to_owned(), Arc::new(Nowhere), after(0)).unwrap();
        let token = links.of(place.execution)[0].token.clone();
        assert_eq!(open.address, format!("https://portal.example/links/{token}"));
        assert!(token.len() <= 63 && token.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let ticket = links.ticket(&token, after(1)).unwrap();
        assert!(links.redeem("another", &ticket, after(2)).is_none());
        assert!(links.redeem(&token, &ticket, after(62)).is_none(), "too late");
        let ticket = links.ticket(&token, after(3)).unwrap();
        let key = links.redeem(&token, &ticket, after(4)).unwrap();
        assert!(links.redeem(&token, &ticket, after(5)).is_none(), "once");
        assert!(links.tunnel(&token, &ticket, after(5)).is_none(), "a ticket is no key");
        assert!(links.tunnel(&token, &key, after(1799)).is_some());
        assert!(links.tunnel(&token, &key, after(1800)).is_none() && links.ticket(&token, after(1800)).is_none());
        drop(open);
        assert!(links.tunnel(&token, &key, after(6)).is_none() && links.of(place.execution).is_empty());
        let without = Arc::new(Links::new(None));
        assert!(Links::open(&without, place, String::new(), Arc::new(Nowhere), after(0)).is_none());
    }
}
