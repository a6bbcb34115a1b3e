/** What whoever is stopped is told: why, and what to do instead. Nothing of the values, nothing of the inside. */
import type { Action, Decision, Denial, PolicyInfo } from './decision.ts';

const DOUBTS: Readonly<Record<string, string>> = {
  syntax: 'correct the statement: it does not parse',
  encoding: 'send valid UTF-8',
  dynamic: 'write the statement out instead of building it from strings at run time',
  'unresolved-name':
    'check the spelling, and qualify the name with its schema; what was created a moment ago is known within seconds',
  'unknown-routine': 'use built-in functions, or ask for this one to be reviewed',
  'search-path': 'qualify names with their schema, and leave search_path as it is',
  'opaque-code': 'send the statements themselves instead of code that runs them',
  'too-large': 'split the statement',
  'too-deep': 'simplify the statement: it is nested too deeply',
  ambiguous: 'qualify the name with its schema: it may mean more than one thing',
  'detector-failed': 'try again; if it stays, ask whoever runs Sealrail',
  'stale-catalog': 'try again in a few seconds: the catalog could not be read',
};

const MESSAGES: Readonly<Record<string, string>> = {
  'unresolved-name': 'a name in it does not resolve',
  'unknown-routine': 'it calls a routine that nobody has reviewed',
  dynamic: 'it builds code at run time',
  'opaque-code': 'it carries code that cannot be looked into',
  ambiguous: 'a name in it may mean more than one thing',
  'too-large': 'it is too large',
  'too-deep': 'it is nested too deeply',
  'search-path': 'it changes what names mean',
  encoding: 'it is not valid text',
  syntax: 'it does not parse',
  'stale-catalog': 'the catalog is not known at the moment',
};

type Words = Pick<Denial, 'message' | 'hint'>;

function notUnderstood(decision: Decision): Words {
  const reason =
    decision.parts.find((part) => part.code === 'not-understood')?.errors[0]?.message ?? '';
  return {
    message: `Sealrail could not establish what this does: ${MESSAGES[reason] ?? (reason || 'there is nothing to decide on')}`,
    hint:
      DOUBTS[reason] ?? 'simplify it, or ask whoever runs Sealrail; the decision shows the details',
  };
}

function noPermit(action: Action, decision: Decision): Words {
  const request =
    action.requests[decision.parts.find((part) => part.code === 'no-permit')?.request ?? 0];
  const what = request
    ? `${request.action} on ${request.resource.id} for ${request.principal.id}`
    : 'this';
  return {
    message: `no policy permits ${what}`,
    hint: 'ask for membership of a group that a policy permits it to',
  };
}

function words(action: Action, decision: Decision, policy: PolicyInfo | undefined): Words {
  switch (decision.code) {
    case 'rejected':
      return { message: action.rejected ?? 'malformed', hint: 'send what the protocol allows' };
    case 'not-understood':
      return notUnderstood(decision);
    case 'no-permit':
      return noPermit(action, decision);
    case 'policy-error':
      return {
        message: 'a policy could not be evaluated',
        hint: 'ask whoever owns the policy; nothing passes until it can be',
      };
    case 'needs-approval': {
      const { approvers = 'somebody', quorum = '1' } = policy?.annotations ?? {};
      return {
        message: policy?.message ?? 'it needs approval',
        hint: `${policy?.hint ?? ''} (needs ${quorum} of ${approvers})`.trim(),
      };
    }
    default:
      return { message: policy?.message ?? 'denied', hint: policy?.hint ?? '' };
  }
}

export function denialOf(given: {
  action: Action;
  decision: Decision;
  decisionId: string;
  policies: ReadonlyMap<string, PolicyInfo>;
  docs?: string;
}): Denial {
  const { action, decision, decisionId, policies, docs } = given;
  const [id] = decision.determining;
  const policy = id === undefined ? undefined : policies.get(id);
  return {
    code: decision.code,
    ...words(action, decision, policy),
    decisionId,
    ...(id === undefined ? {} : { policy: id }),
    retryable: decision.code === 'needs-approval' || decision.code === 'over-limit',
    ...(docs === undefined ? {} : { docs }),
  };
}
