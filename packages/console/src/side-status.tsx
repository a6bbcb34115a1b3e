/** What has to be known on every page: how much there is, what guards and how, and what is switched off. */
import { modeOf, type Status } from './data.ts';
import { useAnswer } from './use-answer.ts';
import { number } from './words.ts';

const EVERY_MS = 3_000;

export function SideStatus() {
  const { data, problem } = useAnswer<Status>('/api/status', EVERY_MS);
  if (!data) return null;
  const { size, signedSize, witnessedSize, durability, targets, failed } = data;
  return (
    <footer className="side-status">
      {targets.map((target) => (
        <p key={target.name}>
          <span className="name">{target.name}</span>
          <span className={`mode ${target.mode === 'enforce' ? '' : 'watching'}`}>
            {modeOf(target)}
          </span>
        </p>
      ))}
      <p>
        <span className="name">entries</span>
        <span>{number(size)}</span>
      </p>
      <p>
        <span className="name">signed</span>
        <span>{number(signedSize)}</span>
      </p>
      {witnessedSize !== undefined && (
        <p>
          <span className="name">witnessed</span>
          <span>{number(witnessedSize)}</span>
        </p>
      )}
      {durability !== 'sync' && <p className="off">Durability is {durability}</p>}
      {failed !== undefined && <p className="failed">The log has stopped</p>}
      {problem !== undefined && <p className="failed">Not connected</p>}
    </footer>
  );
}
