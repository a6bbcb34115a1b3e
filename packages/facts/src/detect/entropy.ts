/** Tells what is drawn at random from what a person wrote, as far as a few characters can tell. */

/** Shannon entropy of the characters, in bits each; 0 for the empty text. */
export function entropyBits(text: string): number {
  const counts = new Map<number, number>();
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** Things that stand where a secret would, in documents, templates and code. */
const PLACEHOLDER =
  /^(?:[$%#@]?[{([<]|\$[0-9]|\$[A-Z_]+$|%[a-z(]|:[a-z_]+$|@[a-z_]+$|\*+$|\.{2,}|x+$|_+$|-+$|0+$|your|my[-_ ]|the[-_ ]|some[-_ ]|todo|fixme|null|none|undefined|true|false|n\/a|redact|masked|hidden|placeholder|change[-_ ]?me|insert|example|sample|dummy|process\.env|os\.environ|env[.:(]|getenv|file:|exec:|vault:|ref:|secretref|arn:)/i;
const PLACEHOLDER_INSIDE =
  /\$\{|\{\{|<[a-z_ -]+>|\*{3}|x{4,}|\.\.\.|[-_ ]here$|placeholder|redacted|process\.env/i;

export const isPlaceholder = (value: string): boolean =>
  PLACEHOLDER.test(value) || PLACEHOLDER_INSIDE.test(value);

/** `config.db.password`, `user_name`, `MyClass::field`: names of things, not the things. */
export const isNameChain = (value: string): boolean =>
  /^[A-Za-z_$][A-Za-z_$]*(?:(?:\.|->|::)[A-Za-z_$][\w$]*)*$/.test(value) ||
  /^[a-z_$][\w$]*(?:\.[a-z_$][\w$]*)+$/i.test(value);

/** True for what looks drawn at random: long, mixed, and no words joined by dashes. */
export function looksRandom(value: string, bits: number): boolean {
  if (!/[0-9]/.test(value) || !/[A-Za-z]/.test(value)) return false;
  if (isPlaceholder(value) || isNameChain(value)) return false;
  // Words with a number behind them: `rate-limit-bucket-2`, `my_service_v1`.
  const parts = value.split(/[-_./:]/).filter((part) => part !== '');
  if (
    parts.every((part) =>
      /^[A-Za-z]{2,}[0-9]{0,4}$|^[0-9]{1,4}$|^[A-Za-z][0-9]{0,4}$/.test(part),
    ) &&
    !hasMixedRun(value)
  )
    return false;
  return entropyBits(value) >= bits;
}

/** A piece without separators in which digits and letters change places: `a8Fk29`. */
const hasMixedRun = (value: string): boolean => /[A-Za-z][0-9]+[A-Za-z]+[0-9]/.test(value);
