import { httpSource, type Report, sha256, verifyTree, webVerifier } from '@sealrail/tlog/verify';
import { useEffect, useState } from 'react';
import { get, type Status } from './data.ts';

export function IntegrityPage() {
  const [status, setStatus] = useState<Status | { error: string }>();
  const [checkpoint, setCheckpoint] = useState('');
  const [progress, setProgress] = useState<{ done: number; size: number }>();
  const [report, setReport] = useState<Report>();
  useEffect(() => {
    get<Status>('/api/status').then(setStatus, (error: unknown) =>
      setStatus({ error: String(error) }),
    );
    fetch('/log/checkpoint').then(
      async (response) => setCheckpoint(await response.text()),
      () => undefined,
    );
  }, []);
  if (!status) return null;
  if ('error' in status)
    return (
      <p className="notice bad" role="alert">
        {status.error}
      </p>
    );
  const run = async () => {
    setReport(undefined);
    setProgress({ done: 0, size: status.signedSize });
    const source = httpSource(`${window.location.origin}/log`);
    setReport(
      await verifyTree({
        source,
        vkey: status.vkey,
        verifier: webVerifier,
        sha256,
        onProgress: (done, size) => setProgress({ done, size }),
      }),
    );
    setProgress(undefined);
  };
  return (
    <div className="page">
      <h1>Integrity</h1>
      <dl className="facts wide">
        <div>
          <dt>log</dt>
          <dd>{status.origin}</dd>
        </div>
        <div>
          <dt>durable</dt>
          <dd>
            {status.size.toLocaleString('en-US')} entries ({status.durability})
          </dd>
        </div>
        <div>
          <dt>signed</dt>
          <dd>{status.signedSize.toLocaleString('en-US')} entries</dd>
        </div>
        <div>
          <dt>key</dt>
          <dd>
            <code>{status.vkey}</code>
          </dd>
        </div>
        <div>
          <dt>note</dt>
          <dd>{status.rollback}</dd>
        </div>
        {status.targets.map(({ name, env, mode, listen }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {env}, {typeof mode === 'string' ? mode : JSON.stringify(mode)}, on {listen.host}:
              {listen.port}
            </dd>
          </div>
        ))}
      </dl>
      <h3>Checkpoint</h3>
      <pre className="raw">{checkpoint}</pre>
      <p>
        <button
          type="button"
          className="primary"
          onClick={() => void run()}
          disabled={progress !== undefined}
        >
          Verify every entry in this browser
        </button>{' '}
        {progress && (
          <progress
            value={progress.done}
            max={Math.max(1, progress.size)}
            aria-label="verified entries"
          />
        )}
      </p>
      {report && (
        <>
          <p className={`result ${report.ok ? 'good' : 'bad'}`} role="status">
            {report.ok
              ? `verified by this browser: ${report.entries.toLocaleString('en-US')} entries, ${report.against}`
              : 'NOT verified'}
          </p>
          <ol className="steps">
            {report.findings.map(({ what, severity }) => (
              <li key={what} className={severity === 'low' ? '' : 'bad'}>
                {severity === 'low' ? '·' : '✗'} {what}
              </li>
            ))}
          </ol>
        </>
      )}
      <p className="quiet">
        A page served by the log's owner is a convenience, not an audit: for one, run{' '}
        <code>sealrail verify</code> or verify.html on a machine of your own.
      </p>
    </div>
  );
}
