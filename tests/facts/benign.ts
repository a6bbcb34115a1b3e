/** Statements of ordinary clients: a doubt about any of these would be an outage. Over `SHOP`, below. */

/** A schema as applications have them: enums, partitions, views, generated keys, row security. */
export const SHOP = `
CREATE SCHEMA shop;
SET search_path = shop;
CREATE TYPE order_status AS ENUM ('new', 'paid', 'sent');
CREATE TABLE customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text UNIQUE NOT NULL, phone text,
  tags text[] NOT NULL DEFAULT '{}', active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL,
  status order_status NOT NULL DEFAULT 'new', total numeric(10, 2) NOT NULL, meta jsonb,
  created_at timestamptz NOT NULL DEFAULT now()) PARTITION BY RANGE (id);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (1000000);
CREATE TABLE order_items (
  order_id bigint, line int, product text NOT NULL, quantity int NOT NULL DEFAULT 1,
  PRIMARY KEY (order_id, line));
CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
CREATE SEQUENCE invoice_seq;
CREATE VIEW large_orders AS
  SELECT c.email, o.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > 100;
INSERT INTO customers (email) SELECT 'c' || i || '@example.com' FROM generate_series(1, 50) i;
INSERT INTO orders (customer_id, total) SELECT i % 50 + 1, i FROM generate_series(1, 200) i;
INSERT INTO order_items SELECT i, 1, 'p' FROM generate_series(1, 200) i;
INSERT INTO pgbench_accounts SELECT i, 1, 0, '' FROM generate_series(1, 100) i;
INSERT INTO pgbench_branches VALUES (1, 0, '');
INSERT INTO pgbench_tellers VALUES (1, 1, 0, '');
`;

/** Without parameters, so that the server can run each as it stands. */
export const BENIGN: readonly string[] = [
  'SELECT 1',
  'SELECT version()',
  'SELECT NULL',
  "SELECT current_setting('server_version_num')",
  'SHOW transaction_isolation',
  'SHOW search_path',
  "SET application_name = 'shop'",
  "SET DateStyle = 'ISO, MDY'",
  "SET TIME ZONE 'UTC'",
  'SET extra_float_digits = 3',
  'SET statement_timeout = 30000',
  "SET lock_timeout TO '5s'",
  "SET bytea_output = 'hex'",
  "SET IntervalStyle = 'postgres'",
  "SET client_encoding = 'UTF8'",
  "SET NAMES 'utf8'",
  'SET standard_conforming_strings = on',
  'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED',
  'RESET statement_timeout',
  'DISCARD ALL',
  'BEGIN',
  'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
  'SAVEPOINT a',
  'RELEASE SAVEPOINT a',
  'COMMIT',
  'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE',
  'ROLLBACK',
  'LISTEN jobs',
  'UNLISTEN *',
  // pgbench
  'UPDATE pgbench_accounts SET abalance = abalance + -3141 WHERE aid = 42',
  'SELECT abalance FROM pgbench_accounts WHERE aid = 42',
  'UPDATE pgbench_tellers SET tbalance = tbalance + 5 WHERE tid = 1',
  'UPDATE pgbench_branches SET bbalance = bbalance + 5 WHERE bid = 1',
  'INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, 42, 5, CURRENT_TIMESTAMP)',
  // object mappers
  'SELECT "customers"."id", "customers"."email" FROM "customers" WHERE "customers"."id" = 1 LIMIT 1',
  'SELECT COUNT(*) AS "__count" FROM "orders" WHERE ("orders"."total" > 10.50 AND "orders"."status" IN (\'new\', \'paid\'))',
  `SELECT t0."id", t0."email", t1."total" FROM "customers" AS t0 LEFT OUTER JOIN "orders" t1 ON t1."customer_id" = t0."id" ORDER BY t0."created_at" DESC NULLS LAST, t0.id ASC LIMIT 20 OFFSET 40`,
  `INSERT INTO "customers" ("email", "phone") VALUES ('new@example.com', NULL) RETURNING "id", "created_at"`,
  `INSERT INTO customers (email) VALUES ('c1@example.com') ON CONFLICT (email) DO UPDATE SET email = excluded.email, phone = coalesce(excluded.phone, customers.phone) RETURNING id, (xmax = 0) AS inserted`,
  `INSERT INTO customers (email) VALUES ('c1@example.com') ON CONFLICT DO NOTHING`,
  `UPDATE "orders" SET "status" = 'paid'::order_status, "meta" = jsonb_set(coalesce(meta, '{}'), '{paid}', 'true') WHERE "orders"."id" = 7 RETURNING *`,
  `UPDATE orders o SET total = v.total FROM (VALUES (1::bigint, 10.5), (2, 11)) AS v(id, total) WHERE o.id = v.id`,
  'DELETE FROM "order_items" WHERE ("order_items"."order_id", "order_items"."line") IN ((7, 1), (7, 2))',
  'SELECT EXISTS (SELECT 1 FROM customers WHERE email = \'c1@example.com\') AS "exists"',
  'SELECT o.*, c.email FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.id = ANY (ARRAY[1, 2, 3]) FOR UPDATE OF o SKIP LOCKED',
  `SELECT date_trunc('day', created_at) AS day, sum(total)::float8, count(DISTINCT customer_id) FILTER (WHERE total > 5) FROM orders GROUP BY 1 HAVING sum(total) > 0 ORDER BY day DESC`,
  `SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY created_at DESC) AS n, lag(total, 1) OVER w FROM orders WINDOW w AS (ORDER BY id)`,
  `WITH RECURSIVE tree(n, parent) AS (SELECT 1, 0 UNION ALL SELECT n + 1, n FROM tree WHERE n < 5) SELECT * FROM tree`,
  `WITH recent AS MATERIALIZED (SELECT id, total FROM orders ORDER BY created_at DESC LIMIT 10) SELECT avg(total) FROM recent`,
  `WITH moved AS (DELETE FROM order_items WHERE order_id = 3 AND line = 1 RETURNING *) INSERT INTO order_items SELECT order_id, line + 100, product, quantity FROM moved`,
  `SELECT c.id, json_agg(json_build_object('id', o.id, 'total', o.total) ORDER BY o.id) FROM customers c LEFT JOIN LATERAL (SELECT id, total FROM orders WHERE customer_id = c.id ORDER BY id LIMIT 3) o ON true GROUP BY c.id`,
  `SELECT meta->>'a', meta #>> '{a,b}', meta @> '{"a": 1}' FROM orders WHERE meta ? 'a' OR meta IS NULL LIMIT 5`,
  `SELECT unnest(tags) AS tag, count(*) FROM customers GROUP BY tag`,
  `SELECT tag.value FROM customers, jsonb_array_elements('[1, 2]'::jsonb) AS tag LIMIT 3`,
  `SELECT g.i, g.i * 2 AS double FROM generate_series(1, 3) AS g(i)`,
  `SELECT * FROM json_to_recordset('[{"a": 1, "b": "x"}]') AS x(a int, b text)`,
  `SELECT CASE status WHEN 'new' THEN 0 ELSE 1 END, greatest(total, 1), nullif(total, 0), total BETWEEN 1 AND 5 FROM orders LIMIT 2`,
  `SELECT extract(epoch FROM created_at), created_at AT TIME ZONE 'UTC', created_at::date, position('a' IN email), substring(email FROM 1 FOR 3), trim(BOTH ' ' FROM email), overlay(email PLACING 'x' FROM 1 FOR 1) FROM customers JOIN orders USING (id, created_at)`,
  `SELECT email FROM customers WHERE lower(email) LIKE lower('C1%') ESCAPE '!' AND email ILIKE '%x%' AND email SIMILAR TO '%a' AND email ~ '^c'`,
  `SELECT id FROM customers UNION SELECT id FROM orders EXCEPT SELECT order_id FROM order_items ORDER BY 1 LIMIT 5`,
  `SELECT * FROM customers TABLESAMPLE BERNOULLI (10) REPEATABLE (1)`,
  `SELECT * FROM large_orders WHERE total > 150 ORDER BY total`,
  `SELECT grouping(status), status, customer_id, sum(total) FROM orders GROUP BY ROLLUP (status, customer_id)`,
  `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders`,
  `SELECT string_agg(email, ', ' ORDER BY email) FROM customers WHERE active AND NOT (id = 3)`,
  `SELECT format('%s-%s', id, md5(email)), to_char(created_at, 'YYYY-MM-DD'), gen_random_uuid() FROM customers LIMIT 1`,
  "SELECT nextval('invoice_seq'::regclass), currval('invoice_seq')",
  "SELECT nextval(pg_get_serial_sequence('customers', 'id'))",
  'VALUES (1, 2), (3, 4)',
  'TABLE pgbench_branches',
  'EXPLAIN (COSTS OFF) SELECT * FROM orders WHERE id = 1',
  'COPY (SELECT id FROM orders WHERE id < 3) TO STDOUT',
  'PREPARE q (bigint) AS SELECT * FROM orders WHERE id = $1',
  'EXECUTE q(1)',
  'DEALLOCATE q',
  'DISCARD PLANS',
];
