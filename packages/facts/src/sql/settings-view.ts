/** `UPDATE pg_settings SET setting = … WHERE name = …` is a SET in disguise. */
import type { Collector } from './collector.ts';
import type { Relation } from './facts.ts';
import { type Body, bodyOf, lastName, list, object, strings, text } from './node.ts';
import { settingRisk } from './settings.ts';

export const isSettings = ({ schema, name }: Relation): boolean =>
  schema === 'pg_catalog' && name === 'pg_settings';

function textConstant(node: unknown): string | undefined {
  const value = object(bodyOf(node, 'A_Const')?.sval);
  return value ? text(value.sval) : undefined;
}

/** Judged as that SET where both are constants; the only other thing it could be is code that we do not see. */
export function setBySettings(body: Body, facts: Collector): void {
  facts.use('session', { kind: 'database' });
  facts.readOnly = false;
  facts.worsen('volatile');
  const where = bodyOf(body.whereClause, 'A_Expr');
  const column = strings(bodyOf(where?.lexpr, 'ColumnRef')?.fields)?.at(-1);
  const [target, ...more] = list(body.targetList).map((item) => bodyOf(item, 'ResTarget'));
  const exact =
    where?.kind === 'AEXPR_OP' &&
    lastName(where.name) === '=' &&
    column === 'name' &&
    text(target?.name) === 'setting' &&
    more.length === 0 &&
    body.fromClause === undefined;
  const [name, value] = [textConstant(where?.rexpr), textConstant(target?.val)];
  if (!exact || name === undefined || value === undefined) {
    facts.doubts.add('dynamic');
    return;
  }
  const risk = settingRisk(name, value);
  if (risk) facts.risks.add(risk);
  facts.effects.push({ kind: 'set', name: name.toLowerCase() });
}
