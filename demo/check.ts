/** Something that the demo promises did not hold. */
export class CheckFailed extends Error {}

export function check(holds: boolean, what: string): void {
  if (!holds) throw new CheckFailed(`check failed: ${what}`);
}
