//! What stands behind the door of a database's client: its one server.

use async_trait::async_trait;
use command::Refusal;
use operations::{Datasource, DatasourceKind, Environment};
use sandbox::Keeper;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio::sync::Mutex;

use crate::gate::{self, Closed};

/// Leads to one server of the configuration. The first connection is made before the program starts, so that one that
/// cannot be made is told plainly.
pub(crate) struct Connection {
    host: String,
    port: u16,
    first: Mutex<Option<TcpStream>>,
}

impl Connection {
    pub(crate) async fn open(host: &str, port: u16) -> Result<Self, Closed> {
        // The configuration names this server, wherever it is.
        let first = gate::connect(host, port, true).await?;
        Ok(Self { host: host.to_owned(), port, first: Mutex::new(Some(first)) })
    }
}

#[async_trait]
impl Keeper for Connection {
    async fn serve(&self, mut program: TcpStream) {
        let first = self.first.lock().await.take();
        let server = match first {
            Some(server) => Ok(server),
            None => gate::connect(&self.host, self.port, true).await,
        };
        // A closed connection tells the program enough, and it says so itself.
        if let Ok(mut server) = server
            && let Err(error) = copy_bidirectional(&mut program, &mut server).await
        {
            tracing::debug!(%error, "a connection to a datasource ended early");
        }
    }
}

/// The datasource of this kind that a call means by these words, all of which must mean the same one. Without any it is
/// the first. `own` knows further words for a datasource: its database's name on the server.
pub(crate) fn meant<'e>(
    environment: &'e Environment,
    kind: DatasourceKind,
    words: &[&str],
    own: impl Fn(&Datasource, &str) -> bool,
) -> Result<&'e Datasource, Refusal> {
    let known: Vec<&Datasource> = environment.datasources.iter().filter(|known| known.kind == kind).collect();
    let what = match kind {
        DatasourceKind::Postgres => "PostgreSQL",
        DatasourceKind::Redis => "Redis",
    };
    let name = &environment.name;
    if known.is_empty() {
        return Err(Refusal::not_permitted(format!(
            "The environment {name} has no datasource of kind {what}: add one to the portal's configuration."
        )));
    }
    let fits = |known: &Datasource| words.iter().all(|word| known.is_called(word) || own(known, word));
    known.iter().copied().find(|known| fits(known)).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|known| known.name.as_str()).collect();
        let words = words.join("` and `");
        Refusal::not_permitted(format!(
            "`{words}` means no {what} datasource of the environment {name} (it has {}): leave it out, or add the word to \
             the `references` of the datasource.",
            names.join(", ")
        ))
    })
}
