/** What the scripted demo sends through the gateway: the writes among it are taken back by the last. */
export interface Try {
  readonly what: string;
  readonly as: string;
  readonly sql: string;
  readonly values?: readonly unknown[];
  /** SQLSTATE of a denial, and a word of its message; absent where it goes through. */
  readonly denied?: readonly [string, RegExp];
  /** Column that comes back masked in every row. */
  readonly masked?: string;
}

/** What stands for a text that is masked. */
export const MASKED = '•••';

const UNSCOPED = ['42501', /sql-unscoped-write/] as const;

/** Its entry is the one that verification is shown to protect. */
export const BLOCKED_DELETE = 'DELETE FROM customers';

export const TRIES: readonly Try[] = [
  {
    what: 'a read',
    as: 'alice',
    sql: 'SELECT id, name, city FROM customers WHERE id = $1',
    values: [42],
  },
  {
    what: "a read of somebody's email, which comes back masked",
    as: 'alice',
    sql: 'SELECT name, email FROM customers WHERE id = $1',
    values: [42],
    masked: 'email',
  },
  {
    what: 'a join with an aggregate',
    as: 'alice',
    sql: "SELECT c.city, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.status = 'paid' GROUP BY c.city",
  },
  {
    what: 'a write by key, in a transaction',
    as: 'svc',
    sql: "BEGIN; UPDATE orders SET status = 'shipped' WHERE id = 7; ROLLBACK",
  },
  {
    what: 'an insert',
    as: 'svc',
    sql: "INSERT INTO products VALUES (1000001, 'SKU-DEMO', 'Demo', 100)",
  },
  {
    what: 'a delete by key',
    as: 'svc',
    sql: 'DELETE FROM products WHERE id = $1',
    values: [1_000_001],
  },
  { what: 'DELETE without WHERE', as: 'alice', sql: BLOCKED_DELETE, denied: UNSCOPED },
  {
    what: 'DELETE with a WHERE that is always true',
    as: 'svc',
    sql: 'DELETE FROM orders WHERE id = id OR 1 = 1',
    denied: UNSCOPED,
  },
  { what: 'DROP', as: 'dba', sql: 'DROP TABLE payments', denied: ['42501', /sql-destructive/] },
  {
    what: 'a CTE that modifies data',
    as: 'alice',
    sql: 'WITH gone AS (DELETE FROM customers RETURNING id) SELECT count(*) FROM gone',
    denied: UNSCOPED,
  },
  {
    what: 'a second statement in a batch',
    as: 'alice',
    sql: 'SELECT 1; DELETE FROM payments',
    denied: UNSCOPED,
  },
  {
    what: "an agent's look at personal data",
    as: 'agent-1',
    sql: 'SELECT email FROM customers LIMIT 5',
    denied: ['42501', /agent-no-personal-data/],
  },
  {
    what: 'what does not parse',
    as: 'alice',
    sql: 'DELETE FORM customers',
    denied: ['42601', /syntax error/],
  },
];
