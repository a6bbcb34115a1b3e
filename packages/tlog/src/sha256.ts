/**
 * SHA-256 (FIPS 180-4), synchronous and without a platform: browsers offer only an asynchronous
 * one, and proofs are checked hash by hash. Node passes `crypto.hash` in instead (node.ts).
 */

/** 32 bytes of SHA-256 over the data. */
export type Sha256 = (data: Uint8Array) => Uint8Array;

export const HASH_BYTES = 32;
const BLOCK_BYTES = 64;

// §4.2.2 and §5.3.3: the first 32 bits of the fractional parts of the cube roots of the first 64
// primes, and of the square roots of the first 8.
const PRIMES = /* @__PURE__ */ primes(64);
const K = /* @__PURE__ */ Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const INITIAL = /* @__PURE__ */ Int32Array.from(PRIMES.slice(0, 8), (prime) =>
  fraction(Math.sqrt(prime)),
);

function primes(count: number): number[] {
  const found: number[] = [];
  for (let n = 2; found.length < count; n++)
    if (found.every((prime) => n % prime !== 0)) found.push(n);
  return found;
}

function fraction(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

// One of each for all calls: hashing is synchronous, so no two calls are ever at work at once, and
// an allocation a hash would cost as much as the hash.
const state = new Int32Array(8);
const schedule = new Int32Array(64);
const lastBlocks = new Uint8Array(2 * BLOCK_BYTES);

export const sha256: Sha256 = (data) => {
  state.set(INITIAL);
  const whole = data.length - (data.length % BLOCK_BYTES);
  for (let at = 0; at < whole; at += BLOCK_BYTES) compress(data, at);
  const end = pad(data, whole);
  for (let at = 0; at < end; at += BLOCK_BYTES) compress(lastBlocks, at);
  const out = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) out[i] = word(state, i >> 2) >>> (24 - (i & 3) * 8);
  return out;
};

/** §5.1.1: what is left of the data, a one bit, zeros, the length in bits; one block or two. */
function pad(data: Uint8Array, whole: number): number {
  const rest = data.length - whole;
  lastBlocks.fill(0);
  lastBlocks.set(data.subarray(whole));
  lastBlocks[rest] = 0x80;
  const end = rest + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
  // The length in bits passes 32 bits at 512 MB, so it is written as two halves.
  const high = Math.floor(data.length / 2 ** 29);
  const low = (data.length << 3) >>> 0;
  for (let i = 0; i < 4; i++) {
    lastBlocks[end - 8 + i] = high >>> (24 - i * 8);
    lastBlocks[end - 4 + i] = low >>> (24 - i * 8);
  }
  return end;
}

/** Every index below is in range by construction; `?? 0` is what tells the compiler so. */
const word = (words: Int32Array, i: number): number => words[i] ?? 0;
const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

/** §6.2.2 over the 64 bytes at `at`. */
function compress(bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    const from = at + i * 4;
    w[i] =
      ((bytes[from] ?? 0) << 24) |
      ((bytes[from + 1] ?? 0) << 16) |
      ((bytes[from + 2] ?? 0) << 8) |
      (bytes[from + 3] ?? 0);
  }
  for (let i = 16; i < 64; i++) {
    const early = word(w, i - 15);
    const late = word(w, i - 2);
    const s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
    const s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
    w[i] = (word(w, i - 16) + s0 + word(w, i - 7) + s1) | 0;
  }
  let a = word(state, 0);
  let b = word(state, 1);
  let c = word(state, 2);
  let d = word(state, 3);
  let e = word(state, 4);
  let f = word(state, 5);
  let g = word(state, 6);
  let h = word(state, 7);
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + word(K, i) + word(w, i)) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (c & (a ^ b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = word(state, 0) + a;
  state[1] = word(state, 1) + b;
  state[2] = word(state, 2) + c;
  state[3] = word(state, 3) + d;
  state[4] = word(state, 4) + e;
  state[5] = word(state, 5) + f;
  state[6] = word(state, 6) + g;
  state[7] = word(state, 7) + h;
}
