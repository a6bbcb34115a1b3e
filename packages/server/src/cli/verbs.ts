/** A command whose first argument is a verb, such as `policy check`. */
import { nearest } from '../config/nearest.ts';
import { type Command, usage } from './io.ts';

export function commandOfVerbs(name: string, does: string, verbs: readonly Command[]): Command {
  const byName = new Map(verbs.map((verb) => [verb.line.split(' ')[1] ?? '', verb] as const));
  const line = `${name} ${[...byName.keys()].join('|')}`;
  const lines = verbs.map((verb) => `  sealrail ${verb.line.padEnd(38)} ${verb.does}`);
  return {
    line,
    does,
    help: `\n${lines.join('\n')}`,
    verbs: byName,
    run: async ([verb = '']) => {
      const meant = nearest(verb, [...byName.keys()]);
      throw usage(
        `${name} has no command ${JSON.stringify(verb)}`,
        meant === undefined ? `sealrail ${line}` : `did you mean sealrail ${name} ${meant}?`,
      );
    },
  };
}
