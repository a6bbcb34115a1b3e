/** COPY: rows leave or arrive in bulk, past every mask, and perhaps through a file or a program of the server. */
import { columnsOf, topLevel } from './columns.ts';
import { walkExpression } from './expression.ts';
import { resolveRelation } from './names.ts';
import { type Body, object, strings } from './node.ts';
import { type Reader, topQuery } from './statement.ts';

export function copy(body: Body, reader: Reader): void {
  const { facts } = reader;
  const reads = body.is_from !== true;
  const onServer = body.is_program === true || body.filename !== undefined;
  if (body.is_program === true) facts.risks.add('program');
  else if (body.filename !== undefined) facts.risks.add('file');
  if (body.query === undefined) copyTable(body, reads, reader);
  else {
    topQuery(body.query, 'moved', reader, topLevel());
    facts.use('copy', { kind: 'database' });
  }
  if (onServer) facts.effects.push({ kind: 'other' });
  else facts.effects.push({ kind: reads ? 'copy-out' : 'copy-in' });
  if (!reads || onServer) facts.readOnly = false;
  if (reads && !onServer) facts.returnsRows = true;
  facts.unlimited = true;
}

function copyTable(body: Body, reads: boolean, { facts }: Reader): void {
  const range = object(body.relation);
  const relation = range && resolveRelation(range, facts);
  if (!relation) {
    facts.use('copy', { kind: 'database' });
    return;
  }
  const listed = strings(body.attlist) ?? [];
  const known = relation.columns.map(({ name }) => name);
  if (listed.some((name) => !known.includes(name))) facts.doubts.add('unresolved-name');
  const columns = listed.length > 0 ? listed : known;
  const use = facts.useTable('copy', relation);
  if (listed.length === 0) use.allColumns = true;
  for (const name of columns) {
    use.columns.add(name);
    (reads ? use.derived : use.written).add(name);
  }
  if (reads) {
    facts.read(relation);
    facts.derive(columns.map((column) => ({ relation, column })));
    return;
  }
  facts.write('copy', relation, 'no-write');
  const inserted = facts.useTable('insert', relation);
  for (const name of columns) {
    inserted.columns.add(name);
    inserted.written.add(name);
  }
  const names = {
    ...topLevel(),
    ranges: [{ alias: relation.name, ...columnsOf(relation), relation }],
  };
  walkExpression(body.whereClause, names, facts);
}
