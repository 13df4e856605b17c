-- What the bench's PostgreSQL holds: one database for each platform that runbooks speak of. For psql, on an empty server,
-- as a superuser. BENCH_PASSWORD in the environment becomes the password of the roles.

\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
\getenv password BENCH_PASSWORD

CREATE ROLE postgres LOGIN SUPERUSER PASSWORD :'password';
CREATE ROLE fintech_app LOGIN PASSWORD :'password';
CREATE ROLE platform LOGIN PASSWORD :'password';
CREATE ROLE backstage LOGIN PASSWORD :'password';
CREATE ROLE pms_user LOGIN PASSWORD :'password';
CREATE ROLE architect LOGIN PASSWORD :'password';
-- Reads the statistics of everybody's statements, and ends others' sessions, without being able to do everything.
CREATE ROLE oncall LOGIN PASSWORD :'password';
GRANT pg_monitor, pg_signal_backend TO oncall;

-- As a managed PostgreSQL lets its master user do.
GRANT SET, ALTER SYSTEM ON PARAMETER log_min_duration_statement TO fintech_app;
CREATE DATABASE fintech_banking_db OWNER fintech_app;
CREATE DATABASE platform_db OWNER platform;
CREATE DATABASE backstage OWNER backstage;
CREATE DATABASE pms OWNER pms_user;
CREATE DATABASE architect OWNER architect;

-- Slow queries are looked for in whatever database one is connected to.
SELECT count(*) > 0 AS has_statements FROM pg_available_extensions WHERE name = 'pg_stat_statements' \gset

\if :has_statements
  CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
\endif

\connect fintech_banking_db
SET client_min_messages = warning;
\if :has_statements
  CREATE EXTENSION pg_stat_statements;
\endif
GRANT EXECUTE ON FUNCTION pg_reload_conf() TO fintech_app;
SET ROLE fintech_app;
CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL
);
CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    currency char(3) NOT NULL,
    balance numeric(18, 2) NOT NULL
);
CREATE TABLE transactions (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    amount numeric(18, 2) NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'settled', 'failed')),
    created_at timestamptz NOT NULL
);
CREATE INDEX idx_transactions_account_id ON transactions (account_id);
CREATE INDEX idx_transactions_created_at ON transactions (created_at);
INSERT INTO users SELECT n, 'user' || n || '@example.com', timestamptz '2024-01-01' + n * interval '1 hour'
    FROM generate_series(1, 200) n;
INSERT INTO accounts SELECT n, 1 + n % 200, 'EUR', n * 10 FROM generate_series(1, 400) n;
INSERT INTO transactions
    SELECT n, 1 + n % 400, (n % 97) + 0.5, (ARRAY['pending', 'settled', 'failed'])[1 + n % 3],
           timestamptz '2024-01-01' + n * interval '1 minute'
    FROM generate_series(1, 5000) n;
-- Dead rows, for whoever looks for bloat.
UPDATE transactions SET amount = amount + 1 WHERE id % 5 = 0;
DELETE FROM transactions WHERE id > 4500;
RESET ROLE;

\connect platform_db
SET client_min_messages = warning;
\if :has_statements
  CREATE EXTENSION pg_stat_statements;
\endif
SET ROLE platform;
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE audit_events (
    id bigint PRIMARY KEY,
    correlation_id uuid NOT NULL,
    action text NOT NULL,
    at timestamptz NOT NULL
);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 50) n;
INSERT INTO audit_events
    SELECT n, md5(n::text)::uuid, (ARRAY['login', 'read', 'write'])[1 + n % 3], timestamptz '2024-01-01' + n * interval '1 hour'
    FROM generate_series(1, 2000) n;
RESET ROLE;

\connect backstage
SET client_min_messages = warning;
\if :has_statements
  CREATE EXTENSION pg_stat_statements;
\endif
SET ROLE backstage;
CREATE TABLE users (id bigint PRIMARY KEY, entity_ref text NOT NULL UNIQUE);
CREATE TABLE final_entities (entity_ref text PRIMARY KEY, kind text NOT NULL, entity jsonb NOT NULL);
INSERT INTO users SELECT n, 'user:default/person-' || n FROM generate_series(1, 42) n;
INSERT INTO final_entities
    SELECT 'component:default/service-' || n, 'Component', jsonb_build_object('name', 'service-' || n)
    FROM generate_series(1, 120) n;
RESET ROLE;

\connect pms
SET client_min_messages = warning;
\if :has_statements
  CREATE EXTENSION pg_stat_statements;
\endif
SET ROLE pms_user;
CREATE TABLE portfolios (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE portfolio_positions (
    id bigint PRIMARY KEY,
    portfolio_id bigint NOT NULL REFERENCES portfolios,
    symbol text NOT NULL,
    quantity numeric(18, 4) NOT NULL
);
CREATE INDEX idx_portfolio_positions_portfolio_id ON portfolio_positions (portfolio_id);
-- An index that no query ever uses.
CREATE INDEX idx_portfolio_positions_quantity ON portfolio_positions (quantity);
CREATE TABLE prices (symbol text NOT NULL, day date NOT NULL, price numeric(18, 4) NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE prices_partition_2024_01 PARTITION OF prices FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE prices_partition_2024_02 PARTITION OF prices FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
INSERT INTO portfolios SELECT n, 'Portfolio ' || n FROM generate_series(1, 20) n;
INSERT INTO portfolio_positions
    SELECT n, 1 + n % 20, 'SYM' || n % 50, n FROM generate_series(1, 3000) n;
INSERT INTO prices SELECT 'SYM' || n % 50, date '2024-01-01' + n % 60, n FROM generate_series(1, 1000) n;
DELETE FROM portfolio_positions WHERE id % 10 = 0;
RESET ROLE;

\connect architect
SET client_min_messages = warning;
\if :has_statements
  CREATE EXTENSION pg_stat_statements;
\endif
SET ROLE architect;
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE dashboards (id bigint PRIMARY KEY, owner_id bigint NOT NULL REFERENCES users, title text NOT NULL);
INSERT INTO users SELECT n, 'architect ' || n FROM generate_series(1, 30) n;
INSERT INTO dashboards SELECT n, 1 + n % 30, 'Dashboard ' || n FROM generate_series(1, 300) n;
RESET ROLE;
