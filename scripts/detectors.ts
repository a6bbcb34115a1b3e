/** `node scripts/detectors.ts` writes docs/detectors.md from the table of rules and the labelled texts. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PERSONAL_KINDS, SECRET_KINDS } from '../packages/facts/src/detect/finding.ts';
import { VALUE_LENGTH_MAX } from '../packages/facts/src/detect/rule.ts';
import { RULES } from '../packages/facts/src/detect/rules/rules.ts';
import { WINDOW_LENGTH } from '../packages/facts/src/detect/scanner.ts';
import { ENCODINGS_DEPTH_MAX } from '../packages/facts/src/detect/window.ts';
import { DETECT_LENGTH_MAX } from '../packages/server/src/gateway/postgres/detected.ts';
import { halves, measure } from '../tests/detect/quality.ts';

export const DOCUMENT = fileURLToPath(new URL('../docs/detectors.md', import.meta.url));

export function detectorsDocument(): string {
  return `# Detectors of secrets and personal data

<!-- Written by scripts/detectors.ts from the rules themselves; a test fails when it is not current. -->

Policies read which kinds of secrets and of personal data an action carries:

\`\`\`cedar
@id("no-cards") @severity("critical")
@message("card numbers are not stored here") @hint("store the token of the payment provider")
forbid (principal, action in [Action::"sql.insert", Action::"sql.update"], resource)
when { context.meta.detected.personal.contains("pan") };
\`\`\`

\`context.meta.detected.secrets\` has ${words(SECRET_KINDS)}; \`context.meta.detected.personal\` has
${words(PERSONAL_KINDS)}. Facts and entries hold these words and never what was found. What was not looked
at to its end is the doubt \`detector-failed\`, and an action with a doubt is denied as not understood.

## Rules

${RULES.length} rules. A rule is tried only where something stands without which it cannot match; its pattern is
linear (no look-around, no back-references, no repeat without a bound); then a validator decides: check digits,
lengths by issuer or country, a header that decodes, entropy, the words around it.

| rule | kind | finds |
|---|---|---|
${RULES.map(({ id, kind, about }) => `| \`${id}\` | ${kind} | ${about.replaceAll('|', '\\|')} |`).join('\n')}

## What it looks through

- Escapes: \`%34\` of URLs, \`\\x34\`, \`\\u0034\`, \`\\u{34}\`, \`\\U00000034\` and \`\\064\` of JSON, SQL and other
  languages, \`&#52;\` and \`&#x34;\` of HTML.
- Invisible characters (zero-width spaces and joiners, soft hyphens, marks of direction) are left out; digits,
  letters, dashes and spaces of other shapes (full width, Arabic and Devanagari digits, no-break spaces) are read
  as ASCII's.
- Base64 in both alphabets and hexadecimal: every run of 20 characters or more, wherever in it the encoded thing
  begins. Up to ${ENCODINGS_DEPTH_MAX} encodings inside of each other; one that is deeper is a doubt.
- Card numbers in groups of any even size with spaces, dashes, dots or underscores.
- Bytes are read as UTF-8; what is no UTF-8 separates.

## Where the PostgreSQL gateway looks

In the text of a statement (literals, comments, everything) and in what is bound to it: as text; and in binary as
text, and as int8, numeric or an array of them. Up to ${(DETECT_LENGTH_MAX >> 20).toFixed(0)} Mi characters of one message; past that, a doubt.

In the data of COPY FROM STDIN while it passes, in the binary format too: what it brings is decided as an action of
its own, before the server is told that the data is over. Where that is denied the server is told to give the COPY
up, and nothing of it stays. Data that no statement announced (a COPY inside of what is not understood, on a target
that is only observed) is not looked at.

## What it does not see

- What is split: over two literals that SQL puts together (\`'4111' || '1111…'\`), over two values, over two
  statements; what is computed, encrypted, compressed, reversed, spelled in words, or in a picture.
- UTF-16 inside of base64, base32, base85, ASCII armour with line breaks every few characters, \`U&'\\0034'\`
  literals of SQL, and encodings of less than 20 characters.
- Secrets without a form of their own that stand under a name that says nothing; passwords without a name beside
  them; national telephone numbers, and identity numbers without enough check digits, without the word that says
  what they are. A bound value has no column name beside it: there, only what is recognised by itself is found.
- Names, addresses of streets, health data: nothing that takes a language to understand.
- A number of 16 digits that an issuer could have given and that passes Luhn's test is taken for a card, whatever
  it is called: of random numbers with such a beginning one in ten does.

## How often it is right

\`node tests/detect/quality.ts\` measures it over texts with labels: made up, or published as examples. One set is
written by hand, one is generated from templates that were looked at while the rules were made, one from templates
of which only figures were looked at. All three were thought of by those who wrote the rules, so the figures say
that nothing known is broken; they do not say how often it is right about your data.

${Object.entries(halves())
  .map(([name, cases]) => figures(name, cases))
  .join('\n\n')}

## Streams

\`openScanner()\` takes text or bytes in chunks of any size and finds exactly what \`detect()\` finds in the whole,
with offsets of the whole. It keeps one window of ${WINDOW_LENGTH.toLocaleString('en')} units and what is seen on both sides of it.
A value is spanned up to ${VALUE_LENGTH_MAX.toLocaleString('en')} units; of a longer one the kind is known and its end is a doubt.
`;
}

const words = (kinds: readonly string[]): string => kinds.map((kind) => `\`${kind}\``).join(', ');

function figures(name: string, cases: Parameters<typeof measure>[0]): string {
  const { rows } = measure(cases);
  const lines = rows.map(
    ({ kind, found, missed, wrong, precision, recall }) =>
      `| ${kind} | ${found} | ${missed} | ${wrong} | ${precision.toFixed(3)} | ${recall.toFixed(3)} |`,
  );
  return `### ${name}: ${cases.length} texts\n\n| kind | found | missed | wrong | precision | recall |\n|---|---|---|---|---|---|\n${lines.join('\n')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(DOCUMENT, detectorsDocument());
