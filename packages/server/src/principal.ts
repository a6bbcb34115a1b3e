/** A user as the policies see them, whichever surface they come through. Pure. */
import { type Entity, EntityUid } from '@sealrail/sdk';
import type { User } from './config/config.ts';

const TYPES = { human: 'Human', service: 'Service', agent: 'Agent' } as const;

export const principalOf = ({ type, name }: User): EntityUid => new EntityUid(TYPES[type], name);

/** The groups and roles, and last the user, who is in all of them. */
export function principalEntities(user: User): readonly Entity[] {
  const parents = [
    ...user.groups.map((id) => new EntityUid('Group', id)),
    ...user.roles.map((id) => new EntityUid('Role', id)),
  ];
  // How far an agent is trusted is for a registry of agents to say; until there is one, not at all.
  const attrs: Entity['attrs'] = user.type === 'agent' ? { trust: 0 } : {};
  return [
    ...parents.map((uid) => ({ uid, attrs: {}, parents: [] })),
    { uid: principalOf(user), attrs, parents },
  ];
}
