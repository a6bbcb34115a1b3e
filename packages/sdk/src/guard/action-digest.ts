/**
 * What a grant is bound to: who is about to do exactly what. Clock and history are not part of it, or no
 * action could be asked for twice; every fact and every byte is.
 */
import { createHmac } from 'node:crypto';
import { encodeCanonical } from '../entry/canonical.ts';
import type { Json } from '../entry/entry.ts';
import type { Act } from './guard.ts';
import { jsonOf } from './value-json.ts';

/** Keyed, because it stands in entries: a plain hash of a short text is the text to whoever tries them all. */
export function digestAction(act: Act, key: Uint8Array): string {
  const { action, target, principal, onBehalfOf = [], values } = act;
  const requests = action.requests.map(({ context, ...request }) => {
    const { meta: _, ...facts } = context;
    return { ...request, facts: jsonOf(facts) };
  });
  const exact = { v: 1, target, principal, onBehalfOf, requests, values };
  const text = encodeCanonical(exact as unknown as Json);
  return createHmac('sha256', key).update('sealrail action\0').update(text).digest('hex');
}
