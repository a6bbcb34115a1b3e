import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { stateOf, type View } from './data.ts';
import { EntryDrawer } from './entry-drawer.tsx';
import { EntryRow, UnreadableRow } from './entry-row.tsx';
import { type Live, type LiveEntries, type Row, useLive } from './live-entries.ts';
import { LiveFilters, SEARCH_ID } from './live-filters.tsx';
import { type Filter, go, link, type Route } from './route.ts';
import { useLate } from './use-late.ts';
import { useNarrow } from './use-narrow.ts';
import { number } from './words.ts';

const ROW_PX = 38;
const NARROW_ROW_PX = 62;

const isAt = (row: Row | undefined, which: string | undefined): boolean =>
  row !== undefined &&
  which !== undefined &&
  (String(row.index) === which || (!('reason' in row) && row.entry.id === which));

/** Where the keyboard is: an entry, not a line, because lines move while new ones arrive. */
function useCursor(live: Live, route: Route, scrollTo: (at: number) => void) {
  const [cursor, setCursor] = useState<number>();
  const { entry, filter } = route;
  const opened = live.rows.findIndex((row) => isAt(row, entry));
  const at = opened >= 0 ? opened : live.rows.findIndex(({ index }) => index === cursor);

  useEffect(() => {
    const move = (by: number) => {
      const next = Math.min(Math.max(at < 0 ? 0 : at + by, 0), live.rows.length - 1);
      const row = live.rows[next];
      if (!row) return;
      setCursor(row.index);
      scrollTo(next);
      if (entry !== undefined && !('reason' in row)) go(link(row.entry.id, filter), 'replace');
    };
    const open = () => {
      const row = live.rows[at];
      if (row && !('reason' in row)) go(link(row.entry.id, filter));
    };
    const act = (key: string): boolean => {
      if (key === 'j' || key === 'ArrowDown') move(1);
      else if (key === 'k' || key === 'ArrowUp') move(-1);
      else if (key === 'e' || key === 'Enter') open();
      else if (key === 'Escape' && entry !== undefined) go(link(undefined, filter));
      else if (key === '/') document.getElementById(SEARCH_ID)?.focus();
      else return false;
      return true;
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.metaKey || event.ctrlKey || event.altKey) return;
      const target = event.target as HTMLElement;
      if (target.matches('input, select, textarea')) {
        if (event.key === 'Escape') target.blur();
        return;
      }
      // On a button or a link these keys are its own.
      if (event.key === 'Enter' && target.matches('button, a, summary')) return;
      if (act(event.key)) event.preventDefault();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [at, entry, filter, live.rows, scrollTo]);

  return live.rows[at]?.index;
}

function Empty({ live, filter }: { live: Live; filter: Filter }) {
  const late = useLate(live.state === 'loading');
  if (live.state === 'loading') {
    return late ? (
      <div className="skeleton rows-to-come" role="status" aria-label="loading" />
    ) : null;
  }
  if (live.rows.length > 0 || live.state === 'failed') return null;
  const narrowed = Object.keys(filter).length > 0;
  return (
    <div className="empty">
      <h2>{narrowed ? 'Nothing matches' : 'Nothing has happened yet'}</h2>
      <p>
        {narrowed
          ? live.more === undefined
            ? 'No entry of this log fits these filters.'
            : `None of the newest entries fits, back to entry ${number(live.more)}.`
          : 'Decisions show here as they are made: connect through the gateway and run a statement.'}
      </p>
      {narrowed ? (
        <button type="button" className="plain" onClick={() => go('/')}>
          Clear the filters
        </button>
      ) : (
        <code>npx sealrail sql "DELETE FROM customers"</code>
      )}
    </div>
  );
}

function Older({ live, entries }: { live: Live; entries: LiveEntries }) {
  if (live.more === undefined) {
    if (live.rows.length === 0) return null;
    return <p className="older">The log begins here.</p>;
  }
  return (
    <p className="older">
      {live.bounded && <span>Looked back to entry {number(live.more)}. </span>}
      <button
        type="button"
        className="plain"
        disabled={live.searching}
        onClick={() => entries.older()}
      >
        {live.bounded ? 'Keep looking' : 'Older entries'}
      </button>
    </p>
  );
}

const STATES = {
  loading: 'Connecting',
  live: 'Live',
  reconnecting: 'Reconnecting',
  failed: 'Disconnected',
} as const;

function Notice({ live }: { live: Live }) {
  const late = useLate(live.state === 'reconnecting');
  if (live.state === 'failed' || live.problem !== undefined) {
    return (
      <p className="notice deny" role="alert">
        <strong>{live.problem ?? 'The daemon does not answer.'}</strong>{' '}
        {live.rows.length > 0 ? 'What you see may be old. ' : ''}Trying again every two seconds.
      </p>
    );
  }
  if (live.state !== 'reconnecting' || !late) return null;
  return (
    <p className="notice hold" role="status">
      The connection was lost: what you see may be old. Reconnecting…
    </p>
  );
}

interface RowsProps {
  readonly live: Live;
  readonly route: Route;
  readonly cursor: number | undefined;
  readonly rows: Virtualizer<HTMLDivElement, Element>;
}

function Rows({ live, route, cursor, rows }: RowsProps) {
  return (
    <div className="canvas" style={{ height: rows.getTotalSize() }}>
      {rows.getVirtualItems().map(({ index, start, size }) => {
        const row = live.rows[index];
        if (!row) return null;
        const place = { height: size, transform: `translateY(${start}px)` };
        return (
          <div key={row.index} className="slot" style={place}>
            {'reason' in row ? (
              <UnreadableRow place={row} />
            ) : (
              <EntryRow
                view={row}
                state={stateOf(row.index, live)}
                filter={route.filter}
                current={row.index === cursor}
                open={isAt(row, route.entry)}
              />
            )}
          </div>
        );
      })}
    </div>
  );
}

function useRows(live: Live, scroller: RefObject<HTMLDivElement | null>) {
  const narrow = useNarrow();
  const rows = useVirtualizer({
    count: live.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (narrow ? NARROW_ROW_PX : ROW_PX),
    getItemKey: (at) => live.rows[at]?.index ?? at,
    overscan: 12,
  });
  const measured = useRef(narrow);
  useEffect(() => {
    if (measured.current === narrow) return;
    measured.current = narrow;
    rows.measure();
  }, [narrow, rows]);
  return rows;
}

export function LivePage({ route }: { route: Route }) {
  const { filter, entry } = route;
  const scroller = useRef<HTMLDivElement>(null);
  const [live, entries] = useLive(filter);
  const rows = useRows(live, scroller);
  const cursor = useCursor(live, route, (at) => rows.scrollToIndex(at));
  const onScroll = (element: HTMLDivElement) => {
    const { scrollTop, scrollHeight, clientHeight } = element;
    entries.follow(scrollTop < ROW_PX / 2);
    const nearEnd = scrollTop > 0 && scrollHeight - scrollTop - clientHeight < clientHeight;
    if (nearEnd && !live.bounded) entries.older();
  };
  return (
    <div className={`live${entry === undefined ? '' : ' with-drawer'}`}>
      <section className="list" aria-label="Entries">
        <header className="bar">
          <h1 className="unseen">Live</h1>
          <LiveFilters filter={filter} />
          <span className={`connection ${live.state}`} role="status">
            {STATES[live.state]}
          </span>
        </header>
        <Notice live={live} />
        <div className="rows" ref={scroller} onScroll={(event) => onScroll(event.currentTarget)}>
          {live.waiting > 0 && (
            <button
              type="button"
              className="pill"
              onClick={() => {
                entries.show();
                scroller.current?.scrollTo({ top: 0 });
              }}
            >
              ↑ {number(live.waiting)} new
            </button>
          )}
          <Empty live={live} filter={filter} />
          <Rows live={live} route={route} cursor={cursor} rows={rows} />
          <Older live={live} entries={entries} />
        </div>
      </section>
      {entry !== undefined && (
        <EntryDrawer
          which={entry}
          filter={filter}
          row={live.rows.find((row): row is View => isAt(row, entry) && !('reason' in row))}
          sizes={live}
          close={() => go(link(undefined, filter))}
        />
      )}
    </div>
  );
}
