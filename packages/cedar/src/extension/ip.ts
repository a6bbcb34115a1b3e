import { ExtensionValue } from './extension.ts';

/** An address or a range. IPv4 and IPv6 never compare, IPv4 embedded in IPv6 included. */
export class IpAddress extends ExtensionValue {
  readonly kind = 'ip';
  readonly version: 4 | 6;
  /** A number for IPv4, of which there are many in requests, and a bigint for IPv6. */
  readonly address: number | bigint;
  readonly prefix: number;

  constructor(version: 4 | 6, address: number | bigint, prefix: number) {
    super();
    this.version = version;
    this.address = address;
    this.prefix = prefix;
  }

  get key(): string {
    return `${this.version}/${this.address}/${this.prefix}`;
  }

  isLoopback(): boolean {
    return this.isInRange(this.version === 4 ? LOOPBACK_V4 : LOOPBACK_V6);
  }

  isMulticast(): boolean {
    return this.isInRange(this.version === 4 ? MULTICAST_V4 : MULTICAST_V6);
  }

  /** Of a range: whether all of it is. */
  isInRange(range: IpAddress): boolean {
    if (this.version !== range.version || this.prefix < range.prefix) return false;
    return networkOf(this, range.prefix) === networkOf(range, range.prefix);
  }

  override toString(): string {
    const bits = BigInt(this.address);
    const [width, radix, separator] = this.version === 4 ? [8, 10, '.'] : [16, 16, ':'];
    const parts: string[] = [];
    for (let shift = bitsOf(this.version) - width; shift >= 0; shift -= width) {
      const part = (bits >> BigInt(shift)) & ((1n << BigInt(width)) - 1n);
      parts.push(part.toString(radix));
    }
    return `${parts.join(separator)}/${this.prefix}`;
  }
}

const LOOPBACK_V4 = new IpAddress(4, 0x7f00_0000, 8);
const LOOPBACK_V6 = new IpAddress(6, 1n, 128);
const MULTICAST_V4 = new IpAddress(4, 0xe000_0000, 4);
const MULTICAST_V6 = new IpAddress(6, 0xffn << 120n, 8);

/** The first `prefix` bits. */
function networkOf({ version, address }: IpAddress, prefix: number): number | bigint {
  const hosts = bitsOf(version) - prefix;
  return typeof address === 'number' ? Math.floor(address / 2 ** hosts) : address >> BigInt(hosts);
}

/**
 * An address with an optional prefix `/n` (no leading zeros). Undefined where malformed: among others
 * leading zeros in IPv4, a zone, and IPv4 embedded in IPv6 (`::ffff:127.0.0.1`), which Cedar refuses.
 */
export function parseIp(text: string): IpAddress | undefined {
  if (text.length > TEXT_MAX) return undefined;
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const version = host.includes(':') ? 6 : 4;
  const address = version === 4 ? parseV4(host) : parseV6(host);
  if (address === undefined) return undefined;
  if (slash < 0) return new IpAddress(version, address, bitsOf(version));
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digits) || Number(digits) > bitsOf(version)) return undefined;
  return new IpAddress(version, address, Number(digits));
}

/** Eight groups of four digits, their colons, and a prefix of three digits. */
const TEXT_MAX = 43;

function bitsOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

/** By hand: it runs for every request that comes as JSON with an address in it. */
function parseV4(text: string): number | undefined {
  let address = 0;
  let part = -1;
  let parts = 0;
  for (let index = 0; index <= text.length; index++) {
    const unit = index < text.length ? text.charCodeAt(index) : DOT;
    if (unit === DOT) {
      if (part < 0 || ++parts > 4) return undefined;
      address = address * 256 + part;
      part = -1;
    } else {
      const digit = unit - DIGIT_0;
      // A part that is 0 so far may not go on: leading zeros mean octal to some readers.
      if (digit < 0 || digit > 9 || part === 0) return undefined;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return undefined;
    }
  }
  return parts === 4 ? address : undefined;
}

const DOT = 0x2e;
const DIGIT_0 = 0x30;

/** `::` stands for one group at least, and at most once. */
function parseV6(text: string): bigint | undefined {
  const halves = text.split('::', 3);
  if (halves.length > 2) return undefined;
  const [head, tail = []] = halves.map((half) => (half === '' ? [] : half.split(':', 9)));
  if (head === undefined) return undefined;
  const zeros = 8 - head.length - tail.length;
  if (halves.length === 2 ? zeros < 1 : zeros !== 0) return undefined;
  let address = 0n;
  for (const group of [...head, ...Array<string>(zeros).fill('0'), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    address = (address << 16n) | BigInt(`0x${group}`);
  }
  return address;
}
