//! A command as it is read: its text in colours, what it would do, what to expect.

use ::check::{Finding, Severity};
use ::command::{Action, Effect, Target};
use leptos::prelude::*;
use runbook::{Code, Command, Language, SafeHtml};

use super::badge;

/// A block of code. Its Copy button stands where its badges are.
pub(crate) fn code(html: &SafeHtml, label: String) -> AnyView {
    view! {
        <div class="code">
            <pre tabindex="0" aria-label=label><code inner_html=html.as_str().to_owned()></code></pre>
        </div>
    }
    .into_any()
}

/// A button that copies the code of the command or fence it stands in; shown once the island that serves it is awake.
fn copy() -> AnyView {
    view! { <button type="button" class="button small copy" data-copy="" hidden>"Copy"</button> }.into_any()
}

/// A fence that is shown and not run.
pub(crate) fn fence(code_block: &Code, what: &'static str) -> AnyView {
    view! { <div class="fence"><div class="fence-bar"><p class="fence-kind">{what}</p>{copy()}</div>{code(&code_block.html, what.to_owned())}</div> }
        .into_any()
}

/// A text that is shown this once, with a Copy button.
pub(crate) fn once(text: &str) -> AnyView {
    view! {
        <div class="fence">
            <div class="fence-bar"><p class="fence-kind">"Access token"</p>{copy()}</div>
            <div class="code"><pre tabindex="0" aria-label="Access token"><code>{text.to_owned()}</code></pre></div>
        </div>
    }
    .into_any()
}

/// The badges of a command, and its Copy button.
pub(crate) fn badges(command: &Command) -> AnyView {
    let sql = matches!(command.language, Language::Sql { .. });
    view! {
        {sql.then(|| view! { <span class="badge quiet">"SQL"</span> })}
        {command.follows.then(badge::follows)}
        {badge::effect(command.effect)}
        {copy()}
    }
    .into_any()
}

/// What is wrong in the command, as far as its text tells. Notes are for authors; whoever is about to press Run has
/// enough to read.
pub(crate) fn faults(command: &Command, found: &[Finding]) -> AnyView {
    let own = |finding: &&Finding| finding.place.as_ref().is_some_and(|(_, id)| *id == command.id);
    let lines: Vec<_> = found
        .iter()
        .filter(|finding| own(finding) && finding.rule.severity > Severity::Note)
        .map(|finding| {
            let words = if finding.rule.severity == Severity::Error { "cannot work" } else { "mind" };
            let instead = finding.suggestion.as_ref().filter(|text| !finding.message.contains(text.as_str()));
            let instead = instead.map(|text| format!(" Write instead: {text}"));
            view! {
                <li title=finding.rule.why>
                    <span class="mark failed" role="img" aria-label=words>"!"</span>
                    <span>{finding.message.clone()}{instead.map(|text| view! { <span class="muted">{text}</span> })}</span>
                </li>
            }
        })
        .collect();
    (!lines.is_empty()).then(|| view! { <div class="findings faults"><ul>{lines}</ul></div> }).into_any()
}

/// What the portal read out of the text: each call, what it acts on, and what to expect afterwards.
pub(crate) fn reading(command: &Command) -> AnyView {
    // Of a single call that looks, the text itself says as much.
    let telling = match command.actions.as_slice() {
        [only] if only.effect == Effect::Read => &[],
        actions => actions,
    };
    let actions: Vec<_> = telling
        .iter()
        .take(6)
        .map(|action| {
            let (class, mark) = badge::effect_sign(action.effect);
            let targets = targets(action);
            let verb = meaning(action).map_or_else(|| format!("{} {}", action.tool, action.verb), str::to_owned);
            view! {
                <li>
                    <span class=format!("mark {class}") aria-label=action.effect.word() role="img">{mark}</span>
                    <span class="verb">{verb}</span>
                    {(!targets.is_empty()).then(|| view! { <span class="target">{targets}</span> })}
                </li>
            }
        })
        .collect();
    let more = telling.len().checked_sub(6).filter(|more| *more > 0);
    let expected: Vec<_> = command
        .expected
        .iter()
        .map(|text| view! { <p class="expected"><strong>"Expected: "</strong>{text.clone()}</p> })
        .collect();
    if actions.is_empty() && expected.is_empty() {
        return ().into_any();
    }
    view! {
        <div class="reading">
            {(!actions.is_empty()).then(|| view! { <ul class="actions">{actions}</ul> })}
            {more.map(|more| view! { <p class="muted">{format!("and {more} more")}</p> })}
            {expected}
        </div>
    }
    .into_any()
}

/// What a call does, for people who know the cluster and not the tool; `None` where its own words are as good.
fn meaning(action: &Action) -> Option<&'static str> {
    Some(match (action.tool.as_str(), action.verb.as_str()) {
        ("kubectl", "rollout restart") => "Replaces every pod, one after another, of",
        ("kubectl", "rollout undo") => "Goes back to an earlier revision of",
        ("kubectl", "rollout pause") => "Holds the rollout of",
        ("kubectl", "rollout resume") => "Goes on with the rollout of",
        ("kubectl", "scale") if action.effect == Effect::Destroy => "Takes away every pod of",
        ("kubectl", "scale") => "Sets the number of replicas of",
        ("kubectl", "autoscale") => "Lets the load decide the replicas of",
        ("kubectl", "delete") => "Removes",
        ("kubectl", "drain") => "Moves every pod away from",
        ("kubectl", "cordon") => "Keeps new pods away from",
        ("kubectl", "uncordon") => "Lets new pods onto",
        _ => return None,
    })
}

/// What a call of `tool` acts on, in words. A kind without a name means all of that kind, which is worth a word.
pub(crate) fn target_words(tool: &str, target: &Target) -> String {
    match (target.kind.as_str(), target.name.as_deref()) {
        ("file", Some("-")) => "what stands in the text".to_owned(),
        ("url", Some(address)) => address.to_owned(),
        // `kubectl get all` is no kind, and `events` are looked through rather than acted on.
        ("all" | "event", None) => target.to_string(),
        (_, None) if tool == "kubectl" && target.selector.is_none() => format!("every {target}"),
        _ => target.to_string(),
    }
}

fn targets(action: &Action) -> String {
    let targets: Vec<_> = action.targets.iter().map(|target| target_words(&action.tool, target)).collect();
    match targets.as_slice() {
        [] if meaning(action).is_some() => "what the text names".to_owned(),
        targets => targets.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_without_a_name_is_all_of_it() {
        let target = |kind: &str, name: Option<&str>, selector: Option<&str>| Target {
            kind: kind.to_owned(),
            name: name.map(str::to_owned),
            selector: selector.map(str::to_owned),
            namespace: Some("shop".to_owned()),
        };
        let words = |tool, target| target_words(tool, &target);
        assert_eq!(words("kubectl", target("deployment", None, None)), "every deployment in shop");
        assert_eq!(words("kubectl", target("deployment", Some("web"), None)), "deployment/web in shop");
        assert_eq!(words("kubectl", target("pod", None, Some("app=web"))), "pod (app=web) in shop");
        assert_eq!(words("kubectl", target("all", None, None)), "all in shop");
        let url = Target { namespace: None, ..target("url", Some("https://shop.example/health"), None) };
        assert_eq!(words("curl", url), "https://shop.example/health");
        let cache = Target { namespace: None, ..target("cache", None, None) };
        assert_eq!(words("redis-cli", cache), "cache", "not every cache there is");
    }
}
