/** Tokens: of services with a prefix of their own, and of others by what stands before them. */
import { decodeBase64 } from '../base64.ts';
import { entropyBits, looksRandom } from '../entropy.ts';
import { type Candidate, follows, type Rule, TOKEN_APART, TOKEN_ENDED } from '../rule.ts';

/** A token whose prefix nothing else has. */
const prefixed = (id: string, about: string, gate: string, body: string, bits = 0): Rule => ({
  id,
  kind: 'token',
  about,
  gate,
  pattern: `${TOKEN_APART}(${body})${TOKEN_ENDED}`,
  // Documents write the prefix with x or a word behind it.
  valid: ({ value }) => !/x{8}|X{8}|(.)\1{11}/.test(value) && entropyBits(value) >= bits,
});

/** A header that decodes to JSON with an algorithm, and a payload that begins as an object or is encrypted. */
function isJwt(value: string): boolean {
  const [head = '', payload = ''] = value.split('.', 2);
  const header = decodeBase64(head);
  // Of most that is not one, no more than this has to be looked at.
  if (header === undefined || !header.includes('"alg"')) return false;
  let parsed: unknown;
  try {
    parsed = JSON.parse(header);
  } catch {
    return false;
  }
  if (typeof parsed !== 'object' || parsed === null) return false;
  const members = parsed as Readonly<Record<string, unknown>>;
  if (typeof members.alg !== 'string') return false;
  return (
    typeof members.enc === 'string' || decodeBase64(payload.slice(0, 4))?.startsWith('{') === true
  );
}

const isTokenUnit = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) ||
  (code >= 0x41 && code <= 0x5a) ||
  (code >= 0x61 && code <= 0x7a) ||
  code === 0x2d ||
  code === 0x2e ||
  code === 0x5f;

/** The end of the last part; the start where it is none: nothing is read twice for what only looks like one. */
function jwtEnd(text: string, start: number, end: number, limit: number): number {
  if (!isJwt(text.slice(start, end))) return start;
  let at = end;
  while (at < limit && isTokenUnit(text.charCodeAt(at))) at++;
  return at;
}

/** Names whose value is about the secret and not the secret. */
const ABOUT_IT =
  /(?:url|uri|path|name|_id|type|count|length|file|endpoint|expires?|ttl|size|limit|label|header|arn|version|format|prefix|suffix|regex|pattern|field|column|hash|digest|sha\d*|checksum|etag|public|policy|index|scopes?|algorithm|bucket|budget|cost|usage|used|role|table|provider|manager|store|class|service|handler|izer|s)["'`\\\])]{0,3}[ \t]*(?::=|=>|=|:)[ \t]*\\?["'`]?$/i;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function isAssignedSecret(found: Candidate): boolean {
  const { lead, value, text, end } = found;
  // What a rule of its own looks for is told once.
  if (ABOUT_IT.test(lead) || /secret.?access.?key|aws.?secret/i.test(lead)) return false;
  // A call, a path, a member of something.
  if (/[([]/.test(text[end] ?? '') || value.includes('://') || /^[./~]/.test(value)) return false;
  // An id of its own kind, and of a secret only where the name says key or secret.
  if (UUID.test(value))
    return /secret|api.?key/i.test(lead) && !follows(found, /idempotency|request/i);
  if (/^[0-9a-f]+$/i.test(value)) return value.length >= 32 && entropyBits(value) >= 3;
  return looksRandom(value, 3.3);
}

export const TOKEN_RULES: readonly Rule[] = [
  prefixed(
    'github-token',
    'GitHub tokens: personal, OAuth, user, server, refresh',
    'gh[pousr]_',
    'gh[pousr]_[A-Za-z0-9]{36,255}',
    3,
  ),
  prefixed(
    'github-fine-grained-token',
    'GitHub fine-grained personal tokens',
    'github_pat_',
    'github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}',
    3,
  ),
  prefixed(
    'gitlab-token',
    'GitLab tokens: personal, deploy, runner, trigger, feed and others',
    'gl(?:pat|dt|rt|ptt|cbt|ft|imt|agent|soat|oas)-',
    '(?:glpat|gldt|glrt|glptt|glcbt|glft|glimt|glagent|glsoat|gloas)-[A-Za-z0-9_-]{20,64}',
    3,
  ),
  prefixed(
    'slack-token',
    'Slack tokens of apps, bots, users and refreshing',
    'xox[abeoprs]|xapp-',
    '(?:xox[abeoprs](?:\\.xox[bp])?|xapp)-[A-Za-z0-9-]{20,250}',
    2.5,
  ),
  {
    id: 'slack-webhook',
    kind: 'token',
    about:
      'Incoming webhooks of Slack, Discord and Microsoft Teams: whoever has the address may post',
    gate: 'hooks\\.slack\\.com|/api/webhooks/|webhook\\.office\\.com',
    pattern:
      '(^|[^A-Za-z0-9])(hooks\\.slack\\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,90}|discord(?:app)?\\.com/api/webhooks/[0-9]{17,20}/[A-Za-z0-9_-]{60,80}|[a-z0-9-]{1,40}\\.webhook\\.office\\.com/webhookb2/[A-Za-z0-9@/-]{80,200})',
    valid: ({ value }) => !/X{6}|x{8}|T0{6}/.test(value),
  },
  prefixed(
    'stripe-key',
    'Stripe secret and restricted keys, live and test, and webhook secrets',
    '[sr]k_(?:live|test)_|whsec_',
    '(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9+/=]{24,64})',
    3,
  ),
  prefixed('npm-token', 'npm access tokens', 'npm_', 'npm_[A-Za-z0-9]{36}', 3.4),
  prefixed('pypi-token', 'PyPI upload tokens', 'pypi-AgE', 'pypi-AgE[A-Za-z0-9_-]{50,600}', 3),
  prefixed(
    'openai-key',
    'Keys of OpenAI and of services that took its form',
    'sk-',
    'sk-(?:proj-|svcacct-|admin-|or-v1-|None-)?[A-Za-z0-9_-]{32,220}',
    3.6,
  ),
  prefixed(
    'anthropic-key',
    'Keys of Anthropic',
    'sk-ant-',
    'sk-ant-(?:api|admin|sid|oat|ort)[0-9]{2}-[A-Za-z0-9_-]{40,200}',
    3.6,
  ),
  prefixed('huggingface-token', 'Tokens of Hugging Face', 'hf_', 'hf_[A-Za-z]{34}', 3.4),
  prefixed(
    'sendgrid-key',
    'Keys of SendGrid',
    'SG\\.',
    'SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}',
    3.4,
  ),
  prefixed(
    'shopify-token',
    'Tokens of Shopify',
    'shp(?:at|ca|pa|ss)_',
    'shp(?:at|ca|pa|ss)_[0-9a-f]{32}',
    2.8,
  ),
  prefixed(
    'square-token',
    'Tokens of Square',
    'sq0(?:csp|atp|idp)-',
    'sq0(?:csp|atp|idp)-[A-Za-z0-9_-]{22,43}',
    3.2,
  ),
  prefixed(
    'docker-token',
    'Tokens of Docker Hub',
    'dckr_[po]at_',
    'dckr_[po]at_[A-Za-z0-9_-]{27,32}',
    3.2,
  ),
  prefixed(
    'vault-token',
    'Tokens of HashiCorp Vault and Terraform Cloud',
    'hv[sbr]\\.|\\.atlasv1\\.',
    '(?:hv[sbr]\\.[A-Za-z0-9_-]{24,300}|[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_-]{60,70})',
    3.4,
  ),
  prefixed(
    'databricks-token',
    'Tokens of Databricks',
    'dapi[0-9a-f]',
    'dapi[0-9a-f]{32}(?:-[0-9])?',
    2.8,
  ),
  prefixed(
    'platform-token',
    'Tokens of Grafana, New Relic, Postman, RubyGems, Sentry, Linear, Notion, Doppler',
    'glsa_|NRAK-|PMAK-|rubygems_|sntrys_|lin_api_|ntn_|dp\\.(?:pt|st|ct|sa)\\.',
    '(?:glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|NRAK-[A-Z0-9]{27}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|rubygems_[0-9a-f]{48}|sntrys_[A-Za-z0-9+/=_]{60,300}|lin_api_[A-Za-z0-9]{40}|ntn_[A-Za-z0-9]{40,50}|dp\\.(?:pt|st|ct|sa)\\.[A-Za-z0-9]{40,44})',
    3,
  ),
  {
    id: 'telegram-token',
    kind: 'token',
    about: 'Tokens of Telegram bots',
    gate: '[0-9]:AA',
    pattern: `${TOKEN_APART}([0-9]{8,10}:AA[A-Za-z0-9_-]{33})${TOKEN_ENDED}`,
    valid: ({ value }) => entropyBits(value) >= 3.6,
  },
  {
    id: 'jwt',
    kind: 'token',
    about:
      'JSON Web Tokens whose header decodes to JSON with an algorithm; encrypted and unsigned ones too',
    gate: 'eyJ',
    pattern: '(^|[^A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{8,700}\\.[A-Za-z0-9_-]{2,900})',
    extend: jwtEnd,
    valid: ({ start, end }) => end > start,
  },
  {
    id: 'bearer-token',
    kind: 'token',
    about: 'Bearer and token credentials of an Authorization header, drawn at random',
    gate: '(?i:bearer|authorization)',
    ignoreCase: true,
    pattern:
      '((?:bearer|authorization["\'`]?[ \\t]{0,2}[:=][ \\t]{0,2}["\'`]?(?:token|apikey|api-key))[ \\t]{1,4}["\'`]?)([A-Za-z0-9._~+/-]{16,900}={0,2})',
    valid: ({ value }) =>
      looksRandom(value, 3.2) || (/^[0-9a-f]{32,}$/i.test(value) && entropyBits(value) >= 3),
  },
  {
    id: 'assigned-secret',
    kind: 'token',
    about:
      'Values drawn at random that are assigned to a name such as `api_key`, `client_secret`, `auth_token`; not names, paths, placeholders, hashes under their own name or plain UUIDs',
    gate: '(?i:api[_ -]?key|access[_ -]?key|auth[_ -]?key|secret|token|credential|private[_-]?key|signing[_-]?key|encryption[_-]?key|license[_-]?key)',
    ignoreCase: true,
    pattern:
      '((?:api[_ -]?key|access[_ -]?key|auth[_ -]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|license[_-]?key|secret|token|credentials?)[A-Za-z0-9_-]{0,24}["\'`\\\\)\\]]{0,3}[ \\t]{0,4}(?::=|=>|=|:)[ \\t]{0,4}\\\\?["\'`]?)([A-Za-z0-9+/_.~-]{16,300}={0,2})',
    valid: isAssignedSecret,
  },
];
