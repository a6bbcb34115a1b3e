export * from './entry/entry.ts';
export * from './guard/decision.ts';
export * from './entry/recorder.ts';
export * from './guard/guard.ts';
