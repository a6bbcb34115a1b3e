/** Cedar text with its words set apart, for reading. */
import type { ReactNode } from 'react';

const TOKENS =
  /(?<comment>\/\/[^\n]*)|(?<string>"(?:[^"\\]|\\.)*")|(?<annotation>@\w+)|(?<word>\b(?:permit|forbid|when|unless|principal|action|resource|context|in|is|has|like|if|then|else|true|false)\b)/g;

export function Cedar({ text }: { text: string }) {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKENS)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, found]) => found) ?? ['word'];
    parts.push(text.slice(at, match.index));
    parts.push(
      <span key={match.index} className={`cedar-${kind}`}>
        {match[0]}
      </span>,
    );
    at = match.index + match[0].length;
  }
  parts.push(text.slice(at));
  return <pre className="cedar">{parts}</pre>;
}
