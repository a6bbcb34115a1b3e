export * from './entry/canonical.ts';
export * from './entry/chains.ts';
export * from './entry/clock.ts';
export * from './entry/commitment.ts';
export * from './entry/entry.ts';
export * from './entry/parse.ts';
export * from './entry/payload.ts';
export * from './entry/random.ts';
export * from './entry/recorder.ts';
export { openBlobsAtRest } from './entry/side/blobs-at-rest.ts';
export {
  type OpenSideStore,
  openSideStore,
  type Revealed,
  type SideStore,
  type SideStoreOptions,
  type StoredValue,
} from './entry/side/sidestore.ts';
export type { CutTail } from './entry/side/values.ts';
export * from './entry/uuid.ts';
export * from './errors.ts';
export { digestAction } from './guard/action-digest.ts';
export { CODES, type Ruling } from './guard/decide.ts';
export * from './guard/decision.ts';
export { type DenialContext, describeDenial } from './guard/denial.ts';
export { type Formatted, formatPolicyText } from './guard/format.ts';
export { EVERYTHING, type Fulfilment } from './guard/fulfilment.ts';
export type { Grant } from './guard/grant.ts';
export * from './guard/guard.ts';
export { History, type HistorySnapshot, NO_HISTORY } from './guard/history.ts';
export { eventOfEntry } from './guard/history-event.ts';
export { BUCKETS } from './guard/history-window.ts';
export { inputsFrom, type JudgeInputs, type LoggedInputs, NO_INPUTS } from './guard/inputs.ts';
export { type Judgement, judge } from './guard/judge.ts';
export * from './guard/lint/lint.ts';
export {
  type ActionReaches,
  actionReaches,
  isInside,
  type Reach,
  reachOf,
} from './guard/lint/reach.ts';
export { exprKey, policyKey } from './guard/lint/tree.ts';
export * from './guard/logged-action.ts';
export * from './guard/open-guard.ts';
export * from './guard/policy-set.ts';
export { type Difference, judgeAgain, recheckDecision, ruleAgain } from './guard/recheck.ts';
export { resolvedSchema, schemaText } from './guard/schema.ts';
export { judgeShadow, withShadow } from './guard/shadow.ts';
export { shareRecord } from './guard/shared.ts';
export * from './guard/sql-context.ts';
export { isCedarRecord, jsonOf } from './guard/value-json.ts';
export { connectGuard, type RemoteGuard } from './remote/client.ts';
export type { RemoteDecided } from './remote/message.ts';
export { type GuardService, serveGuard } from './remote/service.ts';
