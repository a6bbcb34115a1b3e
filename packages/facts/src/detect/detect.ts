/** Secrets and personal data in a text or in bytes: where they stand, or only of which kinds they are. Pure. */
import {
  type DetectedKind,
  type DetectedKinds,
  type Detection,
  isSecret,
  type PersonalKind,
  type SecretKind,
} from './finding.ts';
import { openScanner } from './scanner.ts';

/** Never throws. Offsets are those of the argument: UTF-16 code units of a string, or bytes. */
export function detect(content: string | Uint8Array): Detection {
  const scanner = openScanner();
  const findings = [...scanner.push(content), ...scanner.end()];
  return { findings, doubts: scanner.doubts };
}

/** The facts of a policy: kinds only, which is cheaper than where everything stands. */
export function detectKinds(content: string | Uint8Array): DetectedKinds {
  const known = new Set<DetectedKind>();
  const scanner = openScanner({ known });
  scanner.push(content);
  scanner.end();
  return { ...sortKinds(known), doubts: scanner.doubts };
}

export function sortKinds(
  kinds: Iterable<DetectedKind>,
): Pick<DetectedKinds, 'secrets' | 'personal'> {
  const secrets: SecretKind[] = [];
  const personal: PersonalKind[] = [];
  for (const kind of [...kinds].sort()) {
    if (isSecret(kind)) secrets.push(kind);
    else personal.push(kind);
  }
  return { secrets, personal };
}
