/** What the log claims about itself, and a check of all of it in this browser. */
import { type Report, TlogError, verifyTree, webVerifier } from '@sealrail/tlog/verify';
import { useEffect, useRef, useState } from 'react';
import { Copy } from './copy.tsx';
import { modeOf, publishedSize, reasonOf, type Status, type Target } from './data.ts';
import { freshSource } from './entry-proof.tsx';
import { CheckIcon, CrossIcon } from './icons.tsx';
import { keepCheckpoint, keptCheckpoint } from './kept-checkpoint.ts';
import { useAnswer } from './use-answer.ts';
import { useLate } from './use-late.ts';
import { age, count, number } from './words.ts';

const STATUS_EVERY_MS = 1_000;

function Figure({ name, value, more }: { name: string; value: string; more: string }) {
  return (
    <div className="figure">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span className="quiet">{more}</span>
      </dd>
    </div>
  );
}

function Figures({ status }: { status: Status }) {
  const { size, signedSize, witnessedSize, checkpointAgeMs, durability, findings } = status;
  const behind = size - signedSize;
  return (
    <dl className="figures">
      <Figure
        name="Durable"
        value={number(size)}
        more={durability === 'sync' ? 'on disk before any effect' : `log.durability: ${durability}`}
      />
      <Figure
        name="Signed"
        value={number(signedSize)}
        more={
          behind === 0
            ? 'every entry is covered'
            : `${count(behind, 'entry').replace('entrys', 'entries')} to go`
        }
      />
      {witnessedSize !== undefined && (
        <Figure
          name="Witnessed"
          value={number(witnessedSize)}
          more={
            size === witnessedSize
              ? 'cosigned by enough others'
              : `${count(size - witnessedSize, 'entry').replace('entrys', 'entries')} to go`
          }
        />
      )}
      <Figure
        name="Checkpoint"
        value={checkpointAgeMs === undefined ? 'none' : age(checkpointAgeMs)}
        more={behind === 0 ? 'old, and nothing was added since' : 'since it was published'}
      />
      <Figure
        name="Findings"
        value={number(findings.count)}
        more={findings.since === 0 ? 'in the whole log' : `since entry ${number(findings.since)}`}
      />
    </dl>
  );
}

interface Check {
  readonly progress: { readonly done: number; readonly size: number };
  readonly report?: Report;
  readonly problem?: string;
}

function Result({ report }: { report: Report }) {
  return (
    <>
      <p className={`result ${report.ok ? 'good' : 'bad'}`} role={report.ok ? 'status' : 'alert'}>
        {report.ok ? <CheckIcon /> : <CrossIcon />}
        {report.ok
          ? `Verified by this browser: ${number(report.entries)} entries lead to the signed root; ${report.against}.`
          : 'Not verified. The log does not hold what was signed:'}
      </p>
      {report.ok && report.against === 'self-consistent only' && (
        <p className="quiet small">
          Self-consistent only: the files fit together. Whether they were never rewritten can be
          told by whoever kept a checkpoint from before; this browser keeps this one for the next
          time.
        </p>
      )}
      <ol className="steps">
        {report.findings.map(({ what, severity, hint }) => (
          <li key={what} className={severity === 'low' ? '' : 'bad'}>
            {severity === 'low' ? <CheckIcon /> : <CrossIcon />}
            <div>
              <p>{what}</p>
              {hint !== undefined && <p className="quiet">{hint}</p>}
            </div>
          </li>
        ))}
      </ol>
      {report.more > 0 && <p className="quiet">And {number(report.more)} more.</p>}
    </>
  );
}

function WholeLog({ status }: { status: Status }) {
  const [check, setCheck] = useState<Check>();
  const stopped = useRef(false);
  useEffect(() => {
    stopped.current = false;
    return () => {
      stopped.current = true;
    };
  }, []);
  const running = check !== undefined && !check.report && check.problem === undefined;
  const { vkey } = status;

  const verify = async () => {
    setCheck({ progress: { done: 0, size: publishedSize(status) } });
    const source = freshSource();
    const kept = keptCheckpoint(vkey);
    let checkpoint: Uint8Array | undefined;
    try {
      const report = await verifyTree({
        source: {
          get: async (path) => {
            if (stopped.current) throw new TlogError('SOURCE_UNAVAILABLE', 'the page was left');
            const bytes = await source.get(path);
            if (path === 'checkpoint') checkpoint = bytes;
            return bytes;
          },
        },
        vkey,
        verifier: webVerifier,
        ...(kept ? { held: [kept] } : {}),
        onProgress: (done, size) => setCheck({ progress: { done, size } }),
      });
      if (report.ok && checkpoint) keepCheckpoint(vkey, checkpoint);
      setCheck((before) => ({ progress: before?.progress ?? { done: 0, size: 0 }, report }));
    } catch (error) {
      if (stopped.current) return;
      setCheck({ progress: { done: 0, size: 0 }, problem: reasonOf(error) });
    }
  };

  return (
    <section>
      <h2>Verify the whole log</h2>
      <p className="quiet">
        Fetches every file of the log, hashes every entry again, and compares the root with the one
        that was signed. All of it is computed here.
      </p>
      <div className="actions">
        <button type="button" className="primary" disabled={running} onClick={() => void verify()}>
          {running ? 'Verifying…' : 'Verify in this browser'}
        </button>
        {running && (
          <>
            <progress
              value={check.progress.done}
              max={Math.max(1, check.progress.size)}
              aria-label="entries verified"
            />
            <span className="quiet figures-inline">
              {number(check.progress.done)} of {number(check.progress.size)}
            </span>
          </>
        )}
      </div>
      {check?.problem !== undefined && (
        <p className="result bad" role="alert">
          <CrossIcon /> Not verified: {check.problem}.
        </p>
      )}
      {check?.report && <Result report={check.report} />}
      <p className="quiet small">
        A page served by the log's owner is a convenience, not an audit. For one, run this on a
        machine of your own, or carry a receipt and{' '}
        <a href="/verify.html" download>
          verify.html
        </a>{' '}
        there:
      </p>
      <p className="command">
        <code>npx sealrail verify {window.location.origin}/log --key log.vkey</code>
        <Copy text={`npx sealrail verify ${window.location.origin}/log --key log.vkey`}>Copy</Copy>
      </p>
    </section>
  );
}

function Targets({ targets }: { targets: readonly Target[] }) {
  return (
    <section>
      <h2>Targets</h2>
      <dl className="facts wide">
        {targets.map((target) => (
          <div key={target.name}>
            <dt>{target.name}</dt>
            <dd>
              {target.kind}, {target.env}, <strong>{modeOf(target)}</strong>{' '}
              <span className="quiet">
                on {target.listen.host}:{target.listen.port}
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Identity({ status }: { status: Status }) {
  const { data } = useAnswer<{ note: string }>('/api/checkpoint', STATUS_EVERY_MS);
  return (
    <section>
      <h2>Checkpoint</h2>
      {data && <pre className="note">{data.note}</pre>}
      <dl className="facts wide">
        <div>
          <dt>origin</dt>
          <dd>{status.origin}</dd>
        </div>
        <div>
          <dt>public key</dt>
          <dd>
            <code className="hash">{status.vkey}</code> <Copy text={status.vkey}>Copy</Copy>
          </dd>
        </div>
        {status.scrubbed && (
          <div>
            <dt>read back</dt>
            <dd>
              {status.scrubbed.passes}{' '}
              <span className="quiet">
                times since the start, all of it; now at entry {number(status.scrubbed.done)}
              </span>
            </dd>
          </div>
        )}
        <div>
          <dt>epoch</dt>
          <dd>
            {status.recovery.epoch} <span className="quiet">starts of this log's writer</span>
          </dd>
        </div>
      </dl>
    </section>
  );
}

export function IntegrityPage() {
  const { data: status, problem } = useAnswer<Status>('/api/status', STATUS_EVERY_MS);
  const late = useLate(status === undefined && problem === undefined);
  const rollback = status?.rollback ?? '';
  return (
    <div className="page">
      <header className="page-head">
        <h1>Integrity</h1>
      </header>
      {problem !== undefined && (
        <p className="notice deny" role="alert">
          <strong>{problem}</strong> {status && 'What you see may be old.'}
        </p>
      )}
      {late && <div className="skeleton" role="status" aria-label="loading" />}
      {status?.failed !== undefined && (
        <p className="notice deny" role="alert">
          <strong>The log has stopped for good: {status.failed}.</strong> Everything is denied until
          the daemon is started again.
        </p>
      )}
      {status && (
        <>
          <Figures status={status} />
          <p className="notice hold">
            {rollback[0]?.toUpperCase()}
            {rollback.slice(1)}.
          </p>
          <WholeLog status={status} />
          <Identity status={status} />
          <Targets targets={status.targets} />
        </>
      )}
    </div>
  );
}
