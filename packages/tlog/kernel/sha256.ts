/**
 * SHA-256 of many messages at once, four in the lanes of each vector. AssemblyScript: `scripts/kernel.ts`
 * compiles it into src/hashing/kernel.generated.ts, and a test compiles it anew and compares.
 *
 * Memory, in bytes, written by the caller:
 *   MESSAGES   message i of a batch in a slot of whole blocks; the slot's end is padding, which is made here
 *   OFFSETS    u32 offset of each slot
 *   LENGTHS    u32 length of each message
 *   DIGESTS    32 bytes for each message, in order
 */

const K_AT: usize = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
/** The message schedule of four blocks: 64 vectors. */
const W_AT: usize = memory.data(1024, 16);
/** State of four lanes: 8 vectors. */
const H_AT: usize = memory.data(128, 16);

/** Room that the caller may use: from here to the end of memory, which it grows as it needs. */
export const FREE: usize = __heap_base;

@inline
function rotr(x: v128, n: i32): v128 {
  return v128.or(i32x4.shr_u(x, n), i32x4.shl(x, 32 - n));
}

@inline
function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

@inline
function bigSigma1(e: v128): v128 {
  return v128.xor(v128.xor(rotr(e, 6), rotr(e, 11)), rotr(e, 25));
}

@inline
function bigSigma0(a: v128): v128 {
  return v128.xor(v128.xor(rotr(a, 2), rotr(a, 13)), rotr(a, 22));
}

/** h + Σ1(e) + Ch(e, f, g) + K + W. */
@inline
function first(e: v128, f: v128, g: v128, h: v128, i: usize): v128 {
  const kw = add(v128.load32_splat(K_AT + (i << 2)), v128.load(W_AT + (i << 4)));
  return add(add(h, bigSigma1(e)), add(v128.bitselect(f, g, e), kw));
}

/** Σ0(a) + Maj(a, b, c); where a and b differ, c decides. */
@inline
function second(a: v128, b: v128, c: v128): v128 {
  return add(bigSigma0(a), v128.bitselect(c, b, v128.xor(a, b)));
}

/** Four big-endian words of each lane, turned so that each vector holds one word of every lane. */
@inline
function loadWords(at: usize, p0: usize, p1: usize, p2: usize, p3: usize): void {
  const a = v128.load(p0);
  const b = v128.load(p1);
  const c = v128.load(p2);
  const d = v128.load(p3);
  const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5);
  const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
  const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5);
  const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
  v128.store(at, swap(i64x2.shuffle(ab0, cd0, 0, 2)));
  v128.store(at, swap(i64x2.shuffle(ab0, cd0, 1, 3)), 16);
  v128.store(at, swap(i64x2.shuffle(ab1, cd1, 0, 2)), 32);
  v128.store(at, swap(i64x2.shuffle(ab1, cd1, 1, 3)), 48);
}

@inline
function swap(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
}

/** One block of each lane; lanes whose bit in `mask` is clear keep their state. */
function compress(p0: usize, p1: usize, p2: usize, p3: usize, mask: v128): void {
  loadWords(W_AT, p0, p1, p2, p3);
  loadWords(W_AT + 64, p0 + 16, p1 + 16, p2 + 16, p3 + 16);
  loadWords(W_AT + 128, p0 + 32, p1 + 32, p2 + 32, p3 + 32);
  loadWords(W_AT + 192, p0 + 48, p1 + 48, p2 + 48, p3 + 48);
  for (let i: usize = W_AT + 256; i < W_AT + 1024; i += 16) {
    const w15 = v128.load(i - 240);
    const w2 = v128.load(i - 32);
    const s0 = v128.xor(v128.xor(rotr(w15, 7), rotr(w15, 18)), i32x4.shr_u(w15, 3));
    const s1 = v128.xor(v128.xor(rotr(w2, 17), rotr(w2, 19)), i32x4.shr_u(w2, 10));
    v128.store(i, add(add(v128.load(i - 256), s0), add(v128.load(i - 112), s1)));
  }
  let a = v128.load(H_AT);
  let b = v128.load(H_AT, 16);
  let c = v128.load(H_AT, 32);
  let d = v128.load(H_AT, 48);
  let e = v128.load(H_AT, 64);
  let f = v128.load(H_AT, 80);
  let g = v128.load(H_AT, 96);
  let h = v128.load(H_AT, 112);
  // Eight rounds at a time, so that the variables change their roles and not their values.
  for (let i: usize = 0; i < 64; i += 8) {
    let t = first(e, f, g, h, i);
    d = add(d, t);
    h = add(t, second(a, b, c));
    t = first(d, e, f, g, i + 1);
    c = add(c, t);
    g = add(t, second(h, a, b));
    t = first(c, d, e, f, i + 2);
    b = add(b, t);
    f = add(t, second(g, h, a));
    t = first(b, c, d, e, i + 3);
    a = add(a, t);
    e = add(t, second(f, g, h));
    t = first(a, b, c, d, i + 4);
    h = add(h, t);
    d = add(t, second(e, f, g));
    t = first(h, a, b, c, i + 5);
    g = add(g, t);
    c = add(t, second(d, e, f));
    t = first(g, h, a, b, i + 6);
    f = add(f, t);
    b = add(t, second(c, d, e));
    t = first(f, g, h, a, i + 7);
    e = add(e, t);
    a = add(t, second(b, c, d));
  }
  step(0, a, mask);
  step(16, b, mask);
  step(32, c, mask);
  step(48, d, mask);
  step(64, e, mask);
  step(80, f, mask);
  step(96, g, mask);
  step(112, h, mask);
}

@inline
function step(at: usize, value: v128, mask: v128): void {
  const old = v128.load(H_AT + at);
  v128.store(H_AT + at, add(old, v128.and(value, mask)));
}

function begin(): void {
  v128.store(H_AT, i32x4.splat(0x6a09e667));
  v128.store(H_AT, i32x4.splat(0xbb67ae85), 16);
  v128.store(H_AT, i32x4.splat(0x3c6ef372), 32);
  v128.store(H_AT, i32x4.splat(0xa54ff53a), 48);
  v128.store(H_AT, i32x4.splat(0x510e527f), 64);
  v128.store(H_AT, i32x4.splat(0x9b05688c), 80);
  v128.store(H_AT, i32x4.splat(0x1f83d9ab), 96);
  v128.store(H_AT, i32x4.splat(0x5be0cd19), 112);
}

/** The digests of four lanes, big-endian, one behind the other. */
function finish(d0: usize, d1: usize, d2: usize, d3: usize): void {
  for (let half: usize = 0; half < 2; half++) {
    const at = H_AT + (half << 6);
    const a = swap(v128.load(at));
    const b = swap(v128.load(at, 16));
    const c = swap(v128.load(at, 32));
    const d = swap(v128.load(at, 48));
    const ab0 = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const ab1 = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cd0 = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const cd1 = i32x4.shuffle(c, d, 2, 6, 3, 7);
    const out = half << 4;
    v128.store(d0 + out, i64x2.shuffle(ab0, cd0, 0, 2));
    v128.store(d1 + out, i64x2.shuffle(ab0, cd0, 1, 3));
    v128.store(d2 + out, i64x2.shuffle(ab1, cd1, 0, 2));
    v128.store(d3 + out, i64x2.shuffle(ab1, cd1, 1, 3));
  }
}

/** 0x80, zeros and the length in bits, behind a message of `length` bytes; returns its blocks. */
function pad(at: usize, length: u32): u32 {
  const blocks: u32 = (length + 72) >> 6;
  const end = at + ((blocks as usize) << 6);
  memory.fill(at + length, 0, end - at - length);
  store<u8>(at + length, 0x80);
  store<u64>(end - 8, bswap((length as u64) << 3));
  return blocks;
}

/**
 * Digests of `count` messages. Where they are no multiple of four the last slots are hashed more than once,
 * and only theirs is written.
 */
export function hash(offsets: usize, lengths: usize, digests: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const at: usize = i << 2;
    // From here on the number of blocks stands in the place of the length.
    store<u32>(lengths + at, pad(load<u32>(offsets + at), load<u32>(lengths + at)));
  }
  for (let i: u32 = 0; i < count; i += 4) {
    const i1 = min(i + 1, count - 1);
    const i2 = min(i + 2, count - 1);
    const i3 = min(i + 3, count - 1);
    let p0: usize = load<u32>(offsets + (i << 2));
    let p1: usize = load<u32>(offsets + (i1 << 2));
    let p2: usize = load<u32>(offsets + (i2 << 2));
    let p3: usize = load<u32>(offsets + (i3 << 2));
    const n0 = load<u32>(lengths + (i << 2));
    const n1 = load<u32>(lengths + (i1 << 2));
    const n2 = load<u32>(lengths + (i2 << 2));
    const n3 = load<u32>(lengths + (i3 << 2));
    const counts = i32x4.replace_lane(
      i32x4.replace_lane(i32x4.replace_lane(i32x4.splat(n0), 1, n1), 2, n2),
      3,
      n3,
    );
    const most = max(max(n0, n1), max(n2, n3));
    begin();
    for (let block: u32 = 0; block < most; block++) {
      compress(p0, p1, p2, p3, i32x4.gt_u(counts, i32x4.splat(block)));
      // A lane that is done reads its last block again, which changes nothing.
      p0 += block + 1 < n0 ? 64 : 0;
      p1 += block + 1 < n1 ? 64 : 0;
      p2 += block + 1 < n2 ? 64 : 0;
      p3 += block + 1 < n3 ? 64 : 0;
    }
    // The last first, so that a lane that repeats it writes the same bytes.
    finish(
      digests + ((i as usize) << 5),
      digests + ((i1 as usize) << 5),
      digests + ((i2 as usize) << 5),
      digests + ((i3 as usize) << 5),
    );
  }
}

/**
 * The row of nodes above `count` hashes, an even number of them: SHA-256(0x01 ‖ left ‖ right) of each pair,
 * written over the hashes. `scratch` has 4 × 128 bytes.
 */
function hashRow(hashes: usize, count: u32, scratch: usize): void {
  const full = i32x4.splat(-1);
  const pairs = count >> 1;
  for (let i: u32 = 0; i < pairs; i += 4) {
    for (let lane: u32 = 0; lane < 4; lane++) {
      const pair = min(i + lane, pairs - 1);
      const at = scratch + ((lane as usize) << 7);
      store<u8>(at, 1);
      memory.copy(at + 1, hashes + ((pair as usize) << 6), 64);
    }
    begin();
    compress(scratch, scratch + 128, scratch + 256, scratch + 384, full);
    compress(scratch + 64, scratch + 192, scratch + 320, scratch + 448, full);
    const i1 = min(i + 1, pairs - 1);
    const i2 = min(i + 2, pairs - 1);
    const i3 = min(i + 3, pairs - 1);
    finish(
      hashes + ((i as usize) << 5),
      hashes + ((i1 as usize) << 5),
      hashes + ((i2 as usize) << 5),
      hashes + ((i3 as usize) << 5),
    );
  }
}

/** Root over a power of two of hashes (RFC 6962 §2.1), which are written over; it comes to stand first. */
export function root(hashes: usize, count: u32, scratch: usize): void {
  // Of a message of 65 bytes: the tail of its second block is the same for every node.
  for (let lane: usize = 0; lane < 4; lane++) pad(scratch + (lane << 7), 65);
  for (let width = count; width > 1; width >>= 1) hashRow(hashes, width, scratch);
}
