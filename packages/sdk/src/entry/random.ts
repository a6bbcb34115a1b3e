/** Random bytes from a stock: asking the system costs as much for a page of them as for a salt. */

const STOCK_BYTES = 4_096;

/** `fill` gives fresh bytes. No byte of the stock is given out twice. */
export function stockedRandom(fill: (bytes: number) => Uint8Array): (bytes: number) => Uint8Array {
  let stock = new Uint8Array(0);
  let used = 0;
  return (bytes) => {
    if (bytes > STOCK_BYTES / 4) return fill(bytes);
    if (used + bytes > stock.length) {
      stock = Uint8Array.from(fill(STOCK_BYTES));
      used = 0;
    }
    used += bytes;
    return stock.subarray(used - bytes, used);
  };
}
