/**
 * An engine that answers the very same question from memory. Cedar is a pure function of policies, request
 * and entities; what no policy of the set reads cannot change its answer. So a few members of the context
 * that differ from one action to the next are left out of the question where nobody reads them: never a
 * fact, never a name, and nothing where a policy reads the record around it.
 */
import { hash } from 'node:crypto';
import type { Engine, Entity, Evaluation, Request } from './decision.ts';
import { readsContext } from './policy-reads.ts';

/** Members that are of one type whatever they hold, so that leaving one out hides no schema error. */
const PASSING: readonly (readonly string[])[] = [
  ['meta', 'now'],
  ['meta', 'history'],
  ['meta', 'caller', 'session'],
  ['meta', 'detected', 'bytes'],
  ['sql', 'template'],
  ['sql', 'literals'],
];
export const ANSWERS_MAX = 4_096;

/** `conditions` are those of every policy of the set, in Cedar's JSON form. */
export function rememberingEngine(
  engine: Engine,
  conditions: readonly unknown[],
): Engine & { forget(): void } {
  const unread = PASSING.filter((path) => !conditions.some((one) => readsContext(one, path)));
  const answers = new Map<string, Evaluation>();
  return {
    name: engine.name,
    forget: () => answers.clear(),
    evaluate(request, entities) {
      const question = questionOf(request, entities, unread);
      if (question === undefined) return engine.evaluate(request, entities);
      const known = answers.get(question);
      if (known) return known;
      const answer = engine.evaluate(request, entities);
      // An engine that failed is asked again: that was no answer to the question.
      if (answer.invalid !== undefined) return answer;
      if (answers.size >= ANSWERS_MAX) answers.delete(answers.keys().next().value ?? '');
      answers.set(question, answer);
      return answer;
    },
  };
}

function questionOf(
  request: Request,
  entities: readonly Entity[],
  unread: readonly (readonly string[])[],
): string | undefined {
  const context = unread.reduce<unknown>(without, request.context);
  const { principal, action, resource } = request;
  try {
    return hash('sha256', JSON.stringify([principal, action, resource, context, entities]));
  } catch {
    // What has no text, nested beyond the stack, is for the engine to refuse.
    return undefined;
  }
}

/** The same record with one member's value blanked; the member itself stays. */
function without(record: unknown, [name, ...rest]: readonly string[]): unknown {
  if (typeof record !== 'object' || record === null || name === undefined || !(name in record))
    return record;
  const inner = (record as Readonly<Record<string, unknown>>)[name];
  return { ...record, [name]: rest.length === 0 ? typeof inner : without(inner, rest) };
}
