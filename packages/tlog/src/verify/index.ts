/**
 * @sealrail/tlog/verify: the verifier by itself, for Node and browsers, without any platform
 * import.
 */
export { decodeBundle } from '../bundle.ts';
export { decodeUtf8, encodeUtf8, equal, fromBase64, toBase64, toHex } from '../bytes.ts';
export { type Checkpoint, parseCheckpoint } from '../checkpoint.ts';
export { TlogError, type TlogErrorCode } from '../errors.ts';
export { leafHash, nodeHash } from '../merkle.ts';
export { type Note, parseNote } from '../note.ts';
export { verifyConsistency, verifyInclusion } from '../proof.ts';
export { parseReceipt, type Receipt } from '../receipt.ts';
export { type Sha256, sha256 } from '../sha256.ts';
export { TILE_WIDTH, tileOfNode, tilePath, tileWidth } from '../tile.ts';
export { parseVkey, type VerifierKey } from '../vkey.ts';
export { parseWitnessPolicy, type WitnessPolicy } from '../witness/policy.ts';
export { httpSource } from './http.ts';
export { type Verifier, verifyNote } from './note.ts';
export { type ReceiptReport, type VerifyReceiptOptions, verifyReceipt } from './receipt.ts';
export type { Report, Severity, VerifyFinding } from './report.ts';
export type { TreeSource } from './source.ts';
export { type VerifyTreeOptions, verifyTree } from './tree.ts';
export { webVerifier } from './webcrypto.ts';
