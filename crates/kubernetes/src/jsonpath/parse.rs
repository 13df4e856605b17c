//! The template's grammar.

use serde_json::Value;

use super::{Block, Node};

/// Actions inside actions at most; each filter and union nests one.
const DEPTH: usize = 16;

/// Parses a template into nested blocks.
pub(super) fn template(text: &str) -> Result<Vec<Block>, String> {
    let mut open: Vec<(Vec<Node>, Vec<Block>)> = Vec::new();
    let mut blocks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(start) = rest.find('{') else {
            blocks.push(Block::Text(rest.to_owned()));
            break;
        };
        if start > 0 {
            blocks.push(Block::Text(rest[..start].to_owned()));
        }
        let mut cursor = Cursor { text: &rest[start + 1..], at: 0, depth: 0 };
        let mut nodes = cursor.action()?;
        rest = &rest[start + 1 + cursor.at..];
        match nodes.first() {
            Some(Node::Unknown(word)) if word == "range" => {
                nodes.remove(0);
                open.push((nodes, std::mem::take(&mut blocks)));
            }
            Some(Node::Unknown(word)) if word == "end" => {
                let Some((range, before)) = open.pop() else {
                    return Err("not in range, nothing to end".to_owned());
                };
                let body = std::mem::replace(&mut blocks, before);
                blocks.push(Block::Range(range, body));
            }
            _ => blocks.push(Block::Action(nodes)),
        }
    }
    // A range that nobody ends goes on to the end of the template.
    while let Some((range, before)) = open.pop() {
        let body = std::mem::replace(&mut blocks, before);
        blocks.push(Block::Range(range, body));
    }
    Ok(blocks)
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

fn terminator(letter: Option<char>) -> bool {
    matches!(letter, None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'))
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        Some(letter)
    }

    /// What stands before the closing brace; leaves the cursor after it.
    fn action(&mut self) -> Result<Vec<Node>, String> {
        let mut nodes: Vec<Node> = Vec::new();
        loop {
            if self.rest().starts_with('}') {
                self.at += 1;
                return Ok(nodes);
            }
            if self.rest().starts_with("[?(") {
                self.at += 3;
                nodes.push(self.filter()?);
                continue;
            }
            if self.rest().starts_with("..") {
                if nodes.last() == Some(&Node::Recursive) {
                    return Err("invalid multiple recursive descent".to_owned());
                }
                self.at += 2;
                nodes.push(Node::Recursive);
                if self.peek().is_some_and(|letter| letter == '_' || letter.is_alphanumeric()) {
                    nodes.push(self.field());
                }
                continue;
            }
            match self.next() {
                None | Some('\r' | '\n') => return Err("unclosed action".to_owned()),
                Some(' ' | '@' | '$') => {}
                Some('[') => self.array(&mut nodes)?,
                Some(quote @ ('"' | '\'')) => nodes.push(Node::Literal(Value::from(self.quoted(quote)?))),
                Some('.') => nodes.push(self.field()),
                Some(letter) if letter == '+' || letter == '-' || letter.is_ascii_digit() => {
                    self.at -= 1;
                    nodes.push(self.number()?);
                }
                Some(letter) if letter == '_' || letter.is_alphanumeric() => {
                    self.at -= letter.len_utf8();
                    let word = self.word();
                    nodes.push(match word {
                        "true" => Node::Literal(Value::Bool(true)),
                        "false" => Node::Literal(Value::Bool(false)),
                        _ => Node::Unknown(word.to_owned()),
                    });
                }
                Some(letter) => {
                    return Err(format!("unrecognized character in action: U+{:04X} '{letter}'", u32::from(letter)));
                }
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let start = self.at;
        while !terminator(self.peek()) {
            self.next();
        }
        &self.text[start..self.at]
    }

    fn field(&mut self) -> Node {
        let start = self.at;
        while !terminator(self.peek()) {
            if self.next() == Some('\\') {
                self.next();
            }
        }
        match &self.text[start..self.at] {
            "*" => Node::Wildcard,
            name => Node::Field(name.replace('\\', "")),
        }
    }

    fn number(&mut self) -> Result<Node, String> {
        let start = self.at;
        if matches!(self.peek(), Some('+' | '-')) {
            self.next();
        }
        while self.peek().is_some_and(|letter| letter == '.' || letter.is_ascii_digit()) {
            self.next();
        }
        let text = &self.text[start..self.at];
        if let Ok(whole) = text.parse::<i64>() {
            return Ok(Node::Literal(Value::from(whole)));
        }
        match text.parse::<f64>() {
            Ok(real) => Ok(Node::Literal(Value::from(real))),
            Err(_) => Err(format!("cannot parse number {text}")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let start = self.at;
        let mut before = quote;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some(letter) if letter == quote && before != '\\' => break,
                Some(letter) => before = letter,
            }
        }
        let inner = &self.text[start..self.at - 1];
        unescaped(inner).ok_or_else(|| format!("unquote string {quote}{inner}{quote} error invalid syntax"))
    }

    fn nested(&self, text: &str) -> Result<Vec<Node>, String> {
        if self.depth >= DEPTH {
            return Err("the template is nested too deeply".to_owned());
        }
        let closed = format!("{text}}}");
        Cursor { text: &closed, at: 0, depth: self.depth + 1 }.action()
    }

    fn array(&mut self, nodes: &mut Vec<Node>) -> Result<(), String> {
        let start = self.at;
        loop {
            match self.next() {
                None | Some('\n') => return Err("unterminated array".to_owned()),
                Some(']') => break,
                Some(_) => {}
            }
        }
        let text = &self.text[start..self.at - 1];
        let parts: Vec<&str> = text.split(',').collect();
        if parts.len() > 1 {
            let union = parts.iter().map(|part| self.nested(&format!("[{}]", part.trim_matches(' '))));
            nodes.push(Node::Union(union.collect::<Result<_, _>>()?));
            return Ok(());
        }
        if let Some(key) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))
            && !key.contains('\'')
        {
            nodes.extend(self.nested(&format!(".{key}"))?);
            return Ok(());
        }
        nodes.push(slice(if text == "*" { ":" } else { text })?);
        Ok(())
    }

    fn filter(&mut self) -> Result<Node, String> {
        let start = self.at;
        let (mut begun, mut ended) = (false, false);
        let mut pair = '"';
        let mut before = ' ';
        loop {
            let letter = match self.next() {
                None | Some('\n') => return Err("unterminated filter".to_owned()),
                Some(letter) => letter,
            };
            match letter {
                '"' | '\'' if !begun => (begun, pair) = (true, letter),
                '"' | '\'' if before != '\\' && letter == pair => ended = true,
                ')' if begun == ended => break,
                _ => {}
            }
            before = letter;
        }
        let text = &self.text[start..self.at - 1];
        if self.next() != Some(']') {
            return Err("unclosed array expect ]".to_owned());
        }
        let operator = |letter: char| matches!(letter, '!' | '<' | '>' | '=');
        match text.find(operator).filter(|at| *at > 0) {
            Some(at) => {
                let after = text[at..].find(|letter| !operator(letter)).map_or(text.len(), |length| at + length);
                if after == text.len() {
                    return Err(format!("unterminated filter {text}"));
                }
                Ok(Node::Filter {
                    left: self.nested(&text[..at])?,
                    operator: text[at..after].to_owned(),
                    right: self.nested(&text[after..])?,
                })
            }
            None => Ok(Node::Filter { left: self.nested(text)?, operator: "exists".to_owned(), right: Vec::new() }),
        }
    }
}

fn slice(text: &str) -> Result<Node, String> {
    let parts: Vec<&str> = text.split(':').collect();
    let valid = |part: &&str| {
        let digits = part.strip_prefix('-').unwrap_or(part);
        digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if text.is_empty() || parts.len() > 3 || !parts.iter().all(valid) {
        return Err(format!("invalid array index {text}"));
    }
    let number = |part: Option<&&str>| match part {
        None | Some(&"") => Ok(None),
        Some(part) => part.parse::<i64>().map(Some).map_err(|_| format!("array index {part} is not a number")),
    };
    let from = number(parts.first())?;
    // One number alone is the slice up to the next.
    let (to, to_derived) = match parts.len() {
        1 => (Some(from.unwrap_or(0) + 1), true),
        _ => (number(parts.get(1))?, false),
    };
    Ok(Node::Slice { from, to, to_derived, step: number(parts.get(2))? })
}

/// Go's `strconv.UnquoteChar`, for the escapes that templates use.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let escape = letters.next()?;
        out.push(match escape {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'v' => '\x0b',
            '\\' | '"' | '\'' => escape,
            'x' => hexadecimal(&mut letters, 2)?,
            'u' => hexadecimal(&mut letters, 4)?,
            'U' => hexadecimal(&mut letters, 8)?,
            _ => return None,
        });
    }
    Some(out)
}

fn hexadecimal(letters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let text: String = letters.take(digits).collect();
    if text.len() != digits {
        return None;
    }
    u32::from_str_radix(&text, 16).ok().and_then(char::from_u32)
}
