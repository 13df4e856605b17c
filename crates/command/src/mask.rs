//! Takes secrets out of arguments before they are written anywhere.

/// What stands in a secret's place.
pub const MASK: &str = "••••••";

/// Options whose value is always a secret, for every tool that the broker knows.
const SECRET_OPTIONS: &[&str] = &[
    "--token",
    "--password",
    "--secret-string",
    "--secret-binary",
    "--master-user-password",
    "--auth-token",
    "--private-key",
    "--docker-password",
    "--user",
    "-u",
    "-a",
    "--pass",
];

/// Words that make the value beside them a secret: `PGPASSWORD=x`, `{"password":"x"}`, `--from-literal=api_key=x`.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwd",
    "secret",
    "token",
    "api_key",
    "apikey",
    "api-key",
    "routing_key",
    "credential",
    "private_key",
];

/// Masks secrets in a program's arguments: the values of options that carry one, every `--from-literal`, credentials in
/// addresses, authorization headers, and values named like a secret. Errs on the side of hiding.
#[must_use]
pub fn mask(argv: &[String]) -> Vec<String> {
    let tool = argv.first().map_or("", String::as_str);
    let mut masked = Vec::with_capacity(argv.len());
    let mut hide_next = false;
    for word in argv {
        if std::mem::take(&mut hide_next) {
            masked.push(hide_value(word, tool));
            continue;
        }
        if is_secret_option(tool, word) {
            hide_next = true;
            masked.push(word.clone());
            continue;
        }
        masked.push(match word.split_once('=') {
            Some((option, value)) if is_secret_option(tool, option) => format!("{option}={}", hide_value(value, tool)),
            _ => mask_text(word),
        });
    }
    masked
}

/// `--from-literal name=value` keeps the name; any other value goes whole.
fn hide_value(value: &str, tool: &str) -> String {
    match value.split_once('=') {
        Some((name, _)) if tool == "kubectl" => format!("{name}={MASK}"),
        _ => MASK.to_owned(),
    }
}

fn is_secret_option(tool: &str, word: &str) -> bool {
    match word {
        "--from-literal" => tool == "kubectl",
        "-u" | "--user" => tool == "curl",
        "-a" | "--pass" => tool == "redis-cli",
        _ => SECRET_OPTIONS.contains(&word),
    }
}

/// Masks secrets in free text: an argument that holds JSON, a header, an address or an assignment.
#[must_use]
pub fn mask_text(text: &str) -> String {
    let text = mask_address(text);
    if text.len() > 13 && text.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("authorization:")) {
        return format!("{} {MASK}", &text[..14]);
    }
    mask_named(&text)
}

/// `scheme://user:password@host` loses the password.
fn mask_address(text: &str) -> String {
    let Some(scheme) = text.find("://") else { return text.to_owned() };
    let rest = &text[scheme + 3..];
    let authority = rest.find(['/', '?', '#', ' ', '"', '\'']).map_or(rest, |end| &rest[..end]);
    let Some(at) = authority.rfind('@') else { return text.to_owned() };
    let Some(colon) = authority[..at].find(':') else { return text.to_owned() };
    format!("{}{}{MASK}{}", &text[..scheme + 3], &rest[..=colon], &rest[at..])
}

/// Values that follow a secret's name and `=` or `":"`.
fn mask_named(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    while let Some((start, end)) = next_secret(&lower, from) {
        result.push_str(&text[from..start]);
        result.push_str(MASK);
        from = end;
    }
    result.push_str(&text[from..]);
    result
}

/// The byte range of the next secret's value at or after `from`.
fn next_secret(lower: &str, from: usize) -> Option<(usize, usize)> {
    let mut search = from;
    loop {
        let (at, word) = SECRET_WORDS
            .iter()
            .filter_map(|word| lower[search..].find(word).map(|at| (search + at, *word)))
            .min_by_key(|(at, word)| (*at, usize::MAX - word.len()))?;
        let after = at + word.len();
        let rest = &lower[after..];
        let trimmed = rest.trim_start_matches(['"', '\'']);
        let separator = trimmed.trim_start();
        let value = separator.strip_prefix([':', '=']).map(|value| value.trim_start_matches([' ', '"', '\'']));
        if let Some(value) =
            value.filter(|value| !value.is_empty() && !value.starts_with('$') && !value.starts_with('<'))
        {
            let start = lower.len() - value.len();
            let length = value.find(['"', '\'', ',', '}', '&', ' ', '\n']).unwrap_or(value.len());
            if length > 0 {
                return Some((start, start + length));
            }
        }
        search = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
