import type { Datetime } from './datetime.ts';
import type { Decimal } from './decimal.ts';
import type { Duration } from './duration.ts';
import type { IpAddress } from './ip.ts';

/** Values of Cedar's extension types; each class parses its own text and compares itself. */
export type Extension = Decimal | IpAddress | Datetime | Duration;
