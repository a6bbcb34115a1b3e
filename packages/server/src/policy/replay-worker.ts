/** One thread of a replay: what it counts is its only message. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ReplayPart, replayPart } from './replay-log.ts';

parentPort?.postMessage(replayPart(workerData as ReplayPart));
