/** Opens units and portals of what was allowed, with what their obligations make of their results. */
import type { SqlReading } from '@sealrail/facts';
import type { Asked, Judge, Judged } from './judge.ts';
import { Showing, type ShowingOptions } from './showing.ts';
import { type Plans, statementPlans } from './shown-by.ts';
import type { Names, Portal } from './statements.ts';
import { openUnit, type Unit } from './unit.ts';

export type Shown = Pick<ShowingOptions, 'plans' | 'fields'>;

export interface UnitsOptions {
  readonly judge: Judge;
  readonly names: Names;
  /** What hashes in the place of values are made with. */
  readonly maskKey: Uint8Array;
}

export class Units {
  readonly #options: UnitsOptions;

  constructor({ judge, names, maskKey }: UnitsOptions) {
    this.#options = { judge, names, maskKey };
  }

  open(decisionId: string, reading: SqlReading, shown?: Shown): Unit {
    const { judge, maskKey } = this.#options;
    const { readOnly } = reading.facts;
    const showing = shown && new Showing({ ...shown, key: maskKey, readOnly });
    return openUnit(decisionId, { showing, seesPlainly: () => judge.seesPlainly(reading) });
  }

  /** By statement; what a FETCH shows is its cursor's, and bound as that was when it was declared. */
  plansOf({ plans }: Judged, reading: SqlReading, group: number | undefined): Plans | undefined {
    return statementPlans(plans, reading, (name) => {
      const found = this.#options.names.portals.look(name, group);
      return found.kind === 'known' ? found.value.plan : undefined;
    });
  }
}

/** Comments are out of a template; a cursor that is held without our seeing it is an unknown name later. */
export function cursorOf(
  query: Asked,
  { facts }: SqlReading,
  made: Pick<Portal, 'madeFrom' | 'unit' | 'plan'>,
): Portal {
  const held = /\bWITH\s+HOLD\b/i.test(facts.template);
  const described = { known: false };
  return { text: query.text, binds: query.binds, bySql: true, held, described, ...made };
}
