import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { subject, type View, verdictOf } from './data.ts';
import { EntryDrawer } from './entry-drawer.tsx';
import { useLive } from './live-entries.ts';
import { FILTERS, go, link, type Route } from './route.ts';

const ROW_PX = 36;

const STATES = {
  loading: 'loading…',
  live: 'live',
  reconnecting: 'reconnecting…',
  failed: 'not connected',
} as const;

function Row({
  view,
  selected,
  filter,
}: {
  view: View;
  selected: boolean;
  filter: Route['filter'];
}) {
  const { entry, index, state, outcome } = view;
  const { word, tone } = verdictOf(entry);
  const narrow = (name: string, value: string | undefined) => () => {
    if (value === undefined) return;
    go(link(undefined, { ...filter, [name]: value }));
  };
  const policy =
    entry.decision?.determining[0] ??
    (entry.decision && entry.decision.code !== 'allowed' ? entry.decision.code : '');
  return (
    <div className={`row ${selected ? 'selected' : ''}`} data-index={index}>
      <span className="cell number">{index}</span>
      <time className="cell time" dateTime={entry.time}>
        {entry.time.slice(11, 23)}
      </time>
      <button
        type="button"
        className={`verdict ${tone}`}
        onClick={narrow(entry.decision ? 'verdict' : 'kind', entry.decision?.verdict ?? entry.kind)}
      >
        {word}
      </button>
      <button type="button" className="cell who" onClick={narrow('principal', entry.principal?.id)}>
        {entry.principal?.id ?? entry.source.type}
      </button>
      <button type="button" className="cell action" onClick={narrow('action', entry.action)}>
        {entry.action ?? ''}
      </button>
      <a
        className="cell subject"
        href={link(index, filter)}
        aria-current={selected ? 'true' : undefined}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey) return;
          event.preventDefault();
          go(link(index, filter));
        }}
      >
        {subject(entry)}
      </a>
      <span className="cell policy">{policy}</span>
      <span className="cell outcome">
        {outcome ? `${outcome.outcome.status}${outcome.rows ? ` ${outcome.rows}` : ''}` : ''}
      </span>
      <span
        className={`cell state ${state}`}
        title={
          state === 'signed'
            ? 'covered by a signed checkpoint'
            : 'on disk; the next checkpoint signs it'
        }
      >
        {state}
      </span>
    </div>
  );
}

function Filters({ filter }: { filter: Route['filter'] }) {
  const [text, setText] = useState(filter.q ?? '');
  useEffect(() => setText(filter.q ?? ''), [filter.q]);
  const set = (name: string, value: string) => {
    const { [name]: _, ...rest } = filter;
    go(link(undefined, value === '' ? rest : { ...rest, [name]: value }));
  };
  return (
    <div className="filters">
      <fieldset className="choices" aria-label="verdict">
        {['', 'allow', 'hold', 'deny'].map((verdict) => (
          <button
            type="button"
            key={verdict}
            aria-pressed={(filter.verdict ?? '') === verdict}
            onClick={() => set('verdict', verdict)}
          >
            {verdict === '' ? 'everything' : verdict}
          </button>
        ))}
      </fieldset>
      <search>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            set('q', text);
          }}
        >
          <input
            id="search"
            value={text}
            placeholder="search  /"
            aria-label="search entries"
            onChange={(event) => setText(event.target.value)}
            onBlur={() => set('q', text)}
          />
        </form>
      </search>
      {FILTERS.filter((name) => name !== 'q' && name !== 'verdict' && filter[name]).map((name) => (
        <button
          type="button"
          key={name}
          className="chip"
          onClick={() => set(name, '')}
          aria-label={`remove filter ${name}`}
        >
          {name} {filter[name]} ×
        </button>
      ))}
    </div>
  );
}

export function LivePage({ route }: { route: Route }) {
  const { filter, entry } = route;
  const scroller = useRef<HTMLDivElement>(null);
  const [atTop, setAtTop] = useState(true);
  const live = useLive(filter, atTop);
  const rows = useVirtualizer({
    count: live.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const selected = live.rows.findIndex(
    (view) => String(view.index) === entry || view.entry.id === entry,
  );

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLInputElement) {
        if (event.key === 'Escape') event.target.blur();
        return;
      }
      const move = (by: number) => {
        const next = live.rows[Math.min(Math.max(selected + by, 0), live.rows.length - 1)];
        if (!next) return;
        go(link(next.index, filter));
        rows.scrollToIndex(live.rows.indexOf(next));
      };
      if (event.key === 'j') move(1);
      else if (event.key === 'k') move(-1);
      else if (event.key === 'Escape') go(link(undefined, filter));
      else if (event.key === '/') {
        event.preventDefault();
        document.getElementById('search')?.focus();
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });

  return (
    <div className={`live ${entry === undefined ? '' : 'open'}`}>
      <section className="list" aria-label="entries">
        <div className="bar">
          <Filters filter={filter} />
          <span className={`connection is-${live.state}`}>{STATES[live.state]}</span>
        </div>
        {live.error !== undefined && (
          <p className="notice bad" role="alert">
            {live.error}
          </p>
        )}
        {live.waiting > 0 && (
          <button
            type="button"
            className="pill"
            onClick={() => {
              live.show();
              scroller.current?.scrollTo({ top: 0 });
            }}
          >
            {live.waiting} new
          </button>
        )}
        <div
          className="rows"
          ref={scroller}
          onScroll={(event) => setAtTop(event.currentTarget.scrollTop < ROW_PX)}
        >
          {live.rows.length === 0 && live.state !== 'loading' && (
            <p className="empty">
              {Object.keys(filter).length > 0
                ? 'Nothing matches these filters.'
                : 'Nothing has happened yet.'}
            </p>
          )}
          <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
            {rows.getVirtualItems().map((item) => {
              const view = live.rows[item.index];
              if (!view) return null;
              return (
                <div
                  key={view.index}
                  style={{
                    position: 'absolute',
                    top: 0,
                    width: '100%',
                    height: ROW_PX,
                    transform: `translateY(${item.start}px)`,
                  }}
                >
                  <Row view={view} selected={item.index === selected} filter={filter} />
                </div>
              );
            })}
          </div>
          {live.more !== undefined && live.rows.length > 0 && (
            <button type="button" className="older" onClick={live.older}>
              older entries
            </button>
          )}
        </div>
      </section>
      {entry !== undefined && (
        <EntryDrawer key={entry} which={entry} close={() => go(link(undefined, filter))} />
      )}
    </div>
  );
}
