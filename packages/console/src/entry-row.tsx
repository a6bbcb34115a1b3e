/** One line of the live page. Every value on it narrows the list to itself; the line opens the entry. */
import { memo, type ReactNode } from 'react';
import type { EntryState, Unreadable, View } from './data.ts';
import { PrincipalIcon, StateIcon, ToneIcon } from './icons.tsx';
import { type Filter, type FilterName, follow, go, link, withFilter } from './route.ts';
import {
  clockTime,
  outcomeOf,
  policyOf,
  resourceOf,
  shortResource,
  subject,
  verdictOf,
} from './words.ts';

interface RowProps {
  readonly view: View;
  readonly state: EntryState;
  readonly filter: Filter;
  readonly current: boolean;
  readonly open: boolean;
}

function Narrow(props: {
  name: FilterName;
  value: string;
  filter: Filter;
  className: string;
  children: ReactNode;
}) {
  const { name, value, filter, className, children } = props;
  return (
    <button
      type="button"
      className={className}
      title={`only ${name} ${value}`}
      onClick={() => go(link(undefined, withFilter(filter, name, value)))}
    >
      {children}
    </button>
  );
}

function Verdict({ view, filter }: { view: View; filter: Filter }) {
  const { word, tone } = verdictOf(view.entry);
  const { decision, kind } = view.entry;
  const content = (
    <>
      <ToneIcon tone={tone} alert={kind === 'finding'} />
      <span>{word}</span>
    </>
  );
  const name = decision ? 'verdict' : 'kind';
  const value = decision?.verdict ?? kind;
  return (
    <Narrow name={name} value={value} filter={filter} className={`verdict ${tone}`}>
      {content}
    </Narrow>
  );
}

function Policy({ view, filter }: { view: View; filter: Filter }) {
  const { id, none } = policyOf(view.entry);
  if (id === undefined) return <span className="cell policy none">{none}</span>;
  return (
    <Narrow name="policy" value={id} filter={filter} className="cell policy">
      {id}
    </Narrow>
  );
}

function Asked({ view, filter }: { view: View; filter: Filter }) {
  const { action = '' } = view.entry;
  const resource = resourceOf(view.entry);
  return (
    <>
      <Narrow name="action" value={action} filter={filter} className="cell action">
        {action}
      </Narrow>
      {resource === undefined ? (
        <span className="cell resource" />
      ) : (
        <Narrow name="resource" value={resource} filter={filter} className="cell resource">
          {shortResource(resource)}
        </Narrow>
      )}
    </>
  );
}

const STATES: Readonly<Record<EntryState, string>> = {
  durable: 'on disk; the next checkpoint signs it',
  signed: 'covered by a signed checkpoint',
  witnessed: 'covered by a checkpoint that enough witnesses cosigned',
};

export const EntryRow = memo(function EntryRow({ view, state, filter, current, open }: RowProps) {
  const { entry, index } = view;
  const { principal, decision } = entry;
  const href = link(entry.id, filter);
  const classes = ['row', !decision && 'wide', current && 'current', open && 'open'];
  return (
    <div className={classes.filter(Boolean).join(' ')} data-index={index}>
      <time className="cell time" dateTime={entry.time} title={entry.time}>
        {clockTime(entry.time, new Date())}
      </time>
      <Verdict view={view} filter={filter} />
      {principal ? (
        <Narrow name="principal" value={principal.id} filter={filter} className="cell who">
          <PrincipalIcon type={principal.type} />
          <span>{principal.id}</span>
        </Narrow>
      ) : (
        <span className="cell who none">
          <PrincipalIcon type="daemon" />
          <span>{entry.source.type}</span>
        </span>
      )}
      {decision && <Asked view={view} filter={filter} />}
      <a className="cell subject" href={href} aria-current={open || undefined} onClick={follow}>
        {subject(entry)}
      </a>
      {decision && <span className="cell outcome">{outcomeOf(view)}</span>}
      {decision && <Policy view={view} filter={filter} />}
      <span className={`cell state ${state}`} title={STATES[state]}>
        <StateIcon state={state} />
        {state}
      </span>
    </div>
  );
});

export function UnreadableRow({ place }: { place: Unreadable }) {
  return (
    <div className="row unreadable" data-index={place.index} role="alert">
      <span className="verdict deny">
        <ToneIcon tone="deny" />
        <span>damaged</span>
      </span>
      <span className="cell subject">
        entry {place.index} cannot be read: {place.reason}
      </span>
    </div>
  );
}
