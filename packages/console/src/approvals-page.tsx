/** What waits for somebody to say yes: who asked what, for how long still, and the form to answer in. */
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { type Approval, post, type Ruled, reasonOf } from './data.ts';
import { sentence } from './entry-decision.tsx';
import { follow, link } from './route.ts';
import { useAnswer } from './use-answer.ts';
import { useLate } from './use-late.ts';

const EVERY_MS = 2_000;
const FINISHED_SHOWN = 20;
/** As the API bounds them. */
const REASON_LENGTH_MAX = 1_000;

type Ruling = 'approve' | 'deny';
const VERBS = { approve: 'Approve', deny: 'Deny' } as const;
const KEYS: Readonly<Record<string, Ruling>> = { a: 'approve', d: 'deny' };

const isOpen = ({ state }: Approval): boolean => state === 'pending' || state === 'approved';

export function ApprovalsPage() {
  const { data, problem, ask } = useAnswer<{ approvals: readonly Approval[] }>(
    '/api/approvals',
    EVERY_MS,
  );
  const [answering, setAnswering] = useState<{ id: string; ruling: Ruling }>();
  const [said, setSaid] = useState<{ isDone: boolean; text: string }>();
  const now = useNow();
  const late = useLate(data === undefined && problem === undefined);
  const open = data?.approvals.filter(isOpen) ?? [];
  const finished = data?.approvals.filter((one) => !isOpen(one)).slice(0, FINISHED_SHOWN) ?? [];
  const first = open.find(({ state }) => state === 'pending')?.id;

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const ruling = KEYS[event.key];
      const at = event.target instanceof HTMLElement ? event.target : undefined;
      if (ruling === undefined || event.metaKey || event.ctrlKey || event.altKey) return;
      if (at?.closest('input, textarea')) return;
      // The request that has the focus, or else the latest.
      const id = at?.closest<HTMLElement>('[data-request]')?.dataset.request ?? first;
      if (id === undefined) return;
      event.preventDefault();
      setAnswering({ id, ruling });
    };
    window.addEventListener('keydown', pressed);
    return () => window.removeEventListener('keydown', pressed);
  }, [first]);

  const answered = (isDone: boolean, text: string) => {
    setSaid({ isDone, text });
    if (isDone) setAnswering(undefined);
    ask();
  };
  return (
    <div className="page">
      <header className="page-head">
        <h1>Approvals</h1>
        <p className="quiet">
          Held until people of the right group say yes. An approval is for one action exactly as it
          was sent, and for one execution. <kbd>a</kbd> approves, <kbd>d</kbd> denies.
        </p>
      </header>
      {problem !== undefined && (
        <p className="notice deny" role="alert">
          <strong>{problem}</strong> {data && 'What is shown is what was known before.'}
        </p>
      )}
      {said && (
        <p className={said.isDone ? 'notice' : 'notice deny'} role="status">
          {said.text}
        </p>
      )}
      {late && <div className="skeleton" role="status" aria-label="loading" />}
      {data && open.length === 0 && <p className="quiet">Nothing waits for an approval.</p>}
      {open.map((one) => (
        <Card key={one.id} approval={one} now={now}>
          {answering?.id === one.id ? (
            <AnswerForm
              key={answering.ruling}
              id={one.id}
              ruling={answering.ruling}
              answered={answered}
              close={() => setAnswering(undefined)}
            />
          ) : (
            <div className="actions">
              {(['approve', 'deny'] as const)
                .filter((ruling) => ruling === 'deny' || one.state === 'pending')
                .map((ruling) => (
                  <button
                    key={ruling}
                    type="button"
                    className="plain"
                    onClick={() => setAnswering({ id: one.id, ruling })}
                  >
                    {VERBS[ruling]}
                  </button>
                ))}
            </div>
          )}
        </Card>
      ))}
      {finished.length > 0 && <h2 className="file">Over</h2>}
      {finished.map((one) => (
        <Card key={one.id} approval={one} now={now} />
      ))}
    </div>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Card(props: { approval: Approval; now: number; children?: ReactNode }) {
  const { approval, now, children } = props;
  const { id, state, requestedBy, action, target, statement, policy, message, until } = approval;
  return (
    <article className="card policy-card approval" data-request={id}>
      <header>
        <span className={state === 'pending' ? 'verdict hold' : 'verdict plain'}>{state}</span>
        <strong>{requestedBy.join(' for ')}</strong>
        <span>
          <code>{action}</code> on {target}
        </span>
        <span className="where quiet">
          {until !== undefined && <time dateTime={until}>{left(Date.parse(until) - now)}</time>}
        </span>
      </header>
      {statement !== undefined && <pre>{statement}</pre>}
      <p>
        <code>{policy}</code>: {message === undefined ? 'not in force any more' : sentence(message)}
      </p>
      <p className="quiet">
        {progress(approval)}{' '}
        <a href={link(approval.decisionId, {})} onClick={follow}>
          Facts of the action
        </a>
      </p>
      {children}
    </article>
  );
}

function progress({ state, quorum, approvers, grants, ended }: Approval): string {
  const names = grants.map(({ by, reason }) => `${by} (${reason})`).join(', ');
  const yes = `${grants.length} of ${quorum} of ${approvers}${names === '' ? '' : `: ${names}`}.`;
  if (ended === undefined) return yes;
  const by = ended.by === undefined ? '' : ` by ${ended.by}`;
  return `${yes} It is ${state}${by}${ended.reason === undefined ? '' : `: ${ended.reason}`}.`;
}

/** `1:02:03 left` */
function left(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const two = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${h}:${two(m)}:${two(s)} left`;
}

interface AnswerFormProps {
  readonly id: string;
  readonly ruling: Ruling;
  readonly answered: (isDone: boolean, text: string) => void;
  readonly close: () => void;
}

function AnswerForm({ id, ruling, answered, close }: AnswerFormProps) {
  const [waits, setWaits] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const given = (name: string) => String(form.get(name) ?? '');
    setWaits(true);
    try {
      const body = { user: given('user'), password: given('password'), reason: given('reason') };
      const ruled = await post<Ruled>(`/api/approvals/${id}`, { ...body, ruling });
      answered(ruled.kind === 'done', sayOf(ruled));
    } catch (error) {
      answered(false, reasonOf(error));
    }
    setWaits(false);
  };
  return (
    <form className="answer" aria-label={VERBS[ruling]} onSubmit={submit}>
      <label>
        User <input ref={first} name="user" autoComplete="username" required maxLength={63} />
      </label>
      <label>
        Password <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <label className="reason">
        Reason <input name="reason" required pattern=".*\S.*" maxLength={REASON_LENGTH_MAX} />
      </label>
      <div className="actions">
        <button type="submit" className="primary" disabled={waits}>
          {VERBS[ruling]}
        </button>
        <button type="button" className="plain" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function sayOf(ruled: Ruled): string {
  switch (ruled.kind) {
    case 'denied':
      return `Denied: ${ruled.denial.message}. ${sentence(ruled.denial.hint)}`;
    case 'refused':
      return `Nothing changed: ${ruled.reason}.`;
    case 'done': {
      const { state, quorum, grants, approvers } = ruled.request;
      if (state === 'approved') return 'Approved. Whoever asked sends exactly the same again.';
      if (state === 'pending')
        return `Your yes counts. ${quorum - grants.length} more of ${approvers} are needed.`;
      return `It is ${state}.`;
    }
  }
}
