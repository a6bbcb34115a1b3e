export class Duration {
  readonly kind = 'duration';
}
