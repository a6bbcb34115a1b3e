/** Where in a JSON value something stands, spelled out only when it is wrong. */
export class Place {
  readonly #parent: Place | undefined;
  readonly #name: string | number;

  constructor(name: string | number, parent?: Place) {
    this.#name = name;
    this.#parent = parent;
  }

  at(name: string | number): Place {
    return new Place(name, this);
  }

  /** `policy.conditions[0].body["&&"].left` */
  toString(): string {
    const steps: (string | number)[] = [];
    for (let place: Place | undefined = this; place !== undefined; place = place.#parent) {
      steps.push(place.#name);
    }
    const [first, ...rest] = steps.reverse();
    const text = `${first}${rest.map(step).join('')}`;
    return text.length <= TEXT_LENGTH_MAX
      ? text
      : `…${text.slice(-TEXT_LENGTH_MAX).toWellFormed()}`;
  }
}

/** The innermost part of a long one is what helps. */
const TEXT_LENGTH_MAX = 300;

function step(name: string | number): string {
  if (typeof name === 'number') return `[${name}]`;
  return /^[A-Za-z_]\w*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** What is wrong with a JSON form, and where. */
export interface JsonError {
  readonly message: string;
  readonly place: string;
}

/** Never leaves this folder. */
export class JsonFailure extends Error {
  readonly place: Place;

  constructor(message: string, place: Place) {
    super(message);
    this.place = place;
  }
}

/** Anything else that was thrown is a bug and goes on. */
export function toJsonErrors(failure: unknown): readonly JsonError[] {
  if (!(failure instanceof JsonFailure)) throw failure;
  return [{ message: failure.message, place: failure.place.toString() }];
}
