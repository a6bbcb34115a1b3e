/**
 * The nodes in an order in which each comes after those that it depends on, or a node that depends on
 * itself. With a stack of its own: a hostile schema makes chains as long as the schema.
 */
export function orderByDependency<Node>(
  nodes: Iterable<Node>,
  dependenciesOf: (node: Node) => Iterable<Node>,
): { readonly order: readonly Node[] } | { readonly cycle: Node } {
  const order = new Set<Node>();
  const open = new Set<Node>();
  for (const node of nodes) {
    const stack = [node];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      if (order.has(top) || open.has(top)) {
        open.delete(top);
        order.add(top);
        stack.pop();
        continue;
      }
      open.add(top);
      for (const next of dependenciesOf(top)) {
        if (open.has(next)) return { cycle: next };
        if (!order.has(next)) stack.push(next);
      }
    }
  }
  return { order: [...order] };
}
