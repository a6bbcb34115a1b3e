/** What parsers and detectors established: kinds and names, never values. */
import type { Commitment, Entry, Json } from './data.ts';
import { count } from './words.ts';

/** Worst first: what a reader looks for. The others follow in their own order. */
const FIRST = ['doubts', 'risks', 'scope', 'tablesWritten', 'tablesRead', 'kinds', 'routines'];
const ALARMING: Readonly<Record<string, readonly string[] | 'any'>> = {
  doubts: 'any',
  risks: 'any',
  scope: ['none', 'always-true', 'loose'],
};
const LABELS: Readonly<Record<string, string>> = {
  kinds: 'statement kinds',
  readOnly: 'read only',
  returnsRows: 'returns rows',
  crossJoin: 'cross join',
  literalKinds: 'kinds of literals',
};

const label = (name: string): string =>
  LABELS[name] ?? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const isSaid = (value: Json): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== false && value !== 0 && value !== '';

function words(value: Json): string {
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(words).join(', ');
  const { schema, name, ...rest } = value as Readonly<Record<string, Json>>;
  if (name !== undefined && Object.keys(rest).length === 0) {
    return schema === undefined ? words(name) : `${words(schema)}.${words(name)}`;
  }
  return JSON.stringify(value);
}

function isAlarming(name: string, value: Json): boolean {
  const when = ALARMING[name];
  if (when === undefined || !isSaid(value)) return false;
  return when === 'any' || when.includes(words(value));
}

function Fact({ name, value }: { name: string; value: Json }) {
  const values = Array.isArray(value) ? value : [value];
  const tone = isAlarming(name, value) ? 'fact alarming' : 'fact';
  return (
    <div>
      <dt>{label(name)}</dt>
      <dd>
        {values.length === 0 && <span className="quiet">none</span>}
        {values.map((one) => (
          <code key={words(one)} className={tone}>
            {words(one)}
          </code>
        ))}
      </dd>
    </div>
  );
}

function Surface({ facts }: { facts: Readonly<Record<string, Json>> }) {
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  const all = Object.entries(facts).sort(([a], [b]) => rank(a) - rank(b));
  const said = all.filter(([, value]) => isSaid(value));
  const unsaid = all.filter(([, value]) => !isSaid(value));
  return (
    <>
      <dl className="facts">
        {said.map(([name, value]) => (
          <Fact key={name} name={name} value={value} />
        ))}
      </dl>
      {unsaid.length > 0 && (
        <p className="quiet small">
          Looked for and not found: {unsaid.map(([name]) => label(name)).join(', ')}.
        </p>
      )}
    </>
  );
}

export function EntryFacts({ entry }: { entry: Entry }) {
  const surfaces = Object.entries(entry.facts ?? {});
  if (surfaces.length === 0) return null;
  return (
    <section>
      <h3>Facts</h3>
      {surfaces.map(([surface, facts]) => (
        <Surface key={surface} facts={facts as Readonly<Record<string, Json>>} />
      ))}
    </section>
  );
}

export function EntryValues({ values }: { values: readonly Commitment[] | undefined }) {
  if (!values || values.length === 0) return null;
  return (
    <section>
      <h3>Values</h3>
      <p className="quiet small">
        No literal and no bind value stands in the log. Each is committed to by a salted hash:
        whoever holds the value and its salt can show that it is this one, and nobody can learn it
        from here.
      </p>
      <details>
        <summary>{count(values.length, 'commitment')}</summary>
        <dl className="facts">
          {values.map(({ at, hash }) => (
            <div key={at}>
              <dt>
                <code>{at}</code>
              </dt>
              <dd>
                <code className="hash">{hash}</code>
              </dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}
