//! `wget`: its options by the manual of version 1.24.

use super::{Request, action, written};
use crate::action::Refusal;
use crate::external::{self, Argument, Kind, Known, Part, Style};

const CREDENTIALS: Kind = Kind::Refused("credentials belong to the environment");
const MANY: Kind = Kind::Refused("this portal judges addresses one by one; name them");

const OPTIONS: &[Known] = &[
    ('4', "inet4-only", Kind::Flag),
    ('6', "inet6-only", Kind::Flag),
    (' ', "auth-no-challenge", Kind::Flag),
    ('c', "continue", Kind::Flag),
    (' ', "content-disposition", Kind::Flag),
    (' ', "content-on-error", Kind::Flag),
    ('h', "help", Kind::Flag),
    (' ', "https-only", Kind::Flag),
    (' ', "ignore-length", Kind::Flag),
    ('N', "timestamping", Kind::Flag),
    (' ', "no-cache", Kind::Flag),
    (' ', "no-check-certificate", Kind::Own),
    (' ', "no-clobber", Kind::Flag),
    (' ', "no-cookies", Kind::Flag),
    (' ', "no-hsts", Kind::Flag),
    (' ', "no-netrc", Kind::Flag),
    (' ', "no-verbose", Kind::Flag),
    ('q', "quiet", Kind::Flag),
    (' ', "retry-connrefused", Kind::Flag),
    ('S', "server-response", Kind::Flag),
    (' ', "show-progress", Kind::Flag),
    (' ', "spider", Kind::Own),
    ('v', "verbose", Kind::Flag),
    ('V', "version", Kind::Flag),
    (' ', "compression", Kind::Value),
    (' ', "connect-timeout", Kind::Value),
    (' ', "dns-timeout", Kind::Value),
    (' ', "header", Kind::Value),
    (' ', "http-password", Kind::Value),
    (' ', "http-user", Kind::Value),
    (' ', "limit-rate", Kind::Value),
    (' ', "max-redirect", Kind::Value),
    (' ', "password", Kind::Value),
    (' ', "progress", Kind::Value),
    (' ', "read-timeout", Kind::Value),
    (' ', "referer", Kind::Value),
    (' ', "retry-on-http-error", Kind::Value),
    (' ', "secure-protocol", Kind::Value),
    ('T', "timeout", Kind::Value),
    ('t', "tries", Kind::Value),
    (' ', "user", Kind::Value),
    ('U', "user-agent", Kind::Value),
    ('w', "wait", Kind::Value),
    (' ', "waitretry", Kind::Value),
    (' ', "ca-certificate", Kind::Input),
    (' ', "load-cookies", Kind::Input),
    (' ', "body-file", Kind::Input),
    (' ', "post-file", Kind::Input),
    ('a', "append-output", Kind::Output),
    ('o', "output-file", Kind::Output),
    ('O', "output-document", Kind::Output),
    ('P', "directory-prefix", Kind::Output),
    (' ', "save-cookies", Kind::Output),
    (' ', "body-data", Kind::Value),
    (' ', "method", Kind::OwnValue),
    (' ', "post-data", Kind::Value),
    ('e', "execute", Kind::Refused("it sets any option, the proxy among them")),
    (' ', "config", Kind::Refused("it reads further options from a file")),
    (' ', "use-askpass", Kind::Refused("it starts another program")),
    (' ', "certificate", CREDENTIALS),
    (' ', "private-key", CREDENTIALS),
    (' ', "bind-address", Kind::Refused("it would lead the call elsewhere than to its address")),
    ('i', "input-file", MANY),
    ('r', "recursive", MANY),
    ('m', "mirror", MANY),
    ('p', "page-requisites", MANY),
    ('b', "background", Kind::Refused("what it starts would be ended with the call")),
];

pub(super) fn parse(words: &[String]) -> Result<Request, Refusal> {
    // Two-letter options of one dash: `-nv` is no cluster of `n` and `v`.
    let words: Vec<String> = words
        .iter()
        .map(|word| match word.as_str() {
            "-nv" => "--no-verbose".to_owned(),
            "-nc" => "--no-clobber".to_owned(),
            _ => word.clone(),
        })
        .collect();
    let (mut arguments, mut urls) = (Vec::new(), Vec::new());
    let (mut method, mut posts, mut spider, mut insecure, mut document) = (None, false, false, false, false);
    for part in external::read("wget", &words, &[OPTIONS], Style::Gnu)? {
        let (name, kind, value) = match part {
            Part::Option(name, kind, value) => (name, kind, value),
            Part::Operand(url) | Part::Negated(url) => {
                urls.push(url.to_owned());
                continue;
            }
        };
        match name {
            "method" => method = Some(value.to_ascii_uppercase()),
            "post-data" | "post-file" => posts = true,
            "spider" => spider = true,
            "no-check-certificate" => insecure = true,
            "output-document" => document = true,
            _ => {}
        }
        let before = format!("--{name}=");
        arguments.push(match kind {
            Kind::Flag | Kind::Own => Argument::plain(format!("--{name}")),
            Kind::Input => Argument::input(before, value),
            Kind::Output => written("wget", &before, value)?,
            _ => Argument::plain(format!("{before}{value}")),
        });
    }
    let method = method.unwrap_or_else(|| match (spider, posts) {
        (true, _) => "HEAD".to_owned(),
        (_, true) => "POST".to_owned(),
        _ => "GET".to_owned(),
    });
    let action = action("wget", &method, &urls)?;
    Ok(Request { action, urls, arguments, reads_input: false, writes_folder: !document && !spider, insecure })
}
