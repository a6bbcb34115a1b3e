export class Decimal {
  readonly kind = 'decimal';
}
