/** The history as the policies are asked about it: `context.meta.history`, the guard's to fill. Pure. */
import type { Action, CedarValue, EntityUid } from './decision.ts';
import type { HistorySnapshot } from './history.ts';
import { type Account, accountOfUid } from './history-event.ts';

type CedarRecord = Readonly<Record<string, CedarValue>>;

/** Whatever a surface put there is replaced: it cannot know what other sessions did. */
export function withHistory(action: Action, history: HistorySnapshot): Action {
  let from: CedarRecord | undefined;
  let meta: CedarRecord = {};
  const requests = action.requests.map((request) => {
    const own = recordOf(request.context.meta);
    if (own === undefined) return request;
    // Of one action: what is shared stays shared.
    if (own !== from) meta = { ...own, history: history as unknown as CedarValue };
    from = own;
    return { ...request, context: { ...request.context, meta } };
  });
  return { ...action, requests };
}

/** Whose action it is, where only the policies' view of it is there. */
export function accountOfAction({ requests }: Action): Account | undefined {
  const [first] = requests;
  if (first === undefined) return undefined;
  const account = accountOfUid(first.principal);
  const caller = recordOf(recordOf(first.context.meta)?.caller);
  const human = recordOf(caller?.onBehalfOf)?.__entity;
  if (caller?.chainProved !== true || human === undefined) return account;
  const { principal: root } = accountOfUid(human as unknown as EntityUid);
  return root === account.principal ? account : { ...account, root };
}

function recordOf(value: CedarValue | undefined): CedarRecord | undefined {
  const isRecord = typeof value === 'object' && !Array.isArray(value);
  return isRecord ? (value as CedarRecord) : undefined;
}
