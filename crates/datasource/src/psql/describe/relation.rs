//! `\d NAME`: one relation with its columns, indexes, constraints and triggers.

use super::super::client::{Client, Halt};
use super::super::print::{Footer, Head};
use super::Pattern;

/// The most relations that one pattern shows.
const MOST: usize = 500;

impl Client<'_> {
    pub(super) async fn relations_in_detail(&mut self, pattern: &str, verbose: bool) -> Result<bool, Halt> {
        let filter = Pattern::of(Some(pattern)).named("c.relname", "pg_catalog.pg_table_is_visible(c.oid)");
        let query = format!(
            "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence FROM pg_catalog.pg_class c \
             LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE {filter} ORDER BY 2, 3"
        );
        let Some(found) = self.ask(&query).await? else { return Ok(false) };
        if found.is_empty() {
            if !self.variables.quiet {
                self.complain(&format!("Did not find any relation named \"{pattern}\".")).await?;
            }
            return Ok(false);
        }
        for row in found.into_iter().take(MOST) {
            let mut row = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || row.next().unwrap_or_default();
            let (oid, schema, name, kind, persistence) = (next(), next(), next(), next(), next());
            let relation = Relation { oid, schema, name, kind, unlogged: persistence == "u" };
            let shown = match relation.kind.as_str() {
                "S" => self.sequence(&relation).await?,
                "i" | "I" => self.index(&relation).await?,
                _ => self.table(&relation, verbose).await?,
            };
            if !shown {
                return Ok(false);
            }
            self.output.ease().await?;
        }
        Ok(true)
    }

    async fn sequence(&mut self, relation: &Relation) -> Result<bool, Halt> {
        let oid = &relation.oid;
        let owner = format!(
            "SELECT CASE d.deptype WHEN 'i' THEN 'Sequence for identity column: ' ELSE 'Owned by: ' END || \
             pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || '.' || \
             pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_depend d ON c.oid = d.refobjid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid \
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = '{oid}' \
             AND d.deptype IN ('a', 'i')"
        );
        let Some(owner) = self.texts(&owner).await? else { return Ok(false) };
        let query = format!(
            "SELECT pg_catalog.format_type(seqtypid, NULL) AS \"Type\", seqstart AS \"Start\", seqmin AS \"Minimum\", \
             seqmax AS \"Maximum\", seqincrement AS \"Increment\", CASE WHEN seqcycle THEN 'yes' ELSE 'no' END AS \
             \"Cycles?\", seqcache AS \"Cache\" FROM pg_catalog.pg_sequence WHERE seqrelid = '{oid}'"
        );
        self.show(&query, &relation.title("Sequence"), Footer::Lines(owner)).await
    }

    async fn index(&mut self, relation: &Relation) -> Result<bool, Halt> {
        let oid = &relation.oid;
        let footer = format!(
            "SELECT CASE WHEN i.indisprimary THEN 'primary key, ' WHEN i.indisunique THEN 'unique, ' ELSE '' END || \
             a.amname || ', for table \"' || n.nspname || '.' || c2.relname || '\"' || \
             COALESCE(', predicate (' || pg_catalog.pg_get_expr(i.indpred, i.indrelid, true) || ')', '') || \
             CASE WHEN i.indisclustered THEN ', clustered' ELSE '' END || \
             CASE WHEN i.indisvalid THEN '' ELSE ', invalid' END || \
             CASE WHEN i.indisreplident THEN ', replica identity' ELSE '' END \
             FROM pg_catalog.pg_index i, pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_am a, \
             pg_catalog.pg_namespace n WHERE i.indexrelid = c.oid AND c.oid = '{oid}' AND c.relam = a.oid \
             AND i.indrelid = c2.oid AND n.oid = c.relnamespace"
        );
        let Some(footer) = self.texts(&footer).await? else { return Ok(false) };
        let query = format!(
            "SELECT a.attname AS \"Column\", pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\", \
             CASE WHEN a.attnum <= (SELECT i.indnkeyatts FROM pg_catalog.pg_index i WHERE i.indexrelid = '{oid}') \
             THEN 'yes' ELSE 'no' END AS \"Key?\", \
             pg_catalog.pg_get_indexdef(a.attrelid, a.attnum, TRUE) AS \"Definition\" \
             FROM pg_catalog.pg_attribute a WHERE a.attrelid = '{oid}' AND a.attnum > 0 AND NOT a.attisdropped \
             ORDER BY a.attnum"
        );
        let what = if relation.kind == "I" { "Partitioned index" } else { "Index" };
        self.show(&query, &relation.title(what), Footer::Lines(footer)).await
    }

    async fn table(&mut self, relation: &Relation, verbose: bool) -> Result<bool, Halt> {
        let oid = &relation.oid;
        let stores = matches!(relation.kind.as_str(), "r" | "p" | "m" | "f" | "t");
        let plain = !matches!(relation.kind.as_str(), "r" | "p" | "m" | "f" | "v" | "c");
        let storage = "CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'x' THEN 'extended' \
                       WHEN 'm' THEN 'main' END AS \"Storage\"";
        let compression =
            "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE '' END AS \"Compression\"";
        let target =
            "CASE WHEN a.attstattarget = -1 THEN NULL ELSE a.attstattarget END::pg_catalog.text AS \"Stats target\"";
        let description = "pg_catalog.col_description(a.attrelid, a.attnum) AS \"Description\"";
        let more = match (verbose, stores) {
            (true, true) if self.version() >= 14 => format!(", {storage}, {compression}, {target}, {description}"),
            (true, true) => format!(", {storage}, {target}, {description}"),
            (true, false) => format!(", {storage}, {description}"),
            (false, _) => String::new(),
        };
        let details = if plain {
            String::new()
        } else {
            let generated = if self.version() >= 12 {
                "WHEN a.attgenerated = 's' THEN 'generated always as (' || pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) || ') stored' "
            } else {
                ""
            };
            format!(
                ", (SELECT l.collname FROM pg_catalog.pg_collation l, pg_catalog.pg_type t WHERE l.oid = a.attcollation \
                 AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS \"Collation\", \
                 CASE WHEN a.attnotnull THEN 'not null' ELSE '' END AS \"Nullable\", \
                 CASE WHEN a.attidentity = 'a' THEN 'generated always as identity' \
                 WHEN a.attidentity = 'd' THEN 'generated by default as identity' {generated}\
                 ELSE pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) END AS \"Default\""
            )
        };
        let query = format!(
            "SELECT a.attname AS \"Column\", pg_catalog.format_type(a.atttypid, a.atttypmod) AS \"Type\"{details}{more} \
             FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d \
             ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef \
             WHERE a.attrelid = '{oid}' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        );
        let Some((heads, rows)) = self.rows_with_heads(&query).await? else { return Ok(false) };
        let heads = heads.into_iter().map(|head| Head { right: false, ..head }).collect();
        let mut footers = Vec::new();
        for (title, query) in footer_queries(oid, &relation.kind) {
            let Some(lines) = self.texts(&query).await? else { return Ok(false) };
            if !lines.is_empty() {
                footers.extend((!title.is_empty()).then(|| title.to_owned()));
                footers.extend(lines);
            }
        }
        if verbose && matches!(relation.kind.as_str(), "v" | "m") {
            let query = format!("SELECT pg_catalog.pg_get_viewdef('{oid}'::pg_catalog.oid, true)");
            let Some(definition) = self.texts(&query).await? else { return Ok(false) };
            footers.push("View definition:".to_owned());
            footers.extend(definition);
        }
        if verbose && matches!(relation.kind.as_str(), "r" | "m") {
            let query = format!(
                "SELECT 'Access method: ' || am.amname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am am ON c.relam = am.oid \
                 WHERE c.oid = '{oid}'"
            );
            let Some(method) = self.texts(&query).await? else { return Ok(false) };
            footers.extend(method);
        }
        let what = match relation.kind.as_str() {
            "r" if relation.unlogged => "Unlogged table",
            "r" => "Table",
            "v" => "View",
            "m" => "Materialized view",
            "f" => "Foreign table",
            "p" if relation.unlogged => "Unlogged partitioned table",
            "p" => "Partitioned table",
            "c" => "Composite type",
            "t" => "TOAST table",
            _ => "Relation",
        };
        self.print(&relation.title(what), (heads, rows), Footer::Lines(footers)).await?;
        Ok(true)
    }

    /// The first column of a query of psql's own.
    async fn texts(&mut self, query: &str) -> Result<Option<Vec<String>>, Halt> {
        let rows = self.ask(query).await?;
        Ok(rows.map(|rows| rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()))
    }
}

struct Relation {
    oid: String,
    schema: String,
    name: String,
    kind: String,
    unlogged: bool,
}

impl Relation {
    fn title(&self, what: &str) -> String {
        format!("{what} \"{}.{}\"", self.schema, self.name)
    }
}

/// What stands below a table: a title, and a query for the lines under it.
fn footer_queries(oid: &str, kind: &str) -> Vec<(&'static str, String)> {
    let mut queries = Vec::new();
    if !matches!(kind, "r" | "p" | "m" | "f" | "v") {
        return queries;
    }
    queries.push((
        "",
        format!(
            "SELECT 'Partition of: ' || i.inhparent::pg_catalog.regclass || ' ' || \
             pg_catalog.pg_get_expr(c.relpartbound, c.oid) FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_inherits i ON c.oid = i.inhrelid WHERE c.oid = '{oid}' AND c.relispartition"
        ),
    ));
    queries.push((
        "",
        format!(
            "SELECT 'Partition key: ' || pg_catalog.pg_get_partkeydef('{oid}'::pg_catalog.oid) \
             WHERE pg_catalog.pg_get_partkeydef('{oid}'::pg_catalog.oid) IS NOT NULL"
        ),
    ));
    queries.push((
        "Indexes:",
        format!(
            "SELECT '    \"' || c2.relname || '\"' || CASE WHEN con.contype = 'x' THEN ' ' || \
             pg_catalog.pg_get_constraintdef(con.oid, true) ELSE CASE WHEN i.indisprimary THEN ' PRIMARY KEY,' \
             WHEN i.indisunique AND con.contype = 'u' THEN ' UNIQUE CONSTRAINT,' WHEN i.indisunique THEN ' UNIQUE,' \
             ELSE '' END || ' ' || pg_catalog.regexp_replace(pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), \
             '^.*? USING ', '') || CASE WHEN con.condeferrable THEN ' DEFERRABLE' ELSE '' END || \
             CASE WHEN con.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END END || \
             CASE WHEN i.indisclustered THEN ' CLUSTER' ELSE '' END || \
             CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END || \
             CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END \
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c2 ON i.indexrelid = c2.oid \
             LEFT JOIN pg_catalog.pg_constraint con ON con.conrelid = i.indrelid AND con.conindid = i.indexrelid \
             AND con.contype IN ('p', 'u', 'x') WHERE i.indrelid = '{oid}' ORDER BY i.indisprimary DESC, c2.relname"
        ),
    ));
    let constraints = |kind: &str, column: &str| {
        format!(
            "SELECT '    \"' || r.conname || '\" ' || pg_catalog.pg_get_constraintdef(r.oid, true) \
             FROM pg_catalog.pg_constraint r WHERE r.{column} = '{oid}' AND r.contype = '{kind}' ORDER BY r.conname"
        )
    };
    queries.push(("Check constraints:", constraints("c", "conrelid")));
    queries.push(("Foreign-key constraints:", constraints("f", "conrelid")));
    queries.push((
        "Referenced by:",
        format!(
            "SELECT '    TABLE \"' || r.conrelid::pg_catalog.regclass || '\" CONSTRAINT \"' || r.conname || '\" ' || \
             pg_catalog.pg_get_constraintdef(r.oid, true) FROM pg_catalog.pg_constraint r \
             WHERE r.confrelid = '{oid}' AND r.contype = 'f' ORDER BY r.conname"
        ),
    ));
    queries.push((
        "Policies:",
        format!(
            "SELECT '    POLICY \"' || pol.polname || '\"' FROM pg_catalog.pg_policy pol WHERE pol.polrelid = '{oid}' ORDER BY 1"
        ),
    ));
    for (title, enabled) in [
        ("Triggers:", "O"),
        ("Disabled user triggers:", "D"),
        ("Triggers firing always:", "A"),
        ("Triggers firing on replica only:", "R"),
    ] {
        queries.push((
            title,
            format!(
                "SELECT '    ' || pg_catalog.regexp_replace(pg_catalog.pg_get_triggerdef(t.oid, true), '^.*? TRIGGER ', '') \
                 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = '{oid}' AND NOT t.tgisinternal \
                 AND t.tgenabled = '{enabled}' ORDER BY t.tgname"
            ),
        ));
    }
    queries.push((
        "",
        format!(
            "SELECT 'Number of partitions: ' || pg_catalog.count(*) || ' (Use \\d+ to list them.)' \
             FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent \
             WHERE i.inhparent = '{oid}' AND c.relkind = 'p' HAVING pg_catalog.count(*) > 0"
        ),
    ));
    queries
}
