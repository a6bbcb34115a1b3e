/** The reference of everything that a policy can name, as Markdown; made from the schema's own comments. */
import type {
  ActionDescription,
  AttributeDescription,
  EntityTypeDescription,
  SchemaDescription,
} from '@sealrail/cedar';

export function renderFactsPage(description: SchemaDescription): string {
  const { entityTypes } = description;
  const vocabularies = entityTypes.filter(({ ids }) => ids !== undefined);
  const entities = entityTypes.filter(({ ids }) => ids === undefined);
  const sections = [
    [
      '# What policies can name',
      '',
      'Made from the comments of `packages/sdk/schema/guard.cedarschema` by `node scripts/facts.ts`; do not',
      'edit. A policy that names anything else is refused when it is loaded. Facts hold kinds and names, never',
      'values of the action.',
    ],
    ['## Actions', '', ...renderActions(description.actions)],
    ...renderContexts(description),
    ['## Entities', '', ...entities.flatMap(renderEntity)],
    ['## Vocabularies', '', ...renderVocabularies(vocabularies)],
  ];
  return `${sections.map((lines) => lines.join('\n').trimEnd()).join('\n\n')}\n`;
}

/** Actions that were declared together share a line. */
function renderActions(actions: readonly ActionDescription[]): string[] {
  const rows = new Map<string, string[]>();
  for (const { id, parents, principals, resources, doc = '' } of actions) {
    const rest = [codes(parents), codes(principals), codes(resources), doc];
    const [ids, ...cells] = rows.get(rest.join('\n')) ?? ['', ...rest];
    rows.set(rest.join('\n'), [ids === '' ? code(id) : `${ids}, ${code(id)}`, ...cells]);
  }
  return table(['action', 'in', 'principals', 'resources', 'meaning'], [...rows.values()]);
}

/** One section for each member that contexts have: `context.meta` once, though every action has it. */
function renderContexts({ actions, commonTypes }: SchemaDescription): string[][] {
  const types = new Map(commonTypes.map((type) => [type.name, type] as const));
  const membersOf = ({ context, attributes }: ActionDescription) =>
    types.get(context ?? '')?.attributes ?? attributes;
  const members = new Map<string, { member: AttributeDescription; of: ActionDescription[] }>();
  for (const action of actions) {
    for (const member of membersOf(action)) {
      const key = `${member.name}: ${member.type}`;
      const found = members.get(key) ?? { member, of: [] };
      found.of.push(action);
      members.set(key, found);
    }
  }
  const contexts = actions.filter(({ context }) => context !== undefined).length;
  return [...members.values()].map(({ member, of }) => [
    `## context.${member.name}`,
    '',
    `${member.doc ?? ''} ${of.length === contexts ? 'Every action has it.' : `Of ${codes(of.map(({ id }) => id))}.`}`,
    '',
    ...table(['fact', 'type', 'meaning'], renderAttributes(`context.${member.name}`, member)),
  ]);

  function renderAttributes(path: string, { type, attributes }: AttributeDescription): string[][] {
    const inner = types.get(type)?.attributes ?? attributes;
    return inner.flatMap((attribute) => {
      const name = `${path}.${attribute.name}`;
      return [renderAttribute(name, attribute), ...renderAttributes(name, attribute)];
    });
  }
}

function renderEntity(entity: EntityTypeDescription): string[] {
  const { name, doc, parents, attributes, tags } = entity;
  const within = parents.length === 0 ? '' : ` In ${codes(parents)}.`;
  const tagged = tags === undefined ? '' : ` Tags of type ${code(tags)}.`;
  return [
    `### ${name}`,
    '',
    `${doc ?? ''}${within}${tagged}`,
    '',
    ...(attributes.length === 0
      ? []
      : table(
          ['attribute', 'type', 'meaning'],
          attributes.map((attribute) => renderAttribute(attribute.name, attribute)),
        )),
  ];
}

function renderVocabularies(types: readonly EntityTypeDescription[]): string[] {
  return table(
    ['type', 'ids', 'meaning'],
    types.map(({ name, ids = [], doc }) => [code(name), codes(ids), doc ?? '']),
  );
}

const renderAttribute = (name: string, { type, required, doc }: AttributeDescription): string[] => [
  code(name),
  `${code(type)}${required ? '' : ', optional'}`,
  doc ?? '',
];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''];
}

const code = (text: string): string => `\`${text}\``;
const codes = (texts: readonly string[]): string => texts.map(code).join(', ');
