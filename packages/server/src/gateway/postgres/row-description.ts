/** RowDescription: what the server says of each column of a result. */
import { BodyReader } from './frame.ts';

export interface ResultField {
  /** Of the relation that the column is one of, or 0. */
  readonly relation: number;
  /** Its number there, or 0: an expression, a whole row, a column whose way was lost. */
  readonly column: number;
  readonly type: number;
  /** Of `varchar(n)` and `char(n)` n + 4; -1 where there is none. */
  readonly modifier: number;
  readonly binary: boolean;
}

/** Throws ProtocolError. */
export function readRowDescription(bytes: Buffer): ResultField[] {
  const body = new BodyReader(bytes);
  const fields = Array.from({ length: body.int16() }, (): ResultField => {
    body.cstring();
    const relation = body.int32() >>> 0;
    const column = body.int16();
    const type = body.int32() >>> 0;
    body.int16();
    const modifier = body.int32();
    return { relation, column, type, modifier, binary: body.int16() === 1 };
  });
  body.end();
  return fields;
}
