/** A believable shop of some 100,000 rows, the same on every machine: values follow from row numbers by hashing. */
import pg from 'pg';

export const SHOP_DATABASE = 'shop';
/** Owns nothing: what it may do are rows of these tables, and nothing else. */
export const SHOP_ROLE = 'sealrail_shop';

const SCHEMA = `
CREATE TABLE customers (
  id          integer PRIMARY KEY,
  name        text NOT NULL,
  email       text NOT NULL UNIQUE,
  phone       text NOT NULL,
  national_id text NOT NULL UNIQUE,
  city        text NOT NULL,
  created_at  timestamptz NOT NULL
);
CREATE TABLE products (
  id    integer PRIMARY KEY,
  sku   text NOT NULL UNIQUE,
  title text NOT NULL,
  cents integer NOT NULL CHECK (cents > 0)
);
CREATE TABLE orders (
  id          integer PRIMARY KEY,
  customer_id integer NOT NULL REFERENCES customers,
  status      text NOT NULL CHECK (status IN ('new', 'paid', 'shipped', 'returned')),
  placed_at   timestamptz NOT NULL
);
CREATE TABLE order_items (
  order_id   integer NOT NULL REFERENCES orders,
  line       integer NOT NULL,
  product_id integer NOT NULL REFERENCES products,
  quantity   integer NOT NULL,
  PRIMARY KEY (order_id, line)
);
CREATE TABLE payments (
  id       integer PRIMARY KEY,
  order_id integer NOT NULL REFERENCES orders,
  cents    integer NOT NULL,
  method   text NOT NULL,
  paid_at  timestamptz NOT NULL
);`;

/** `pick(n, salt, m)`: a number below m that only depends on n and the salt. */
const PICK = `
CREATE FUNCTION pg_temp.pick(n integer, salt integer, m integer) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint4extended(n, salt) & 2147483647)::integer % m $$`;

const FIRST = [
  'Ada',
  'Ben',
  'Chloé',
  'Dimitri',
  'Elif',
  'Farid',
  'Greta',
  'Hugo',
  'Ines',
  'Jonas',
  'Kofi',
  'Lena',
  'Milan',
  'Nora',
  'Omar',
  'Paula',
  'Quentin',
  'Rosa',
  'Sven',
  'Tomoko',
  'Ursula',
  'Viktor',
  'Wanda',
  'Yusuf',
  'Zoë',
];
const LAST = [
  'Adler',
  'Baumann',
  'Castro',
  'Dubois',
  'Eriksen',
  'Fischer',
  'Garcia',
  'Hansen',
  'Ivanov',
  'Jansen',
  'Keller',
  'Lopez',
  'Moreau',
  'Novak',
  'Okafor',
  'Petrov',
  'Rossi',
  'Schmidt',
  'Tanaka',
  'Weber',
];
const CITIES = [
  'Amsterdam',
  'Berlin',
  'Copenhagen',
  'Dublin',
  'Edinburgh',
  'Florence',
  'Geneva',
  'Hamburg',
  'Lisbon',
  'Madrid',
  'Oslo',
  'Prague',
  'Riverton',
  'Vienna',
];
const THINGS = [
  'Kettle',
  'Lamp',
  'Notebook',
  'Chair',
  'Backpack',
  'Teapot',
  'Blanket',
  'Clock',
  'Mirror',
  'Basket',
];
const KINDS = [
  'Small',
  'Large',
  'Blue',
  'Oak',
  'Woollen',
  'Copper',
  'Folding',
  'Round',
  'Tall',
  'Plain',
];

const array = (words: readonly string[]): string =>
  `(ARRAY[${words.map((word) => `'${word}'`).join(',')}])`;
const word = (words: readonly string[], salt: number): string =>
  `${array(words)}[1 + pg_temp.pick(i, ${salt}, ${words.length})]`;

const ROWS = `
INSERT INTO customers
  SELECT i, ${word(FIRST, 1)} || ' ' || ${word(LAST, 2)},
    lower(translate(${word(FIRST, 1)}, 'éë', 'ee') || '.' || ${word(LAST, 2)}) || i || '@example.org',
    '+49 30 ' || (1000000 + pg_temp.pick(i, 3, 8999999)), 'NI' || lpad((i * 7919 % 100000000)::text, 8, '0'),
    ${word(CITIES, 4)}, timestamptz '2023-01-01 08:00Z' + pg_temp.pick(i, 5, 1000) * interval '1 day'
  FROM generate_series(1, 10000) i;
INSERT INTO products
  SELECT i, 'SKU-' || lpad(i::text, 5, '0'), ${word(KINDS, 6)} || ' ' || ${word(THINGS, 7)} || ' ' || i, 199 + pg_temp.pick(i, 8, 20000)
  FROM generate_series(1, 1000) i;
INSERT INTO orders
  SELECT i, 1 + pg_temp.pick(i, 9, 10000), ${word(['new', 'paid', 'shipped', 'shipped', 'shipped', 'returned'], 10)},
    timestamptz '2024-01-01 08:00Z' + pg_temp.pick(i, 11, 900000) * interval '1 minute'
  FROM generate_series(1, 25000) i;
INSERT INTO order_items
  SELECT i, l, 1 + pg_temp.pick(i * 3 + l, 12, 1000), 1 + pg_temp.pick(i * 3 + l, 13, 4)
  FROM generate_series(1, 25000) i, LATERAL generate_series(1, 1 + pg_temp.pick(i, 14, 3)) l;
INSERT INTO payments
  SELECT row_number() OVER (ORDER BY o.id), o.id,
    (SELECT sum(t.quantity * p.cents) FROM order_items t JOIN products p ON p.id = t.product_id WHERE t.order_id = o.id),
    (ARRAY['card', 'transfer', 'wallet'])[1 + pg_temp.pick(o.id, 15, 3)], o.placed_at + interval '3 minutes'
  FROM orders o WHERE o.status <> 'new';
ANALYZE;`;

const grants = (password: string): string => `
CREATE ROLE ${SHOP_ROLE} LOGIN PASSWORD '${password}' NOSUPERUSER NOCREATEDB NOCREATEROLE;
GRANT USAGE ON SCHEMA public TO ${SHOP_ROLE};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${SHOP_ROLE};`;

/** Creates and fills the database, once; `url` is the superuser's, `password` becomes the role's. */
export async function createShop(
  url: (database?: string) => string,
  password: string,
): Promise<void> {
  const admin = new pg.Client({ connectionString: url() });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${SHOP_DATABASE}`);
  await admin.end();
  const client = new pg.Client({ connectionString: url(SHOP_DATABASE) });
  await client.connect();
  try {
    await client.query(`BEGIN;${SCHEMA}`);
    await client.query(PICK);
    await client.query(ROWS);
    await client.query(grants(password));
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}

/** One text that differs if any row of the shop does. */
export async function shopChecksum(client: pg.Client): Promise<string> {
  const sums: string[] = [];
  for (const table of ['customers', 'products', 'orders', 'order_items', 'payments']) {
    const { rows } = await client.query<{ sum: string }>(
      `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '~' ORDER BY t::text)), '') AS sum FROM ${table} t`,
    );
    sums.push(`${table} ${rows[0]?.sum}`);
  }
  return sums.join('\n');
}
