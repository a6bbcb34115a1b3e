/** What a text does to the names of its session: each change counts when its own command tag comes. */
import type { Effect } from './judge.ts';
import type { Change, Names, Portal, Prepared } from './statements.ts';

/** Command tags of what changes names, and the effect that they confirm. */
const TAGS: ReadonlyMap<string, Effect['kind']> = new Map([
  ['PREPARE', 'prepare'],
  ['DEALLOCATE', 'deallocate'],
  ['DEALLOCATE ALL', 'deallocate'],
  ['DECLARE CURSOR', 'declare'],
  ['CLOSE CURSOR', 'close'],
  ['CLOSE CURSOR ALL', 'close'],
  ['DISCARD ALL', 'discard-all'],
]);
const KINDS = new Set<Effect['kind']>(TAGS.values());

interface Step {
  readonly kind: Effect['kind'];
  readonly prepared?: Change<Prepared>;
  readonly portals?: Change<Portal>;
}

export interface NameChangesOptions {
  readonly names: Names;
  readonly effects: readonly Effect[];
  readonly group: number | undefined;
  /** The portal that the next cursor of the text would be. */
  readonly cursor: () => Portal;
  /** Portals that are gone. */
  readonly gone: (portals: readonly Portal[]) => void;
}

/**
 * PREPARE and DEALLOCATE are not undone by a ROLLBACK, nor by the failure of a later statement of the same
 * message: so they are counted one by one, in order, as the server says that each is done.
 */
export class NameChanges {
  readonly #options: NameChangesOptions;
  #steps: Step[];

  constructor(options: NameChangesOptions) {
    this.#options = options;
    this.#steps = options.effects.filter(({ kind }) => KINDS.has(kind)).map((one) => this.#of(one));
    for (const { prepared, portals } of this.#steps) {
      if (prepared) options.names.prepared.begin(prepared);
      if (portals) options.names.portals.begin(portals);
    }
  }

  tag(tag: string): void {
    const kind = TAGS.get(tag);
    if (kind === undefined) return;
    const { prepared, portals } = this.#options.names;
    const step = this.#steps.shift();
    if (step?.kind !== kind) {
      // The server did something else than what was read: then nothing is known of any name.
      if (step) this.#abandon(step);
      prepared.clear(() => true);
      this.#options.gone(portals.clear(() => true));
      return;
    }
    if (step.prepared) prepared.commit(step.prepared);
    if (step.portals) this.#options.gone(portals.commit(step.portals));
  }

  /** No more tags will come. */
  over(): void {
    for (const step of this.#steps) this.#abandon(step);
    this.#steps = [];
  }

  #abandon({ prepared, portals }: Step): void {
    if (prepared) this.#options.names.prepared.abandon(prepared);
    if (portals) this.#options.names.portals.abandon(portals);
  }

  #of(effect: Effect): Step {
    const { group, cursor } = this.#options;
    switch (effect.kind) {
      case 'prepare': {
        const value = { text: effect.text, bySql: true };
        return { kind: effect.kind, prepared: { name: effect.name, value, group } };
      }
      case 'deallocate':
        return { kind: effect.kind, prepared: { name: effect.name, value: undefined, group } };
      case 'declare':
        return { kind: effect.kind, portals: { name: effect.name, value: cursor(), group } };
      case 'close':
        return { kind: effect.kind, portals: { name: effect.name, value: undefined, group } };
      default: {
        const all = { name: undefined, value: undefined, group };
        return { kind: effect.kind, prepared: all, portals: all };
      }
    }
  }
}
