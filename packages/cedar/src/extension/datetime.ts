export class Datetime {
  readonly kind = 'datetime';
}
