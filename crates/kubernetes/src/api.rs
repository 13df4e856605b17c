//! Requests to one cluster's API, as JSON values, with bounded memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use crate::connection::Cluster;
use crate::failure::{Failure, Status};

/// Asks for a table drawn by the server.
pub(crate) const AS_TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,\
    application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
/// Asks for objects.
pub(crate) const AS_JSON: &str = "application/json";

/// Bytes of one response at most: a page of 500 large objects fits many times over.
const RESPONSE_LIMIT: usize = 64 << 20;
/// Bytes of one line of a stream at most: one object in a watch, one line of a log.
const LINE_LIMIT: usize = 8 << 20;

/// The parameters of a request.
pub(crate) type Query = Vec<(&'static str, String)>;

/// One cluster, as one call uses it.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) cluster: Arc<Cluster>,
    /// How long one request may take; streams have none.
    pub(crate) timeout: Option<Duration>,
}

impl Api {
    /// `GET`, and the answer as JSON.
    pub(crate) async fn get(&self, path: &str, query: &Query, accept: &str) -> Result<Value, Failure> {
        self.json(Method::GET, path, query, accept, None).await
    }

    /// `PATCH` of a content type.
    pub(crate) async fn patch(&self, path: &str, query: &Query, kind: &str, patch: &Value) -> Result<Value, Failure> {
        self.json(Method::PATCH, path, query, AS_JSON, Some((kind, patch.to_string()))).await
    }

    /// `PUT` of an object.
    pub(crate) async fn put(&self, path: &str, query: &Query, object: &Value) -> Result<Value, Failure> {
        self.json(Method::PUT, path, query, AS_JSON, Some((AS_JSON, object.to_string()))).await
    }

    /// `POST` of an object.
    pub(crate) async fn post(&self, path: &str, query: &Query, object: &Value) -> Result<Value, Failure> {
        self.json(Method::POST, path, query, AS_JSON, Some((AS_JSON, object.to_string()))).await
    }

    /// `DELETE` with options.
    pub(crate) async fn delete(&self, path: &str, query: &Query, options: &Value) -> Result<Value, Failure> {
        self.json(Method::DELETE, path, query, AS_JSON, Some((AS_JSON, options.to_string()))).await
    }

    async fn json(
        &self,
        method: Method,
        path: &str,
        query: &Query,
        accept: &str,
        body: Option<(&str, String)>,
    ) -> Result<Value, Failure> {
        let work = async {
            let response = self.send(method, path, query, accept, body).await?;
            let bytes = self.whole(response).await?;
            serde_json::from_slice(&bytes)
                .map_err(|_| Failure::error("the server's answer is not JSON: is this a Kubernetes API?"))
        };
        match self.timeout {
            None => work.await,
            Some(limit) => tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
                Err(Failure::Plain(
                    "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded while \
                     awaiting headers)"
                        .to_owned(),
                ))
            }),
        }
    }

    /// `GET` of something that goes on: a log, a watch.
    pub(crate) async fn stream(&self, path: &str, query: &Query, accept: &str) -> Result<Lines, Failure> {
        let response = self.send(Method::GET, path, query, accept, None).await?;
        Ok(Lines { body: response.into_body(), buffer: BytesMut::new(), scanned: 0, done: false })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &Query,
        accept: &str,
        body: Option<(&str, String)>,
    ) -> Result<Response<Body>, Failure> {
        let mut uri = path.to_owned();
        for (index, (key, value)) in query.iter().enumerate() {
            uri.push(if index == 0 { '?' } else { '&' });
            uri.push_str(key);
            uri.push('=');
            uri.push_str(&encoded(value));
        }
        let mut request = Request::builder().method(method).uri(uri).header(http::header::ACCEPT, accept);
        let mut bytes = Vec::new();
        if let Some((kind, text)) = body {
            request = request.header(http::header::CONTENT_TYPE, kind);
            bytes = text.into_bytes();
        }
        let request =
            request.body(Body::from(bytes)).map_err(|_| Failure::error("the arguments do not make a valid request"))?;
        let response = self.cluster.client.send(request).await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let bytes = self.whole(response).await?;
        Err(Failure::Server(Box::new(Status::read(code, &bytes))))
    }

    async fn whole(&self, response: Response<Body>) -> Result<Bytes, Failure> {
        let mut body = response.into_body();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.unreachable(&error))?;
            let Ok(data) = frame.into_data() else { continue };
            if whole.len() + data.len() > RESPONSE_LIMIT {
                return Err(Failure::error(
                    "the server's answer is too large: choose fewer objects with -l or --chunk-size",
                ));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }

    /// Says that the server does not answer, without the cause's own words: those may quote credentials.
    pub(crate) fn unreachable(&self, error: &kube::Error) -> Failure {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(at) = cause {
            if let Some(io) = at.downcast_ref::<std::io::Error>() {
                let host = &self.cluster.host;
                return Failure::Plain(match io.kind() {
                    std::io::ErrorKind::ConnectionRefused => format!(
                        "The connection to the server {host} was refused - did you specify the right host or port?"
                    ),
                    kind => format!("Unable to connect to the server: {host}: {kind}"),
                });
            }
            cause = at.source();
        }
        Failure::Plain(match error {
            kube::Error::Auth(_) => {
                "Unable to connect to the server: the portal's credentials for this environment could not be used"
                    .to_owned()
            }
            _ => format!("Unable to connect to the server: {} did not answer as expected", self.cluster.host),
        })
    }
}

/// The lines of a response that goes on, each with its line end.
pub(crate) struct Lines {
    body: Body,
    buffer: BytesMut,
    scanned: usize,
    done: bool,
}

impl Lines {
    /// The next line, with its line end where it has one; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(end) = self.buffer[self.scanned..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.scanned + end + 1).freeze();
                self.scanned = 0;
                return Ok(Some(line));
            }
            self.scanned = self.buffer.len();
            // A line without end goes out in pieces rather than growing for ever.
            if self.done || self.scanned > LINE_LIMIT {
                self.scanned = 0;
                let rest = self.buffer.split().freeze();
                return Ok((!rest.is_empty()).then_some(rest));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(_)) => return Err(Failure::error("unexpected EOF")),
                None => self.done = true,
            }
        }
    }

    /// Whether a whole line is waiting already.
    pub(crate) fn ready(&self) -> bool {
        self.buffer.contains(&b'\n')
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
