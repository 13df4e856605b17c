//! Fields for the values that a text leaves open.

use command::{Parameter, ParameterKind};
use leptos::prelude::*;
use operations::Suggestion;

/// A field with its label. `known` is the value that it starts with; suggestions come from [`suggestions`] of the page.
pub(crate) fn field(parameter: &Parameter, id: String, known: Option<String>, required: bool) -> AnyView {
    let kind = parameter.kind;
    let name = format!("values[{}]", parameter.name);
    let label = view! { <span class="placeholder">{parameter.placeholder.clone()}</span> };
    let choices = parameter.choices();
    let input = if !choices.is_empty() {
        let options: Vec<_> = choices
            .into_iter()
            .map(|choice| {
                let selected = known.as_ref() == Some(&choice);
                let shown = choice.clone();
                view! { <option value=choice selected=selected>{shown}</option> }
            })
            .collect();
        view! {
            <select id=id.clone() name=name required=required>
                <option value="">{parameter.name.clone()}</option>
                {options}
            </select>
        }
        .into_any()
    } else {
        let secret = kind == ParameterKind::Secret;
        // A secret that the portal stands in for is shown to nobody, and asked of nobody.
        let stands_in = secret && known.is_some();
        let about = match kind.words() {
            _ if stands_in => "given by the portal".to_owned(),
            "" => parameter.name.clone(),
            words => words.to_owned(),
        };
        view! {
            <input
                id=id.clone()
                type=if secret { "password" } else { "text" }
                name=name
                value=known.filter(|_| !secret)
                placeholder=about
                required=required && !stands_in
                list=(!secret).then(|| list_id(&parameter.name))
                autocomplete=if secret { "new-password" } else { "off" }
                autocapitalize="off"
                spellcheck="false"
                maxlength="4096"
            />
        }
        .into_any()
    };
    view! { <label class="value" for=id>{label}{input}</label> }.into_any()
}

/// What the environment has for one parameter, for every field of its name on the page.
pub(crate) fn suggestions(name: &str, found: &[Suggestion]) -> AnyView {
    let options: Vec<_> = found
        .iter()
        .map(|suggestion| {
            let about = match (suggestion.troubled, suggestion.about.as_str()) {
                (_, "") => String::new(),
                (true, about) => format!("▲ {about}"),
                (false, about) => about.to_owned(),
            };
            view! { <option value=suggestion.value.clone()>{about}</option> }
        })
        .collect();
    view! { <datalist id=list_id(name)>{options}</datalist> }.into_any()
}

/// The name in a form that an attribute of another element can refer to: without blanks.
fn list_id(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("suggest-{plain}")
}
