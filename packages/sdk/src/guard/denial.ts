/** What whoever is stopped gets to read: what stopped it and what to do about it. Pure. */
import type { Action, Decision, Denial, EntityUid, PolicyInfo } from './decision.ts';

/** One sentence and one way out for each doubt of the schema. */
const DOUBTS: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  syntax: ['it does not parse', 'correct the text'],
  encoding: ['its bytes are not in the encoding that was agreed on', 'send it as UTF-8'],
  dynamic: [
    'it builds or runs code that only exists when it runs',
    'write out the statement that is to run',
  ],
  'unresolved-name': [
    'it names something that is not known',
    'check the spelling and qualify the name with its schema',
  ],
  'unknown-routine': [
    'it calls a routine whose doings are not known',
    'use a built-in function, or ask for the routine to be registered',
  ],
  'search-path': [
    'which object a name means depends on the search path',
    'qualify the names with their schema',
  ],
  'opaque-code': [
    'it contains code in a language that is not looked into',
    'write it as plain statements',
  ],
  'too-large': ['it is too large to be looked through', 'split it into smaller parts'],
  'too-deep': ['it nests too deeply to be looked through', 'flatten it'],
  ambiguous: ['it can be read in more than one way', 'write it so that it has one meaning'],
  'detector-failed': [
    'a detector failed while looking through it',
    'try again; if it stays, report it',
  ],
  'stale-catalog': [
    'the database changed since its catalog was read',
    'try again in a moment, in a new transaction',
  ],
};

export interface DenialContext {
  readonly decision: Decision;
  readonly action: Action;
  readonly policies: ReadonlyMap<string, PolicyInfo>;
  readonly decisionId: string;
  /** Leads to the page of an entry; the decision's id is added. */
  readonly docs?: string;
}

/** Of a decision that does not allow. */
export function describeDenial(context: DenialContext): Denial {
  const { decision, policies, decisionId, docs } = context;
  const [first] = decision.determining;
  const policy = first === undefined ? undefined : policies.get(first);
  return {
    code: decision.code,
    ...wording(context, policy),
    decisionId,
    ...(first === undefined ? {} : { policy: first }),
    retryable: decision.verdict === 'hold' || decision.code === 'over-limit',
    ...(decision.retryAfterMs === undefined ? {} : { retryAfterMs: decision.retryAfterMs }),
    ...(docs === undefined ? {} : { docs: docs + decisionId }),
  };
}

type Wording = Pick<Denial, 'message' | 'hint'>;

function wording(context: DenialContext, policy: PolicyInfo | undefined): Wording {
  const { decision, action } = context;
  switch (decision.code) {
    case 'rejected':
      return {
        message: action.rejected ?? 'the message is malformed',
        hint: action.rejectedHint ?? 'no policy was asked: send a well-formed message',
      };
    case 'not-understood':
      return notUnderstood(decision);
    case 'no-permit':
      return noPermit(decision, action);
    case 'policy-error':
      return {
        message: 'a policy that could forbid this failed, so nobody knows whether it does',
        hint: `tell whoever keeps the policies; what failed stands in the entry ${context.decisionId}`,
      };
    case 'needs-approval':
      return {
        message: policy?.message ?? 'this needs an approval',
        hint: approvers(decision.holds, context.policies) ?? policy?.hint ?? '',
      };
    default:
      return {
        message: policy?.message ?? 'a policy forbids this',
        hint: policy?.hint ?? 'ask whoever keeps the policies',
      };
  }
}

function notUnderstood({ parts }: Decision): Wording {
  const doubts = [...new Set(parts.flatMap((part) => part.doubts ?? []))].sort();
  const texts = doubts.map(
    (doubt) => DOUBTS[doubt] ?? [`there is a doubt: ${doubt}`, 'rewrite it'],
  );
  const problem = parts.find((part) => part.problem !== undefined)?.problem;
  const messages = texts.map(([message]) => message);
  if (messages.length === 0) messages.push(problem ?? 'nothing is known of it');
  const hints = texts.map(([, hint]) => hint);
  return {
    message: `what this would do could not be established: ${messages.join('; ')}`,
    hint: hints.length > 0 ? hints.join('; ') : 'use something that is known here, or report this',
  };
}

function noPermit({ parts }: Decision, { requests }: Action): Wording {
  const part = parts.find(({ code }) => code === 'no-permit');
  const request = requests[part?.request ?? 0];
  const what = request
    ? `${request.action} on ${name(request.resource)} for ${name(request.principal)}`
    : 'this';
  return {
    message: `no policy permits ${what}`,
    hint: 'ask whoever keeps the policies for a permit, or use an account that has one',
  };
}

const name = ({ type, id }: EntityUid): string => `${type} ${id}`;

/** Each hold with its own approvers: all of them are needed. */
function approvers(
  holds: readonly string[],
  policies: ReadonlyMap<string, PolicyInfo>,
): string | undefined {
  const needs = holds.flatMap((id) => {
    const { approvers: group, quorum } = policies.get(id)?.annotations ?? {};
    if (group === undefined) return [];
    const people = quorum === '1' || quorum === undefined ? 'one member' : `${quorum} members`;
    return [`${people} of ${group} must approve (policy ${id})`];
  });
  return needs.length > 0 ? needs.join('; ') : undefined;
}
