//! Where a person may be sent after signing in: a page of this portal and nowhere else.

use std::sync::LazyLock;

use url::Url;

/// No page of the portal has a longer address.
const LONGEST: usize = 2048;

/// An address of no one, to see how a browser would resolve a path.
static SOMEWHERE: LazyLock<Url> =
    LazyLock::new(|| Url::parse("https://portal.invalid/").expect("a constant that parses"));

/// The path, query and fragment that `wanted` names in this portal, as a browser would resolve them, or `None` when it
/// could lead anywhere else or back into sign-in.
///
/// Browsers read `//host`, `/\host` and paths with control characters as other hosts (WHATWG URL, "special authority
/// ignore slashes state"), and dot segments can make such a path out of a harmless one, so the resolved path is checked too.
#[must_use]
pub fn local_path(wanted: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_graphic() && c != '\\';
    if wanted.len() > LONGEST || !wanted.starts_with('/') || wanted.starts_with("//") || !wanted.chars().all(plain) {
        return None;
    }
    let url = SOMEWHERE.join(wanted).ok()?;
    let path = url.path();
    if url.origin() != SOMEWHERE.origin() || path.starts_with("//") || path == "/auth" || path.starts_with("/auth/") {
        return None;
    }
    let mut local = path.to_owned();
    if let Some(query) = url.query() {
        local.push('?');
        local.push_str(query);
    }
    if let Some(fragment) = url.fragment() {
        local.push('#');
        local.push_str(fragment);
    }
    Some(local)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_of_the_portal_pass() {
        for path in
            ["/", "/runs/7?step=2#output", "/audit?person=a%20b", "/runbooks/a.md/1.1", "/authors", "/a?next=//b"]
        {
            assert_eq!(local_path(path).as_deref(), Some(path), "{path}");
        }
        assert_eq!(local_path("/a/../b").as_deref(), Some("/b"));
    }

    #[test]
    fn other_places_do_not() {
        let long = format!("/{}", "a".repeat(LONGEST));
        for path in [
            "",
            "runs",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\u{0}",
            "https://evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            " /runs",
            "/ /evil.example",
            "/a/..//evil.example",
            "/.//evil.example",
            "/%2e%2e//evil.example",
            "/%2e//evil.example",
            "/auth",
            "/auth/",
            "/auth/sign-in",
            "/auth/callback?code=1",
            "/x/../auth/sign-out",
            "/./auth/sign-in",
            "/runs\r\nSet-Cookie: a=b",
            "/é",
            "/\u{202e}",
            "@evil.example",
            "?next=//evil",
            long.as_str(),
        ] {
            assert_eq!(local_path(path), None, "{path:?}");
        }
    }

    fn stays_at_home(wanted: &str) -> Result<(), TestCaseError> {
        let home = Url::parse("http://127.0.0.1:8080/auth/callback").unwrap();
        if let Some(path) = local_path(wanted) {
            let landed = home.join(&path).unwrap();
            prop_assert_eq!(landed.origin(), home.origin());
            prop_assert!(!landed.path().starts_with("/auth/"));
            prop_assert!(path.chars().all(|c| c.is_ascii_graphic()), "a Location header can carry it");
            prop_assert_eq!(local_path(&path), Some(path), "what passed once passes again, unchanged");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn whatever_passes_stays_at_home(wanted in "\\PC{0,40}") {
            stays_at_home(&wanted)?;
        }

        #[test]
        fn whatever_passes_stays_at_home_among_lookalikes(wanted in r"/([/\\.@:?#%2eE5cfF]|auth|evil\.example|\t|\n){0,12}") {
            stays_at_home(&wanted)?;
        }
    }
}
