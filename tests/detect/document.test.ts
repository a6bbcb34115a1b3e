import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DOCUMENT, detectorsDocument } from '../../scripts/detectors.ts';

test('docs/detectors.md says what the rules say (node scripts/detectors.ts writes it)', () => {
  expect(readFileSync(DOCUMENT, 'utf8')).toBe(detectorsDocument());
});
