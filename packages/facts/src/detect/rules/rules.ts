/** The table: every rule there is, in the order of the documents. */
import type { Rule } from '../rule.ts';
import { CARD_RULE } from './card.ts';
import { CLOUD_KEY_RULES } from './cloud-key.ts';
import { CONTACT_RULES } from './contact.ts';
import { IBAN_RULE } from './iban.ts';
import { NATIONAL_ID_RULES } from './national-id.ts';
import { PASSWORD_RULES } from './password.ts';
import { PRIVATE_KEY_RULES } from './private-key.ts';
import { TOKEN_RULES } from './token.ts';

export const RULES: readonly Rule[] = [
  ...PRIVATE_KEY_RULES,
  ...CLOUD_KEY_RULES,
  ...TOKEN_RULES,
  ...PASSWORD_RULES,
  CARD_RULE,
  IBAN_RULE,
  ...CONTACT_RULES,
  ...NATIONAL_ID_RULES,
];
