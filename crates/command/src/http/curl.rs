//! `curl`: its options by the manual of version 8 (curl(1)).

use super::{Request, action, body, written};
use crate::action::Refusal;
use crate::external::{self, Argument, Kind, Known, Part, Style};

const ELSEWHERE: Kind = Kind::Refused("it would lead the call elsewhere than to its address");
const CREDENTIALS: Kind = Kind::Refused("credentials belong to the environment");
const OPTIONS_FILE: Kind = Kind::Refused("it reads further options from a file");
const TRACE: Kind = Kind::Refused("it writes down headers, credentials among them");

const OPTIONS: &[Known] = &[
    ('#', "progress-bar", Kind::Flag),
    ('0', "http1.0", Kind::Flag),
    (' ', "http1.1", Kind::Flag),
    (' ', "http2", Kind::Flag),
    ('1', "tlsv1", Kind::Flag),
    (' ', "tlsv1.2", Kind::Flag),
    (' ', "tlsv1.3", Kind::Flag),
    ('4', "ipv4", Kind::Flag),
    ('6', "ipv6", Kind::Flag),
    (' ', "anyauth", Kind::Flag),
    (' ', "basic", Kind::Flag),
    (' ', "digest", Kind::Flag),
    (' ', "compressed", Kind::Flag),
    (' ', "create-dirs", Kind::Flag),
    ('f', "fail", Kind::Flag),
    (' ', "fail-early", Kind::Flag),
    (' ', "fail-with-body", Kind::Flag),
    ('g', "globoff", Kind::Flag),
    ('G', "get", Kind::Own),
    ('h', "help", Kind::Flag),
    ('i', "include", Kind::Flag),
    ('I', "head", Kind::Own),
    ('j', "junk-session-cookies", Kind::Flag),
    ('k', "insecure", Kind::Own),
    (' ', "keepalive", Kind::Flag),
    ('L', "location", Kind::Flag),
    ('N', "no-buffer", Kind::Flag),
    (' ', "buffer", Kind::Flag),
    ('O', "remote-name", Kind::Own),
    (' ', "remote-name-all", Kind::Own),
    ('J', "remote-header-name", Kind::Own),
    ('R', "remote-time", Kind::Flag),
    ('Z', "parallel", Kind::Flag),
    (' ', "path-as-is", Kind::Flag),
    (' ', "post301", Kind::Flag),
    (' ', "post302", Kind::Flag),
    (' ', "post303", Kind::Flag),
    (' ', "progress-meter", Kind::Flag),
    ('q', "disable", Kind::Own),
    (' ', "raw", Kind::Flag),
    (' ', "retry-all-errors", Kind::Flag),
    (' ', "retry-connrefused", Kind::Flag),
    ('s', "silent", Kind::Flag),
    ('S', "show-error", Kind::Flag),
    (' ', "ssl-reqd", Kind::Flag),
    (' ', "styled-output", Kind::Flag),
    (' ', "tcp-nodelay", Kind::Flag),
    ('v', "verbose", Kind::Flag),
    ('V', "version", Kind::Flag),
    ('A', "user-agent", Kind::Value),
    ('C', "continue-at", Kind::Value),
    ('e', "referer", Kind::Value),
    ('m', "max-time", Kind::Value),
    ('r', "range", Kind::Value),
    ('u', "user", Kind::Value),
    ('y', "speed-time", Kind::Value),
    ('Y', "speed-limit", Kind::Value),
    (' ', "aws-sigv4", Kind::Value),
    (' ', "ciphers", Kind::Value),
    (' ', "connect-timeout", Kind::Value),
    (' ', "data-raw", Kind::Value),
    (' ', "expect100-timeout", Kind::Value),
    (' ', "form-string", Kind::Value),
    (' ', "keepalive-time", Kind::Value),
    (' ', "limit-rate", Kind::Value),
    (' ', "max-filesize", Kind::Value),
    (' ', "max-redirs", Kind::Value),
    (' ', "oauth2-bearer", Kind::Value),
    (' ', "parallel-max", Kind::Value),
    (' ', "retry", Kind::Value),
    (' ', "retry-delay", Kind::Value),
    (' ', "retry-max-time", Kind::Value),
    (' ', "tls-max", Kind::Value),
    (' ', "tls13-ciphers", Kind::Value),
    (' ', "cacert", Kind::Input),
    ('c', "cookie-jar", Kind::Output),
    ('D', "dump-header", Kind::Output),
    ('o', "output", Kind::Output),
    (' ', "output-dir", Kind::Output),
    (' ', "stderr", Kind::Output),
    ('b', "cookie", Kind::OwnValue),
    ('d', "data", Kind::OwnValue),
    (' ', "data-ascii", Kind::OwnValue),
    (' ', "data-binary", Kind::OwnValue),
    (' ', "data-urlencode", Kind::OwnValue),
    ('F', "form", Kind::OwnValue),
    ('H', "header", Kind::OwnValue),
    (' ', "json", Kind::OwnValue),
    (' ', "proto", Kind::OwnValue),
    (' ', "proto-redir", Kind::OwnValue),
    (' ', "proto-default", Kind::OwnValue),
    ('T', "upload-file", Kind::OwnValue),
    (' ', "url", Kind::OwnValue),
    ('w', "write-out", Kind::OwnValue),
    ('X', "request", Kind::OwnValue),
    ('K', "config", OPTIONS_FILE),
    ('x', "proxy", ELSEWHERE),
    ('U', "proxy-user", ELSEWHERE),
    (' ', "preproxy", ELSEWHERE),
    (' ', "noproxy", ELSEWHERE),
    (' ', "proxytunnel", ELSEWHERE),
    ('p', "proxytunnel", ELSEWHERE),
    (' ', "socks4", ELSEWHERE),
    (' ', "socks4a", ELSEWHERE),
    (' ', "socks5", ELSEWHERE),
    (' ', "socks5-hostname", ELSEWHERE),
    (' ', "unix-socket", ELSEWHERE),
    (' ', "abstract-unix-socket", ELSEWHERE),
    (' ', "resolve", ELSEWHERE),
    (' ', "connect-to", ELSEWHERE),
    (' ', "interface", ELSEWHERE),
    (' ', "local-port", ELSEWHERE),
    (' ', "dns-servers", ELSEWHERE),
    (' ', "dns-interface", ELSEWHERE),
    (' ', "doh-url", ELSEWHERE),
    (' ', "alt-svc", ELSEWHERE),
    ('E', "cert", CREDENTIALS),
    (' ', "key", CREDENTIALS),
    (' ', "pass", CREDENTIALS),
    ('n', "netrc", CREDENTIALS),
    (' ', "netrc-file", CREDENTIALS),
    (' ', "netrc-optional", CREDENTIALS),
    (' ', "location-trusted", Kind::Refused("it would give credentials to the hosts of redirections")),
    (':', "next", Kind::Refused("this portal judges one request at a time; make it a call of its own")),
    (' ', "trace", TRACE),
    (' ', "trace-ascii", TRACE),
    (' ', "libcurl", TRACE),
];

pub(super) fn parse(words: &[String]) -> Result<Request, Refusal> {
    let mut read = Read::default();
    for part in external::read("curl", words, &[OPTIONS], Style::Curl)? {
        match part {
            Part::Operand(url) => read.urls.push(url.to_owned()),
            Part::Negated(name) => read.arguments.push(Argument::plain(format!("--no-{name}"))),
            Part::Option(name, kind, value) => read.option(name, kind, value)?,
        }
    }
    let names = |name: &str| read.arguments.contains(&Argument::plain(name));
    if names("--output-dir") && names("--output") {
        return Err(Refusal::not_permitted(
            "`curl --output-dir` beside `-o` is not permitted: name the whole path in `-o`.",
        ));
    }
    let method = read.method.unwrap_or_else(|| match (read.head, read.upload, read.body && !read.as_query) {
        (true, ..) => "HEAD".to_owned(),
        (_, true, _) => "PUT".to_owned(),
        (.., true) => "POST".to_owned(),
        _ => "GET".to_owned(),
    });
    if method == "TRACE" {
        return Err(Refusal::not_permitted(
            "`curl -X TRACE` is not permitted: it repeats what the portal adds to a request.",
        ));
    }
    let action = action("curl", &method, &read.urls)?;
    Ok(Request {
        action,
        urls: read.urls,
        arguments: read.arguments,
        reads_input: read.reads_input,
        writes_folder: read.writes_folder,
        insecure: read.insecure,
    })
}

/// What has been read so far.
#[derive(Default)]
struct Read {
    arguments: Vec<Argument>,
    urls: Vec<String>,
    method: Option<String>,
    head: bool,
    upload: bool,
    body: bool,
    as_query: bool,
    reads_input: bool,
    writes_folder: bool,
    insecure: bool,
}

impl Read {
    fn flag(&mut self, name: &str) {
        self.arguments.push(Argument::plain(format!("--{name}")));
    }

    fn pass(&mut self, name: &str, value: &str) {
        self.give(name, Argument::plain(value));
    }

    fn give(&mut self, name: &str, value: Argument) {
        self.flag(name);
        self.arguments.push(value);
    }

    fn option(&mut self, name: &str, kind: Kind, value: &str) -> Result<(), Refusal> {
        match kind {
            Kind::Flag => self.flag(name),
            Kind::Value => {
                self.body |= matches!(name, "data-raw" | "form-string");
                self.pass(name, value);
            }
            Kind::Input => self.give(name, Argument::input("", value)),
            // What it says beside the answer is masked on its way, and in a file nobody masks it.
            Kind::Output if name == "stderr" && value != "-" => {
                return Err(Refusal::not_permitted(
                    "`curl --stderr` may not name a file: redirect it with `2>` instead.",
                ));
            }
            Kind::Output => self.give(name, written("curl", "", value)?),
            _ => return self.own(name, value),
        }
        Ok(())
    }

    fn own(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            // The portal gives it itself, first.
            "disable" => return Ok(()),
            "get" => self.as_query = true,
            "head" => self.head = true,
            "insecure" => self.insecure = true,
            "remote-name" | "remote-name-all" | "remote-header-name" => self.writes_folder = true,
            _ => return self.valued(name, value),
        }
        self.flag(name);
        Ok(())
    }

    fn valued(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "url" => self.urls.push(value.to_owned()),
            "request" => {
                self.method = Some(value.to_ascii_uppercase());
                self.pass(name, value);
            }
            "data" | "data-ascii" | "data-binary" | "json" => {
                self.body = true;
                let body = body("", value, &mut self.reads_input);
                self.give(name, body);
            }
            "header" => {
                let header = body("", value, &mut self.reads_input);
                self.give(name, header);
            }
            "data-urlencode" => {
                self.body = true;
                let file = value.find(['=', '@']).filter(|_| !value.contains('=')).map(|at| value.split_at(at));
                let encoded = match file {
                    Some((before, file)) => body(before, file, &mut self.reads_input),
                    None => Argument::plain(value),
                };
                self.give(name, encoded);
            }
            "form" => {
                self.body = true;
                let form = self.form(value)?;
                self.give(name, form);
            }
            "upload-file" => {
                self.upload = true;
                let upload = match value {
                    "-" | "." => {
                        self.reads_input = true;
                        Argument::plain(value)
                    }
                    _ if value.contains(['{', '[']) => {
                        return Err(Refusal::not_permitted("`curl -T` may only name one file in this portal."));
                    }
                    _ => Argument::input("", value),
                };
                self.give(name, upload);
            }
            "cookie" if value.contains('=') || value.is_empty() => self.pass(name, value),
            "cookie" => self.give(name, Argument::input("", value)),
            "write-out" if value.contains("%output{") => {
                return Err(Refusal::not_permitted("`curl -w` may not write files. Use `-o`."));
            }
            "write-out" => {
                let format = body("", value, &mut self.reads_input);
                self.give(name, format);
            }
            _ => {
                let named = value.trim_start_matches('=');
                if !named.split(',').all(|scheme| matches!(scheme, "http" | "https")) {
                    return Err(Refusal::not_permitted(format!("`curl --{name}` may only name http and https.")));
                }
                self.pass(name, value);
            }
        }
        Ok(())
    }

    /// `name=content`, `name=@file;type=…`, `name=<file`.
    fn form(&mut self, value: &str) -> Result<Argument, Refusal> {
        // It reads a file, whatever stands before it.
        if value.contains("headers=") {
            return Err(Refusal::not_permitted(
                "`curl -F` with `headers=` is not permitted: it reads a file. Leave it out.",
            ));
        }
        let Some((name, content)) = value.split_once('=') else {
            return Ok(Argument::plain(value));
        };
        let Some(mark) = content.chars().next().filter(|mark| matches!(mark, '@' | '<')) else {
            return Ok(Argument::plain(value));
        };
        let file = &content[1..];
        let (path, after) = file.find(';').map_or((file, ""), |at| file.split_at(at));
        if path == "-" {
            self.reads_input = true;
            return Ok(Argument::plain(value));
        }
        if path.contains(['"', ',']) {
            return Err(Refusal::not_permitted(
                "`curl -F` may only name one file at a time, without quotes around it.",
            ));
        }
        Ok(Argument::Input { before: format!("{name}={mark}"), path: path.to_owned(), after: after.to_owned() })
    }
}
