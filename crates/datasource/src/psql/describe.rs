//! `\d` and its relatives: what the catalogue holds. Reference: the output of PostgreSQL 15's psql. The queries are
//! written for servers from version 10 on; what a server lacks is an error of that server.

mod relation;

use super::client::{Client, Halt};
use super::print::{Footer, Head, Table};
use super::variables::literal;

/// Kinds of relations by the letter of the command that lists them: `pg_class.relkind`.
const RELATIONS: &[(char, &[&str])] =
    &[('t', &["r", "p"]), ('i', &["i", "I"]), ('v', &["v"]), ('m', &["m"]), ('s', &["S"]), ('E', &["f"])];

/// What psql calls a kind of relation.
const KIND: &str = "CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
    WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' \
    WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END";

/// Whether a command that begins with `d` is performed.
pub(super) fn knows(name: &str) -> bool {
    let bare = name.trim_end_matches(['+', 'S']);
    let listed = |letters: &str| {
        !letters.is_empty() && letters.chars().all(|c| RELATIONS.iter().any(|(letter, _)| *letter == c))
    };
    matches!(bare, "d" | "dn" | "du" | "dg" | "dx" | "df" | "dp") || bare.strip_prefix('d').is_some_and(listed)
}

impl Client<'_> {
    /// Performs one of these commands: `dt+`, `l`. `false` where it failed.
    pub(super) async fn describe(&mut self, name: &str, pattern: Option<&str>) -> Result<bool, Halt> {
        let verbose = name.contains('+');
        let system = name.contains('S');
        let bare = name.trim_end_matches(['+', 'S']);
        match bare {
            "l" | "list" => self.databases(pattern, verbose).await,
            "dn" => self.schemas(pattern, verbose, system).await,
            "du" | "dg" => self.roles(pattern, verbose, system).await,
            "dx" => self.extensions(pattern).await,
            "df" => self.functions(pattern, system).await,
            "dp" => self.privileges(pattern).await,
            "d" if pattern.is_some() => self.relations_in_detail(pattern.unwrap_or_default(), verbose).await,
            "d" => self.relations("tvmsE", None, verbose, system).await,
            _ => self.relations(&bare[1..], pattern, verbose, system).await,
        }
    }

    /// Prints the result of a query of psql's own.
    async fn show(&mut self, query: &str, title: &str, footer: Footer) -> Result<bool, Halt> {
        let Some(rows) = self.rows_with_heads(query).await? else { return Ok(false) };
        self.print(title, rows, footer).await?;
        Ok(true)
    }

    async fn rows_with_heads(&mut self, query: &str) -> Result<Option<(Vec<Head>, super::send::Rows)>, Halt> {
        if self.variables.echo_hidden {
            self.output.out(&format!("********* QUERY **********\n{query}\n**************************\n\n"));
        }
        Ok(self.collect(query.as_bytes()).await?.map(|(columns, rows)| (super::send::heads(&columns), rows)))
    }

    async fn print(
        &mut self,
        title: &str,
        (heads, rows): (Vec<Head>, super::send::Rows),
        footer: Footer,
    ) -> Result<(), Halt> {
        let mut style = self.style.clone();
        style.title = Some(title.to_owned());
        // psql shows what a catalogue leaves empty as empty, whatever `null` is set to.
        style.null = String::new();
        let mut table = Table::new(style, heads, footer);
        for row in rows {
            table.push(row.into_iter().map(|value| value.map(std::borrow::Cow::Owned)), &mut self.output.held);
        }
        table.close(&mut self.output.held);
        while table.print(&mut self.output.held) {
            self.output.flush().await?;
        }
        table.end(&mut self.output.held);
        Ok(())
    }

    async fn databases(&mut self, pattern: Option<&str>, verbose: bool) -> Result<bool, Halt> {
        let more = if verbose {
            ", CASE WHEN pg_catalog.has_database_privilege(d.datname, 'CONNECT') \
              THEN pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(d.datname)) ELSE 'No Access' END AS \"Size\", \
              t.spcname AS \"Tablespace\", pg_catalog.shobj_description(d.oid, 'pg_database') AS \"Description\""
        } else {
            ""
        };
        let provider = if self.version() >= 15 {
            "d.daticulocale AS \"ICU Locale\", \
             CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' END AS \"Locale Provider\", "
        } else {
            ""
        };
        // PostgreSQL 17 renamed the column.
        let provider =
            if self.version() >= 17 { provider.replace("daticulocale", "datlocale") } else { provider.to_owned() };
        let query = format!(
            "SELECT d.datname AS \"Name\", pg_catalog.pg_get_userbyid(d.datdba) AS \"Owner\", \
             pg_catalog.pg_encoding_to_char(d.encoding) AS \"Encoding\", d.datcollate AS \"Collate\", \
             d.datctype AS \"Ctype\", {provider}pg_catalog.array_to_string(d.datacl, E'\\n') AS \"Access privileges\"{more} \
             FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON d.dattablespace = t.oid{} ORDER BY 1",
            Pattern::of(pattern).only_name("d.datname", " WHERE ")
        );
        self.show(&query, "List of databases", Footer::Count).await
    }

    async fn schemas(&mut self, pattern: Option<&str>, verbose: bool, system: bool) -> Result<bool, Halt> {
        let more = if verbose {
            ", pg_catalog.array_to_string(n.nspacl, E'\\n') AS \"Access privileges\", \
              pg_catalog.obj_description(n.oid, 'pg_namespace') AS \"Description\""
        } else {
            ""
        };
        let filter = if pattern.is_none() && !system {
            " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'".to_owned()
        } else {
            Pattern::of(pattern).only_name("n.nspname", " WHERE ")
        };
        let query = format!(
            "SELECT n.nspname AS \"Name\", pg_catalog.pg_get_userbyid(n.nspowner) AS \"Owner\"{more} \
             FROM pg_catalog.pg_namespace n{filter} ORDER BY 1"
        );
        self.show(&query, "List of schemas", Footer::Count).await
    }

    async fn roles(&mut self, pattern: Option<&str>, verbose: bool, system: bool) -> Result<bool, Halt> {
        let more = if verbose { ", pg_catalog.shobj_description(r.oid, 'pg_authid') AS \"Description\"" } else { "" };
        let filter = if pattern.is_none() && !system {
            " WHERE r.rolname !~ '^pg_'".to_owned()
        } else {
            Pattern::of(pattern).only_name("r.rolname", " WHERE ")
        };
        let query = format!(
            "SELECT r.rolname AS \"Role name\", pg_catalog.concat_ws(E'\\n', \
             pg_catalog.concat_ws(', ', CASE WHEN r.rolsuper THEN 'Superuser' END, \
             CASE WHEN NOT r.rolinherit THEN 'No inheritance' END, CASE WHEN r.rolcreaterole THEN 'Create role' END, \
             CASE WHEN r.rolcreatedb THEN 'Create DB' END, CASE WHEN NOT r.rolcanlogin THEN 'Cannot login' END, \
             CASE WHEN r.rolreplication THEN 'Replication' END, CASE WHEN r.rolbypassrls THEN 'Bypass RLS' END), \
             CASE WHEN r.rolconnlimit = 0 THEN 'No connections' WHEN r.rolconnlimit = 1 THEN '1 connection' \
             WHEN r.rolconnlimit > 1 THEN r.rolconnlimit || ' connections' END, \
             'Password valid until ' || r.rolvaliduntil) AS \"Attributes\", \
             ARRAY(SELECT b.rolname FROM pg_catalog.pg_auth_members m \
             JOIN pg_catalog.pg_roles b ON m.roleid = b.oid WHERE m.member = r.oid) AS \"Member of\"{more} \
             FROM pg_catalog.pg_roles r{filter} ORDER BY 1"
        );
        self.show(&query, "List of roles", Footer::Lines(Vec::new())).await
    }

    async fn extensions(&mut self, pattern: Option<&str>) -> Result<bool, Halt> {
        let query = format!(
            "SELECT e.extname AS \"Name\", e.extversion AS \"Version\", n.nspname AS \"Schema\", \
             c.description AS \"Description\" FROM pg_catalog.pg_extension e \
             LEFT JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
             LEFT JOIN pg_catalog.pg_description c ON c.objoid = e.oid \
             AND c.classoid = 'pg_catalog.pg_extension'::pg_catalog.regclass{} ORDER BY 1",
            Pattern::of(pattern).only_name("e.extname", " WHERE ")
        );
        self.show(&query, "List of installed extensions", Footer::Count).await
    }

    async fn functions(&mut self, pattern: Option<&str>, system: bool) -> Result<bool, Halt> {
        let filter = Pattern::of(pattern).named("p.proname", "pg_catalog.pg_function_is_visible(p.oid)");
        let own = if pattern.is_none() && !system {
            " AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema'"
        } else {
            ""
        };
        let query = format!(
            "SELECT n.nspname AS \"Schema\", p.proname AS \"Name\", \
             pg_catalog.pg_get_function_result(p.oid) AS \"Result data type\", \
             pg_catalog.pg_get_function_arguments(p.oid) AS \"Argument data types\", \
             CASE p.prokind WHEN 'a' THEN 'agg' WHEN 'w' THEN 'window' WHEN 'p' THEN 'proc' ELSE 'func' END AS \"Type\" \
             FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
             WHERE {filter}{own} ORDER BY 1, 2, 4"
        );
        self.show(&query, "List of functions", Footer::Count).await
    }

    async fn privileges(&mut self, pattern: Option<&str>) -> Result<bool, Halt> {
        let filter = Pattern::of(pattern).named("c.relname", "pg_catalog.pg_table_is_visible(c.oid)");
        let own = if pattern.is_none() { " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'" } else { "" };
        let query = format!(
            "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", {KIND} AS \"Type\", \
             pg_catalog.array_to_string(c.relacl, E'\\n') AS \"Access privileges\", \
             pg_catalog.array_to_string(ARRAY(SELECT attname || E':\\n  ' || \
             pg_catalog.array_to_string(attacl, E'\\n  ') FROM pg_catalog.pg_attribute a \
             WHERE attrelid = c.oid AND NOT attisdropped AND attacl IS NOT NULL), E'\\n') AS \"Column privileges\", \
             pg_catalog.array_to_string(ARRAY(SELECT polname || ':' FROM pg_catalog.pg_policy pol \
             WHERE polrelid = c.oid), E'\\n') AS \"Policies\" \
             FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND {filter}{own} ORDER BY 1, 2"
        );
        self.show(&query, "Access privileges", Footer::Count).await
    }

    async fn relations(
        &mut self,
        letters: &str,
        pattern: Option<&str>,
        verbose: bool,
        system: bool,
    ) -> Result<bool, Halt> {
        let kinds: Vec<String> = RELATIONS
            .iter()
            .filter(|(letter, _)| letters.contains(*letter))
            .flat_map(|(_, kinds)| kinds.iter().map(|kind| format!("'{kind}'")))
            .collect();
        let filter = Pattern::of(pattern).named("c.relname", "pg_catalog.pg_table_is_visible(c.oid)");
        let own = if pattern.is_none() && !system {
            " AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema'"
        } else {
            ""
        };
        let indexes = letters.contains('i');
        let table = if indexes { ", c2.relname AS \"Table\"" } else { "" };
        let join = if indexes {
            "LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid \
             LEFT JOIN pg_catalog.pg_class c2 ON i.indrelid = c2.oid "
        } else {
            ""
        };
        let method = if letters.contains(['t', 'm', 'i']) { "am.amname AS \"Access method\", " } else { "" };
        let more = if verbose {
            format!(
                ", CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 't' THEN 'temporary' WHEN 'u' THEN 'unlogged' END \
                 AS \"Persistence\", {method}pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) AS \"Size\", \
                 pg_catalog.obj_description(c.oid, 'pg_class') AS \"Description\""
            )
        } else {
            String::new()
        };
        let query = format!(
            "SELECT n.nspname AS \"Schema\", c.relname AS \"Name\", {KIND} AS \"Type\", \
             pg_catalog.pg_get_userbyid(c.relowner) AS \"Owner\"{table}{more} \
             FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam {join}\
             WHERE c.relkind IN ({}) AND {filter}{own} ORDER BY 1, 2",
            kinds.join(", ")
        );
        let Some((heads, rows)) = self.rows_with_heads(&query).await? else { return Ok(false) };
        if rows.is_empty() && !self.variables.quiet {
            let text = match pattern {
                Some(pattern) => format!("Did not find any relation named \"{pattern}\"."),
                None => "Did not find any relations.".to_owned(),
            };
            self.complain(&text).await?;
            return Ok(true);
        }
        self.print("List of relations", (heads, rows), Footer::Count).await?;
        Ok(true)
    }

    /// The server's major version.
    fn version(&self) -> u32 {
        let version = self.session.parameter("server_version").unwrap_or_default();
        version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok()).unwrap_or(0)
    }
}

/// A pattern such as `public.user*`, as regular expressions (PostgreSQL documentation, "psql", "Patterns").
#[derive(Debug, Default, PartialEq, Eq)]
struct Pattern {
    schema: Option<String>,
    name: Option<String>,
}

impl Pattern {
    fn of(pattern: Option<&str>) -> Self {
        let Some(pattern) = pattern else { return Self::default() };
        let mut parts = vec![String::new()];
        let mut quoted = false;
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            let part = parts.last_mut().expect("there is always one part");
            match c {
                '"' if quoted && chars.peek() == Some(&'"') => {
                    chars.next();
                    part.push('"');
                }
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                '*' if !quoted => part.push_str(".*"),
                '?' if !quoted => part.push('.'),
                '$' => part.push_str("\\$"),
                c if quoted && "|*+?()[]{}.^\\".contains(c) => {
                    part.push('\\');
                    part.push(c);
                }
                c if quoted => part.push(c),
                c => part.extend(c.to_lowercase()),
            }
        }
        let name = parts.pop();
        // A database before the schema is this one: the server knows no other.
        Self {
            schema: parts.pop().filter(|schema| schema != ".*"),
            name: name.filter(|name| name != ".*" && !name.is_empty()),
        }
    }

    fn matches(column: &str, expression: &str) -> String {
        format!("{column} OPERATOR(pg_catalog.~) {} COLLATE pg_catalog.default", literal(&format!("^({expression})$")))
    }

    /// A condition on a name without a schema.
    fn only_name(&self, column: &str, before: &str) -> String {
        self.name.as_ref().map(|name| format!("{before}{}", Self::matches(column, name))).unwrap_or_default()
    }

    /// A condition on a name in a schema; without a schema, on what is visible.
    fn named(&self, column: &str, visible: &str) -> String {
        let place = match &self.schema {
            Some(schema) => Self::matches("n.nspname", schema),
            None => visible.to_owned(),
        };
        format!("{place}{}", self.only_name(column, " AND "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_expressions() {
        for (text, schema, name) in [
            ("Accounts", None, Some("accounts")),
            ("public.user*", Some("public"), Some("user.*")),
            ("\"A.b\"", None, Some("A\\.b")),
            ("*.x?", None, Some("x.")),
            ("s.*", Some("s"), None),
        ] {
            let pattern = Pattern::of(Some(text));
            assert_eq!((pattern.schema.as_deref(), pattern.name.as_deref()), (schema, name), "{text}");
        }
        assert_eq!(Pattern::matches("c", "it's"), "c OPERATOR(pg_catalog.~) '^(it''s)$' COLLATE pg_catalog.default");
    }
}
