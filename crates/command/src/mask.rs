//! Takes secrets out of arguments and texts before they are written anywhere. Errs on the side of hiding.
//!
//! Every pass goes over a text once: a hostile text costs time in proportion to its length.

mod argument;
mod manifest;
mod script;
mod text;

pub use argument::mask;
pub use script::mask_script;
pub use text::mask_text;

use crate::placeholder;

/// What stands in a secret's place.
pub const MASK: &str = "••••••";

/// Ends of names whose value is a secret, in lower case without `_` and `-`: `PGPASSWORD`, `jwt_secret`, `X-Api-Key`.
const SECRET_ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "routingkey",
    "integrationkey",
    "credential",
    "credentials",
    "privatekey",
    "secretkey",
    "accesskey",
    "signingkey",
    "encryptionkey",
];

/// The part of a name that is looked at, in bytes from its end.
const NAME_WINDOW: usize = 48;

/// The longest reference that stays visible, in bytes: what stays is read again.
const LONGEST_REFERENCE: usize = 4096;

/// Whether what goes by this ASCII name is a secret.
fn is_secret_name(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let tail = name.get(name.len().saturating_sub(NAME_WINDOW)..).unwrap_or_default().to_ascii_lowercase();
    let compact = tail.replace(['_', '-'], "");
    SECRET_ENDINGS.iter().any(|ending| compact.ends_with(ending))
        || ["_pass", "-pass", "_pwd", "-pwd"]
            .iter()
            .any(|ending| tail.ends_with(ending) && tail.len() > ending.len() + 1)
}

/// Whether a value is no secret itself but says where one comes from: `$TOKEN`, `${TOKEN}`, `$(…)`, `<token>`, or one
/// that is masked already.
fn is_open(value: &str) -> bool {
    if value.len() > LONGEST_REFERENCE {
        return false;
    }
    let value = value.trim_matches(['"', '\'', '\\', ' ', '\t']);
    if value.is_empty() || value == MASK || matches!(value, "true" | "false" | "null") || value.starts_with('`') {
        return true;
    }
    if let Some(name) = value.strip_prefix('$') {
        let whole = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        };
        return name.starts_with('(')
            || whole(name)
            || name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).is_some_and(whole);
    }
    // A placeholder has at most this many bytes: a long value is not searched for one.
    value.len() <= 128 && matches!(placeholder::find(value).as_slice(), [found] if found.range == (0..value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret that no masked text may still hold.
    const SECRET: &str = "hunter2";

    fn masked(words: &[&str]) -> Vec<String> {
        mask(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_literal_keeps_its_name_and_loses_its_value() {
        assert_eq!(
            masked(&["kubectl", "create", "secret", "generic", "jwt", "--from-literal=key=hunter2"]).last().unwrap(),
            &format!("--from-literal=key={MASK}")
        );
        assert_eq!(
            masked(&["kubectl", "create", "secret", "generic", "jwt", "--from-literal", "key=hunter2"]).last().unwrap(),
            &format!("key={MASK}")
        );
    }

    #[test]
    fn addresses_headers_json_and_assignments_lose_their_secrets() {
        for (word, secret) in [
            ("postgres://app:hunter2@db/app", "hunter2"),
            ("Authorization: Bearer hunter2", "hunter2"),
            (r#"{"username":"pms","password":"hunter2"}"#, "hunter2"),
            (r#"{"routing_key": "hunter2", "event_action": "trigger"}"#, "hunter2"),
            ("PGPASSWORD=hunter2", "hunter2"),
            ("https://h/x?token=hunter2&y=1", "hunter2"),
        ] {
            let shown = mask_text(word);
            assert!(!shown.contains(secret), "{shown}");
            assert!(shown.contains(MASK), "{shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for words in [
            vec!["kubectl", "get", "secret", "jwt-secret", "-o", "yaml"],
            vec!["kubectl", "rollout", "restart", "deployment/auth-service", "-n", "fintech-banking"],
            vec!["aws", "rds", "describe-db-instances", "--query", "DBInstances[0].DBInstanceStatus"],
            vec!["kubectl", "logs", "-u"],
        ] {
            assert_eq!(masked(&words), words);
        }
    }

    #[test]
    fn m5_every_address_and_header_of_a_text_is_masked() {
        for text in [
            "psql postgres://a:$PW@h/x\npsql postgres://app:hunter2@h/y",
            "curl -s https://h/x\ncurl -H \"Authorization: Bearer hunter2\" https://h/x",
            "curl -H 'Cookie: a=1; session=hunter2' https://h",
            "curl -H 'X-Api-Key: hunter2' https://h",
            "curl -H \"x-auth-token: hunter2\" https://h",
            "curl -H 'Proxy-Authorization: Basic hunter2' https://h",
            "git clone https://hunter2@github.com/a/b",
            "echo Bearer hunter2",
            "curl -d \"{\\\"password\\\":\\\"hunter2\\\"}\" https://h",
            "psql -c \"ALTER USER app PASSWORD 'hunter2'\"",
            "mysql -e \"CREATE USER a IDENTIFIED BY 'hunter2'\"",
            "aws_secret_access_key = hunter2",
            "export DB_PASS=hunter2",
            "env:\n- name: DB_PASSWORD\n  value: hunter2\n",
            "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----",
            "password: |\n  hunter2\n  hunter2\nuser: x",
            "cat x://y://a:hunter2@h",
        ] {
            for shown in [mask_text(text), mask_script(text)] {
                assert!(!shown.contains(SECRET), "{text} became {shown}");
                assert!(shown.contains(MASK), "{text} became {shown}");
            }
        }
        let key = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
        assert!(!mask_text(&format!("use {key} for it")).contains(&key));
    }

    #[test]
    fn m5_glued_options_are_masked_in_arguments_and_scripts() {
        for words in [
            vec!["curl", "--header=Authorization: hunter2", "https://h"],
            vec!["curl", "-HAuthorization: Bearer hunter2", "https://h"],
            vec!["curl", "-uadmin:hunter2", "https://h"],
            vec!["curl", "-sSu", "admin:hunter2", "https://h"],
            vec!["curl", "--user=admin:hunter2", "https://h"],
            vec!["sudo", "curl", "-u", "admin:hunter2", "https://h"],
            vec!["redis-cli", "-ahunter2", "ping"],
            vec!["redis-cli", "-h", "cache", "-a", "hunter2", "ping"],
            vec!["mysql", "-uroot", "-phunter2", "app"],
            vec!["kubectl", "exec", "db-0", "--", "mysql", "-phunter2"],
            vec!["kubectl", "exec", "db-0", "--", "sh", "-c", "redis-cli -a hunter2 ping"],
            vec!["kubectl", "patch", "secret", "x", "-p", r#"{"data":{"k":"hunter2"}}"#],
            vec!["kubectl", "patch", "secret/x", r#"--patch={"stringData":{"name":"hunter2"}}"#],
            vec!["kubectl", "patch", "secret", "x", "--patch", "data:\n  k: hunter2\n"],
            vec!["kubectl", "patch", "secrets", "x", "-p", r#"[{"op":"replace","path":"/data/k","value":"hunter2"}]"#],
            vec!["kubectl", "create", "secret", "docker-registry", "r", "--docker-password", "hunter2"],
            vec!["kubectl", "create", "secret", "docker-registry", "r", "--docker-password=hunter2"],
            vec!["kubectl", "set", "env", "deployment/web", "PASSWORD=hunter2 with spaces"],
            vec!["kubectl", "set", "env", "deployment/web", "PASSWORD=correct hunter2"],
            vec!["kubectl", "set", "env", "deployment/web", "-e", "PASSWORD=hunter2"],
            vec!["kubectl", "run", "x", "--image=y", "--env=DB_PASSWORD=hunter2"],
            vec!["kubectl", "run", "x", "--image=y", "--env", "DB_PASSWORD=hunter2"],
            vec!["kubectl", "exec", "db-0", "--", "env", "PGPASSWORD=hunter2", "psql"],
            vec!["kubectl", "create", "secret", "generic", "x", "--dry-run=client", "--from-literal", "a=hunter2"],
            vec!["aws", "ssm", "put-parameter", "--name", "x", "--value", "hunter2"],
        ] {
            let shown = masked(&words).join(" ");
            assert!(!shown.contains(SECRET) && shown.contains(MASK), "{shown}");
            let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
            for script in
                [line.clone(), format!("for x in a; do\n  {line} | cat\ndone"), format!("{line}\nif ) then (")]
            {
                let shown = mask_script(&script);
                assert!(!shown.contains(SECRET) && shown.contains(MASK), "{shown}");
            }
        }
    }

    #[test]
    fn m5_manifests_of_secrets_lose_what_they_hold() {
        let script = "kubectl apply -f - <<EOF\napiVersion: v1\nkind: Secret\nmetadata:\n  name: web\ndata:\n  k: hunter2\n\
                      stringData:\n  url: |\n    hunter2\n  open: $VALUE\nEOF\nkubectl get pods";
        let shown = mask_script(script);
        assert!(!shown.contains(SECRET), "{shown}");
        for kept in ["name: web", "  k: ", "open: $VALUE", "EOF\nkubectl get pods"] {
            assert!(shown.contains(kept), "{shown}");
        }
        let shown = mask_script("echo '{\"kind\":\"Secret\",\"data\":{\"k\":\"hunter2\"}}' | kubectl apply -f -");
        assert!(!shown.contains(SECRET) && shown.contains("| kubectl apply"), "{shown}");
        let map = "kind: ConfigMap\ndata:\n  colour: blue\n";
        assert_eq!(mask_text(map), map);
    }

    #[test]
    fn m5_references_and_placeholders_stay_visible() {
        for script in [
            "curl -H \"Authorization: Bearer $TOKEN\" https://h/x | jq .",
            "curl -H 'Authorization: Bearer <token>' https://h/x",
            "curl -u \"$USER:$PASS\" https://h",
            "curl -u admin:<password> https://h",
            "redis-cli -a \"$REDIS_PASSWORD\" ping",
            "mysql -uroot -p\"$PW\" app",
            "kubectl create secret generic jwt --from-literal=key='<new-secret-key>'",
            "kubectl create secret generic jwt --from-literal=key=$(openssl rand -hex 32)",
            "kubectl patch secret x -p '{\"data\":{\"k\":\"<value>\"}}'",
            "PGPASSWORD=$PW psql postgres://app:${PW}@db/app",
            "TOKEN=$(vault print token)",
            "echo ${TOKEN:0:8}",
            "kubectl get secret tls-cert -o jsonpath='{.data.tls\\.crt}' | base64 -d",
            "aws secretsmanager get-secret-value --secret-id pms/dev/database",
            "for p in a b; do kubectl get pod \"$p\"; done",
        ] {
            assert_eq!(mask_script(script), script);
        }
    }

    #[test]
    fn m5_hostile_texts_cost_time_in_proportion_to_their_length() {
        for piece in [
            "name=",
            "cookie:$(",
            "password=\"",
            "password='$(",
            "://",
            "a://b:",
            "-----BEGIN PRIVATE KEY",
            "data:\n",
            "kind: Secret\ndata: {",
            "bearer $",
            "password: |\n",
            "name: |\n ",
            "token ",
            "secret\"",
            "é=",
            "\\",
            "data",
        ] {
            let text = piece.repeat(1024 * 1024 / piece.len());
            let begin = std::time::Instant::now();
            let shown = mask_text(&text);
            assert!(begin.elapsed().as_secs() < 10, "{piece:?} took {:?} for {} bytes", begin.elapsed(), shown.len());
        }
    }

    proptest::proptest! {
        #[test]
        fn m5_no_text_makes_masking_panic(
            pieces in proptest::collection::vec(proptest::sample::select(vec![
                "password", "=", ":", " ", "\"", "'", "\\", "\n", "|", "data", "kind: Secret", "{", "}", "é", "$(", "${", "<a b>",
                "://", "@", "Bearer", "cookie:", "curl", "-u", "kubectl", "patch", "secret", "-p", "-----BEGIN ", "PRIVATE KEY",
                "name", "value", "--", "bash -c", "x", MASK, "eyJ0123456789abcdef", "  ", "`",
            ]), 0..24),
        ) {
            let text = pieces.concat();
            let _ = (mask_text(&text), mask_script(&text));
            let _ = mask(&pieces.iter().map(|piece| (*piece).to_owned()).collect::<Vec<_>>());
        }
    }
}
