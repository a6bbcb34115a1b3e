/**
 * What a process and the guard that it decides through say to each other: frames of a length (u32, big-endian)
 * and as many bytes of JSON. Values of Cedar stand in Cedar's own JSON form.
 */
import {
  type Json as CedarJson,
  EntityUid,
  entitiesFromJson,
  entitiesToJson,
  recordFromJson,
} from '@sealrail/cedar';
import type { Json, OutcomeFields } from '../entry/entry.ts';
import type { About } from '../entry/recorder.ts';
import type { Action, Request } from '../guard/decision.ts';
import type { Act, Decided } from '../guard/guard.ts';
import { jsonOf } from '../guard/value-json.ts';

/** A longer one ends the connection: nobody can make the other side hold more than this for a message. */
export const FRAME_BYTES_MAX = 4 << 20;
const LENGTH_BYTES = 4;

export type Question =
  | { readonly id: number; readonly kind: 'decide'; readonly act: Json }
  | {
      readonly id: number;
      readonly kind: 'outcome';
      readonly outcome: Omit<OutcomeFields, 'kind'>;
      readonly about: About;
    };

/** Durable when it is sent. */
export type RemoteDecided = Omit<Decided, 'durable'>;

export type Reply =
  | { readonly id: number; readonly decided: RemoteDecided }
  | { readonly id: number; readonly index: number }
  | { readonly id: number; readonly refused: string };

/** Undefined for a message that is too long to be sent. */
export function frameOf(message: Question | Reply): Buffer | undefined {
  const body = Buffer.from(JSON.stringify(message));
  if (body.length > FRAME_BYTES_MAX) return undefined;
  const frame = Buffer.alloc(LENGTH_BYTES + body.length);
  frame.writeUInt32BE(body.length);
  frame.set(body, LENGTH_BYTES);
  return frame;
}

/** Messages of a stream, in whatever pieces it comes. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #bytes = 0;

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** The next whole message as parsed; undefined while there is none. Throws where it is none. */
  next(): unknown {
    if (this.#bytes < LENGTH_BYTES) return undefined;
    const all = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    if (all === undefined) return undefined;
    this.#pieces = [all];
    const length = all.readUInt32BE();
    if (length > FRAME_BYTES_MAX) throw new RangeError(`a frame of ${length} bytes`);
    if (all.length < LENGTH_BYTES + length) return undefined;
    const rest = all.subarray(LENGTH_BYTES + length);
    this.#pieces = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    return JSON.parse(all.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length));
  }
}

/** Throws CedarError for a value that has no JSON form. */
export function actToJson({ action, meta, ...act }: Act): Json {
  const requests = action.requests.map(({ principal, action: name, resource, context }) => ({
    principal: { type: principal.type, id: principal.id },
    action: name,
    resource: { type: resource.type, id: resource.id },
    context: jsonOf(context),
  }));
  return {
    ...(act as unknown as { readonly [name: string]: Json }),
    meta: jsonOf(meta),
    action: {
      requests,
      entities: entitiesToJson(action.entities) as Json,
      ...(action.rejected === undefined ? {} : { rejected: action.rejected }),
    },
  };
}

interface ActionJson {
  readonly requests: readonly (Omit<Request, 'context'> & { readonly context: CedarJson })[];
  readonly entities: CedarJson;
  readonly rejected?: string;
}

/** Throws TypeError or CedarError for what is none. */
export function actFromJson(json: Json): Act {
  const { action, meta, ...act } = json as unknown as Omit<Act, 'action' | 'meta'> & {
    readonly action: ActionJson;
    readonly meta: CedarJson;
  };
  if (act.mode !== 'observe' && act.mode !== 'enforce') throw new TypeError('no mode');
  const made: Action = {
    requests: action.requests.map(({ principal, action: name, resource, context }) => ({
      principal: new EntityUid(principal.type, principal.id),
      action: name,
      resource: new EntityUid(resource.type, resource.id),
      context: recordFromJson(context),
    })),
    entities: entitiesFromJson(action.entities),
    ...(action.rejected === undefined ? {} : { rejected: action.rejected }),
  };
  return { ...act, action: made, meta: recordFromJson(meta) };
}
