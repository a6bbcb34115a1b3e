/**
 * A decision's entry as the canonical text of its members, without parsing what was parsed before. Members of
 * canonical text stand in one order, so each ends where the next begins: the first place of `,"facts":` behind
 * a value is its end, or the value is cut off there and does not parse. Whoever reads a slice parses it (or
 * finds it among those that parsed), so a slice that was taken for more or less than the member is found out.
 */
export interface EntryText {
  readonly decision: string;
  readonly facts: string;
  readonly id: string;
  readonly meta: string;
  /** `"principal":…,"resources":…` */
  readonly uses: string;
  /** `"statement":…,"target":…`; the statement may be absent. */
  readonly where: string;
  readonly time: string;
}

const ID_LENGTH = '00000000-0000-7000-8000-000000000000'.length;
const TIME_LENGTH = '2026-01-01T00:00:00.000000Z'.length;

/** Undefined for every entry that is not laid out as nearly all of them are; those are parsed whole. */
export function sliceEntry(text: string): EntryText | undefined {
  const decisionAt = text.indexOf(',"decision":', 10);
  const factsAt = text.indexOf(',"facts":', decisionAt + 12);
  const idAt = text.indexOf(',"id":"', factsAt + 9);
  const metaAt = idAt + 7 + ID_LENGTH + KIND.length;
  if (decisionAt < 0 || factsAt < 0 || idAt < 0 || !text.startsWith(KIND, metaAt - KIND.length)) {
    return undefined;
  }
  const prevAt = text.indexOf(',"prev":"', metaAt);
  const principalAt = text.indexOf(',"principal":', prevAt + 9);
  const seqAt = text.indexOf(',"seq":', principalAt + 13);
  const sourceAt = text.indexOf(',"source":{', seqAt + 7);
  const sourceEnd = text.indexOf('}', sourceAt);
  const timeAt = text.indexOf(',"time":"', sourceEnd);
  if (prevAt < 0 || principalAt < 0 || seqAt < 0 || sourceAt < 0 || timeAt < 0) return undefined;
  // Members that stand between these two now and then.
  const meta = text.slice(metaAt, prevAt);
  if (meta.includes(',"payloads":') || meta.includes(',"onBehalfOf":')) return undefined;
  return {
    decision: text.slice(decisionAt + 12, factsAt),
    facts: text.slice(factsAt + 9, idAt),
    id: text.slice(idAt + 7, idAt + 7 + ID_LENGTH),
    meta,
    uses: text.slice(principalAt + 1, seqAt),
    where: text.slice(sourceEnd + 2, timeAt),
    time: text.slice(timeAt + 9, timeAt + 9 + TIME_LENGTH),
  };
}

const KIND = '","kind":"decision","meta":';
