/** *Verify in this browser*: what was computed here, step by step, and what that is worth. */
import { httpSource, type TreeSource, webVerifier } from '@sealrail/tlog/verify';
import { useState } from 'react';
import type { EntryState } from './data.ts';
import { CheckIcon, CrossIcon } from './icons.tsx';
import { type Step, verifyEntry } from './verify-entry.ts';

interface Run {
  readonly steps: readonly Step[];
  /** Absent while it runs. */
  readonly verified?: boolean;
}

/** What the disk has now, and not what the browser kept from before: an alteration must show. */
export const freshSource = (): TreeSource =>
  httpSource(`${window.location.origin}/log/`, (input, init) =>
    fetch(input, { ...init, cache: 'no-store' }),
  );

interface ProofProps {
  readonly index: number;
  readonly text: string;
  readonly vkey: string;
  readonly state: EntryState;
  /** Under the checkpoint that is published: only then can it be verified. */
  readonly isPublished: boolean;
}

export function StepLine({ step }: { step: Step }) {
  const { ok, title, found, evidence } = step;
  return (
    <li className={ok ? 'good' : 'bad'}>
      {ok ? <CheckIcon /> : <CrossIcon />}
      <div>
        <strong>{title}</strong>
        <p>{found}</p>
        {evidence.map(([name, value]) => (
          <p key={`${name} ${value}`} className="evidence">
            <span className="quiet">{name}</span> <code className="hash">{value}</code>
          </p>
        ))}
      </div>
    </li>
  );
}

const PENDING: Readonly<Record<EntryState, string>> = {
  durable:
    'Durable: it is on disk. The next checkpoint, within about a second, signs it; then it can be verified.',
  signed:
    'Signed: witnesses are asked to cosign it. As soon as enough of them have, it is published and can be verified.',
  witnessed: '',
};

export function EntryProof({ index, text, vkey, state, isPublished }: ProofProps) {
  const [run, setRun] = useState<Run>();
  const running = run !== undefined && run.verified === undefined;

  const verify = async () => {
    const steps: Step[] = [];
    setRun({ steps: [] });
    const shown = new TextEncoder().encode(text);
    const source = freshSource();
    const work = verifyEntry({ index, shown, vkey, source, verifier: webVerifier });
    for (;;) {
      const { done, value } = await work.next();
      if (done) {
        setRun({ steps, verified: value });
        return;
      }
      steps.push(value);
      setRun({ steps: [...steps] });
    }
  };

  return (
    <section className="proof">
      <h3>Proof</h3>
      <div className="actions">
        <button
          type="button"
          className="primary"
          disabled={running || !isPublished}
          onClick={() => void verify()}
        >
          {running ? 'Verifying…' : 'Verify in this browser'}
        </button>
        <a className="plain" href={`/api/receipts/${index}`} download>
          Download receipt
        </a>
      </div>
      {!isPublished && <p className="quiet small">{PENDING[state]}</p>}
      {run && (
        <ol className="steps">
          {run.steps.map((step) => (
            <StepLine key={step.title} step={step} />
          ))}
        </ol>
      )}
      {run?.verified === true && (
        <p className="result good" role="status">
          <CheckIcon /> Verified by this browser: entry {index} is in the signed log as shown here.
        </p>
      )}
      {run?.verified === false && (
        <p className="result bad" role="alert">
          <CrossIcon /> Not verified. What is wrong stands above.
        </p>
      )}
      <p className="quiet small">
        This page, and the key that it checks with, come from the log's owner: that is a
        convenience, not an audit. For an audit, take the receipt and{' '}
        <a href="/verify.html" download>
          verify.html
        </a>{' '}
        to a machine of your own, with a public key that somebody whom you trust vouches for.
      </p>
    </section>
  );
}
