/** Which entries somebody wants to see. */
import { ENTRY_KINDS, type Entry, VERDICTS } from '@sealrail/sdk';
import { z } from 'zod';

const NAME_CHARACTERS_MAX = 256;

const name = z.string().min(1).max(NAME_CHARACTERS_MAX);

export const filterFields = {
  /** One kind, or several with commas between. */
  kind: z
    .string()
    .max(NAME_CHARACTERS_MAX)
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(ENTRY_KINDS)))
    .optional(),
  verdict: z.enum(VERDICTS).optional(),
  principal: name.optional(),
  target: name.optional(),
  action: name.optional(),
  /** Id of a resource that the action touches. */
  resource: name.optional(),
  /** Id of a policy that determined the decision. */
  policy: name.optional(),
  session: name.optional(),
  /** Somewhere in the entry's canonical text, whatever the case. */
  q: name.optional(),
};

const filterSchema = z.object(filterFields);
export type EntryFilter = z.output<typeof filterSchema>;

export function matches(entry: Entry, text: string, filter: EntryFilter): boolean {
  const decision = entry.kind === 'decision' ? entry : undefined;
  const is = (wanted: string | undefined, found: string | undefined) =>
    wanted === undefined || wanted === found;
  return (
    (filter.kind === undefined || filter.kind.includes(entry.kind)) &&
    is(filter.verdict, decision?.decision.verdict) &&
    is(filter.principal, entry.principal?.id) &&
    is(filter.target, 'target' in entry ? entry.target : undefined) &&
    is(filter.action, decision?.action) &&
    is(filter.session, entry.session) &&
    (filter.resource === undefined ||
      decision?.resources.some(({ id }) => id === filter.resource) === true) &&
    (filter.policy === undefined ||
      decision?.decision.determining.includes(filter.policy) === true) &&
    (filter.q === undefined || text.toLowerCase().includes(filter.q.toLowerCase()))
  );
}
