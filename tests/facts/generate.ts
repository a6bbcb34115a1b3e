/**
 * Random queries over the attack fixture, with every way that a column can take from a table to a result:
 * for comparing our lineage with what PostgreSQL really does. Made for a seed, so that a failure comes again.
 */

export type Random = (below: number) => number;

/** mulberry32: small, and the same everywhere. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

interface Item {
  readonly alias: string;
  readonly columns: readonly string[];
}

interface Level {
  readonly items: readonly Item[];
  readonly ctes: readonly Item[];
  readonly outer: readonly Item[];
}

const TABLES: readonly Item[] = [
  { alias: 'users', columns: ['id', 'ssn', 'name', 'email', 'city'] },
  { alias: 'notes', columns: ['id', 'body'] },
  { alias: 't', columns: ['id', 'name', 'n'] },
];
/** Few, so that names collide: who hides whom is what is being tested. */
const NAMES = ['id', 'ssn', 'name', 'x', 'y', 'users', 'u', 'value'];

export class Generator {
  readonly #random: Random;
  #aliases = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  #pick<T>(items: readonly T[]): T {
    const found = items[this.#random(items.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  #chance(percent: number): boolean {
    return this.#random(100) < percent;
  }

  #alias(): string {
    return this.#chance(35) ? this.#pick(NAMES) : `a${this.#aliases++}`;
  }

  query(
    depth = 3,
    around: Level = { items: [], ctes: [], outer: [] },
  ): { text: string; columns: string[] } {
    const ctes = [...around.ctes];
    let prefix = '';
    if (depth > 0 && this.#chance(20)) {
      const name = this.#alias();
      const inner = this.query(depth - 1, { ...around, ctes });
      prefix = `WITH ${name} AS (${inner.text}) `;
      ctes.push({ alias: name, columns: inner.columns });
    }
    if (depth > 0 && this.#chance(10)) {
      const left = this.#select(depth - 1, { ...around, ctes }, 1);
      const right = this.#select(depth - 1, { ...around, ctes }, 1);
      const kind = this.#pick(['UNION', 'UNION ALL', 'EXCEPT']);
      return { text: `${prefix}(${left.text}) ${kind} (${right.text})`, columns: left.columns };
    }
    const made = this.#select(depth, { ...around, ctes });
    return { text: prefix + made.text, columns: made.columns };
  }

  #select(depth: number, around: Level, width?: number): { text: string; columns: string[] } {
    const items: Item[] = [];
    const from: string[] = [];
    const count = 1 + this.#random(2);
    for (let at = 0; at < count; at++) from.push(this.#from(depth, around, items));
    const level: Level = { items, ctes: around.ctes, outer: [...around.items, ...around.outer] };
    const targets = this.#targets(depth, level, width ?? 1 + this.#random(3));
    const where = this.#chance(35) ? ` WHERE ${this.#predicate(depth, level)}` : '';
    const group = '';
    const order = this.#chance(20) ? ` ORDER BY ${this.#order(level, targets.columns.length)}` : '';
    const distinct = this.#chance(8) && order === '' ? 'DISTINCT ' : '';
    return {
      text: `SELECT ${distinct}${targets.text} FROM ${from.join(', ')}${where}${group}${order}`,
      columns: targets.columns,
    };
  }

  #from(depth: number, around: Level, items: Item[]): string {
    const kind = this.#random(depth > 0 ? 12 : 5);
    const add = (alias: string, columns: readonly string[]) => items.push({ alias, columns });
    if (kind < 5) {
      const table = this.#pick([...TABLES, ...around.ctes]);
      if (this.#chance(20)) {
        add(table.alias, table.columns);
        return table.alias;
      }
      const alias = this.#alias();
      const renames = this.#chance(30) ? table.columns.map(() => this.#pick(NAMES)) : [];
      add(alias, renames.length > 0 ? renames : table.columns);
      return `${table.alias} AS ${alias}${renames.length > 0 ? `(${renames.join(', ')})` : ''}`;
    }
    if (kind < 8) return this.#subselect(depth, around, items);
    if (kind === 8) return this.#function(items);
    if (kind === 9) {
      const alias = this.#alias();
      const names = [this.#pick(NAMES), 'v2'];
      add(alias, names);
      return `(VALUES (1, 'a'), (2, 'b')) AS ${alias}(${names.join(', ')})`;
    }
    return this.#join(depth, around, items);
  }

  #subselect(depth: number, around: Level, items: Item[]): string {
    const lateral = items.length > 0 && this.#chance(40);
    const level = lateral
      ? { items: [...items], ctes: around.ctes, outer: [...around.items, ...around.outer] }
      : { items: around.items, ctes: around.ctes, outer: around.outer };
    const inner = this.query(depth - 1, level);
    const alias = this.#alias();
    const renames = this.#chance(30) ? inner.columns.map(() => this.#pick(NAMES)) : [];
    items.push({ alias, columns: renames.length > 0 ? renames : inner.columns });
    const names = renames.length > 0 ? `(${renames.join(', ')})` : '';
    return `${lateral ? 'LATERAL ' : ''}(${inner.text}) AS ${alias}${names}`;
  }

  #function(items: Item[]): string {
    const alias = this.#alias();
    const before = items.length > 0 ? this.#reference({ items, ctes: [], outer: [] }) : `'a b'`;
    const call = this.#pick([
      'generate_series(1, 2)',
      `unnest(ARRAY[${before}::text])`,
      `unnest(to_tsvector('simple', 'a'))`,
      `jsonb_each('{"a": 1}')`,
      `json_array_elements('[1]')`,
      `upper('a')`,
      `json_to_record('{"x": 1}') `,
    ]);
    if (call.startsWith('json_to_record')) {
      items.push({ alias, columns: ['x'] });
      return `${call} AS ${alias}(x int)`;
    }
    items.push({ alias, columns: [alias, 'value'] });
    return `${call} AS ${alias}`;
  }

  #join(depth: number, around: Level, items: Item[]): string {
    const own: Item[] = [];
    const left = this.#from(0, around, own);
    const right = this.#from(depth > 1 ? 1 : 0, around, own);
    const kind = this.#pick(['JOIN', 'LEFT JOIN', 'FULL JOIN']);
    const how = this.#random(3);
    const using = this.#pick(['id', 'name']);
    const text =
      how === 0
        ? `${left} NATURAL ${kind} ${right}`
        : how === 1
          ? `${left} ${kind} ${right} USING (${using})`
          : `${left} JOIN ${right} ON true`;
    if (!this.#chance(25)) {
      items.push(...own);
      return text;
    }
    const alias = this.#alias();
    const columns = own.flatMap((item) => item.columns);
    items.push({ alias, columns });
    return `(${text}) AS ${alias}`;
  }

  #reference({ items, outer }: Level): string {
    const item = this.#pick(this.#chance(25) && outer.length > 0 ? outer : items);
    const kind = this.#random(10);
    if (kind === 0) return this.#pick(NAMES);
    if (kind === 1) return item.alias;
    const column = this.#chance(12) ? this.#pick(NAMES) : this.#pick(item.columns);
    return kind < 6 ? `${item.alias}.${column}` : column;
  }

  #expression(depth: number, level: Level): string {
    const one = () => this.#reference(level);
    switch (this.#random(depth > 0 ? 12 : 6)) {
      case 0:
        return `upper(${one()}::text)`;
      case 1:
        return `coalesce(${one()}::text, 'x')`;
      case 2:
        return `'lit'`;
      case 3:
        return `row_to_json(${this.#pick(level.items).alias})::text`;
      case 4:
        return `CASE WHEN ${one()}::text > 'a' THEN 1 ELSE 2 END`;
      case 5:
        return `${one()}::text || ''`;
      case 6:
        return `(SELECT ${this.query(depth - 1, level).text.replace(/^SELECT /, '')} LIMIT 1)`;
      case 7:
        return `ARRAY(${this.query(depth - 1, level).text})::text`;
      case 8:
        return `EXISTS (${this.query(depth - 1, level).text})`;
      case 9:
        return `(${this.#pick(level.items).alias}).${this.#pick(NAMES)}`;
      case 10:
        return `(SELECT ${one()})`;
      default:
        return `${one()}`;
    }
  }

  #targets(depth: number, level: Level, width: number): { text: string; columns: string[] } {
    const columns: string[] = [];
    const texts: string[] = [];
    for (let at = 0; at < width; at++) {
      const kind = this.#random(10);
      const item = this.#pick(level.items);
      if (kind === 0) {
        texts.push('*');
        columns.push(...level.items.flatMap((one) => one.columns));
      } else if (kind === 1) {
        texts.push(`${item.alias}.*`);
        columns.push(...item.columns);
      } else if (kind < 6) {
        const text = this.#reference(level);
        texts.push(text);
        columns.push(text.split('.').at(-1) ?? text);
      } else {
        const name = this.#pick(NAMES);
        texts.push(`${this.#expression(depth, level)} AS ${name}`);
        columns.push(name);
      }
    }
    return { text: texts.join(', '), columns };
  }

  #predicate(depth: number, level: Level): string {
    const text = this.#reference(level);
    switch (this.#random(4)) {
      case 0:
        return `${text}::text LIKE '9%'`;
      case 1:
        return `${text} IS NOT NULL`;
      case 2:
        return depth > 0 ? `EXISTS (${this.query(depth - 1, level).text})` : 'true';
      default:
        return `${text}::text > ${this.#reference(level)}::text`;
    }
  }

  #order(level: Level, width: number): string {
    return this.#chance(50) ? String(1 + this.#random(width)) : this.#reference(level);
  }
}
