import { useEffect, useState } from 'react';
import { get, type Policy } from './data.ts';

export function PoliciesPage() {
  const [set, setSet] = useState<{ digest: string; policies: Policy[] } | { error: string }>();
  useEffect(() => {
    get<{ digest: string; policies: Policy[] }>('/api/policies').then(setSet, (error: unknown) =>
      setSet({ error: String(error) }),
    );
  }, []);
  if (!set) return null;
  if ('error' in set)
    return (
      <p className="notice bad" role="alert">
        {set.error}
      </p>
    );
  return (
    <div className="page">
      <h1>Policies in force</h1>
      <p className="quiet">
        {set.policies.length} policies, set <code>{set.digest}</code>. Every decision names the set
        that made it.
      </p>
      {set.policies.map((policy) => (
        <article key={policy.id} className="policy">
          <header>
            <code>{policy.id}</code> <span className="effect">{policy.effect}</span>{' '}
            <span className={`severity ${policy.severity}`}>{policy.severity}</span>
          </header>
          <p>
            {policy.message}. <span className="quiet">{policy.hint}.</span>
          </p>
          <pre>{policy.text}</pre>
          <p className="quiet">
            {policy.file.split('/').slice(-2).join('/')}:{policy.line}
          </p>
        </article>
      ))}
    </div>
  );
}
