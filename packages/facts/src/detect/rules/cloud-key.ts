/** Keys of cloud providers. */
import { entropyBits, looksRandom } from '../entropy.ts';
import { follows, type Rule, TOKEN_APART, TOKEN_ENDED } from '../rule.ts';

export const CLOUD_KEY_RULES: readonly Rule[] = [
  {
    id: 'aws-access-key-id',
    kind: 'cloud-key',
    about: 'AWS access key ids, long-lived (AKIA) and temporary (ASIA)',
    gate: 'A[KS]IA[A-Z2-7]',
    pattern: `${TOKEN_APART}(A[KS]IA[A-Z2-7]{16})${TOKEN_ENDED}`,
  },
  {
    id: 'aws-secret-key',
    kind: 'cloud-key',
    about: 'AWS secret access keys: 40 characters drawn at random, behind a name that says so',
    gate: '(?i:secret|aws)',
    ignoreCase: true,
    pattern:
      '((?:secret[_ -]?access[_ -]?key|aws[_-]?secret(?:[_-]?key)?|secret[_-]?key)["\'`\\\\)\\]]{0,3}[ \\t]{0,4}(?::=|=>|=|:|,)[ \\t]{0,4}\\\\?["\'`]?)([A-Za-z0-9+/]{40})(?:[^A-Za-z0-9+/=]|$)',
    valid: ({ value }) => entropyBits(value) >= 4 && /[a-z]/.test(value) && /[A-Z]/.test(value),
  },
  {
    id: 'aws-session-token',
    kind: 'cloud-key',
    about: 'AWS session tokens behind their name',
    gate: '(?i:session_?token|security-token)',
    ignoreCase: true,
    pattern:
      '((?:aws_?session_?token|x-amz-security-token|sessiontoken)["\'`]{0,2}[ \\t]{0,4}(?:=|:)[ \\t]{0,4}["\'`]?)([A-Za-z0-9+/%]{100,1000}={0,2})',
    valid: ({ value }) => entropyBits(value) >= 4,
  },
  {
    id: 'gcp-api-key',
    kind: 'cloud-key',
    about: 'API keys of Google Cloud and Firebase',
    gate: 'AIza',
    pattern: `${TOKEN_APART}(AIza[A-Za-z0-9_-]{35})${TOKEN_ENDED}`,
  },
  {
    id: 'gcp-service-account',
    kind: 'cloud-key',
    about: 'Service account files of Google Cloud, by the id of their private key',
    gate: 'private_key_id',
    pattern: '("private_key_id\\\\{0,2}"[ \\t]{0,2}:[ \\t]{0,2}\\\\{0,2}")([0-9a-f]{40})',
  },
  {
    id: 'gcp-oauth-secret',
    kind: 'cloud-key',
    about: "Google's OAuth client secrets and access tokens",
    gate: 'GOCSPX-|ya29\\.',
    pattern: `${TOKEN_APART}(GOCSPX-[A-Za-z0-9_-]{28}|ya29\\.[A-Za-z0-9_-]{40,500})`,
  },
  {
    id: 'azure-account-key',
    kind: 'cloud-key',
    about: 'Keys of Azure storage, Service Bus, Event Hubs and Cosmos DB in connection strings',
    gate: '(?i:AccountKey|SharedAccessKey)',
    ignoreCase: true,
    pattern: '((?:AccountKey|SharedAccessKey)[ \\t]{0,2}=[ \\t]{0,2})([A-Za-z0-9+/]{40,100}={1,2})',
    valid: ({ value }) => entropyBits(value) >= 4,
  },
  {
    id: 'azure-client-secret',
    kind: 'cloud-key',
    about: 'Client secrets of Microsoft Entra applications',
    gate: '[78]Q~',
    pattern:
      '(^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[78]Q~[A-Za-z0-9_~.-]{31,34})(?:[^A-Za-z0-9_~.-]|$)',
    valid: ({ value }) => entropyBits(value) >= 3.5,
  },
  {
    id: 'azure-sas',
    kind: 'cloud-key',
    about: 'Signatures of Azure shared access links, with the expiry that goes with them',
    gate: 'sig=',
    pattern: '([?&;"\' ]sig=)([A-Za-z0-9+/%]{43,60}(?:=|%3[Dd]))',
    valid: ({ text, start, end }) =>
      /[?&]s[erptv]=/.test(text.slice(Math.max(0, start - 300), start)) ||
      /&s[erptv]=/.test(text.slice(end, end + 300)),
  },
  {
    id: 'digitalocean-token',
    kind: 'cloud-key',
    about: 'Tokens of DigitalOcean',
    gate: 'do[por]_v1_',
    pattern: `${TOKEN_APART}(do[por]_v1_[0-9a-f]{64})`,
  },
  {
    id: 'alibaba-access-key',
    kind: 'cloud-key',
    about: 'Access key ids of Alibaba Cloud',
    gate: 'LTAI',
    pattern: `${TOKEN_APART}(LTAI[A-Za-z0-9]{12,26})${TOKEN_ENDED}`,
    valid: (found) => looksRandom(found.value, 3.2) || follows(found, /access.?key/i),
  },
];
