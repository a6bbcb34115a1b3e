import { ExtensionValue } from './extension.ts';

/** An address or a range. IPv4 and IPv6 never compare, IPv4 embedded in IPv6 included. */
export class IpAddress extends ExtensionValue {
  readonly kind = 'ip';
  readonly version: 4 | 6;
  readonly address: bigint;
  readonly prefix: number;
  readonly #first: bigint;
  readonly #last: bigint;

  constructor(version: 4 | 6, address: bigint, prefix: number) {
    super();
    this.version = version;
    this.address = address;
    this.prefix = prefix;
    const hosts = (1n << BigInt(bitsOf(version) - prefix)) - 1n;
    this.#last = address | hosts;
    this.#first = this.#last - hosts;
  }

  get key(): string {
    return `${this.version}/${this.address}/${this.prefix}`;
  }

  isLoopback(): boolean {
    return this.version === 4
      ? this.address >> 24n === 127n && this.prefix >= 8
      : this.address === 1n && this.prefix === 128;
  }

  /** A range only where all of it is multicast. */
  isMulticast(): boolean {
    return this.version === 4
      ? this.address >> 28n === 0xen && this.prefix >= 4
      : this.address >> 120n === 0xffn && this.prefix >= 8;
  }

  isInRange(range: IpAddress): boolean {
    return (
      this.version === range.version && range.#first <= this.#first && this.#last <= range.#last
    );
  }

  override toString(): string {
    const [width, radix, separator] = this.version === 4 ? [8, 10, '.'] : [16, 16, ':'];
    const parts: string[] = [];
    for (let shift = bitsOf(this.version) - width; shift >= 0; shift -= width) {
      const part = (this.address >> BigInt(shift)) & ((1n << BigInt(width)) - 1n);
      parts.push(part.toString(radix));
    }
    return `${parts.join(separator)}/${this.prefix}`;
  }
}

/**
 * An address with an optional prefix `/n` (no leading zeros). Undefined where malformed: among others
 * leading zeros in IPv4, a zone, and IPv4 embedded in IPv6 (`::ffff:127.0.0.1`), which Cedar refuses.
 */
export function parseIp(text: string): IpAddress | undefined {
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

function bitsOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.', 5);
  if (parts.length !== 4) return undefined;
  let address = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = (address << 8n) | BigInt(part);
  }
  return address;
}

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
