//! What a bench tells about itself: to tests by environment variables, to whoever works by hand by a file.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{Bench, echo, moto};

/// The databases that `seed.sql` makes, each with its owner.
pub(super) const DATABASES: [(&str, &str); 5] = [
    ("fintech_banking_db", "fintech_app"),
    ("platform_db", "platform"),
    ("backstage", "backstage"),
    ("pms", "pms_user"),
    ("architect", "architect"),
];

/// The role of `seed.sql` that sees statistics and ends sessions, but is no superuser.
const ON_CALL: &str = "oncall";

impl Bench {
    /// What tests read. A part that is not there has no variable, and its tests are skipped.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut variables: Vec<(&'static str, OsString)> = vec![
            ("TEST_POSTGRES_URL", self.postgres.url().into()),
            ("DATASOURCE_TEST_URL", self.postgres.url().into()),
        ];
        if let Some(moto) = &self.moto {
            variables.push(("MOTO_URL", moto.url().into()));
        }
        if let Some(program) = &self.aws_cli {
            variables.push(("AWS_CLI", program.into()));
        }
        variables.extend(self.programs.iter().map(|(name, program)| (*name, program.into())));
        if let Some(redis) = &self.redis {
            variables.push(("REDIS_TEST_URL", redis.url().into()));
        }
        if let Some(prometheus) = &self.prometheus {
            variables.push(("PROMETHEUS_URL", prometheus.url().into()));
        }
        if let Some(echo) = &self.echo {
            variables.push(("ECHO_TEST_URL", echo.url().into()));
            variables.push(("ECHO_TEST_TLS_URL", echo.secure_url().into()));
            variables.push(("ECHO_TEST_CA", echo.authority().into()));
        }
        variables
    }

    /// All there is to know, credentials too: they are good for this bench only, and only as long as it runs.
    pub(super) fn describe(&self) -> Value {
        let mut all = Map::new();
        all.insert("pid".into(), std::process::id().into());
        let urls: Map<String, Value> =
            DATABASES.iter().map(|(name, owner)| ((*name).into(), self.postgres.url_for(owner, name).into())).collect();
        let postgres = json!({
            "host": "127.0.0.1",
            "port": self.postgres.port(),
            "superuser_url": self.postgres.url(),
            "oncall_url": self.postgres.url_for(ON_CALL, "fintech_banking_db"),
            "password": self.postgres.password(),
            "databases": urls,
        });
        all.insert("postgres".into(), postgres);
        if let Some(moto) = &self.moto {
            let aws = json!({
                "endpoint": moto.url(),
                "region": moto::REGION,
                "access_key_id": moto::ACCESS_KEY_ID,
                "secret_access_key": moto::SECRET_ACCESS_KEY,
                "cli": self.aws_cli,
                "python": moto.python(),
            });
            all.insert("aws".into(), aws);
        }
        if let Some(redis) = &self.redis {
            let redis = json!({
                "host": "127.0.0.1", "port": redis.port(), "password": redis.password(), "url": redis.url(),
                "seed": include_str!("../../bench/seed.redis"),
            });
            all.insert("redis".into(), redis);
        }
        if let Some(prometheus) = &self.prometheus {
            all.insert("prometheus".into(), json!({ "url": prometheus.url() }));
        }
        if let Some(alertmanager) = &self.alertmanager {
            let alertmanager = json!({
                "url": alertmanager.url(), "token": alertmanager.token(), "token_file": alertmanager.token_file(),
            });
            all.insert("alertmanager".into(), alertmanager);
        }
        if let Some(mail) = &self.mail {
            all.insert("mail".into(), json!({ "host": "127.0.0.1", "port": mail.port() }));
        }
        if let Some(echo) = &self.echo {
            let echo = json!({
                "url": echo.url(),
                "tls_url": echo.secure_url(),
                "ca": echo.authority(),
                "requests": format!("{}{}", echo.url(), echo::REQUESTS),
            });
            all.insert("echo".into(), echo);
        }
        all.insert("hosts".into(), self.hosts().into());
        all.insert("values".into(), self.values().into());
        let text = |value: OsString| value.to_string_lossy().into_owned();
        let environment: Map<String, Value> =
            self.environment().into_iter().map(|(name, value)| (name.into(), text(value).into())).collect();
        all.insert("environment".into(), environment.into());
        all.into()
    }

    /// Where the hosts and ports that runbooks name are in this bench.
    pub(super) fn hosts(&self) -> Map<String, Value> {
        let mut hosts = Map::new();
        let mut add = |host: &str, port: u16, ours: u16| {
            hosts.insert(format!("{host}:{port}"), format!("127.0.0.1:{ours}").into());
        };
        if let Some(echo) = &self.echo {
            for name in echo.names() {
                add(name, 80, echo.port());
                add(name, 8080, echo.port());
                add(name, 443, echo.secure_port());
            }
        }
        if let Some(alertmanager) = &self.alertmanager {
            add("alertmanager", 9093, alertmanager.port());
        }
        if let Some(prometheus) = &self.prometheus {
            add("prometheus", 9090, prometheus.port());
            // A program in Go whose profiles can be looked at, as runbooks do.
            add("localhost", 6060, prometheus.port());
        }
        if let Some(redis) = &self.redis {
            add("redis", 6379, redis.port());
        }
        for name in ["postgres", "database"] {
            add(name, 5432, self.postgres.port());
        }
        hosts
    }

    /// What to give for the placeholders and variables of runbooks.
    fn values(&self) -> Map<String, Value> {
        let mut values = self.aws_values.clone();
        let mut add = |name: &str, value: String| values.insert(name.into(), value.into());
        add("rds-endpoint", "127.0.0.1".into());
        add("username", ON_CALL.into());
        add("request-name", "platform-tls-1".into());
        add("DATABASE_URL", self.postgres.url_for("architect", "architect"));
        if self.echo.is_some() {
            add("es-endpoint", "elasticsearch.example.com".into());
            add("YOUR_ROUTING_KEY", "bench-routing-key".into());
        }
        values
    }
}

/// A description in a file that only its owner reads, as long as this is kept.
pub(super) struct Written(PathBuf);

impl Written {
    pub(super) fn new(path: PathBuf, description: &Value) -> Result<Self> {
        let fresh = path.with_extension("json.new");
        drop(fs::remove_file(&fresh));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)
            .with_context(|| format!("cannot write {}", fresh.display()))?;
        writeln!(file, "{description:#}").with_context(|| format!("cannot write {}", fresh.display()))?;
        fs::rename(&fresh, &path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether it is still the one of this process, and not of a bench that was started later.
    fn is_ours(&self) -> bool {
        let text = fs::read(&self.0).unwrap_or_default();
        let description: Value = serde_json::from_slice(&text).unwrap_or_default();
        description["pid"] == std::process::id()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if self.is_ours() {
            drop(fs::remove_file(&self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::Written;
    use crate::throwaway::Folder;

    #[test]
    fn a_description_is_for_its_owner_and_goes_with_the_bench() {
        let folder = Folder::new("description").unwrap();
        let path = folder.join("bench.json");
        let written = Written::new(path.clone(), &json!({ "pid": std::process::id() })).unwrap();
        assert_eq!(written.path().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(written);
        assert!(!path.exists());
    }

    #[test]
    fn the_description_of_a_later_bench_stays() {
        let folder = Folder::new("description").unwrap();
        let path = folder.join("bench.json");
        let written = Written::new(path.clone(), &json!({ "pid": std::process::id() })).unwrap();
        fs::write(&path, "{\"pid\": 1}").unwrap();
        drop(written);
        assert!(path.exists());
    }
}
