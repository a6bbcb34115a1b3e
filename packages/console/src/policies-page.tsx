import type { Policy, PolicySet } from './data.ts';
import { PolicyCard } from './entry-decision.tsx';
import { follow, link } from './route.ts';
import { useAnswer } from './use-answer.ts';
import { useLate } from './use-late.ts';
import { count } from './words.ts';

/** By file, as they were written: forbids and permits of one concern stand together. */
function byFile(policies: readonly Policy[]): readonly (readonly [string, readonly Policy[]])[] {
  const files = new Map<string, Policy[]>();
  for (const policy of policies) {
    const name = policy.file.split('/').at(-1) ?? policy.file;
    files.set(name, [...(files.get(name) ?? []), policy]);
  }
  return [...files].map(([name, list]) => [name, list.sort((a, b) => a.line - b.line)] as const);
}

export function PoliciesPage() {
  const { data, problem } = useAnswer<PolicySet>('/api/policies');
  const late = useLate(data === undefined && problem === undefined);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Policies</h1>
        {data && (
          <p className="quiet">
            {count(data.policies.length, 'policy').replace('policys', 'policies')} in force, as one
            set: <code className="hash">{data.digest}</code>. Every decision names the set that made
            it.
          </p>
        )}
      </header>
      {problem !== undefined && (
        <p className="notice deny" role="alert">
          <strong>{problem}</strong>
        </p>
      )}
      {late && <div className="skeleton" role="status" aria-label="loading" />}
      {data &&
        byFile(data.policies).map(([name, policies]) => (
          <section key={name}>
            <h2 className="file">{name}</h2>
            {policies.map((policy) => (
              <PolicyCard key={policy.id} policy={policy}>
                <a href={link(undefined, { policy: policy.id })} onClick={follow}>
                  Its decisions
                </a>
              </PolicyCard>
            ))}
          </section>
        ))}
    </div>
  );
}
