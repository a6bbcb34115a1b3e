/** The history as the policies are asked about it: `context.meta.history`, the guard's to fill. Pure. */
import { type Action, type CedarRecord, EntityUid } from './decision.ts';
import type { HistorySnapshot } from './history.ts';
import { type Account, accountOfUid } from './history-event.ts';
import { isCedarRecord } from './value-json.ts';

/** Whatever a surface put there is replaced: it cannot know what other sessions did. */
export function withHistory(action: Action, history: HistorySnapshot): Action {
  let from: CedarRecord | undefined;
  let meta: CedarRecord = {};
  const requests = action.requests.map((request) => {
    const own = request.context.meta;
    if (!isCedarRecord(own)) return request;
    // Of one action: what is shared stays shared.
    if (own !== from) meta = { ...own, history: { ...history } };
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
  const { meta } = first.context;
  const caller = isCedarRecord(meta) ? meta.caller : undefined;
  if (!isCedarRecord(caller) || caller.chainProved !== true) return account;
  if (!(caller.onBehalfOf instanceof EntityUid)) return account;
  const { principal: root } = accountOfUid(caller.onBehalfOf);
  return root === account.principal ? account : { ...account, root };
}
