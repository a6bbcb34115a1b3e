/** The log as commands see it: through the running daemon, or, where none runs, from its files. */
import { type EntryDetail, type EntryPage, EntryReader } from '../api/entries.ts';
import type { EntryFilter } from '../api/filter.ts';
import type { Config } from '../config/config.ts';
import { type Io, usage } from './io.ts';
import { openLogAtRest } from './log-at-rest.ts';
import { askDaemon, NoDaemon } from './place.ts';

export interface LogView {
  /** Newest first. `next` says where to go on. */
  page(query: PageQuery): Promise<EntryPage>;
  /** By index or id. */
  one(which: string): Promise<EntryDetail>;
  /** The bytes of a .tlog-proof file. */
  receipt(index: number): Promise<Uint8Array>;
}

export interface PageQuery extends EntryFilter {
  readonly limit: number;
  readonly before?: number;
}

/** Says so on stderr where it is the files that are read. */
export async function openLogView(config: Config, io: Io): Promise<LogView> {
  try {
    await askDaemon(config, '/api/checkpoint');
    return daemonView(config);
  } catch (error) {
    if (!(error instanceof NoDaemon)) throw error;
    io.say(`${error.message}: reading the published log in ${config.log.dir}`);
    return filesView(config);
  }
}

function daemonView(config: Config): LogView {
  const json = async <T>(path: string): Promise<T> =>
    (await (await askDaemon(config, path)).json()) as T;
  return {
    page: (query) => json(`/api/entries?${queryString(query)}`),
    one: (which) => json(`/api/entries/${which}`),
    receipt: async (index) => {
      const response = await askDaemon(config, `/api/receipts/${index}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}

export function queryString(query: object): URLSearchParams {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value));
  return parameters;
}

async function filesView(config: Config): Promise<LogView> {
  const log = await openLogAtRest(config.log);
  const reader = new EntryReader(log, `${config.log.dir}/log`);
  await reader.lookBack();
  return {
    page: ({ limit, before = log.size, ...filter }) => reader.list(before, limit, filter),
    receipt: (index) => log.receipt(index),
    one: async (which) => {
      const index = /^[0-9]+$/.test(which) ? Number(which) : await reader.indexOf(which);
      if (index === undefined || index >= log.size)
        throw usage(
          `there is no entry ${which}`,
          `the published log ends before entry ${log.size}`,
        );
      const found = await reader.one(index);
      if ('reason' in found) throw new Error(`entry ${index} cannot be read: ${found.reason}`);
      return found;
    },
  };
}
