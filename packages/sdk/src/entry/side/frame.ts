/**
 * The bytes of a segment of clear values: frames, one for each flush. Only the last frame of the last
 * segment can be torn, because no frame is written before the one in front of it is on disk.
 *
 *   frame   "SRV1" | payload length u32 | CRC-32 of the payload u32 | payload: records
 *   record  length of what follows u32 | entry id 16 | subject id 16 | key id 8 | sealed
 */
import { crc32 } from 'node:zlib';

const MAGIC = Buffer.from('SRV1');
const FRAME_HEADER_BYTES = 12;
export const ENTRY_ID_BYTES = 16;
export const SUBJECT_ID_BYTES = 16;
export const KEY_ID_BYTES = 8;
const LENGTH_BYTES = 4;
export const RECORD_HEADER_BYTES = ENTRY_ID_BYTES + SUBJECT_ID_BYTES + KEY_ID_BYTES;

/** The clear part of a record is also what its ciphertext is bound to. */
export interface SealedRecord {
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

export function recordHeader(entryId: Uint8Array, subject: Uint8Array, key: Uint8Array): Buffer {
  return Buffer.concat([entryId, subject, key], RECORD_HEADER_BYTES);
}

export function encodeRecord({ header, sealed }: SealedRecord): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(header.length + sealed.length);
  return Buffer.concat([length, header, sealed]);
}

export function encodeFrame(records: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  const frame = Buffer.concat([header, ...records]);
  const payload = frame.subarray(FRAME_HEADER_BYTES);
  MAGIC.copy(frame);
  frame.writeUInt32BE(payload.length, 4);
  frame.writeUInt32BE(crc32(payload), 8);
  return frame;
}

/** Length of the whole frame at `at`, or undefined where no valid frame stands there. */
function frameLength(bytes: Buffer, at: number): number | undefined {
  const payloadAt = at + FRAME_HEADER_BYTES;
  if (payloadAt > bytes.length || !bytes.subarray(at, at + 4).equals(MAGIC)) return undefined;
  const end = payloadAt + bytes.readUInt32BE(at + 4);
  if (end > bytes.length) return undefined;
  const intact = crc32(bytes.subarray(payloadAt, end)) === bytes.readUInt32BE(at + 8);
  return intact ? end - at : undefined;
}

/** Where the valid frames from the start end. */
export function validEnd(bytes: Buffer): number {
  let end = 0;
  for (let length = frameLength(bytes, 0); length !== undefined; ) {
    end += length;
    length = frameLength(bytes, end);
  }
  return end;
}

/** The first valid frame behind `from`: where there is one, what stands before it was acknowledged once. */
export function nextFrame(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    if (frameLength(bytes, at) !== undefined) return at;
  }
  return undefined;
}

/** Every record of the valid frames. A length that leads out of its frame ends that frame. */
export function* records(bytes: Buffer): Generator<SealedRecord> {
  let frame = 0;
  for (let length = frameLength(bytes, 0); length !== undefined; ) {
    const end = frame + length;
    let at = frame + FRAME_HEADER_BYTES;
    while (at + LENGTH_BYTES + RECORD_HEADER_BYTES <= end) {
      const from = at + LENGTH_BYTES;
      const to = from + bytes.readUInt32BE(at);
      if (to > end || to < from + RECORD_HEADER_BYTES) break;
      yield {
        header: bytes.subarray(from, from + RECORD_HEADER_BYTES),
        sealed: bytes.subarray(from + RECORD_HEADER_BYTES, to),
      };
      at = to;
    }
    frame = end;
    length = frameLength(bytes, frame);
  }
}
