//! Clients of HTTP: `curl`, `wget`. The effect is that of the method (RFC 9110, 9.2.1: GET, HEAD and OPTIONS are safe).

mod curl;
mod wget;

use crate::action::{Action, Effect, Refusal};
use crate::classify::target;
use crate::external::Argument;

/// A call of an HTTP client, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it does.
    pub action: Action,
    /// The addresses as the caller wrote them; a scheme may be missing.
    pub urls: Vec<String>,
    /// What the real program is told beside the addresses, which come last.
    pub arguments: Vec<Argument>,
    /// Whether it reads its standard input.
    pub reads_input: bool,
    /// Whether it writes files beside those that it names: `curl -O`, `wget` without `-O`.
    pub writes_folder: bool,
    /// Whether it asks for no check of certificates: `-k`.
    pub insecure: bool,
}

/// Reads a call of `curl` or `wget`; `argv[0]` is the program.
///
/// # Errors
/// A [`Refusal`] for options that leave the environment or its credentials, and for those nobody knows.
pub fn parse(argv: &[String]) -> Result<Request, Refusal> {
    match argv.split_first() {
        Some((tool, words)) if tool == "wget" => wget::parse(words),
        Some((_, words)) => curl::parse(words),
        None => Err(Refusal::not_available("An empty call names no program.")),
    }
}

/// Endpoints whose POST only looks: the Prometheus HTTP API takes its query as a form, Elasticsearch takes it as a body.
const READING_POSTS: &[&str] = &[
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/series",
    "/api/v1/labels",
    "/_search",
    "/_count",
    "/_msearch",
];

fn action(tool: &str, method: &str, urls: &[String]) -> Result<Action, Refusal> {
    if let Some(url) = urls.iter().find(|url| !allowed_scheme(url)) {
        let scheme = url.split(':').next().unwrap_or_default();
        return Err(Refusal::not_permitted(format!("`{tool}` may only use http and https, not `{scheme}`.")));
    }
    let looks = |url: &String| READING_POSTS.iter().any(|path| address(url).ends_with(path));
    let effect = match method {
        "GET" | "HEAD" | "OPTIONS" => Effect::Read,
        "POST" if !urls.is_empty() && urls.iter().all(looks) => Effect::Read,
        "DELETE" => Effect::Destroy,
        _ => Effect::Change,
    };
    let targets = urls.iter().map(|url| target("url", Some(&address(url)))).collect();
    Ok(Action { tool: tool.to_owned(), verb: method.to_owned(), targets, effect, follows: false })
}

/// The scheme and the rest, where there is one: in `host/path?to=http://other` there is none (RFC 3986, 3.1).
fn scheme(url: &str) -> Option<(&str, &str)> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(letter))
}

fn allowed_scheme(url: &str) -> bool {
    scheme(url).is_none_or(|(scheme, _)| matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https"))
}

/// A URL without what may be secret: user and password, query, fragment.
fn address(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = &url[..end];
    let (scheme, rest) = scheme(url).unwrap_or(("", url));
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if scheme.is_empty() { format!("{host}{path}") } else { format!("{scheme}://{host}{path}") }
}

/// The body's argument: `@file`, `@-`, or the body itself.
fn body(before: &str, value: &str, reads_input: &mut bool) -> Argument {
    match value.strip_prefix('@') {
        Some("-") => {
            *reads_input = true;
            Argument::plain(format!("{before}@-"))
        }
        Some(path) => Argument::input(format!("{before}@"), path),
        None => Argument::plain(format!("{before}{value}")),
    }
}

/// A file that is written; the usual names for nothing and for standard output are no files.
fn written(tool: &str, before: &str, path: &str) -> Result<Argument, Refusal> {
    match path {
        "-" | "/dev/null" => Ok(Argument::plain(format!("{before}{path}"))),
        "/dev/stdout" => Ok(Argument::plain(format!("{before}-"))),
        _ => Argument::output(tool, before, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        // A quoted word has no blank at its ends here, and no quote within.
        let mut words = Vec::new();
        for (at, part) in text.split('\'').enumerate() {
            match at % 2 {
                0 => words.extend(part.split_ascii_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words
    }

    fn told(text: &str) -> String {
        let told = |argument: &Argument| match argument {
            Argument::Plain(word) => word.clone(),
            Argument::Input { before, path, after } => format!("{before}<{path}>{after}"),
            Argument::Output { before, path } => format!("{before}>{path}<"),
        };
        parse(&words(text)).map_or_else(
            |refusal| refusal.reason,
            |request| request.arguments.iter().map(told).collect::<Vec<_>>().join(" "),
        )
    }

    #[test]
    fn curl_is_told_what_was_read() {
        for (call, expected) in [
            ("curl -sSfL https://a/x", "--silent --show-error --fail --location"),
            ("curl -so/dev/null -w '%{http_code}' a", "--silent --output /dev/null --write-out %{http_code}"),
            ("curl -XPOST a -d @b -d c", "--request POST --data @<b> --data c"),
            ("curl a --data-urlencode q=@x --data-urlencode q@x", "--data-urlencode q=@x --data-urlencode q@<x>"),
            ("curl a -F f=@r.csv;type=text/csv -F g=h", "--form f=@<r.csv>;type=text/csv --form g=h"),
            ("curl a -T up -o down -O", "--upload-file <up> --output >down< --remote-name"),
            ("curl -H @h -H 'A: b' a -b jar -b x=y", "--header @<h> --header A: b --cookie <jar> --cookie x=y"),
            ("curl -q --no-buffer a", "--no-buffer"),
        ] {
            assert_eq!(told(call), expected, "{call}");
        }
    }

    #[test]
    fn wget_is_told_what_was_read() {
        for (call, expected) in [
            ("wget --timeout=5 -qO- http://a:8080/h", "--timeout=5 --quiet --output-document=-"),
            ("wget -nv -T 5 a b", "--no-verbose --timeout=5"),
            ("wget --post-file body a -O out", "--post-file=<body> --output-document=>out<"),
        ] {
            assert_eq!(told(call), expected, "{call}");
        }
    }

    #[test]
    fn what_leaves_the_environment_is_refused() {
        for call in [
            "curl -K x a",
            "curl -sKx a",
            "curl --config x a",
            "curl -x http://p a",
            "curl --socks5 p a",
            "curl --unix-socket /s a",
            "curl --resolve a:80:1.2.3.4 a",
            "curl --connect-to a:80:b:80 a",
            "curl -n a",
            "curl --netrc-file f a",
            "curl -E c a",
            "curl --key k a",
            "curl --interface eth0 a",
            "curl --doh-url https://x a",
            "curl --libcurl x a",
            "curl --trace t a",
            "curl --location-trusted a",
            "curl --next a",
            "curl file:///etc/passwd",
            "curl ftp://a/x",
            "curl -w '%output{/x}y' a",
            "curl -F 'f=@\"a\"' a",
            "curl --conf x a",
            "curl --proto =file a",
            "curl --output-dir d -o x a",
            "curl -v --stderr x a",
            "curl -X trace a",
            "curl -F 'a=b;headers=@/x' a",
            "wget -e use_proxy=on a",
            "wget -i urls",
            "wget --use-askpass=/x a",
            "wget --config=x a",
            "wget --certificate=c a",
            "wget -r a",
            "wget ftp://a",
        ] {
            assert!(parse(&words(call)).is_err(), "{call}");
        }
    }

    #[test]
    fn input_and_files_are_seen() {
        let read = |call| parse(&words(call)).unwrap();
        assert!(
            read("curl -d @- a").reads_input && read("curl -T - a").reads_input && !read("curl -d x a").reads_input
        );
        assert!(read("curl -O a").writes_folder && !read("curl -o x a").writes_folder);
        assert!(
            read("wget a").writes_folder && !read("wget -O- a").writes_folder && !read("wget --spider a").writes_folder
        );
        assert!(read("curl -k a").insecure && read("wget --no-check-certificate a").insecure);
    }

    #[test]
    fn effects_are_those_of_the_method() {
        for (call, verb, effect) in [
            ("curl a", "GET", Effect::Read),
            ("curl -G a -d x", "GET", Effect::Read),
            ("curl -I a", "HEAD", Effect::Read),
            ("curl a --json {}", "POST", Effect::Change),
            ("curl -T f a", "PUT", Effect::Change),
            ("curl -X delete a", "DELETE", Effect::Destroy),
            ("curl http://p:9090/api/v1/query -d query=up", "POST", Effect::Read),
            ("wget a", "GET", Effect::Read),
            ("wget --spider a", "HEAD", Effect::Read),
            ("wget --post-data=x a", "POST", Effect::Change),
            ("wget --method=DELETE a", "DELETE", Effect::Destroy),
        ] {
            let action = parse(&words(call)).unwrap().action;
            assert_eq!((action.verb.as_str(), action.effect), (verb, effect), "{call}");
        }
    }
}
