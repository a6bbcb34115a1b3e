export class IpAddress {
  readonly kind = 'ip';
}
