import { CedarError } from '../engine/error.ts';

interface Vertex {
  readonly layer: object;
  readonly uid: { readonly type: string };
  readonly known: readonly Vertex[];
}

/**
 * Of one layer: a base has none and does not point back. Depth first without recursion, since a hostile chain of parents is as deep as it is long.
 */
export function rejectCycles(vertices: readonly Vertex[], layer: object): void {
  const done = new Set<Vertex>();
  const open = new Set<Vertex>();
  for (const start of vertices) {
    if (start.known.length === 0 || done.has(start)) continue;
    const path: { readonly vertex: Vertex; next: number }[] = [{ vertex: start, next: 0 }];
    open.add(start);
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const parent = step.vertex.known[step.next++];
      if (parent === undefined) {
        open.delete(step.vertex);
        done.add(step.vertex);
        path.pop();
      } else if (open.has(parent)) {
        throw new CedarError(
          'CEDAR_ENTITIES',
          `the parents of an entity of type ${parent.uid.type} lead back to it`,
        );
      } else if (parent.known.length > 0 && parent.layer === layer && !done.has(parent)) {
        open.add(parent);
        path.push({ vertex: parent, next: 0 });
      }
    }
  }
}
