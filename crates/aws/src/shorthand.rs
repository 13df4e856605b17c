//! The command line's short way to write structures: `Name=status,Values=a,b`.
//!
//! The grammar is that of `awscli/shorthand.py`, 2.9:
//!
//! ```text
//! parameter    = keyval *("," keyval)
//! keyval       = key "=" [values]
//! values       = csv-list / explicit-list / hash-literal
//! ```

use serde_json::{Map, Value};

/// How deep lists and structures may lie in one another.
const DEEPEST: u8 = 16;

/// Reads one structure. Scalars stay texts: the model says what they are.
///
/// # Errors
/// The sentence that the real program prints, with the place.
pub(crate) fn read(text: &str) -> Result<Value, String> {
    let mut reader = Reader { text: text.chars().collect(), at: 0 };
    let mut parameters = Map::new();
    let mut last = 0;
    loop {
        let (key, value) = reader.key_and_value()?;
        if parameters.contains_key(&key) {
            let place = reader.place(last);
            return Err(format!(
                "Second instance of key \"{key}\" encountered for input:\n{place}\nThis is often because there is a \
                 preceding \",\" instead of a space."
            ));
        }
        parameters.insert(key, value);
        if reader.current().is_none() {
            return Ok(Value::Object(parameters));
        }
        last = reader.at + 1;
        reader.expect(',')?;
        reader.space();
    }
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn current(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.current().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        self.space();
        if self.current() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        let found = self.current().map_or("EOF".to_owned(), String::from);
        Err(self.unexpected(&wanted.to_string(), &found))
    }

    fn unexpected(&self, wanted: &str, found: &str) -> String {
        format!("Expected: '{wanted}', received: '{found}' for input:\n{}", self.place(self.at))
    }

    /// The input with a caret under the place.
    fn place(&self, at: usize) -> String {
        let text: String = self.text.iter().collect();
        format!("{text}\n{}^", " ".repeat(at))
    }

    fn key_and_value(&mut self) -> Result<(String, Value), String> {
        let key = self.key();
        self.expect('=')?;
        self.space();
        let value = match self.current() {
            None => Value::String(String::new()),
            Some('[' | '{') => self.explicit(DEEPEST)?,
            Some(_) => self.separated()?,
        };
        Ok((key, value))
    }

    fn key(&mut self) -> String {
        let start = self.at;
        while self.current().is_some_and(|letter| letter.is_ascii_alphanumeric() || "-_.#/:".contains(letter)) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    /// `a` is a text; `a,b` is a list, as far as what follows a comma is no key.
    fn separated(&mut self) -> Result<Value, String> {
        let first = self.first_value()?;
        self.space();
        if self.current() != Some(',') {
            return Ok(Value::String(first));
        }
        let mut list = vec![Value::String(first)];
        loop {
            self.at += 1;
            self.space();
            let next = self.second_value();
            self.space();
            match (next, self.current()) {
                (Ok(value), None) => {
                    list.push(Value::String(value));
                    break;
                }
                (Ok(value), Some(',')) => list.push(Value::String(value)),
                (Err(wrong), None) => return Err(wrong),
                // What follows is a key: back to the nearest comma.
                _ => {
                    while self.current() != Some(',') {
                        self.at -= 1;
                    }
                    break;
                }
            }
        }
        Ok(if list.len() == 1 { list.remove(0) } else { Value::Array(list) })
    }

    fn explicit(&mut self, depth: u8) -> Result<Value, String> {
        let Some(depth) = depth.checked_sub(1) else { return Err("It is nested too deeply.".to_owned()) };
        match self.current() {
            Some('[') => {
                self.at += 1;
                self.space();
                let mut list = Vec::new();
                while self.current() != Some(']') {
                    list.push(self.explicit(depth)?);
                    self.space();
                    if self.current() != Some(']') {
                        self.expect(',')?;
                        self.space();
                    }
                }
                self.at += 1;
                Ok(Value::Array(list))
            }
            Some('{') => {
                self.at += 1;
                self.space();
                let mut structure = Map::new();
                while self.current() != Some('}') {
                    let key = self.key();
                    self.expect('=')?;
                    self.space();
                    let value = self.explicit(depth)?;
                    self.space();
                    if self.current() != Some('}') {
                        self.expect(',')?;
                        self.space();
                    }
                    structure.insert(key, value);
                }
                self.at += 1;
                Ok(Value::Object(structure))
            }
            _ => self.first_value().map(Value::String),
        }
    }

    fn first_value(&mut self) -> Result<String, String> {
        match self.current() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => Ok(self.bare(",]}\"'").unwrap_or_default()),
        }
    }

    fn second_value(&mut self) -> Result<String, String> {
        match self.current() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => self.bare(",=\"'").ok_or_else(|| self.unexpected("<second>", "<none>")),
        }
    }

    /// A text up to a letter that ends it; `\,` is a comma. `None` where nothing stands there.
    fn bare(&mut self, ends: &str) -> Option<String> {
        let mut value = String::new();
        while let Some(letter) = self.current() {
            if letter == '\\' && self.text.get(self.at + 1) == Some(&',') {
                value.push(',');
                self.at += 2;
            } else if !(if value.is_empty() { "\"',=[{" } else { ends }).contains(letter) {
                value.push(letter);
                self.at += 1;
            } else {
                break;
            }
        }
        (!value.is_empty()).then(|| value.trim_end().to_owned())
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let start = self.at;
        let mut value = String::new();
        let mut last_escaped = None;
        self.at += 1;
        while let Some(letter) = self.current() {
            self.at += 1;
            match letter {
                '\\' if matches!(self.current(), Some(next) if next == quote || next == '\\') => {
                    if self.current() == Some(quote) {
                        last_escaped = Some((self.at + 1, format!("{value}\\")));
                    }
                    value.extend(self.current());
                    self.at += 1;
                }
                _ if letter == quote => return Ok(value),
                _ => value.push(letter),
            }
        }
        // The program's pattern gives way: where no quote closes, the last escaped one does.
        if let Some((at, value)) = last_escaped {
            self.at = at;
            return Ok(value);
        }
        self.at = start;
        let name = if quote == '"' { "<double quoted>" } else { "<singled quoted>" };
        Err(self.unexpected(name, "<none>"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::read;

    #[test]
    fn structures_in_the_short_form() {
        for (text, value) in [
            ("Key=a,Value=b", json!({"Key": "a", "Value": "b"})),
            ("Name=status,Values=a,b", json!({"Name": "status", "Values": ["a", "b"]})),
            ("Values=a,b,Name=status", json!({"Values": ["a", "b"], "Name": "status"})),
            ("Name=status,Values=[a,b]", json!({"Name": "status", "Values": ["a", "b"]})),
            ("A={B=1,C=[x, y]}", json!({"A": {"B": "1", "C": ["x", "y"]}})),
            ("Key=\"a b, c\",Value='it\\'s'", json!({"Key": "a b, c", "Value": "it's"})),
            ("Key=a\\,b,Value=x=y", json!({"Key": "a,b", "Value": "x=y"})),
            ("Key=", json!({"Key": ""})),
            ("Key=a, Value=b", json!({"Key": "a", "Value": "b"})),
            ("Key=a:b/c-d_e@f", json!({"Key": "a:b/c-d_e@f"})),
        ] {
            assert_eq!(read(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_shown_with_its_place() {
        assert_eq!(read("Name").unwrap_err(), "Expected: '=', received: 'EOF' for input:\nName\n    ^");
        assert!(read("Key=a,Key=b").unwrap_err().starts_with("Second instance of key \"Key\""));
        assert!(read("Key=[a").unwrap_err().contains("received: 'EOF'"));
        assert!(read(&format!("Key={}", "[".repeat(100))).unwrap_err().contains("deeply"));
    }

    proptest! {
        #[test]
        fn any_text_ends(text in ".{0,60}") {
            let _ = read(&text);
        }

        #[test]
        fn a_quoted_value_arrives_whole(value in "[^'\\\\]{0,30}") {
            prop_assert_eq!(read(&format!("Key='{value}'")), Ok(json!({"Key": value})));
        }
    }
}
