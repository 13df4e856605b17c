//! What words in a runbook mean: which comments mark an alternative, which bullets are actions. Data, not code.

/// First words of things that people do.
const IMPERATIVES: &[&str] = &[
    "acknowledge",
    "activate",
    "add",
    "adjust",
    "alert",
    "analyze",
    "analyse",
    "announce",
    "apply",
    "approve",
    "archive",
    "ask",
    "assess",
    "assign",
    "attach",
    "audit",
    "backup",
    "block",
    "bring",
    "build",
    "call",
    "cancel",
    "capture",
    "change",
    "check",
    "clean",
    "clear",
    "close",
    "collect",
    "communicate",
    "compare",
    "complete",
    "confirm",
    "configure",
    "contact",
    "copy",
    "create",
    "declare",
    "decrease",
    "delete",
    "deploy",
    "determine",
    "disable",
    "document",
    "drain",
    "enable",
    "ensure",
    "escalate",
    "evaluate",
    "execute",
    "export",
    "fail",
    "file",
    "find",
    "fix",
    "follow",
    "gather",
    "identify",
    "implement",
    "improve",
    "incorporate",
    "increase",
    "inform",
    "inspect",
    "install",
    "investigate",
    "isolate",
    "keep",
    "kill",
    "log",
    "look",
    "lower",
    "make",
    "measure",
    "migrate",
    "mitigate",
    "monitor",
    "move",
    "notify",
    "open",
    "optimize",
    "optimise",
    "page",
    "patch",
    "pause",
    "perform",
    "plan",
    "post",
    "prepare",
    "preserve",
    "prioritize",
    "promote",
    "provide",
    "publish",
    "purge",
    "push",
    "raise",
    "reboot",
    "recover",
    "redeploy",
    "reduce",
    "remediate",
    "remove",
    "rename",
    "replace",
    "report",
    "reset",
    "resolve",
    "restart",
    "restore",
    "resume",
    "review",
    "revert",
    "revoke",
    "roll",
    "rollback",
    "rotate",
    "run",
    "scale",
    "schedule",
    "send",
    "set",
    "share",
    "start",
    "stop",
    "switch",
    "take",
    "tell",
    "test",
    "throttle",
    "track",
    "trigger",
    "turn",
    "update",
    "upgrade",
    "use",
    "validate",
    "verify",
    "wait",
    "warm",
    "write",
];

/// Labels above bullets that are to be done.
const ACTION_LABELS: &[&str] = &[
    "fix",
    "fixes",
    "resolution",
    "remediation",
    "mitigation",
    "action",
    "actions",
    "steps",
    "procedure",
    "recovery",
    "solution",
    "solutions",
    "workaround",
    "response",
    "checklist",
    "review",
    "testing",
    "todo",
    "tasks",
    "optimization",
];

/// Labels above bullets that only tell.
const TELLING_LABELS: &[&str] = &[
    "symptoms",
    "symptom",
    "when to use",
    "cause",
    "causes",
    "note",
    "notes",
    "prerequisites",
    "standards",
    "contacts",
    "impact",
    "metrics",
    "benefits",
    "background",
    "context",
    "overview",
    "examples",
    "references",
    "resources",
    "links",
    "signs",
    "expected",
    "purpose",
    "scope",
    "backups",
    "features",
];

/// Headings of sections that nobody carries out.
const REFERENCE_HEADINGS: &[&str] = &[
    "contents",
    "table of contents",
    "toc",
    "contacts",
    "contact",
    "change log",
    "changelog",
    "revision history",
    "version history",
    "glossary",
    "references",
    "resources",
    "appendix",
    "history",
    "faq",
    "links",
    "escalation",
    "matrix",
];

/// Headings and labels of texts to send to people.
const MESSAGE_WORDS: &[&str] = &[
    "template",
    "templates",
    "message",
    "notification",
    "notify",
    "announcement",
    "announce",
    "update",
    "email",
    "slack",
    "statement",
    "communication",
];

/// How a comment begins that says what comes out of the command above it.
const EXPECTED: &[&str] =
    &["expected:", "expected output:", "expected result:", "expect:", "should return:", "should show:", "output:"];

/// How a comment begins that warns or explains rather than names the command below it.
const REMARKS: &[&str] = &["warning", "caution", "note", "important", "danger", "attention", "tip", "careful"];

/// Words in a title that say it comes after another step, so that the two are no alternatives.
const SEQUENCE: &[&str] =
    &["back", "then", "again", "after", "finally", "next", "afterwards", "later", "re-enable", "undo"];

fn plain(text: &str) -> String {
    text.trim().trim_end_matches([':', '.', '!']).to_lowercase()
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Whether a text begins like something that people do: `Scale up …`, `Pending: Check resource …`.
pub(crate) fn is_action(text: &str) -> bool {
    let begins = |text: &str| words(text).next().is_some_and(|word| IMPERATIVES.contains(&word.as_str()));
    begins(text)
        || text.split_once(": ").is_some_and(|(before, after)| before.split_whitespace().count() <= 3 && begins(after))
}

/// Whether a label stands above actions.
pub(crate) fn is_action_label(label: &str) -> bool {
    words(label).any(|word| ACTION_LABELS.contains(&word.as_str())) && !is_telling_label(label)
}

/// Whether a label stands above things that are only told.
pub(crate) fn is_telling_label(label: &str) -> bool {
    let label = plain(label);
    TELLING_LABELS.iter().any(|telling| {
        label == *telling || label.ends_with(&format!(" {telling}")) || label.starts_with(&format!("{telling} "))
    })
}

/// Whether a heading names a section that nobody carries out.
pub(crate) fn is_reference(heading: &str) -> bool {
    let heading = plain(heading);
    REFERENCE_HEADINGS.iter().any(|reference| {
        heading == *reference
            || heading.ends_with(&format!(" {reference}"))
            || heading.starts_with(&format!("{reference} "))
    })
}

/// Whether a heading or label names a text to send.
pub(crate) fn is_message_heading(heading: &str) -> bool {
    words(heading).any(|word| MESSAGE_WORDS.contains(&word.as_str()))
}

/// Whether two following titles say that the second comes after the first.
pub(crate) fn is_sequence(title: &str) -> bool {
    words(title).any(|word| SEQUENCE.contains(&word.as_str()))
}

/// What an `Expected:` comment says.
pub(crate) fn expected(comment: &str) -> Option<&str> {
    EXPECTED.iter().find_map(|beginning| {
        comment
            .get(..beginning.len())
            .filter(|head| head.eq_ignore_ascii_case(beginning))
            .map(|_| comment[beginning.len()..].trim())
    })
}

/// Whether a comment warns or explains.
pub(crate) fn is_remark(comment: &str) -> bool {
    words(comment).next().is_some_and(|word| REMARKS.contains(&word.as_str())) && comment.contains([':', '!'])
}

/// `2. Push to registry` or `Step 2: Push …` without what counts it, and whether something did.
pub(crate) fn without_number(text: &str) -> (&str, bool) {
    let rest = text.trim();
    let stepped = ["step ", "phase ", "stage "].iter().find_map(|word| {
        rest.get(..word.len()).filter(|head| head.eq_ignore_ascii_case(word)).map(|_| &rest[word.len()..])
    });
    let counted = stepped.unwrap_or(rest);
    let digits = counted.bytes().take_while(u8::is_ascii_digit).count();
    let after = &counted[digits..];
    let separated = after.strip_prefix(['.', ')', ':']).or(stepped.and(Some(after)));
    match separated
        .filter(|after| digits > 0 && digits < 4 && (after.is_empty() || after.starts_with([' ', '-', ':', '–'])))
    {
        Some(after) => (after.trim_start_matches([' ', '-', ':', '–']), true),
        None => (rest, false),
    }
}

/// `5.3 Purge Queue` without the number that orders the file.
pub(crate) fn without_section_number(heading: &str) -> &str {
    let rest = heading.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &heading[..heading.len() - rest.len()];
    if number.contains('.') && rest.starts_with(' ') { rest.trim_start() } else { heading }
}

/// How a comment relates its command to the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marker {
    /// `Option 1: …`
    Option,
    /// `Or …`, `Alternatively, …`
    Or,
    /// `If …`
    If,
}

/// The marker a comment begins with, and the comment without it (an `If` keeps its words).
pub(crate) fn marker(comment: &str) -> Option<(Marker, &str)> {
    let comment = without_number(comment).0;
    let first_end = comment.find(|c: char| !c.is_alphanumeric()).unwrap_or(comment.len());
    let (first, rest) = comment.split_at(first_end);
    let trim = |text: &'_ str| -> usize {
        text.len() - text.trim_start_matches([' ', ',', ':', '.', ')', '-', '–', '—']).len()
    };
    match first.to_lowercase().as_str() {
        "if" | "when" if rest.starts_with(' ') && first.eq_ignore_ascii_case("if") => Some((Marker::If, comment)),
        "or" | "alternatively" | "alternative" | "otherwise" if !counted(rest) => {
            Some((Marker::Or, &rest[trim(rest)..]))
        }
        "option" | "alternative" | "method" | "variant" | "approach" if counted(rest) => {
            let rest = rest.trim_start();
            let rest = &rest[rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len())..];
            Some((Marker::Option, &rest[trim(rest)..]))
        }
        _ => None,
    }
}

/// Whether a number or a single letter follows: ` 1: …`, ` A) …`.
fn counted(rest: &str) -> bool {
    let count = rest.trim_start();
    let end = count.find(|c: char| !c.is_alphanumeric()).unwrap_or(count.len());
    let (count, after) = count.split_at(end);
    !count.is_empty()
        && (count.bytes().all(|byte| byte.is_ascii_digit())
            || (count.len() == 1 && after.starts_with([':', ')', '.', ' '])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers() {
        assert_eq!(marker("Option 1: Restart pods"), Some((Marker::Option, "Restart pods")));
        assert_eq!(marker("Or specific services in order"), Some((Marker::Or, "specific services in order")));
        assert_eq!(marker("Alternatively, restart"), Some((Marker::Or, "restart")));
        assert_eq!(marker("Alternative B) scale"), Some((Marker::Option, "scale")));
        assert_eq!(marker("If resource constrained"), Some((Marker::If, "If resource constrained")));
        assert_eq!(marker("Orders are late"), None);
        assert_eq!(marker("Options for restart"), None);
        assert_eq!(marker("Restart or scale"), None);
    }

    #[test]
    fn numbers() {
        assert_eq!(without_number("2. Push to registry"), ("Push to registry", true));
        assert_eq!(without_number("Step 2: Push"), ("Push", true));
        assert_eq!(without_number("10 replicas"), ("10 replicas", false));
        assert_eq!(without_number("1.1 Rolling"), ("1.1 Rolling", false));
    }

    #[test]
    fn actions() {
        assert!(is_action("Scale up replica count"));
        assert!(is_action("ImagePullBackOff: Check registry credentials"));
        assert!(!is_action("Service is unresponsive"));
        assert!(is_telling_label("When to Use:"));
        assert!(is_reference("Emergency Contacts"));
        assert!(!is_reference("Incident Response"));
    }
}
