/** What a session did to the meaning of names: until it is undone, some of them mean nothing for certain. */
import { changesNames, type SqlEffect } from '@sealrail/facts';

/** How `facts` calls the making of a temporary object. */
const TEMPORARY = 'temporary objects';

export class Resolution {
  #pathChanged = false;
  /** Temporary objects stand before all others of their name; another role may see other schemas. */
  #shadowed = false;
  #uncommitted = false;

  /** False where unqualified names may mean something else than the catalog says. */
  get namesKnown(): boolean {
    return !this.#pathChanged && !this.#shadowed;
  }

  /** True while the open transaction holds DDL: the catalog that we see is not the one that it sees. */
  get uncommitted(): boolean {
    return this.#uncommitted;
  }

  /** True where judging what comes next has to wait: after this, names may mean something else. */
  mayChangeBy(effect: SqlEffect): boolean {
    const restores = effect.kind === 'reset' || effect.kind === 'discard-all';
    return changesNames(effect) || (restores && !this.namesKnown);
  }

  /**
   * A message with these effects ran, whole or in part. `final` where no later ROLLBACK can undo it: only
   * then a RESET makes anything known again.
   */
  happened(effects: readonly SqlEffect[], final: boolean): void {
    for (const effect of effects) {
      if (effect.kind === 'ddl') this.#uncommitted = true;
      else if (changesNames(effect)) this.#changed(effect);
    }
    const [only] = effects;
    if (!final || effects.length !== 1 || only?.kind !== 'reset') return;
    if (only.name === 'search_path' || only.name === 'all') this.#pathChanged = false;
  }

  /** DISCARD ALL: settings are those of the startup again, and temporary objects are gone. */
  discarded(): void {
    this.#pathChanged = false;
    this.#shadowed = false;
  }

  /** The transaction is over. True where it held DDL, so that the catalog has to be read again. */
  ended(): boolean {
    const changed = this.#uncommitted;
    this.#uncommitted = false;
    return changed;
  }

  #changed(effect: SqlEffect): void {
    const named = effect.kind === 'set' || effect.kind === 'reset' ? effect.name : undefined;
    if (named === 'search_path') this.#pathChanged = true;
    else if (named === TEMPORARY || named === 'role' || named === 'session_authorization') {
      this.#shadowed = true;
    } else {
      // Code that nobody looked into: it may have done either.
      this.#pathChanged = true;
      this.#shadowed = true;
    }
  }
}
