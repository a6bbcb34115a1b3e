import { useState } from 'react';

const SAID_MS = 1_500;

export function Copy({ text, children }: { text: string; children: string }) {
  const [said, setSaid] = useState<string>();
  const say = (word: string) => {
    setSaid(word);
    setTimeout(() => setSaid(undefined), SAID_MS);
  };
  return (
    <button
      type="button"
      className="plain copy"
      title={text}
      onClick={() =>
        navigator.clipboard.writeText(text).then(
          () => say('Copied'),
          () => say('Not allowed'),
        )
      }
    >
      {said ?? children}
    </button>
  );
}
