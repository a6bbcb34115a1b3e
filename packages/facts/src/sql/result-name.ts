/**
 * The server's name for a result column that has none (FigureColname in parse_target.c). It has to be
 * exact: a name that only we see would hide the column of an outer query that the server takes it for.
 */
import { type Body, bodyOf, lastName, list, nodeOf, object, strings, text } from './node.ts';

/** Weak names give way to a better one further out. */
interface Named {
  readonly name: string;
  readonly weak: boolean;
}

const NO_NAME = '?column?';

export const resultName = (node: unknown): string => nameOf(node)?.name ?? NO_NAME;

const FIXED: Readonly<Record<string, string>> = {
  GroupingFunc: 'grouping',
  MergeSupportFunc: 'merge_action',
  A_ArrayExpr: 'array',
  RowExpr: 'row',
  CoalesceExpr: 'coalesce',
  XmlSerialize: 'xmlserialize',
  JsonParseExpr: 'json',
  JsonScalarExpr: 'json_scalar',
  JsonSerializeExpr: 'json_serialize',
  JsonObjectConstructor: 'json_object',
  JsonArrayConstructor: 'json_array',
  JsonArrayQueryConstructor: 'json_array',
  JsonObjectAgg: 'json_objectagg',
  JsonArrayAgg: 'json_arrayagg',
};

const strong = (name: string): Named => ({ name, weak: false });

function nameOf(node: unknown): Named | undefined {
  const found = nodeOf(node);
  if (!found) return undefined;
  const { kind, body } = found;
  const fixed = FIXED[kind];
  if (fixed) return strong(fixed);
  switch (kind) {
    case 'ColumnRef':
      return lastString(body.fields);
    case 'A_Indirection':
      return lastString(body.indirection) ?? nameOf(body.arg);
    case 'FuncCall':
      return strong(lastName(body.funcname));
    case 'A_Expr':
      return body.kind === 'AEXPR_NULLIF' ? strong('nullif') : undefined;
    case 'CollateClause':
      return nameOf(body.arg);
    case 'TypeCast':
      return castName(body);
    case 'CaseExpr': {
      const inner = nameOf(body.defresult);
      return inner && !inner.weak ? inner : { name: 'case', weak: true };
    }
    case 'SubLink':
      return subLinkName(body);
    case 'MinMaxExpr':
      return strong(body.op === 'IS_LEAST' ? 'least' : 'greatest');
    case 'SQLValueFunction':
      return strong(
        text(body.op)
          .replace(/^SVFOP_/, '')
          .replace(/_N$/, '')
          .toLowerCase(),
      );
    case 'XmlExpr':
      return body.op === 'IS_DOCUMENT'
        ? undefined
        : strong(text(body.op).replace('IS_', '').toLowerCase());
    case 'JsonFuncExpr':
      return strong(
        `json_${text(body.op)
          .replace(/^JSON_|_OP$/g, '')
          .toLowerCase()}`,
      );
    default:
      return undefined;
  }
}

/** The last name of a list that may also hold subscripts and `*`. */
function lastString(items: unknown): Named | undefined {
  const names = list(items).flatMap((item) => strings([item]) ?? []);
  const name = names.at(-1);
  return name === undefined ? undefined : strong(name);
}

function castName(body: Body): Named | undefined {
  const inner = nameOf(body.arg);
  if (inner && !inner.weak) return inner;
  const type = lastName(object(body.typeName)?.names);
  return type === '' ? inner : { name: type, weak: true };
}

function subLinkName(body: Body): Named | undefined {
  if (body.subLinkType === 'EXISTS_SUBLINK') return strong('exists');
  if (body.subLinkType === 'ARRAY_SUBLINK') return strong('array');
  if (body.subLinkType !== 'EXPR_SUBLINK') return undefined;
  let select = bodyOf(body.subselect, 'SelectStmt');
  // Of a set operation the leftmost part gives the names.
  for (let left = object(select?.larg); left; left = object(select?.larg)) select = left;
  const target = bodyOf(list(select?.targetList)[0], 'ResTarget');
  // Which column a star begins with is not looked up: no name is safer than a wrong one.
  const star = list(bodyOf(target?.val, 'ColumnRef')?.fields).some((field) =>
    bodyOf(field, 'A_Star'),
  );
  if (target && !star) return strong(text(target.name) || resultName(target.val));
  return strong(list(select?.valuesLists).length > 0 ? 'column1' : NO_NAME);
}
