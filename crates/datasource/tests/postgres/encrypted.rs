//! Encryption: a proxy that speaks TLS stands before the server.

use std::sync::Arc;

use command::Effect;
use datasource::{Address, DatasourceSettings, Datasources, Event, Limits, OpenError, Roots, Tls};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Database, name, until};

/// Starts the proxy with a certificate for `host`; its port and the certificate.
async fn proxy(server: Address, host: &str) -> (u16, String) {
    let own = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let pem = own.cert.pem();
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                // SSLRequest: its length and its code (PostgreSQL documentation, 55.7).
                let mut request = [0; 8];
                client.read_exact(&mut request).await.unwrap();
                assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                client.write_all(b"S").await.unwrap();
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut behind = TcpStream::connect((server.host.as_str(), server.port)).await.unwrap();
                drop(tokio::io::copy_bidirectional(&mut client, &mut behind).await);
            });
        }
    });
    (port, pem)
}

fn datasources(address: Address, tls: Tls) -> Datasources {
    let settings =
        DatasourceSettings { environment: name(), name: "main".to_owned(), address, tls, limits: Limits::default() };
    Datasources::new(vec![settings]).unwrap()
}

#[tokio::test]
async fn only_a_certificate_for_this_host_by_a_known_authority_is_trusted() {
    let Some(database) = Database::create("").await else { return };
    let (port, pem) = proxy(database.address.clone(), &database.address.host).await;
    let address = Address { port, ..database.address.clone() };

    let trusted = datasources(address.clone(), Tls::VerifiedBy(Roots(pem.into_bytes())));
    let cancel = CancellationToken::new();
    let mut query = trusted
        .query(&name(), "main", "SELECT 'in'; SELECT pg_sleep(602)", Effect::Read, cancel.clone())
        .await
        .unwrap();
    let mut rows = Vec::new();
    let running = "SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(602)' AND pid <> pg_backend_pid() AND datname = current_database()";
    // A cancel request goes through the proxy too, encrypted.
    let (ended, ()) = tokio::join!(
        async {
            while let Some(event) = query.next().await? {
                if let Event::Row(row) = event {
                    rows.extend(row.text(0).map(|text| text.into_owned()));
                }
            }
            Ok(())
        },
        async {
            until(&database.datasources, running).await;
            cancel.cancel();
        }
    );
    assert_eq!((ended, rows), (Err(datasource::QueryError::Cancelled), vec!["in".to_owned()]));
    until(&database.datasources, &running.replace("= 1", "= 0")).await;

    let told = |error: OpenError| error.to_string();
    let unknown = datasources(address.clone(), Tls::Verified);
    let error =
        unknown.query(&name(), "main", "SELECT 1", Effect::Read, CancellationToken::new()).await.err().map(told);
    assert_eq!(
        error.as_deref(),
        Some(
            "the datasource main cannot be used: the connection cannot be encrypted: the server's certificate is from an unknown authority"
        )
    );

    let (port, pem) = proxy(database.address.clone(), "another.example").await;
    let another = datasources(Address { port, ..address }, Tls::VerifiedBy(Roots(pem.into_bytes())));
    let error =
        another.query(&name(), "main", "SELECT 1", Effect::Read, CancellationToken::new()).await.err().map(told);
    assert_eq!(
        error.as_deref(),
        Some(
            "the datasource main cannot be used: the connection cannot be encrypted: the server's certificate is not valid for it"
        )
    );
    database.remove().await;
}
