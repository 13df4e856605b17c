//! Templates as runbooks write them.

use serde_json::json;

use super::*;

fn pods() -> Value {
    json!({"kind": "List", "items": [
        {"metadata": {"name": "web-1", "labels": {"app": "web", "app.kubernetes.io/name": "web"}},
         "spec": {"containers": [{"name": "app", "image": "web:1"}, {"name": "log", "image": "log:2"}]},
         "status": {"phase": "Running", "restarts": 3,
                    "conditions": [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "False"}]}},
        {"metadata": {"name": "web-2"}, "spec": {"containers": [{"name": "app", "image": "web:2"}]},
         "status": {"phase": "Pending", "restarts": 0}},
    ], "data": {"tls.crt": "abc"}})
}

#[test]
fn templates_print_what_kubectl_prints() {
    for (template, printed) in [
        ("{.items[0].metadata.name}", "web-1"),
        ("{.items[*].metadata.name}", "web-1 web-2"),
        ("{.items[-1].metadata.name}", "web-2"),
        ("{.items[-1:].metadata.name}", "web-2"),
        ("{.items[0:1].metadata.name}", "web-1"),
        ("{.items[0,1].metadata.name}", "web-1 web-2"),
        ("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "web-1\nweb-2\n"),
        (
            "{range .items[*]}{.metadata.name}:{range .spec.containers[*]} {.image}{end}\n{end}",
            "web-1: web:1 log:2\nweb-2: web:2\n",
        ),
        ("{.items[?(@.status.phase==\"Running\")].metadata.name}", "web-1"),
        ("{.items[?(@.status.phase!='Running')].metadata.name}", "web-2"),
        ("{.items[?(@.status.restarts>1)].metadata.name}", "web-1"),
        ("{.items[?(@.metadata.labels.app)].metadata.name}", "web-1"),
        ("{.items[0].status.conditions[?(@.type==\"Ready\")].status}", "True"),
        ("{.data.tls\\.crt}", "abc"),
        ("{.data['tls\\.crt']}", "abc"),
        ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web"),
        ("{..image}", "web:1 log:2 web:2"),
        ("{.items[0].status.restarts}", "3"),
        ("{.items[1].metadata}", "{\"name\":\"web-2\"}"),
        ("{.items[*].metadata.nothing}", ""),
        ("{.nothing}", ""),
        ("plain", "plain"),
        ("{'quoted'} {.kind}", "quoted List"),
        ("{.items[0].spec.containers[*].name}", "app log"),
        ("{$.kind}", "List"),
        ("{.items[0]['metadata.name']}", "web-1"),
    ] {
        let parsed = Template::parse(template).expect(template);
        assert_eq!(parsed.print(&pods(), Missing::Allowed).as_deref(), Ok(printed), "{template}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    for (template, error) in [
        ("{.items", "unclosed action"),
        ("{.items[0", "unterminated array"),
        ("{.items[?(@.a==\"b\")", "unclosed array expect ]"),
        ("{.items[?(@.a", "unterminated filter"),
        ("{\"x}", "unterminated quoted string"),
        ("{end}", "not in range, nothing to end"),
        ("{.items[a]}", "invalid array index a"),
        ("{(}", "unrecognized character in action: U+0028 '('"),
    ] {
        assert_eq!(Template::parse(template), Err(error.to_owned()), "{template}");
    }
}

#[test]
fn what_cannot_be_found_says_why() {
    for (template, missing, error) in [
        ("{.items[5].metadata}", Missing::Allowed, "array index out of bounds: index 5, length 2"),
        ("{.kind[0]}", Missing::Allowed, "string is not array or slice"),
        ("{.nothing}", Missing::Refused, "nothing is not found"),
        ("{hello}", Missing::Allowed, "unrecognized identifier hello"),
    ] {
        let parsed = Template::parse(template).expect(template);
        assert_eq!(parsed.print(&pods(), missing), Err(error.to_owned()), "{template}");
    }
}

#[test]
fn a_path_may_be_written_in_four_ways() {
    for path in ["metadata.name", ".metadata.name", "{metadata.name}", "{.metadata.name}"] {
        assert_eq!(relaxed(path).as_deref(), Ok("{.metadata.name}"), "{path}");
    }
    assert!(relaxed("{.metadata.name").is_err());
    assert!(relaxed("").is_err());
}

#[test]
fn hostile_templates_do_not_overflow() {
    let deep = format!("{{{}{}}}", "[?(@.a==".repeat(3_000), ")]".repeat(3_000));
    let _ = Template::parse(&deep);
    let wide = "{range .items[*]}".repeat(2_000);
    let _ = Template::parse(&wide);
}
