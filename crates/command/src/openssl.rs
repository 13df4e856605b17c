//! `openssl s_client`: the only command of `openssl` that reaches a server. The rest computes, and runs in the sandbox.

use crate::action::{Action, Effect, Refusal};
use crate::classify::target;
use crate::external::{Argument, unknown};

/// A call, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What it does: always a read.
    pub action: Action,
    /// Where it connects, as the caller wrote it: `host:port`.
    pub server: String,
    /// What the real program is told, the server not among it.
    pub arguments: Vec<Argument>,
}

/// Options that stand alone (openssl-s_client(1)).
const FLAGS: &str = "showcerts brief quiet ign_eof no_ign_eof tls1 tls1_1 tls1_2 tls1_3 no_ssl3 no_tls1 no_tls1_1 no_tls1_2 \
    no_tls1_3 verify_return_error verify_quiet x509_strict status prexit state nbio crlf noservername no_servername \
    4 6 security_debug trace msg debug no_ticket comp no_comp legacy_renegotiation legacy_server_connect \
    no_legacy_server_connect no-CAfile no-CApath no-CAstore prexit reconnect servername_none help";

/// Options with a value.
const VALUES: &str = "servername verify verify_depth verify_hostname verify_ip verify_email verify_name starttls alpn name \
    cipher ciphersuites curves groups sigalgs nameopt min_protocol max_protocol purpose";

/// Reads a call; `argv[0]` is the program.
///
/// # Errors
/// A [`Refusal`] for other commands, for options that name a proxy, a socket or a key, and for those nobody knows.
pub fn parse(argv: &[String]) -> Result<Client, Refusal> {
    if argv.get(1).map(String::as_str) != Some("s_client") {
        return Err(Refusal::not_permitted(
            "Of `openssl`, only `s_client` reaches a server through this portal; what computes runs in the sandbox.",
        ));
    }
    let among = |list: &str, name: &str| list.split_ascii_whitespace().any(|known| known == name);
    let (mut server, mut host, mut port) = (None, None, None);
    let mut arguments = Vec::new();
    let mut words = argv[2..].iter();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            // Since 1.1.1 the server may stand alone.
            server = Some(word.clone());
            continue;
        };
        let mut value = || {
            let reason = || format!("s_client: Option -{name} needs a value");
            words.next().ok_or_else(|| Refusal { reason: reason(), exit_code: 1 })
        };
        match name {
            "connect" => server = Some(value()?.clone()),
            "host" => host = Some(value()?.clone()),
            "port" => port = Some(value()?.clone()),
            "CAfile" => {
                let path = value()?;
                arguments.extend([Argument::plain("-CAfile"), Argument::input("", path)]);
            }
            "proxy" | "unix" | "bind" => {
                return Err(Refusal::not_permitted(format!(
                    "`openssl s_client -{name}` is not permitted: it would lead the call elsewhere than to its address."
                )));
            }
            "cert" | "key" | "pass" | "cert_chain" | "keylogfile" | "sess_out" | "sess_in" | "psk" => {
                return Err(Refusal::not_permitted(format!(
                    "`openssl s_client -{name}` is not permitted: credentials belong to the environment."
                )));
            }
            name if among(FLAGS, name) => arguments.push(Argument::plain(format!("-{name}"))),
            name if among(VALUES, name) => {
                let value = value()?;
                arguments.extend([Argument::plain(format!("-{name}")), Argument::plain(value)]);
            }
            _ => return Err(unknown("openssl s_client", word)),
        }
    }
    let server = server.or_else(|| host.map(|host| format!("{host}:{}", port.as_deref().unwrap_or("4433"))));
    let server = server.ok_or_else(|| Refusal {
        reason: "openssl s_client: name the server with `-connect host:port`.".to_owned(),
        exit_code: 1,
    })?;
    let action = Action {
        tool: "openssl".to_owned(),
        verb: "s_client".to_owned(),
        targets: vec![target("server", Some(&server))],
        effect: Effect::Read,
        follows: false,
    };
    Ok(Client { action, server, arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(call: &str) -> Result<Client, Refusal> {
        parse(&call.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_certificate_is_asked_for() {
        let client = read("openssl s_client -servername shop -connect shop:443 -showcerts").unwrap();
        assert_eq!(client.server, "shop:443");
        assert_eq!(client.arguments, ["-servername", "shop", "-showcerts"].map(Argument::plain));
        assert_eq!(read("openssl s_client -host a -port 8443").unwrap().server, "a:8443");
        assert_eq!(read("openssl s_client --connect a:1").unwrap().server, "a:1");
    }

    #[test]
    fn other_ways_and_keys_are_refused() {
        for call in [
            "openssl x509 -noout",
            "openssl s_client",
            "openssl s_client -connect a:443 -proxy b:1",
            "openssl s_client -unix /run/x",
            "openssl s_client -connect a:443 -key k",
            "openssl s_client -connect a:443 -engine e",
            "openssl s_client -connect",
        ] {
            assert!(read(call).is_err(), "{call}");
        }
    }
}
