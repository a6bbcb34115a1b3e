/** What the live page is narrowed to. All of it stands in the address. */
import { useEffect, useRef, useState } from 'react';
import { CrossIcon, SearchIcon, ToneIcon } from './icons.tsx';
import { EVERYTHING } from './live-entries.ts';
import { FILTERS, type Filter, type FilterName, go, link, withFilter } from './route.ts';
import type { Tone } from './words.ts';

export const SEARCH_ID = 'search';
const TYPING_MS = 250;

const VERDICTS: readonly { value: string; word: string; tone?: Tone }[] = [
  { value: '', word: 'All' },
  { value: 'allow', word: 'Allowed', tone: 'allow' },
  { value: 'hold', word: 'Held', tone: 'hold' },
  { value: 'deny', word: 'Denied', tone: 'deny' },
];

const KINDS: readonly { value: string; word: string }[] = [
  { value: '', word: 'Activity' },
  { value: 'decision', word: 'Decisions' },
  { value: 'outcome', word: 'Outcomes' },
  { value: 'approval', word: 'Approvals' },
  { value: 'change', word: 'Changes' },
  { value: 'finding', word: 'Findings' },
  { value: 'session', word: 'Sessions' },
  { value: 'access', word: 'Access to the log' },
  { value: 'system', word: 'System' },
  { value: EVERYTHING, word: 'Everything' },
];

const OWN_CONTROLS: readonly FilterName[] = ['verdict', 'kind', 'q'];

function Verdicts({ filter }: { filter: Filter }) {
  return (
    <fieldset className="choices">
      <legend className="unseen">Verdict</legend>
      {VERDICTS.map(({ value, word, tone }) => (
        <button
          type="button"
          key={value}
          className={tone}
          aria-pressed={(filter.verdict ?? '') === value}
          onClick={() => go(link(undefined, withFilter(filter, 'verdict', value)))}
        >
          {tone && <ToneIcon tone={tone} />}
          {word}
        </button>
      ))}
    </fieldset>
  );
}

function Kinds({ filter }: { filter: Filter }) {
  return (
    <label className="select">
      <span className="unseen">Kind of entry</span>
      <select
        value={filter.kind ?? ''}
        onChange={(event) => go(link(undefined, withFilter(filter, 'kind', event.target.value)))}
      >
        {KINDS.map(({ value, word }) => (
          <option key={value} value={value}>
            {word}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Typing narrows after a pause, and is one step of the browser's history. */
function Search({ filter }: { filter: Filter }) {
  const wanted = filter.q ?? '';
  const [text, setText] = useState(wanted);
  const latest = useRef(filter);
  latest.current = filter;
  useEffect(() => setText(wanted), [wanted]);
  useEffect(() => {
    if (text === (latest.current.q ?? '')) return undefined;
    const to = link(undefined, withFilter(latest.current, 'q', text));
    const how = latest.current.q === undefined ? 'push' : 'replace';
    const timer = setTimeout(() => go(to, how), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search className="search">
      <SearchIcon />
      <input
        id={SEARCH_ID}
        type="text"
        value={text}
        maxLength={256}
        placeholder="Search entries"
        aria-label="Search entries"
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setText(event.target.value)}
      />
      <kbd>/</kbd>
    </search>
  );
}

export function LiveFilters({ filter }: { filter: Filter }) {
  const chips = FILTERS.filter((name) => !OWN_CONTROLS.includes(name) && filter[name]);
  return (
    <div className="filters">
      <Verdicts filter={filter} />
      <Kinds filter={filter} />
      <Search filter={filter} />
      {chips.map((name) => (
        <button
          type="button"
          key={name}
          className="chip"
          aria-label={`remove the filter ${name} ${filter[name]}`}
          onClick={() => go(link(undefined, withFilter(filter, name, '')))}
        >
          <span className="name">{name}</span> {filter[name]}
          <CrossIcon />
        </button>
      ))}
    </div>
  );
}
