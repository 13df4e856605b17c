//! Environment variables that go into a script and come out of it. Both are hostile: the first hold what people
//! typed, the second what a script says.

use std::collections::BTreeMap;

use crate::{frame, inside};

/// Whether a variable may be given to a script, or carried over from one: a POSIX name that is not the sandbox's own
/// and does not change what bash or the dynamic linker do by themselves.
fn allowed(name: &str) -> bool {
    let own = inside::ENVIRONMENT.iter().any(|(own, _)| *own == name);
    let of_bash = matches!(name, "_" | "PWD" | "OLDPWD" | "SHLVL" | "UID" | "EUID" | "PPID");
    let values = name.strip_prefix("RUNBOOK_").is_some_and(|rest| {
        rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    });
    !own && !of_bash && (values || command::bind::may_set(name))
}

/// The variables as the launcher reads them; those that may not be given are left out.
pub(crate) fn encode(variables: &BTreeMap<String, String>) -> Vec<u8> {
    let assignments: Vec<String> = variables
        .iter()
        .filter(|(name, value)| allowed(name) && !value.contains('\0'))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    frame::join(assignments.iter().map(String::as_bytes))
}

/// The variables that a script exported; what may not be carried over, or is not UTF-8, is left out.
pub(crate) fn decode(bytes: &[u8]) -> Result<BTreeMap<String, String>, frame::Malformed> {
    Ok(frame::split(bytes)?
        .into_iter()
        .filter_map(|assignment| std::str::from_utf8(assignment).ok()?.split_once('='))
        .filter(|(name, _)| allowed(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect())
}

/// What stays of the given variables where a script ended without a word, killed or replaced by `exec`.
pub(crate) fn kept(variables: BTreeMap<String, String>) -> BTreeMap<String, String> {
    variables.into_iter().filter(|(name, _)| allowed(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ordinary_names_pass() {
        for name in ["POD", "_x1", "ALB_ARN", "http_proxy"] {
            assert!(allowed(name), "{name}");
        }
        for name in [
            "",
            "1A",
            "A-B",
            "A B",
            "PATH",
            "HOME",
            "LD_PRELOAD",
            "BASH_ENV",
            "BASH_FUNC_x%%",
            "SHELLOPTS",
            "PYTHONPATH",
            "PERL5OPT",
            "GCONV_PATH",
            "É",
        ] {
            assert!(!allowed(name), "{name}");
        }
    }

    #[test]
    fn values_are_data() {
        let given: BTreeMap<String, String> =
            [("A", "x=y\n$(id)"), ("B", ""), ("C", "a\0D=b")].map(|(name, value)| (name.into(), value.into())).into();
        let read = decode(&encode(&given)).unwrap();
        assert_eq!(read, [("A", "x=y\n$(id)"), ("B", "")].map(|(name, value)| (name.into(), value.into())).into());
    }

    #[test]
    fn what_is_not_an_assignment_is_left_out() {
        assert_eq!(decode(b"noequals\0=empty\0\xff=1\0OK=\xff\0A=1\0").unwrap(), [("A".into(), "1".into())].into());
        assert!(decode(b"A=1").is_err());
    }
}
