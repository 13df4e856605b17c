//! Where people are told of incidents. The address of a webhook is its key: it is named like every other secret.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use channels::{Account, Dialect, Email, EmailSettings, Encryption, PagerDuty, Patience, SettingError, Webhook};
use operations::{Channel, Secret};
use serde::Deserialize;

use super::ConfigError;
use super::reach::{SecretConfig, read_file};

/// The longest name, in characters: it stands on buttons.
const LONGEST_NAME: usize = 32;
/// The longest text on whom a channel reaches, in characters.
const LONGEST_ABOUT: usize = 80;

/// A channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "by", rename_all = "lowercase")]
pub enum ChannelConfig {
    /// An incoming webhook of Slack.
    Slack(WebhookConfig),
    /// An incoming webhook of Mattermost.
    Mattermost(WebhookConfig),
    /// A Teams workflow that begins with a webhook request.
    Teams(WebhookConfig),
    /// An integration with PagerDuty's Events API v2.
    PagerDuty(PagerDutyConfig),
    /// Mail.
    Email(EmailConfig),
}

/// A webhook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Its short name: `incidents`.
    pub name: String,
    /// Whom it reaches: `#incidents`.
    pub about: String,
    /// The environment variable that holds its address.
    pub url_env: Option<String>,
    /// The file that holds its address.
    pub url_file: Option<PathBuf>,
}

/// An integration of a PagerDuty service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PagerDutyConfig {
    /// Its short name: `on-call`.
    pub name: String,
    /// Whom it reaches; left out, `PagerDuty`.
    pub about: Option<String>,
    /// The environment variable that holds the integration's key.
    pub key_env: Option<String>,
    /// The file that holds the integration's key.
    pub key_file: Option<PathBuf>,
    /// Where events go: `https://events.eu.pagerduty.com/v2/enqueue`; left out, PagerDuty's address in the United States.
    pub endpoint: Option<String>,
}

/// A mail server, and whom letters go to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// Its short name: `stakeholders`.
    pub name: String,
    /// The server.
    pub host: String,
    /// Its port; left out, the usual one.
    pub port: Option<u16>,
    /// How the connection is encrypted.
    #[serde(default)]
    pub encryption: EncryptionConfig,
    /// A file of certificates of authorities, in PEM, that alone may have signed the server's; left out, the system's.
    pub authorities: Option<PathBuf>,
    /// Who the portal is there, where it has to say so.
    pub user: Option<String>,
    /// The environment variable that holds the password.
    pub password_env: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// `Runbook Portal <runbooks@example.com>`.
    pub from: String,
    /// Whom letters go to.
    pub to: Vec<String>,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncryptionConfig {
    /// By STARTTLS, which the server must offer; usually on port 587.
    #[default]
    StartTls,
    /// From the first byte; usually on port 465.
    Tls,
    /// Not at all: for a server on this machine or inside a trusted network, without a password; usually on port 25.
    None,
}

/// A secret of a channel: the two settings that may name it.
struct Reference<'a> {
    channel: &'a str,
    field: &'static str,
    env: &'a Option<String>,
    file: &'a Option<PathBuf>,
}

impl Reference<'_> {
    fn fail(&self, text: &str) -> ConfigError {
        ConfigError::Value(format!("channel {}: {text}", self.channel))
    }

    /// Whether it is named; `Err` where it is named twice.
    fn is_named(&self) -> Result<bool, ConfigError> {
        let Self { field, env, file, .. } = self;
        if env.is_some() && file.is_some() {
            return Err(self.fail(&format!("name `{field}_env` or `{field}_file`, not both")));
        }
        Ok(env.is_some() || file.is_some())
    }

    fn require(&self) -> Result<(), ConfigError> {
        if self.is_named()? {
            return Ok(());
        }
        Err(self.fail(&format!("name `{0}_env` or `{0}_file`", self.field)))
    }

    fn read(&self) -> Result<Secret, ConfigError> {
        self.require()?;
        let reference = SecretConfig { env: self.env.clone(), file: self.file.clone() };
        let secret = reference.read(&format!("channel {}: `{}_env`", self.channel, self.field));
        let secret = secret.map_err(|error| self.of_file(error, &format!("{}_file", self.field)))?;
        if secret.is_empty() {
            return Err(self.fail(&format!("what `{0}_env` or `{0}_file` names is empty", self.field)));
        }
        Ok(Secret::new(secret))
    }

    fn of_file(&self, error: ConfigError, field: &str) -> ConfigError {
        match error {
            ConfigError::Read { path, source } => self.fail(&format!("`{field}`: {path} cannot be read: {source}")),
            other => other,
        }
    }
}

impl WebhookConfig {
    fn url(&self) -> Reference<'_> {
        Reference { channel: &self.name, field: "url", env: &self.url_env, file: &self.url_file }
    }
}

impl PagerDutyConfig {
    fn key(&self) -> Reference<'_> {
        Reference { channel: &self.name, field: "key", env: &self.key_env, file: &self.key_file }
    }
}

impl EmailConfig {
    fn password(&self) -> Reference<'_> {
        Reference { channel: &self.name, field: "password", env: &self.password_env, file: &self.password_file }
    }

    fn settings(&self) -> Result<EmailSettings, ConfigError> {
        let (encryption, usual_port) = match self.encryption {
            EncryptionConfig::StartTls => (Encryption::StartTls, 587),
            EncryptionConfig::Tls => (Encryption::Tls, 465),
            EncryptionConfig::None => (Encryption::None, 25),
        };
        let account = match &self.user {
            Some(user) => Some(Account { user: user.clone(), password: self.password().read()? }),
            None => None,
        };
        let pem = |file: &Path| read_file(file).map_err(|error| self.password().of_file(error, "authorities"));
        Ok(EmailSettings {
            name: self.name.clone(),
            host: self.host.clone(),
            port: self.port.unwrap_or(usual_port),
            encryption,
            authorities: self.authorities.as_deref().map(pem).transpose()?.map(String::into_bytes),
            account,
            from: self.from.clone(),
            to: self.to.clone(),
            patience: Patience::default(),
        })
    }
}

impl ChannelConfig {
    fn name(&self) -> &str {
        match self {
            Self::Slack(webhook) | Self::Mattermost(webhook) | Self::Teams(webhook) => &webhook.name,
            Self::PagerDuty(pager) => &pager.name,
            Self::Email(email) => &email.name,
        }
    }

    fn about(&self) -> Option<&str> {
        match self {
            Self::Slack(webhook) | Self::Mattermost(webhook) | Self::Teams(webhook) => Some(&webhook.about),
            Self::PagerDuty(pager) => pager.about.as_deref(),
            Self::Email(_) => None,
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let name = self.name();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
            return Err(ConfigError::Value(format!(
                "the channel `{name}` needs a name of 1 to {LONGEST_NAME} small letters, digits and `-`"
            )));
        }
        let shown = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= LONGEST_ABOUT && !text.contains(char::is_control)
        };
        if self.about().is_some_and(|about| !shown(about)) {
            return Err(ConfigError::Value(format!(
                "channel {name}: `about` says in one line of at most {LONGEST_ABOUT} characters whom it reaches"
            )));
        }
        match self {
            Self::Slack(webhook) | Self::Mattermost(webhook) | Self::Teams(webhook) => webhook.url().require(),
            Self::PagerDuty(pager) => pager.key().require(),
            Self::Email(email) if email.user.is_some() => email.password().require(),
            Self::Email(email) if email.password().is_named()? => {
                Err(ConfigError::Value(format!("channel {name}: a password needs `user`")))
            }
            Self::Email(_) => Ok(()),
        }
    }

    /// The channel itself, with the secret that this names.
    ///
    /// # Errors
    /// Where the secret is not there or a setting cannot be used; the message names channel and setting, and no secret.
    pub fn open(&self) -> Result<Arc<dyn Channel>, ConfigError> {
        let wrong = |error: SettingError| ConfigError::Value(format!("channel {}: {error}", self.name()));
        let patience = Patience::default();
        let webhook = |config: &WebhookConfig, dialect| -> Result<Arc<dyn Channel>, ConfigError> {
            let made = Webhook::new(&*config.name, &*config.about, dialect, &config.url().read()?, patience);
            Ok(Arc::new(made.map_err(wrong)?))
        };
        match self {
            Self::Slack(config) => webhook(config, Dialect::Slack),
            Self::Mattermost(config) => webhook(config, Dialect::Mattermost),
            Self::Teams(config) => webhook(config, Dialect::Teams),
            Self::PagerDuty(config) => {
                let about = config.about.as_deref().unwrap_or("PagerDuty");
                let key = config.key().read()?;
                let made = PagerDuty::new(&*config.name, about, key, config.endpoint.as_deref(), patience);
                Ok(Arc::new(made.map_err(wrong)?))
            }
            Self::Email(config) => Ok(Arc::new(Email::new(config.settings()?).map_err(wrong)?)),
        }
    }
}

/// Checks what a typed file can still get wrong, without a look at the secrets.
pub(crate) fn check(channels: &[ChannelConfig]) -> Result<(), ConfigError> {
    channels.iter().try_for_each(ChannelConfig::check)?;
    let mut names: Vec<_> = channels.iter().map(ChannelConfig::name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ConfigError::Value(format!("two channels are called `{}`", pair[0]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use operations::ChannelKind;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        channels: Vec<ChannelConfig>,
    }

    fn read(text: &str) -> Vec<ChannelConfig> {
        toml::from_str::<File>(text).unwrap().channels
    }

    /// What is wrong with one channel of these settings.
    fn mistake(settings: &str) -> String {
        let text = format!("[[channels]]\n{}", settings.replace("; ", "\n"));
        match toml::from_str::<File>(&text) {
            Err(error) => error.to_string(),
            Ok(file) => check(&file.channels).and_then(|()| file.channels[0].open().map(drop)).unwrap_err().to_string(),
        }
    }

    #[test]
    fn each_kind_is_opened_with_the_secret_that_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name).display().to_string()
        };
        let url = file("url", "https://hooks.example.com/services/s3cr3t-path\n");
        let key = file("key", "s3cr3t-k3y\n");
        let text = format!(
            r##"
            [[channels]]
            by = "slack"
            name = "incidents"
            about = "#incidents"
            url_file = "{url}"

            [[channels]]
            by = "mattermost"
            name = "town-square"
            about = "Town Square"
            url_file = "{url}"

            [[channels]]
            by = "teams"
            name = "leads"
            about = "Team leads"
            url_file = "{url}"

            [[channels]]
            by = "pagerduty"
            name = "on-call"
            key_file = "{key}"
            endpoint = "https://events.eu.pagerduty.com/v2/enqueue"

            [[channels]]
            by = "email"
            name = "stakeholders"
            host = "mail.example.com"
            user = "portal"
            password_file = "{key}"
            from = "Runbook Portal <runbooks@example.com>"
            to = ["a@example.com", "b@example.com"]
            "##
        );
        let configured = read(&text);
        check(&configured).unwrap();
        assert!(!format!("{configured:?}").contains("s3cr3t"));
        let opened: Vec<_> = configured.iter().map(|config| config.open().unwrap()).collect();
        let told: Vec<_> = opened.iter().map(|channel| (channel.name(), channel.kind(), channel.about())).collect();
        assert_eq!(
            told,
            [
                ("incidents", ChannelKind::Slack, "#incidents"),
                ("town-square", ChannelKind::Slack, "Town Square"),
                ("leads", ChannelKind::Teams, "Team leads"),
                ("on-call", ChannelKind::PagerDuty, "PagerDuty"),
                ("stakeholders", ChannelKind::Email, "a@example.com, b@example.com"),
            ]
        );
        let twice = read(&text.replace("town-square", "incidents"));
        assert!(check(&twice).unwrap_err().to_string().contains("two channels are called `incidents`"));
    }

    #[test]
    fn mistakes_are_named_by_channel_and_setting() {
        let slack = r##"by = "slack"; name = "ops"; about = "#ops""##;
        let email = r#"by = "email"; name = "ops"; host = "h.example"; from = "a@example.com"; to = ["b@example.com"]"#;
        for (settings, expected) in [
            (r#"by = "fax"; name = "ops""#.to_owned(), "fax"),
            (format!("{slack}; url = \"https://hooks.example.com/a\""), "unknown field `url`"),
            (slack.to_owned(), "channel ops: name `url_env` or `url_file`"),
            (format!("{slack}; url_env = \"A\"; url_file = \"b\""), "not both"),
            (
                format!("{slack}; url_env = \"NO_SUCH_VARIABLE\""),
                "channel ops: `url_env`: the environment variable NO_SUCH",
            ),
            (format!("{slack}; url_file = \"/no/such/file\""), "channel ops: `url_file`: /no/such/file cannot be read"),
            (format!("{slack}; url_file = \"/dev/null\"").replace("#ops", ""), "`about`"),
            (format!("{slack}; url_file = \"/dev/null\""), "channel ops: what `url_env` or `url_file` names is empty"),
            (format!("{slack}; url_file = \"/dev/null\"").replace("\"ops\"", "\"Ops!\""), "`Ops!`"),
            (format!("{email}; user = \"a\""), "channel ops: name `password_env` or `password_file`"),
            (format!("{email}; password_env = \"A\""), "channel ops: a password needs `user`"),
            (format!("{email}; encryption = \"maybe\""), "maybe"),
            (format!("{email}; authorities = \"/no/such/file\""), "channel ops: `authorities`: /no/such/file"),
            (email.replace("b@example.com", "nobody"), "channel ops: `to`: nobody"),
            (r#"by = "pagerduty"; name = "ops""#.to_owned(), "channel ops: name `key_env` or `key_file`"),
        ] {
            let told = mistake(&settings);
            assert!(told.contains(expected), "{settings}: {told}");
            assert!(!told.contains("hooks.example.com"), "{told}");
        }
    }
}
