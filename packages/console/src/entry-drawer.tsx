import { useEffect, useState } from 'react';
import { get, type Policy, type Status, type View, verdictOf } from './data.ts';
import { type Step, verifyEntry } from './entry-proof.ts';

interface Loaded {
  readonly view: View;
  readonly policies: readonly Policy[];
  readonly status: Status;
}

function useEntry(which: string): Loaded | { readonly error: string } | undefined {
  const [loaded, setLoaded] = useState<Loaded | { error: string }>();
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      const [view, set, status] = await Promise.all([
        get<View>(`/api/entries/${which}`, abort.signal),
        get<{ policies: Policy[] }>('/api/policies', abort.signal),
        get<Status>('/api/status', abort.signal),
      ]);
      setLoaded({ view, policies: set.policies, status });
    };
    load().catch((error: unknown) => {
      if (!abort.signal.aborted)
        setLoaded({ error: error instanceof Error ? error.message : String(error) });
    });
    return () => abort.abort();
  }, [which]);
  return loaded;
}

/** Tables come as `{schema, name}`, everything else as words. */
function nameOf(item: unknown): string {
  const { schema, name } = (typeof item === 'object' && item !== null ? item : {}) as {
    schema?: string;
    name?: string;
  };
  return name === undefined ? String(item) : `${schema}.${name}`;
}

function Facts({ view }: { view: View }) {
  const sql = view.entry.facts?.sql;
  if (!sql) return null;
  const shown = Object.entries(sql).filter(([, value]) =>
    Array.isArray(value) ? value.length > 0 : value !== undefined && value !== '',
  );
  const names = (value: unknown): string => {
    if (!Array.isArray(value)) return String(value);
    return value.map(nameOf).join(', ');
  };
  return (
    <section>
      <h3>Facts</h3>
      <dl className="facts">
        {shown.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{names(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Decided({ view, policies }: { view: View; policies: readonly Policy[] }) {
  const { decision, resources = [] } = view.entry;
  if (!decision) return null;
  const matched = decision.determining.map(
    (id) => policies.find((policy) => policy.id === id) ?? id,
  );
  return (
    <section>
      <h3>Decision</h3>
      <p>
        <strong>{decision.code}</strong> in mode {decision.mode}
        {decision.enforced ? '' : ': observed, not enforced'}, by {decision.engine}
      </p>
      <ul className="asks">
        {resources.map(({ action, id }) => (
          <li key={`${action} ${id}`}>
            <code>{action}</code> on <code>{id}</code>
          </li>
        ))}
      </ul>
      {matched.length === 0 && (
        <p className="quiet">
          No policy decided:{' '}
          {decision.code === 'no-permit'
            ? 'none permits it'
            : 'it was refused before any policy was asked'}
          .
        </p>
      )}
      {matched.map((policy) =>
        typeof policy === 'string' ? (
          <p key={policy}>
            <code>{policy}</code> is not in the set in force any more; the entry names the set that
            it was decided by.
          </p>
        ) : (
          <article key={policy.id} className="policy">
            <header>
              <code>{policy.id}</code>{' '}
              <span className={`severity ${policy.severity}`}>{policy.severity}</span>
            </header>
            <p>
              {policy.message}. <span className="quiet">{policy.hint}.</span>
            </p>
            <pre>{policy.text}</pre>
          </article>
        ),
      )}
    </section>
  );
}

function Proof({ view, status }: { view: View; status: Status }) {
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [running, setRunning] = useState(false);
  const run = async () => {
    setRunning(true);
    setSteps([]);
    for await (const step of verifyEntry(view.index, view.text ?? '', status.vkey))
      setSteps((before) => [...before, step]);
    setRunning(false);
  };
  const last = steps.at(-1);
  const done = !running && last !== undefined;
  return (
    <section className="proof">
      <h3>Proof</h3>
      <p>
        <button type="button" className="primary" onClick={() => void run()} disabled={running}>
          Verify in this browser
        </button>{' '}
        <a href={`/api/receipts/${view.index}`} download>
          receipt
        </a>{' '}
        <a href="/verify.html" download>
          verify.html
        </a>
      </p>
      {steps.length > 0 && (
        <ol className="steps">
          {steps.slice(0, done ? -1 : undefined).map(({ ok, what }) => (
            <li key={what} className={ok ? 'good' : 'bad'}>
              {ok ? '✓' : '✗'} {what}
            </li>
          ))}
        </ol>
      )}
      {done && (
        <p className={`result ${last.ok ? 'good' : 'bad'}`} role="status">
          {last.what}
        </p>
      )}
      <p className="quiet">
        This page and the key that it used come from the log's owner: its word is a convenience, not
        an audit. For an audit take the receipt and verify.html to a machine of your own, with a
        public key that somebody else vouches for.
      </p>
    </section>
  );
}

function Body({ view, policies, status }: Loaded) {
  const { entry, outcome, text = '' } = view;
  const { word, tone } = verdictOf(entry);
  return (
    <>
      <h2>
        <span className={`verdict ${tone}`}>{word}</span> {entry.action ?? entry.kind}{' '}
        <span className="quiet">#{view.index}</span>
      </h2>
      <p className="quiet">
        {entry.time.replace('T', ' ').replace('Z', ' UTC')} ·{' '}
        {entry.principal
          ? `${entry.principal.id} (${entry.principal.type}, ${entry.principal.proof})`
          : entry.source.id}
        {entry.target ? ` · ${entry.target}` : ''} · {view.state}
      </p>
      {entry.statement !== undefined && <pre className="statement">{entry.statement}</pre>}
      <Decided view={view} policies={policies} />
      {entry.decision?.verdict === 'allow' && (
        <section>
          <h3>Outcome</h3>
          <p>
            {outcome
              ? `${outcome.outcome.status}${outcome.outcome.code ? ` (${outcome.outcome.code})` : ''}${outcome.outcome.provisional ? ', settled by the end of its transaction' : ''}, ${outcome.rows ?? 0} rows, ${(outcome.durationUs / 1000).toFixed(1)} ms`
              : 'none yet'}
          </p>
        </section>
      )}
      <Facts view={view} />
      {entry.values !== undefined && entry.values.length > 0 && (
        <section>
          <h3>Values</h3>
          <p className="quiet">
            No value stands in the log: each is committed to by a salted hash, and its clear text is
            kept apart.
          </p>
          <dl className="facts">
            {entry.values.map(({ at, hash }) => (
              <div key={at}>
                <dt>{at}</dt>
                <dd>
                  <code>{hash.slice(0, 24)}…</code>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <Proof view={view} status={status} />
      <details>
        <summary>Exact bytes</summary>
        <pre className="raw">{text}</pre>
        <p className="quiet">
          <code>sealrail log show {view.index}</code>
        </p>
      </details>
    </>
  );
}

export function EntryDrawer({ which, close }: { which: string; close: () => void }) {
  const loaded = useEntry(which);
  return (
    <aside className="drawer" aria-label="entry">
      <button type="button" className="close" onClick={close} aria-label="close">
        ×
      </button>
      {loaded !== undefined &&
        ('error' in loaded ? (
          <p className="notice bad" role="alert">
            {loaded.error}
          </p>
        ) : (
          <Body {...loaded} />
        ))}
    </aside>
  );
}
