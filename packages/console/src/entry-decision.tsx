/** Why a decision came out as it did: the policies, their words, the rule, and what became of it. */

import type { ReactNode } from 'react';
import { Cedar } from './cedar.tsx';
import type { Decision, Entry, Outcome, Policy, PolicySet } from './data.ts';
import { count, duration, isOpenEnded, verdictOf } from './words.ts';

const CODES: Readonly<Record<string, { message: string; hint: string }>> = {
  rejected: {
    message: 'The message was malformed, so no policy was asked.',
    hint: 'Send a well-formed one.',
  },
  'not-understood': {
    message: 'What this would do could not be established.',
    hint: 'Rewrite it so that it has one meaning.',
  },
  'policy-error': {
    message: 'A policy that could forbid this failed, so nobody knows whether it does.',
    hint: 'Tell whoever keeps the policies.',
  },
  'no-permit': {
    message: 'No policy permits this.',
    hint: 'Ask whoever keeps the policies for a permit.',
  },
};

export const sentence = (text: string): string =>
  text === '' ? '' : `${text[0]?.toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

interface Why {
  readonly decision: Decision;
  readonly policies: readonly Policy[];
}

/** What whoever was stopped got to read. */
export function Message({ decision, policies }: Why) {
  if (decision.verdict === 'allow') return null;
  const policy = policies.find(({ id }) => id === decision.determining[0]);
  const doubts = [...new Set(decision.parts.flatMap((part) => part.doubts ?? []))];
  const words = policy ?? CODES[decision.code];
  if (!words) return null;
  return (
    <div className={`message ${decision.verdict}`}>
      <p>
        <strong>{sentence(decision.rejected ?? words.message)}</strong>
        {doubts.length > 0 && <> Doubts: {doubts.join(', ')}.</>}
      </p>
      <p className="hint">{sentence(words.hint)}</p>
    </div>
  );
}

export function PolicyCard({ policy, children }: { policy: Policy; children?: ReactNode }) {
  const { id, effect, severity, message, text, file, line } = policy;
  return (
    <article className="card policy-card">
      <header>
        <code className="policy-id">{id}</code>
        <span className={`effect ${effect}`}>{effect}</span>
        <span className={`severity ${severity}`}>{severity}</span>
        <span className="where quiet">
          {children}
          <code>
            {file.split('/').at(-1)}:{line}
          </code>
        </span>
      </header>
      <p>{sentence(message)}</p>
      <Cedar text={text} />
    </article>
  );
}

export function Policies({ decision, set }: { decision: Decision; set: PolicySet }) {
  const { determining, policySet, code } = decision;
  const inForce = policySet === set.digest;
  return (
    <section>
      <h3>Policies that decided</h3>
      {determining.length === 0 && (
        <p className="quiet">
          {code === 'no-permit'
            ? 'None: what no policy permits is denied.'
            : 'None: it was refused before any policy was asked.'}
        </p>
      )}
      {determining.length > 0 && !inForce && (
        <p className="message hold small">
          The set in force now is not the one that decided. Texts below are today's; the deciding
          set is <code className="hash">{policySet}</code>, kept by its digest.
        </p>
      )}
      {determining.map((id) => {
        const policy = set.policies.find((one) => one.id === id);
        if (policy) return <PolicyCard key={id} policy={policy} />;
        return (
          <p key={id}>
            <code>{id}</code> <span className="quiet">is not in the set in force any more.</span>
          </p>
        );
      })}
    </section>
  );
}

export function Decided({ entry, decision }: { entry: Entry; decision: Decision }) {
  const { code, mode, enforced, engine, policySet, entities, parts } = decision;
  const resources = entry.resources ?? [];
  return (
    <section>
      <h3>Decision</h3>
      <dl className="facts">
        <div>
          <dt>verdict</dt>
          <dd>
            {verdictOf(entry).word} <span className="quiet">({code})</span>
          </dd>
        </div>
        <div>
          <dt>mode</dt>
          <dd>
            {mode}
            {enforced ? '' : ': watched only, the statement went through'}
          </dd>
        </div>
        {resources.map(({ action, type, id }, at) => (
          <div key={`${action} ${id}`}>
            <dt>{at === 0 ? 'asked' : ''}</dt>
            <dd>
              <code>{action}</code> on {type} <code>{id}</code>
              <span className="quiet"> {parts[at]?.code ?? ''}</span>
            </dd>
          </div>
        ))}
        {parts.map(({ request, problem }) =>
          problem === undefined ? null : (
            <div key={request}>
              <dt>problem</dt>
              <dd>{problem}</dd>
            </div>
          ),
        )}
        <div>
          <dt>engine</dt>
          <dd>{engine}</dd>
        </div>
        <div>
          <dt>policy set</dt>
          <dd>
            <code className="hash">{policySet}</code>
          </dd>
        </div>
        {entities !== '' && (
          <div>
            <dt>entities</dt>
            <dd>
              <code className="hash">{entities}</code>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

function Settled({ settled, outcome }: { settled: Outcome | undefined; outcome: Outcome }) {
  if (settled) {
    return <>, {settled.outcome.status.replace('_', ' ')} with its transaction</>;
  }
  if (!isOpenEnded(outcome, settled)) return null;
  return <span className="quiet">, provisional until its transaction ends</span>;
}

export function OutcomeSection(props: {
  decision: Decision;
  outcome: Outcome | undefined;
  settled: Outcome | undefined;
}) {
  const { decision, outcome, settled } = props;
  const passed = decision.verdict === 'allow' || !decision.enforced;
  return (
    <section>
      <h3>Outcome</h3>
      {!passed && <p>Nothing happened: it was not sent on.</p>}
      {passed && !outcome && <p className="quiet">None yet.</p>}
      {outcome && (
        <p>
          {outcome.outcome.status.replace('_', ' ')}
          {outcome.outcome.code && <> with {outcome.outcome.code}</>}
          <Settled settled={settled} outcome={outcome} />
          <span className="quiet">
            {' · '}
            {outcome.rows !== undefined && `${count(outcome.rows, 'row')} · `}
            {outcome.bytes !== undefined && `${count(outcome.bytes, 'byte')} · `}
            {duration(outcome.durationUs)} · entry {outcome.index}
          </span>
        </p>
      )}
    </section>
  );
}
