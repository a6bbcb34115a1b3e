/** Entries as they come, from the daemon's stream of server-sent events. */
import type { EntryView, Unreadable } from '../api/entries.ts';
import type { EntryFilter } from '../api/filter.ts';
import type { Config } from '../config/config.ts';
import { queryString } from './log-view.ts';
import { askDaemon, NoDaemon } from './place.ts';

interface Event {
  readonly name: string;
  readonly data: string;
}

/** One event may hold an entry, its outcome and its text; more than this is no event of ours. */
const EVENT_LENGTH_MAX = 1 << 20;

/**
 * Calls back for each entry from an index on, and for each place whose bytes are none. Where the stream
 * ends because this reader fell behind, it is asked for again from there; resolves when the daemon has
 * ended.
 */
export async function followEntries(
  config: Config,
  from: number,
  filter: EntryFilter,
  seen: (view: EntryView | Unreadable) => void,
): Promise<void> {
  let next = from;
  for (;;) {
    let response: Response;
    try {
      response = await askDaemon(config, `/api/stream?${queryString({ ...filter, from: next })}`);
    } catch (error) {
      if (error instanceof NoDaemon) return;
      throw error;
    }
    for await (const { name, data } of events(response)) {
      if (name === 'entry' || name === 'unreadable') {
        const view = JSON.parse(data) as EntryView | Unreadable;
        next = view.index + 1;
        seen(view);
      } else if (name === 'lagging') next = (JSON.parse(data) as { from: number }).from;
    }
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html, as far as the daemon writes it. */
async function* events(response: Response): AsyncGenerator<Event> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        yield parse(text.slice(0, end));
        text = text.slice(end + 2);
      }
      if (text.length > EVENT_LENGTH_MAX) return;
    }
  } catch {
    // The daemon stopped in the middle of a piece: what was whole has been shown.
  }
}

function parse(block: string): Event {
  const field = (name: string): string =>
    block
      .split('\n')
      .find((one) => one.startsWith(`${name}: `))
      ?.slice(name.length + 2) ?? '';
  return { name: field('event'), data: field('data') };
}
