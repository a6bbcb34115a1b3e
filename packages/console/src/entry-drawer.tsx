/** One entry beside the list: what happened, why, what became of it, and the proof. */
import { type ReactNode, useEffect, useRef } from 'react';
import { Copy } from './copy.tsx';
import {
  type Detail,
  type Entry,
  type EntryState,
  type PolicySet,
  type Sizes,
  type Status,
  stateOf,
  type View,
} from './data.ts';
import { Decided, Message, OutcomeSection, Policies } from './entry-decision.tsx';
import { EntryFacts, EntryValues } from './entry-facts.tsx';
import { EntryProof } from './entry-proof.tsx';
import { CrossIcon, PrincipalIcon, StateIcon, ToneIcon } from './icons.tsx';
import { type Filter, follow, link } from './route.ts';
import { useAnswer } from './use-answer.ts';
import { useLate } from './use-late.ts';
import { resourceOf, subject, verdictOf } from './words.ts';

interface DrawerProps {
  readonly which: string;
  readonly filter: Filter;
  /** The list's row of the same entry, where it shows one: it hears of outcomes first. */
  readonly row: View | undefined;
  readonly sizes: Sizes;
  readonly close: () => void;
}

function Heading({ detail, state }: { detail: Detail; state: EntryState }) {
  const { entry, index } = detail;
  const { word, tone } = verdictOf(entry);
  const resource = resourceOf(entry);
  return (
    <header className="heading">
      <p className="crumbs quiet">
        Entry {index} <StateIcon state={state} /> {state}
      </p>
      <h2>
        <span className={`verdict ${tone}`}>
          <ToneIcon tone={tone} alert={entry.kind === 'finding'} />
          <span>{word}</span>
        </span>
        {entry.action === undefined ? (
          subject(entry)
        ) : (
          <span>
            <code>{entry.action}</code> {resource !== undefined && <>on {resource}</>}
          </span>
        )}
      </h2>
      <p className="who">
        {entry.principal && (
          <>
            <PrincipalIcon type={entry.principal.type} />
            <strong>{entry.principal.id}</strong>
            <span className="quiet">
              {entry.principal.type}, proved by {entry.principal.proof}
            </span>
          </>
        )}
        <time className="quiet" dateTime={entry.time}>
          {entry.time.replace('T', ' ').replace('Z', ' UTC')}
        </time>
      </p>
    </header>
  );
}

/** Members that the sections above do not show, for kinds that have no section of their own. */
const SHOWN_ELSEWHERE = ['v', 'kind', 'time', 'principal', 'source', 'seq', 'prev', 'payloads'];

function Fields({ entry, filter }: { entry: Entry; filter: Filter }) {
  const fields = Object.entries(entry).filter(([name]) => !SHOWN_ELSEWHERE.includes(name));
  const shown = (name: string, value: unknown): ReactNode => {
    if (name === 'decisionId' || name === 'about') {
      const ids = Array.isArray(value) ? (value as string[]) : [String(value)];
      return ids.map((id) => (
        <a key={id} className="block" href={link(id, filter)} onClick={follow}>
          <code>{id}</code>
        </a>
      ));
    }
    return typeof value === 'object' ? (
      <pre className="inline">{JSON.stringify(value, null, 2)}</pre>
    ) : (
      String(value)
    );
  };
  return (
    <section>
      <h3>What it says</h3>
      <dl className="facts">
        {fields.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{shown(name, value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Chain({ entry }: { entry: Entry }) {
  const { source, seq, prev, session, id } = entry;
  return (
    <section>
      <h3>Where it comes from</h3>
      <dl className="facts">
        <div>
          <dt>id</dt>
          <dd>
            <code className="hash">{id}</code>
          </dd>
        </div>
        <div>
          <dt>source</dt>
          <dd>
            {source.type} <code>{source.id}</code>{' '}
            <span className="quiet">
              {source.version}, epoch {source.epoch}, number {seq}
            </span>
          </dd>
        </div>
        <div>
          <dt>previous</dt>
          <dd>
            <code className="hash">{prev}</code>
          </dd>
        </div>
        {session !== undefined && (
          <div>
            <dt>session</dt>
            <dd>
              <a href={link(undefined, { session })} onClick={follow}>
                <code className="hash">{session}</code>
              </a>
            </dd>
          </div>
        )}
      </dl>
    </section>
  );
}

interface BodyProps {
  readonly detail: Detail;
  readonly row: View | undefined;
  readonly filter: Filter;
  readonly state: EntryState;
  readonly isPublished: boolean;
  readonly set: PolicySet | undefined;
  readonly status: Status | undefined;
}

function Body({ detail, row, filter, state, isPublished, set, status }: BodyProps) {
  const { entry, index, text } = detail;
  const { decision, statement } = entry;
  return (
    <>
      <Heading detail={detail} state={state} />
      {decision && <Message decision={decision} policies={set?.policies ?? []} />}
      {statement !== undefined && <pre className="statement">{statement}</pre>}
      {decision && statement === undefined && (
        <p className="quiet">The text does not parse, so all of it is committed to as one value.</p>
      )}
      <EntryFacts entry={entry} />
      {decision && set && <Policies decision={decision} set={set} />}
      {decision && <Decided entry={entry} decision={decision} />}
      {decision && (
        <OutcomeSection
          decision={decision}
          outcome={row?.outcome ?? detail.outcome}
          settled={row?.settled ?? detail.settled}
        />
      )}
      {!decision && <Fields entry={entry} filter={filter} />}
      <EntryValues values={entry.values} />
      {status && (
        <EntryProof
          index={index}
          text={text}
          vkey={status.vkey}
          state={state}
          isPublished={isPublished}
        />
      )}
      <Chain entry={entry} />
      <section>
        <h3>Exact bytes</h3>
        <details>
          <summary>Canonical text, as it was hashed</summary>
          <pre className="raw">{text}</pre>
        </details>
        <p className="actions">
          <Copy text={text}>Copy JSON</Copy>
          <Copy text={`npx sealrail log show ${index}`}>Copy command</Copy>
          <Copy text={`${window.location.origin}/entries/${entry.id}`}>Copy link</Copy>
        </p>
      </section>
    </>
  );
}

export function EntryDrawer({ which, filter, row, sizes, close }: DrawerProps) {
  const drawer = useRef<HTMLElement>(null);
  const { data: detail, problem } = useAnswer<Detail>(`/api/entries/${encodeURIComponent(which)}`);
  const { data: set } = useAnswer<PolicySet>('/api/policies');
  const { data: status } = useAnswer<Status>('/api/status');
  const late = useLate(detail === undefined && problem === undefined);
  useEffect(() => {
    if (detail) drawer.current?.scrollTo({ top: 0 });
  }, [detail]);
  // The list hears of a checkpoint first; a link to one entry has only what came with it.
  const listed = detail === undefined ? 'durable' : stateOf(detail.index, sizes);
  const state = listed === 'durable' ? (detail?.state ?? listed) : listed;
  const isPublished =
    sizes.witnessedSize === undefined ? state !== 'durable' : state === 'witnessed';
  return (
    <aside className="drawer" ref={drawer} aria-label="Entry">
      <button type="button" className="close" onClick={close} aria-label="Close" title="Esc">
        <CrossIcon />
      </button>
      {problem !== undefined && (
        <p className="notice deny" role="alert">
          <strong>{problem}</strong>
        </p>
      )}
      {late && <div className="skeleton" role="status" aria-label="loading" />}
      {detail && (
        <Body
          key={detail.entry.id}
          detail={detail}
          row={row}
          filter={filter}
          state={state}
          isPublished={isPublished}
          set={set}
          status={status}
        />
      )}
    </aside>
  );
}
