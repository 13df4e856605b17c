//! Takes connections, and bounds what each of them may cost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How long taking connections rests after the system refused one: out of descriptors, for example.
const REST: Duration = Duration::from_millis(100);

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once; further ones wait in the kernel's line. A page with a stream keeps two or three.
    pub connections: usize,
    /// How long a connection may take for the head of a request, also for the next one on the same connection.
    pub head: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 4096, head: Duration::from_secs(30) }
    }
}

/// Serves until `shutdown`, then lets the requests that are under way end.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, shutdown: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(bounds.head);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(bounds.head);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(bounds.connections));
    loop {
        let accepted = shutdown.run_until_cancelled(async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        });
        let (socket, address, place) = match accepted.await {
            None => break,
            Some((Ok(place), Ok((socket, address)))) => (socket, address, place),
            Some((_, Err(error))) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(REST).await;
                continue;
            }
            Some((Err(_), _)) => break,
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection goes without TCP_NODELAY");
        }
        let service = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo::<SocketAddr>(address))));
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(socket), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = error.as_ref() as &dyn std::error::Error, "a connection ended early");
            }
            drop(place);
        });
    }
    graceful.shutdown().await;
}
