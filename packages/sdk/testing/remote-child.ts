/** A process of its own that decides through the guard of another: PATH COUNT, then prints what was allowed. */
import { connectGuard } from '../src/remote/client.ts';
import { remoteAct } from './remote.ts';

const [path = '', count = '0', how = ''] = process.argv.slice(2);
const guard = await connectGuard(path);
const decided = await Promise.all(
  Array.from({ length: Number(count) }, () => guard.decide(remoteAct())),
);
const allowed = decided.filter(({ blocked }) => !blocked);
process.stdout.write(`${allowed.length}\n`);
if (how === 'hang') setInterval(() => undefined, 1_000);
else {
  for (const { decisionId } of allowed)
    await guard.outcome(
      { decisionId, outcome: { status: 'executed' }, durationUs: 1 },
      remoteAct(),
    );
  guard.close();
}
