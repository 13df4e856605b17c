//! Decides on each connection that a program makes, and makes it in the portal's place.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::host::Host;

/// For one attempt to connect; curl's own default is five minutes, which nobody waits for here.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Closed {
    #[error("{0} is not among the hosts that this environment permits")]
    NotPermitted(String),
    #[error("{0} leads to an address that no call may reach (this machine itself, or a cloud's metadata)")]
    Forbidden(String),
    #[error("the portal finds no address for {0}: check the name, or give the host a `connect_to`")]
    NoAddress(String),
    #[error(
        "the portal cannot reach {0}: {1}. Check that it is up and that the portal's network permits the connection"
    )]
    Unreachable(String, String),
}

/// The hosts of one call, and what became of its connections.
pub(crate) struct Gate {
    hosts: Vec<Host>,
    /// The last one that failed.
    closed: Mutex<Option<Closed>>,
}

impl Gate {
    pub(crate) fn new(hosts: Vec<Host>) -> Self {
        Self { hosts, closed: Mutex::new(None) }
    }

    /// Connects, where the environment permits it.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Closed> {
        let connected = match self.hosts.iter().find(|known| known.permits(host, port)) {
            None => Err(Closed::NotPermitted(format!("{host}:{port}"))),
            Some(known) => match &known.connect_to {
                Some((host, port)) => connect(host, *port, true).await,
                None => connect(host, port, known.is_loopback()).await,
            },
        };
        if let Err(closed) = &connected {
            *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = Some(closed.clone());
        }
        connected
    }

    /// Why the last connection failed that did.
    pub(crate) fn closed(&self) -> Option<Closed> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Connects to a server that the configuration names. `here` says that it means this machine.
pub(crate) async fn connect(host: &str, port: u16, here: bool) -> Result<TcpStream, Closed> {
    let name = format!("{host}:{port}");
    let found = timeout(CONNECT, lookup_host((host, port))).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) | Err(_) => return Err(Closed::NoAddress(host.to_owned())),
    };
    if addresses.is_empty() {
        return Err(Closed::NoAddress(host.to_owned()));
    }
    // By the address and not by the name: whoever owns a name decides where it leads.
    let open: Vec<SocketAddr> = addresses.into_iter().filter(|address| may_reach(address.ip(), here)).collect();
    let mut last = Closed::Forbidden(name.clone());
    for address in open {
        let error = match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // What programs send in small pieces should not wait for more of it.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => words(&error),
            Err(_) => "no answer".to_owned(),
        };
        last = Closed::Unreachable(name.clone(), error);
    }
    Err(last)
}

fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// Never link-local addresses, where clouds answer with the machine's credentials; this machine only where the
/// configuration means it.
fn may_reach(address: IpAddr, here: bool) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            !address.is_link_local()
                && !address.is_broadcast()
                && !address.is_multicast()
                && address.octets()[0] != 0
                && (here || !address.is_loopback())
        }
        IpAddr::V6(address) => {
            !address.is_unicast_link_local()
                && !address.is_multicast()
                && !address.is_unspecified()
                // Where Amazon's metadata answer over IPv6 (EC2 User Guide, "Instance metadata").
                && address.segments() != [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
                && (here || !address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_this_machine_are_out_of_reach() {
        for address in
            ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0", "::", "224.0.0.1"]
        {
            assert!(!may_reach(address.parse().unwrap(), true), "{address}");
        }
        for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.9.9.9"] {
            assert!(
                !may_reach(address.parse().unwrap(), false) && may_reach(address.parse().unwrap(), true),
                "{address}"
            );
        }
        for address in ["10.0.0.1", "93.184.216.34", "fd12::1"] {
            assert!(may_reach(address.parse().unwrap(), false), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_here_is_no_way_in() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let gate = Gate::new(vec![Host::new(&format!("localhost.localdomain:{port}")).unwrap()]);
        let closed = gate.connect("localhost.localdomain", port).await.unwrap_err();
        // Without such a name here, there is no address; with it, that address is forbidden.
        assert!(matches!(closed, Closed::Forbidden(_) | Closed::NoAddress(_)), "{closed}");
        assert!(connect("127.0.0.1", port, false).await.is_err() && connect("127.0.0.1", port, true).await.is_ok());
        assert!(matches!(gate.connect("localhost", port).await.unwrap_err(), Closed::NotPermitted(_)));
        assert!(gate.closed().is_some());
    }
}
