//! What the configuration says of real programs, typed. Nothing here shows a secret in `Debug`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use operations::{EnvironmentName, Limits, Secret};

use crate::aws::AwsAccount;
use crate::host::Host;

/// All of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Programs that are not where the system has them, by name.
    pub installed: BTreeMap<String, Installed>,
    /// What each environment reaches. One that is not here reaches nothing through real programs.
    pub environments: HashMap<EnvironmentName, Reach>,
    /// For one call of a program.
    pub limits: Limits,
}

impl Default for Settings {
    /// The system's own programs; an hour, 512 processes, 4 GiB of address space and files of 1 GiB for a call.
    fn default() -> Self {
        Self {
            installed: BTreeMap::new(),
            environments: HashMap::new(),
            limits: Limits {
                time: Duration::from_secs(60 * 60),
                processes: 512,
                memory: 4 << 30,
                file_size: 1 << 30,
                ..Limits::default()
            },
        }
    }
}

/// Where a program is that the system has nowhere, or elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its absolute path.
    pub path: PathBuf,
    /// Folders outside `/usr` that it needs, itself included: `/opt/aws-cli`, a virtual environment. It sees them
    /// read-only, and everybody on this machine must be allowed to read them.
    pub read_only: Vec<PathBuf>,
}

impl Installed {
    /// A program at this path. Where it is a script with an interpreter outside of `/usr`, such as one of a Python
    /// virtual environment, the folders of that interpreter are what it needs.
    ///
    /// # Errors
    /// A program that cannot be read.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        let mut first = [0; 256];
        let length = File::open(&path)?.read(&mut first)?;
        let line = String::from_utf8_lossy(&first[..length]);
        let interpreter = line.strip_prefix("#!").and_then(|line| line.split_whitespace().next()).map(PathBuf::from);
        // `bin` and `lib` are beside each other; what a virtual environment only links to is elsewhere.
        let real = interpreter.as_ref().and_then(|interpreter| interpreter.canonicalize().ok());
        let mut read_only: Vec<PathBuf> = [interpreter.clone(), real]
            .into_iter()
            .flatten()
            .filter(|program| !program.starts_with("/usr") && !program.starts_with("/bin"))
            .filter_map(|program| Some(program.parent()?.parent()?.to_owned()))
            .collect();
        if let Some(link) = interpreter.and_then(|interpreter| interpreter.read_link().ok())
            && link.is_absolute()
            && !link.starts_with("/usr")
        {
            read_only.extend(link.parent().and_then(|bin| bin.parent()).map(PathBuf::from));
        }
        if !path.starts_with("/usr") {
            read_only.push(path.clone());
        }
        read_only.sort_unstable();
        read_only.dedup();
        let all = read_only.clone();
        read_only.retain(|path| !all.iter().any(|other| other != path && path.starts_with(other)));
        Ok(Self { path, read_only })
    }
}

/// What one environment reaches through real programs.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Hosts for `curl`, `wget` and `openssl s_client`. Of several that fit, the first one counts.
    pub hosts: Vec<Host>,
    /// The servers of the environment's datasources of kind Redis, by the datasource's name.
    pub redis: BTreeMap<String, RedisServer>,
    /// The servers of its datasources of kind PostgreSQL, by the datasource's name.
    pub postgres: BTreeMap<String, PostgresServer>,
    /// Its AWS account.
    pub aws: Option<AwsAccount>,
    /// Certificates of authorities, in PEM, that HTTP clients and `aws` trust beside the system's.
    pub authorities: Vec<u8>,
}

/// A Redis server and as whom it is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisServer {
    /// A name or an IP address.
    pub host: String,
    /// Usually 6379.
    pub port: u16,
    /// The account, where it is not the default one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The database's number of a call that names none.
    pub database: u32,
    /// Whether the connection is encrypted.
    pub tls: RedisTls,
}

/// Whether a connection to Redis is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RedisTls {
    /// In the clear: for a server on this machine or inside a trusted network.
    #[default]
    Disabled,
    /// With a certificate that the system's authorities signed.
    System,
    /// With a certificate that these authorities signed, in PEM.
    By(Vec<u8>),
}

/// A PostgreSQL database and as whom it is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresServer {
    /// A name or an IP address.
    pub host: String,
    /// Usually 5432.
    pub port: u16,
    /// The account.
    pub user: String,
    /// Its password; `None` where the server asks for none.
    pub password: Option<Secret>,
    /// The database's own name on its server.
    pub database: String,
    /// Whether the connection is encrypted.
    pub tls: PostgresTls,
}

/// Whether a connection to PostgreSQL is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PostgresTls {
    /// With a certificate for that host which the system's authorities signed: `sslmode=verify-full`.
    #[default]
    System,
    /// The same, trusting these authorities alone, in PEM.
    By(Vec<u8>),
    /// In the clear.
    Disabled,
}
