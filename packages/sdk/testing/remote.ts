/** What processes that decide through one guard are about to do: all the same, by the same agent. */
import type { Act } from '../src/guard/guard.ts';
import { actionOf } from './sql.ts';

export const remoteAct = (more: Partial<Act> = {}): Act => ({
  action: actionOf({ verb: 'insert', type: 'Agent', id: 'bot' }),
  target: 'shop',
  mode: 'enforce',
  principal: { type: 'agent', id: 'bot', proof: 'token' },
  session: 's1',
  resources: [],
  values: [{ at: '/bytes', value: 'INSERT' }],
  facts: { sql: {} },
  meta: {},
  ...more,
});
