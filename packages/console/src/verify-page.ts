/** verify.html: plain script over plain elements, so that an auditor can read all of what they rely on. */
import { webVerifier } from '@sealrail/tlog/verify';
import './verify-page.css';
import type { Step } from './verify-entry.ts';
import { type Verification, verifyGiven } from './verify-receipt.ts';

/** Larger than any receipt, entry or checkpoint: a mistaken file is not read into memory. */
const FILE_BYTES_MAX = 4 << 20;

function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${id}`);
}

const receiptInput = byId('receipt', HTMLInputElement);
const keyInput = byId('key', HTMLInputElement);
const entryInput = byId('entry', HTMLInputElement);
const heldInput = byId('held', HTMLInputElement);
const drop = byId('drop', HTMLLabelElement);
const result = byId('result', HTMLElement);

let receipt: File | undefined;

/** Text only: nothing that a receipt holds is ever read as markup. */
function element(tag: string, className: string, ...children: readonly (Node | string)[]) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

async function bytesOf(file: File | undefined): Promise<Uint8Array | undefined> {
  if (!file) return undefined;
  if (file.size > FILE_BYTES_MAX) throw new Error(`${file.name} is too large: ${file.size} bytes`);
  return new Uint8Array(await file.arrayBuffer());
}

function choose(file: File | undefined): void {
  receipt = file;
  byId('receipt-name', HTMLElement).textContent =
    file?.name ?? 'Drop a receipt here, or choose one';
  drop.classList.toggle('chosen', file !== undefined);
  result.hidden = true;
}

function stepLine({ ok, title, found, evidence }: Step): HTMLElement {
  const lines = evidence.map(([name, value]) =>
    element('p', 'evidence', element('span', 'quiet', name), element('code', 'hash', value)),
  );
  const body = element('div', '', element('strong', '', title), element('p', '', found), ...lines);
  const mark = element('span', 'mark', ok ? '✓' : '✗');
  return element('li', ok ? 'good' : 'bad', mark, body);
}

interface Said {
  readonly kind?: unknown;
  readonly time?: unknown;
  readonly action?: unknown;
  readonly statement?: unknown;
  readonly principal?: { readonly id?: unknown; readonly type?: unknown };
  readonly decision?: { readonly verdict?: unknown; readonly determining?: unknown };
}

/** What the entry says, first in short and then in full. */
function entryLines(entry: Uint8Array): readonly HTMLElement[] {
  const text = new TextDecoder().decode(entry);
  let said: Said;
  try {
    said = JSON.parse(text) as Said;
  } catch {
    return [element('pre', '', text)];
  }
  const { kind, time, action, statement, principal, decision } = said;
  const facts: readonly (readonly [string, unknown])[] = [
    ['kind', kind],
    ['time', time],
    ['who', principal?.id && `${principal.id} (${principal.type})`],
    ['action', action],
    ['statement', statement],
    ['verdict', decision?.verdict],
    ['policies', Array.isArray(decision?.determining) ? decision.determining.join(', ') : ''],
  ];
  const list = element('dl', '');
  for (const [name, value] of facts) {
    if (typeof value !== 'string' || value === '') continue;
    list.append(element('dt', 'quiet', name), element('dd', '', value));
  }
  const full = element(
    'details',
    '',
    element('summary', '', 'All of it'),
    element('pre', '', JSON.stringify(said, null, 2)),
  );
  return [element('h2', '', 'What the entry says'), list, full];
}

function verdictLine({ verified, index, size, origin }: Verification): HTMLElement {
  const words = verified
    ? `Verified: entry ${index} of ${origin}, in a signed log of ${size} entries.`
    : 'Not verified.';
  const line = element('p', `result ${verified ? 'good' : 'bad'}`, words);
  line.setAttribute('role', verified ? 'status' : 'alert');
  return line;
}

function show(verification: Verification): void {
  const { verified, steps, entry, against } = verification;
  const list = element('ol', 'steps', ...steps.map(stepLine));
  const worth =
    against === 'self-consistent only'
      ? 'Checked against: self-consistent only. The receipt and the key fit together; that the log was not rewritten since can be told by whoever kept a checkpoint.'
      : `Checked against: ${against}.`;
  result.replaceChildren(
    verdictLine(verification),
    list,
    ...(verified ? [element('p', 'quiet small', worth)] : []),
    ...(verified && entry ? entryLines(entry) : []),
  );
  result.hidden = false;
}

async function verify(): Promise<void> {
  const failed = (found: string): Verification => ({
    verified: false,
    steps: [{ ok: false, title: 'Given', found, evidence: [] }],
  });
  try {
    const [proof, entry, held] = await Promise.all([
      bytesOf(receipt),
      bytesOf(entryInput.files?.[0]),
      bytesOf(heldInput.files?.[0]),
    ]);
    const vkey = keyInput.value.trim();
    if (!proof) return show(failed('Choose a receipt first.'));
    if (vkey === '') return show(failed("Paste the log's public key first."));
    const given = { receipt: proof, vkey, ...(entry ? { entry } : {}), ...(held ? { held } : {}) };
    show(await verifyGiven(given, webVerifier));
  } catch (error) {
    show(failed(error instanceof Error ? `${error.message}.` : String(error)));
  }
}

receiptInput.addEventListener('change', () => choose(receiptInput.files?.[0]));
for (const name of ['dragover', 'drop']) {
  // Everywhere: a file that misses the field must not replace the page.
  window.addEventListener(name, (event) => event.preventDefault());
}
drop.addEventListener('dragover', () => drop.classList.add('over'));
drop.addEventListener('dragleave', () => drop.classList.remove('over'));
window.addEventListener('drop', (event) => {
  drop.classList.remove('over');
  const file = event.dataTransfer?.files[0];
  if (file) choose(file);
});
byId('form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  void verify();
});
