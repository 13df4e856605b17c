use proptest::prelude::*;

use super::*;
use crate::tests::read;

fn only(text: &str) -> Template {
    let mut found = templates(&read(text));
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn told(fields: &[Field]) -> Vec<String> {
    fields
        .iter()
        .map(|field| {
            let meaning = field.meaning.map_or("-".to_owned(), |meaning| format!("{meaning:?}"));
            format!("{}|{}|{}|{meaning}", field.name, field.source, field.choices.join(","))
        })
        .collect()
}

#[test]
fn a_fence_with_a_subject_is_a_mail() {
    let template = only(
        "## Templates\n\n**First message:**\n```\nSubject: Trouble with [service]\n\nSince [time], [who is affected] wait.\n\
         Severity: [High/Medium/Low]\nNext: [time of the next message]\n\nWe will provide updates every 45 minutes.\n```\n",
    );
    assert_eq!(template.channel, Some(Hint::Email));
    assert_eq!(template.title, "First message");
    assert_eq!(template.subject.as_deref(), Some("Trouble with [service]"));
    assert_eq!(template.every, Some(SignedDuration::from_mins(45)));
    assert!(template.text.starts_with("Since [time]"));
    assert_eq!(
        told(&template.fields),
        [
            "service|[service]||Affected",
            "time|[time]||Started",
            "who is affected|[who is affected]||Customers",
            "High/Medium/Low|[High/Medium/Low]|High,Medium,Low|Severity",
            "time of the next message|[time of the next message]||-",
        ]
    );
}

#[test]
fn a_template_with_keys() {
    let template = only(
        "## Communication\n\n**Template**:\n\n```\nService: Shop\nSeverity: P[1-4]\nStatus: LOOKING / FOUND / SOLVED\nStarted: [time]\n\
         Ended: [time]\nAs of HH:MM UTC:\n[1-2 sentence status update]\n```\n",
    );
    assert_eq!(
        told(&template.fields),
        [
            "P[1-4]|P[1-4]|P1,P2,P3,P4|Severity",
            "Status|LOOKING / FOUND / SOLVED|LOOKING,FOUND,SOLVED|Status",
            "time|[time]||Started",
            "time (Ended)|[time]||Time",
            "HH:MM UTC|HH:MM UTC||Time",
            "1-2 sentence status update|[1-2 sentence status update]||LatestUpdate",
        ]
    );
    let known = Known {
        values: [
            (Meaning::Severity, "p2"),
            (Meaning::Status, "found"),
            (Meaning::Started, "2026-01-01T00:00:00Z"),
            (Meaning::Impact, "x"),
        ]
        .map(|(meaning, value)| (meaning, value.to_owned()))
        .into(),
    };
    let filled = template.fill(&template.values(&known));
    assert!(
        filled
            .text
            .starts_with("Service: Shop\nSeverity: P2\nStatus: FOUND\nStarted: 2026-01-01T00:00:00Z\nEnded: [time]\n")
    );
    assert_eq!(filled.missing, ["time (Ended)", "HH:MM UTC", "1-2 sentence status update"]);
}

#[test]
fn lines_say_whom_to_tell() {
    let text = "## Restart\n\n1. **Notify people:**\n   - Slack: #alerts\n   - **Email**: team@example.com\n   - PagerDuty: Create incident\n   - Note: quick\n\
        2. **Declare**\n   ```\n   Slack: @lead I take it: shop down since [time]\n   All hands\n   ```\n3. **Look**\n   ```\n   OK\n   ```\n";
    let told: Vec<String> = templates(&read(text))
        .iter()
        .map(|one| format!("{} {:?} {} {:?}", one.step, one.channel, one.to.as_deref().unwrap_or("-"), one.text))
        .collect();
    assert_eq!(
        told,
        [
            "1 Some(Slack) #alerts \"\"",
            "1 Some(Email) team@example.com \"\"",
            "1 Some(PagerDuty) - \"Create incident\"",
            "2 Some(Slack) @lead \"I take it: shop down since [time]\\nAll hands\"",
        ]
    );
}

#[test]
fn values_are_data() {
    let template = only("## Message\n\n```\nSubject: About [service]\n\n[service] and [details]\n```\n");
    let values = [("service", "a\r\nBcc: b@example.com"), ("details", "[service]\u{0}\r\nmore")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let filled = template.fill(&values.into());
    assert_eq!(filled.subject.as_deref(), Some("About a Bcc: b@example.com"));
    assert_eq!(filled.text, "a\nBcc: b@example.com and [service]\nmore");
    assert!(filled.missing.is_empty());
    assert_eq!(template.fill(&BTreeMap::new()).missing, ["service", "details"]);
}

#[test]
fn a_text_does_not_grow_without_bounds() {
    let template = Template { text: "[x] ".repeat(1000), ..only("## Message\n\n```\nSubject: [x]\n```\n") };
    let filled = template.fill(&BTreeMap::from([("x".to_owned(), "y".repeat(10_000))]));
    assert!(filled.text.len() <= LARGEST && filled.text.ends_with('…'));
    assert!(filled.subject.is_some_and(|subject| subject.chars().count() <= LONGEST_SUBJECT));
}

#[test]
fn people_are_told_again() {
    let every = |text: &str| update_every(&read(text)).map(|every| every.as_mins());
    assert_eq!(every("## Go\n\n1. **Tell people every 30 minutes**\n2. Check every 5 minutes\n"), Some(30));
    assert_eq!(every("## Go\n\nUpdate the status page every 2 hours. Write to customers every hour.\n"), Some(120));
    assert_eq!(every("## Go\n\n```bash\n# Update every 10 minutes\nwatch\n```\n"), None);
}

proptest! {
    #[test]
    fn any_text_is_filled(text in r"(?s)(.|\[[a-z/1-9-]{0,9}\]|HH:MM|Status: A / B|P|\n|: |<x>|é){0,40}", value in r"(?s).{0,20}") {
        let template = Template {
            fields: open::fields(&[&text]),
            subject: Some(open::one_line(&text)),
            text,
            runbook: RunbookId::new("r"),
            procedure: ProcedureId::new("p"),
            step: StepId::new("1"),
            channel: None,
            to: None,
            title: String::new(),
            every: None,
        };
        prop_assert_eq!(&template.fill(&BTreeMap::new()).text, &template.text);
        let values = template.fields.iter().map(|field| (field.name.clone(), format!("a{value}"))).collect();
        let filled = template.fill(&values);
        prop_assert!(filled.missing.is_empty());
        prop_assert!(!filled.subject.unwrap_or_default().contains(['\n', '\r']));
    }
}
