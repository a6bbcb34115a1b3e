/** verify.html: a receipt and a public key, checked on the auditor's own machine, without a network. */
import { type ReceiptReport, sha256, verifyReceipt, webVerifier } from '@sealrail/tlog/verify';
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import './style.css';

const bytesOf = async (file: File | undefined): Promise<Uint8Array | undefined> =>
  file && new Uint8Array(await file.arrayBuffer());

function pretty(entry: Uint8Array): string {
  const text = new TextDecoder().decode(entry);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function VerifyPage() {
  const [receipt, setReceipt] = useState<File>();
  const [entry, setEntry] = useState<File>();
  const [held, setHeld] = useState<File>();
  const [key, setKey] = useState('');
  const [report, setReport] = useState<ReceiptReport | { error: string }>();

  const check = async () => {
    setReport(undefined);
    try {
      const [proof, exact, checkpoint] = await Promise.all([
        bytesOf(receipt),
        bytesOf(entry),
        bytesOf(held),
      ]);
      if (!proof) return;
      setReport(
        await verifyReceipt({
          receipt: proof,
          vkey: key.trim(),
          verifier: webVerifier,
          sha256,
          ...(exact ? { entry: exact } : {}),
          ...(checkpoint ? { held: [checkpoint] } : {}),
        }),
      );
    } catch (error) {
      setReport({ error: error instanceof Error ? error.message : String(error) });
    }
  };

  return (
    <main className="page verify">
      <h1>Verify a receipt</h1>
      <p className="quiet">
        This file works alone: it may reach no network, and nothing leaves this machine. The public
        key must come from somebody whom you trust, and not from whoever gave you the receipt.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void check();
        }}
      >
        <label>
          Receipt (.tlog-proof)
          <input
            type="file"
            name="receipt"
            required
            onChange={(event) => setReceipt(event.target.files?.[0])}
          />
        </label>
        <label>
          Public key of the log
          <input
            type="text"
            name="key"
            required
            spellCheck={false}
            placeholder="example.com/log+33d7b496+AeHTu4Q3hEIM…"
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </label>
        <details>
          <summary>If you have them: the entry's own bytes, a checkpoint that you kept</summary>
          <label>
            Entry
            <input
              type="file"
              name="entry"
              onChange={(event) => setEntry(event.target.files?.[0])}
            />
          </label>
          <label>
            Checkpoint
            <input
              type="file"
              name="checkpoint"
              onChange={(event) => setHeld(event.target.files?.[0])}
            />
          </label>
        </details>
        <button type="submit" className="primary">
          Verify
        </button>
      </form>
      {report && 'error' in report && (
        <p className="result bad" role="status">
          NOT verified: {report.error}
        </p>
      )}
      {report && !('error' in report) && (
        <section>
          <p className={`result ${report.ok ? 'good' : 'bad'}`} role="status">
            {report.ok
              ? `verified: entry ${report.index} of ${report.origin}, in a signed tree of ${report.size} entries`
              : 'NOT verified'}
          </p>
          <ol className="steps">
            {report.findings.map(({ what }) => (
              <li key={what} className="bad">
                ✗ {what}
              </li>
            ))}
            {report.ok && <li>· checked against: {report.against}</li>}
          </ol>
          {report.ok && report.entry && <pre className="raw">{pretty(report.entry)}</pre>}
        </section>
      )}
    </main>
  );
}

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <VerifyPage />
    </StrictMode>,
  );
