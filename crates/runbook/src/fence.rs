//! A bash fence as commands: what each comment leads, which are alternatives, which comments are things to do by hand.

use command::script::{Comment, Item, Statement};
use command::{Action, Effect, Script};

use crate::model::Language;
use crate::title::capitalised;
use crate::words::{self, Marker};

/// Languages of fences that bash runs.
const BASH: &[&str] = &["bash", "sh", "shell", "zsh", "ksh"];

/// Programs that an untagged fence begins with when it is bash.
const TELLING_PROGRAMS: &[&str] = &[
    "kubectl",
    "aws",
    "curl",
    "psql",
    "redis-cli",
    "helm",
    "argocd",
    "docker",
    "pg_dump",
    "sudo",
    "ssh",
    "systemctl",
    "git",
];

/// Keywords that SQL statements begin with.
const SQL_STARTS: &[&str] = &[
    "SELECT ",
    "UPDATE ",
    "DELETE FROM ",
    "INSERT INTO ",
    "ALTER TABLE ",
    "WITH ",
    "CREATE INDEX ",
    "VACUUM",
    "ANALYZE",
];

/// Verbs that put one state in the place of another: two of them on the same target are alternatives, not a sequence.
const REPLACING: &[&str] = &[
    "rollout undo",
    "scale",
    "autoscale",
    "rollback",
    "rds reboot-db-instance",
    "rds failover-db-cluster",
    "rds reboot-db-cluster",
    "rds restore-db-instance-from-db-snapshot",
    "elasticache reboot-cache-cluster",
];

/// Whether bash runs fences of this language.
pub(crate) fn is_bash(language: &str) -> bool {
    BASH.contains(&language)
}

/// Whether an untagged fence reads like commands.
pub(crate) fn looks_like_bash(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    let word = first.split_whitespace().next().unwrap_or_default();
    TELLING_PROGRAMS.contains(&word)
}

/// Whether a bash fence is SQL in truth: a line begins like SQL, and bash cannot read it or would take the keyword for a
/// program. Inside a string (`psql -c "…"`) it is neither.
pub(crate) fn looks_like_sql(text: &str) -> bool {
    let starts = text.lines().any(|line| SQL_STARTS.iter().any(|start| line.trim_start().starts_with(start)));
    if !starts || !text.contains(';') {
        return false;
    }
    // A `psql` line that does more than say where is bash, whatever follows it.
    if text.lines().any(|line| is_psql(line) && !is_connection(line)) {
        return false;
    }
    let script = Script::parse(text);
    let keyword = |program: &String| SQL_STARTS.iter().any(|start| start.split(' ').next() == Some(program));
    script.has_errors || script.reading().programs.iter().any(keyword)
}

/// One command of a fence.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) title: Option<String>,
    pub(crate) language: Language,
    pub(crate) source: String,
    pub(crate) expected: Vec<String>,
    /// Counted from 0 within the fence.
    pub(crate) line: usize,
}

/// Reads a fence of SQL, as it stands or behind a `psql` on a line of its own. Each comment leads the statements below it.
pub(crate) fn sql_units(text: &str) -> Vec<Unit> {
    let mut connection = String::new();
    let mut groups: Vec<SqlGroup> = vec![SqlGroup::default()];
    let mut ended = true;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if ended && is_connection(trimmed) {
            trimmed.trim_start_matches("psql").trim().clone_into(&mut connection);
            continue;
        }
        let comment = ended.then(|| sql_comment(trimmed)).flatten();
        let Some(last) = groups.last_mut() else { continue };
        match comment {
            Some(comment) if last.lines.is_empty() => last.comments.push(comment.to_owned()),
            Some(comment) => match (words::expected(comment), groups.last_mut()) {
                (Some(expected), Some(last)) => last.expected.push(expected.to_owned()),
                _ => groups.push(SqlGroup { comments: vec![comment.to_owned()], ..SqlGroup::default() }),
            },
            None if trimmed.is_empty() && last.lines.is_empty() => {}
            None => {
                if last.lines.is_empty() {
                    last.line = number;
                }
                last.lines.push(line);
                ended = trimmed.ends_with(';') || (trimmed.is_empty() && ended);
            }
        }
    }
    let unit = |group: SqlGroup<'_>| {
        // As in bash: the one that says `Or …` names it, else the first.
        let named = group.comments.iter().position(|comment| words::marker(comment).is_some()).unwrap_or(0);
        let mut comments: Vec<String> = group.comments.iter().map(|comment| clean(comment)).collect();
        let title = (named < comments.len()).then(|| comments.remove(named));
        comments.retain(|text| !text.is_empty());
        if group.lines.is_empty() {
            let lines: Vec<String> = title.into_iter().chain(comments).collect();
            return (!lines.is_empty()).then_some(Unit::Note(lines));
        }
        let part = Part {
            title: title.clone(),
            language: Language::Sql { connection: connection.clone() },
            source: group.lines.join("\n").trim_end().to_owned(),
            expected: group.expected,
            line: group.line,
        };
        Some(Unit::Commands { title, remarks: comments, parts: vec![part] })
    };
    groups.into_iter().filter_map(unit).collect()
}

fn is_psql(line: &str) -> bool {
    let line = line.trim();
    line == "psql" || line.starts_with("psql ")
}

/// Whether a line calls `psql` and only says where: an address, a host, a port, an account, a database. With anything else in
/// it the statements below would not tell what it does.
fn is_connection(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@%+,=$<>{}\"".contains(c);
    if words.next() != Some("psql") || !line.chars().all(|c| plain(c) || c == ' ' || c == '\t') {
        return false;
    }
    let place = ["-h", "-p", "-U", "-d", "-X", "-w"];
    let long = ["--host=", "--port=", "--username=", "--dbname=", "--no-psqlrc", "--no-password"];
    // `<` and `>` only as the brackets of a placeholder, `$` only as a variable.
    let open = command::placeholder::find(line);
    let brackets = line.matches(['<', '>']).count()
        == 2 * open.iter().filter(|one| line[one.range.clone()].starts_with('<')).count();
    brackets
        && !line.contains("$(")
        && words.all(|word| {
            !word.starts_with('-') || place.contains(&word) || long.iter().any(|long| word.starts_with(long))
        })
}

#[derive(Default)]
struct SqlGroup<'a> {
    comments: Vec<String>,
    lines: Vec<&'a str>,
    expected: Vec<String>,
    line: usize,
}

/// What a comment of SQL says, or one of bash that stands between.
fn sql_comment(line: &str) -> Option<&str> {
    line.strip_prefix("--").or_else(|| line.strip_prefix('#')).map(|text| text.trim_start_matches('#').trim())
}

/// What a fence holds, in order.
#[derive(Clone, Debug)]
pub(crate) enum Unit {
    /// Commands that are all meant, led by one comment. `remarks` are its further lines.
    Commands { title: Option<String>, remarks: Vec<String>, parts: Vec<Part> },
    /// One of these.
    Choice(Vec<Part>),
    /// Something to do by hand.
    Manual { title: String, remarks: Vec<String> },
    /// A comment that only tells.
    Note(Vec<String>),
}

/// A comment and what it leads.
#[derive(Clone, Debug, Default)]
struct Group {
    comments: Vec<Comment>,
    statements: Vec<Statement>,
    expected: Vec<String>,
    after_blank: bool,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.comments.is_empty() && self.statements.is_empty()
    }

    fn marker(&self) -> Option<(Marker, String)> {
        if self.statements.is_empty() {
            return None;
        }
        self.comments
            .iter()
            .rev()
            .find_map(|comment| words::marker(&comment.text))
            .map(|(marker, title)| (marker, capitalised(title)))
    }

    fn is_numbered(&self) -> bool {
        self.comments.first().is_some_and(|comment| words::without_number(&comment.text).1)
    }

    /// The comment that names it, and its further lines.
    fn named(&self) -> (Option<String>, Vec<Comment>) {
        let name = self
            .comments
            .iter()
            .position(|comment| words::marker(&comment.text).is_some() && !self.statements.is_empty());
        let name = name.or_else(|| {
            self.comments.iter().position(|comment| !words::is_remark(&comment.text) && !comment.text.is_empty())
        });
        let title = name.map(|at| clean(&self.comments[at].text));
        let rest = self
            .comments
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != name)
            .map(|(_, comment)| comment.clone())
            .collect();
        (title, rest)
    }
}

/// A comment as a title.
fn clean(comment: &str) -> String {
    let text = match words::marker(comment) {
        Some((_, rest)) if !rest.is_empty() => capitalised(rest),
        _ => words::without_number(comment).0.to_owned(),
    };
    text.trim_end_matches(':').trim().to_owned()
}

/// Reads a bash fence.
pub(crate) fn units(text: &str) -> Vec<Unit> {
    let script = Script::parse(text);
    let groups: Vec<Group> = groups(script.items).into_iter().flat_map(split_numbered).collect();
    let count = |wanted: Marker| {
        groups.iter().filter(|group| group.marker().is_some_and(|(marker, _)| marker == wanted)).count()
    };
    let conditional = count(Marker::If) >= 2;
    let last_of =
        |wanted: Marker| groups.iter().rposition(|group| group.marker().is_some_and(|(marker, _)| marker == wanted));
    let (last_if, last_option) = (last_of(Marker::If), last_of(Marker::Option));

    let mut drafts: Vec<Draft> = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let marker = group.marker().map(|(marker, _)| marker);
        let last = drafts.last_mut();
        match (marker, last) {
            (Some(kind @ (Marker::Option | Marker::If)), last) if kind == Marker::Option || conditional => match last {
                Some(Draft::Choice(open, options)) if *open == kind => options.push(vec![group.clone()]),
                _ => drafts.push(Draft::Choice(kind, vec![vec![group.clone()]])),
            },
            (Some(Marker::Or), Some(Draft::Choice(_, options))) => options.push(vec![group.clone()]),
            (Some(Marker::Or), Some(Draft::One(previous))) if !previous.statements.is_empty() => {
                let previous = previous.clone();
                drafts.pop();
                drafts.push(Draft::Choice(Marker::Or, vec![vec![previous], vec![group.clone()]]));
            }
            (None, Some(Draft::Choice(open, options))) if !group.statements.is_empty() && *open != Marker::Or => {
                let last = if *open == Marker::If { last_if } else { last_option };
                if last.is_some_and(|last| at < last) || !group.after_blank {
                    if let Some(option) = options.last_mut() {
                        option.push(group.clone());
                    }
                } else {
                    drafts.push(Draft::One(group.clone()));
                }
            }
            _ => drafts.push(Draft::One(group.clone())),
        }
    }
    merge_similar(drafts).into_iter().flat_map(|draft| draft.units(text)).collect()
}

#[derive(Debug)]
enum Draft {
    One(Group),
    Choice(Marker, Vec<Vec<Group>>),
}

impl Draft {
    fn units(self, text: &str) -> Vec<Unit> {
        match self {
            Self::Choice(_, options) if options.len() > 1 => {
                vec![Unit::Choice(options.iter().map(|groups| option(groups, text)).collect())]
            }
            Self::Choice(_, options) => options.into_iter().flatten().flat_map(|group| one(&group, text)).collect(),
            Self::One(group) => one(&group, text),
        }
    }
}

fn groups(items: Vec<Item>) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut group = Group::default();
    for item in items {
        match item {
            Item::Comment(comment) => {
                if let (Some(expected), false) = (words::expected(&comment.text), group.statements.is_empty()) {
                    group.expected.push(expected.to_owned());
                    continue;
                }
                if !group.statements.is_empty() || (comment.after_blank && !group.is_empty()) {
                    groups.push(std::mem::take(&mut group));
                }
                if group.is_empty() {
                    group.after_blank = comment.after_blank;
                }
                group.comments.push(comment);
            }
            Item::Statement(statement) => {
                if group.is_empty() {
                    group.after_blank = statement.after_blank;
                }
                group.statements.push(statement);
            }
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

/// Several numbered lines in one comment are several things to do; only the last leads the command.
fn split_numbered(group: Group) -> Vec<Group> {
    let numbered = group.comments.iter().filter(|comment| words::without_number(&comment.text).1).count();
    if numbered < 2 {
        return vec![group];
    }
    let mut parts: Vec<Group> = Vec::new();
    for comment in group.comments {
        match parts.last_mut() {
            Some(part) if !words::without_number(&comment.text).1 => part.comments.push(comment),
            _ => parts.push(Group { comments: vec![comment], after_blank: group.after_blank, ..Group::default() }),
        }
    }
    if let Some(last) = parts.last_mut() {
        last.statements = group.statements;
        last.expected = group.expected;
    }
    parts
}

/// Joins neighbours that put different states of the same target in each other's place.
fn merge_similar(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut merged: Vec<Draft> = Vec::new();
    for draft in drafts {
        let joins = match (merged.last(), &draft) {
            (Some(Draft::One(before)), Draft::One(group)) => replaces(before, group),
            (Some(Draft::Choice(Marker::Or, options)), Draft::One(group)) => options
                .last()
                .and_then(|groups| groups.last())
                .is_some_and(|before| group.marker().is_none() && replaces(before, group)),
            _ => false,
        };
        match (merged.last_mut(), draft) {
            (Some(Draft::Choice(_, options)), Draft::One(group)) if joins => options.push(vec![group]),
            (Some(last @ Draft::One(_)), Draft::One(group)) if joins => {
                if let Draft::One(before) = std::mem::replace(last, Draft::Choice(Marker::Or, Vec::new())) {
                    *last = Draft::Choice(Marker::Or, vec![vec![before], vec![group]]);
                }
            }
            (_, draft) => merged.push(draft),
        }
    }
    merged
}

fn replaces(before: &Group, after: &Group) -> bool {
    let follows_on = after.named().0.is_some_and(|title| words::is_sequence(&title));
    if before.is_numbered() || after.is_numbered() {
        return false;
    }
    let text =
        |group: &Group| group.statements.iter().map(|statement| statement.text.as_str()).collect::<Vec<_>>().join("\n");
    let (before, after) = (text(before), text(after));
    let key = |text: &str| -> Option<Vec<(String, String, Vec<command::Target>)>> {
        let reading = Script::parse(text).reading();
        let fits = |action: &Action| {
            let a_sequence = follows_on && matches!(action.verb.as_str(), "scale" | "autoscale");
            REPLACING.contains(&action.verb.as_str())
                && !a_sequence
                && action.effect > Effect::Read
                && action.targets.iter().any(|target| target.name.is_some())
        };
        let only = reading.programs.len() == 1 && !reading.actions.is_empty() && reading.actions.iter().all(fits);
        only.then(|| reading.actions.into_iter().map(|action| (action.tool, action.verb, action.targets)).collect())
    };
    before != after
        && !before.contains("--replicas=0")
        && key(&before).is_some_and(|before| Some(before) == key(&after))
}

fn lines(comments: &[Comment]) -> Vec<String> {
    comments.iter().map(|comment| comment.text.clone()).filter(|text| !text.is_empty()).collect()
}

fn one(group: &Group, text: &str) -> Vec<Unit> {
    let (title, rest) = group.named();
    if group.statements.is_empty() {
        let title = title.unwrap_or_default();
        let remarks = comment_lines(&rest, text);
        let to_do = group.is_numbered() || (words::is_action(&title) && !words::is_remark(&title));
        return vec![if to_do && !title.is_empty() {
            Unit::Manual { title, remarks }
        } else {
            Unit::Note(comment_lines(&group.comments, text))
        }];
    }
    let mut parts: Vec<Part> = Vec::new();
    let shared = group.statements.iter().any(|statement| statement.changes_shell);
    let mut start = 0;
    for at in 1..=group.statements.len() {
        let cut = group.statements.get(at).is_none_or(|statement| {
            !shared && (statement.after_blank || follows(statement) || follows(&group.statements[at - 1]))
        });
        if cut {
            parts.push(part(&group.statements[start..at], text));
            start = at;
        }
    }
    if let Some(first) = parts.first_mut() {
        first.title.clone_from(&title);
    }
    if let Some(last) = parts.last_mut() {
        last.expected.clone_from(&group.expected);
    }
    vec![Unit::Commands { title, remarks: comment_lines(&rest, text), parts }]
}

/// Comment lines as they stand after `#`, with their own indentation.
fn comment_lines(comments: &[Comment], text: &str) -> Vec<String> {
    let stands = |comment: &Comment| {
        let line = text.get(comment.range.clone()).unwrap_or_default().trim_start_matches('#');
        line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
    };
    comments.iter().map(stands).filter(|line| !line.is_empty()).collect()
}

fn follows(statement: &Statement) -> bool {
    Script::parse(&statement.text).reading().follows
}

fn part(statements: &[Statement], text: &str) -> Part {
    let (first, last) = (&statements[0], &statements[statements.len() - 1]);
    let source = text.get(first.range.start..last.range.end).unwrap_or_default().to_owned();
    Part { title: None, language: Language::Bash, source, expected: Vec::new(), line: first.line }
}

/// An option of a choice, whole: from its second comment line to its last statement.
fn option(groups: &[Group], text: &str) -> Part {
    let (title, rest) = groups[0].named();
    let ends = groups
        .iter()
        .filter_map(|group| group.statements.last())
        .map(|statement| statement.range.end)
        .max()
        .unwrap_or_default();
    let first = &groups[0].statements[0];
    let (start, line) = rest
        .first()
        .filter(|comment| comment.range.start < first.range.start)
        .map_or((first.range.start, first.line), |comment| (comment.range.start, comment.line));
    let named_between =
        groups[0].comments.iter().any(|comment| comment.range.start > start && Some(clean(&comment.text)) == title);
    let source = if named_between {
        let remarks: String = lines(&rest).iter().map(|line| format!("# {line}\n")).collect();
        format!("{remarks}{}", text.get(first.range.start..ends).unwrap_or_default())
    } else {
        text.get(start..ends).unwrap_or_default().to_owned()
    };
    let expected = groups.last().map(|group| group.expected.clone()).unwrap_or_default();
    Part { title, language: Language::Bash, source, expected, line }
}
