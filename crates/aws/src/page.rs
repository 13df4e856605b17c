//! Long lists, page by page (botocore, `paginate.py`; AWS CLI user guide, "Pagination").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::arguments::Paging;
use crate::call::Caller;
use crate::failure::Failure;
use crate::model::Page;

/// Bytes of all pages together, at most: memory is the portal's, not the caller's.
const LARGEST: usize = 16 << 20;

/// What the program's own token says besides the service's.
const SKIPPED: &str = "boto_truncate_amount";

/// All pages of a call.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// The growing member of each page.
    pub(crate) results: Vec<Value>,
    /// What `--starting-token` continues with.
    pub(crate) resume: Option<String>,
}

/// Asks for page after page.
pub(crate) async fn all(
    caller: &Caller<'_>,
    page: &Page,
    mut parameters: Map<String, Value>,
    paging: &Paging,
) -> Result<Pages, Failure> {
    let mut pages = Pages::default();
    let mut token = None;
    let mut skipped = 0;
    if let Some(text) = &paging.starting_token {
        (token, skipped) = read_token(text, page.input_token)?;
    }
    if let Some(size) = paging.page_size {
        parameters.insert(page.limit.to_owned(), size.into());
    }
    let most = paging.max_items.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    let (mut items, mut bytes) = (0, 0);
    loop {
        match &token {
            Some(token) => parameters.insert(page.input_token.to_owned(), Value::String(token.clone())),
            None => parameters.remove(page.input_token),
        };
        let (mut output, size) = caller.call(&parameters).await?;
        bytes += size;
        if bytes > LARGEST {
            return Err(Failure::general(
                "The list is too long for this portal: take a part of it with --max-items, or use --filters.",
            ));
        }
        let next = next_token(page, &output);
        let mut result = output.remove(page.result).unwrap_or(Value::Null);
        if let Value::Array(list) = &mut result {
            list.drain(..skipped.min(list.len()));
            let keep = most.map_or(list.len(), |most| most.saturating_sub(items).min(list.len()));
            if keep < list.len() {
                list.truncate(keep);
                pages.resume = Some(write_token(page.input_token, token.as_deref(), Some(keep + skipped)));
                pages.results.push(result);
                return Ok(pages);
            }
            items += list.len();
        }
        skipped = 0;
        pages.results.push(result);
        match next {
            None => return Ok(pages),
            Some(_) if most == Some(items) => {
                pages.resume = Some(write_token(page.input_token, next.as_deref(), None));
                return Ok(pages);
            }
            Some(_) if next == token => {
                let token = next.unwrap_or_default();
                return Err(Failure::general(format!(
                    "Error during pagination: The same next token was received twice: {{'{}': '{token}'}}",
                    page.input_token
                )));
            }
            next => token = next,
        }
    }
}

impl Pages {
    /// All pages as one output.
    pub(crate) fn joined(self, page: &Page) -> Value {
        let mut joined = Map::new();
        for result in self.results {
            match (joined.get_mut(page.result), result) {
                (_, Value::Null) => {}
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more),
                (Some(Value::String(all)), Value::String(more)) => all.push_str(&more),
                (_, result) => {
                    joined.insert(page.result.to_owned(), result);
                }
            }
        }
        if let Some(token) = self.resume {
            joined.insert("NextToken".to_owned(), Value::String(token));
        }
        Value::Object(joined)
    }
}

fn next_token(page: &Page, output: &Map<String, Value>) -> Option<String> {
    if page.more.is_some_and(|more| output.get(more) != Some(&Value::Bool(true))) {
        return None;
    }
    output.get(page.output_token)?.as_str().filter(|token| !token.is_empty()).map(str::to_owned)
}

fn write_token(key: &str, token: Option<&str>, skipped: Option<usize>) -> String {
    let token = json!(token);
    let skipped = skipped.map_or_else(String::new, |skipped| format!(", \"{SKIPPED}\": {skipped}"));
    STANDARD.encode(format!("{{\"{key}\": {token}{skipped}}}"))
}

/// The service's token and how many items of its page were already seen.
fn read_token(text: &str, key: &str) -> Result<(Option<String>, usize), Failure> {
    let wrong = || Failure::general(format!("Bad starting token: {text}"));
    let Some(Value::Object(token)) = STANDARD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok())
    else {
        // A service's own token, as its output shows it.
        return Ok((Some(text.to_owned()).filter(|text| text != "None"), 0));
    };
    let skipped = match token.get(SKIPPED) {
        None => 0,
        Some(skipped) => skipped.as_u64().and_then(|skipped| usize::try_from(skipped).ok()).ok_or_else(wrong)?,
    };
    match token.get(key) {
        Some(Value::String(token)) => Ok((Some(token.clone()), skipped)),
        Some(Value::Null) => Ok((None, skipped)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_the_real_programs() {
        let token = write_token("Marker", None, Some(1));
        assert_eq!(token, "eyJNYXJrZXIiOiBudWxsLCAiYm90b190cnVuY2F0ZV9hbW91bnQiOiAxfQ==");
        assert_eq!(read_token(&token, "Marker"), Ok((None, 1)));
        let token = write_token("Marker", Some("a\"b"), None);
        assert_eq!(read_token(&token, "Marker"), Ok((Some("a\"b".to_owned()), 0)));
        assert_eq!(read_token("plain", "Marker"), Ok((Some("plain".to_owned()), 0)));
        assert!(read_token(&token, "NextToken").is_err());
    }
}
