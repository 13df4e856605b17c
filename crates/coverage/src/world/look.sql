SELECT 'table ' || c.oid::regclass, pg_relation_filenode(c.oid) || ' ' || (
  xpath('/row/d/text()', query_to_xml(format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, '','' ORDER BY t::text)), '''') AS d FROM %s t', c.oid::regclass), false, true, ''))
)[1]::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
UNION ALL
SELECT 'index ' || c.oid::regclass, pg_relation_filenode(c.oid)::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
UNION ALL
SELECT 'maintenance ' || relid::regclass, vacuum_count || ' ' || analyze_count
FROM pg_stat_user_tables
UNION ALL
SELECT 'session ' || pid, coalesce(usename, '')
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
UNION ALL
SELECT 'role ' || rolname, md5(coalesce(rolpassword, '') || rolconnlimit || rolcanlogin) FROM pg_authid
UNION ALL
SELECT 'setting ' || setdatabase || ' ' || setrole, setconfig::text FROM pg_db_role_setting
UNION ALL
SELECT 'setting ' || name, coalesce(setting, '') FROM pg_file_settings WHERE sourcefile LIKE '%postgresql.auto.conf'
UNION ALL
SELECT 'statistics', coalesce(stats_reset::text, '') FROM pg_stat_database WHERE datname = current_database()
