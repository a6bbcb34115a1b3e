/** Shapes that go with words; never alone. 16 by 16, drawn in the colour of the text. */
import type { ReactNode } from 'react';
import type { EntryState } from './data.ts';
import type { Tone } from './words.ts';

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
      {children}
    </svg>
  );
}

const line = {
  fill: 'none',
  stroke: 'currentColor',
  strokeWidth: 1.75,
  strokeLinecap: 'round',
  strokeLinejoin: 'round',
} as const;

export const CheckIcon = () => (
  <Icon>
    <path {...line} d="M3.5 8.5l3 3 6-7" />
  </Icon>
);
export const CrossIcon = () => (
  <Icon>
    <path {...line} d="M4 4l8 8M12 4l-8 8" />
  </Icon>
);
export const PauseIcon = () => (
  <Icon>
    <path {...line} d="M5.5 4v8M10.5 4v8" />
  </Icon>
);
const DotIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.25" fill="currentColor" />
  </Icon>
);
const RingIcon = () => (
  <Icon>
    <circle {...line} cx="8" cy="8" r="3.75" />
  </Icon>
);
const AlertIcon = () => (
  <Icon>
    <path {...line} d="M8 2.5l6 10.5H2zM8 6.75v2.75M8 11.4v.1" />
  </Icon>
);
export const LiveIcon = () => (
  <Icon>
    <path {...line} d="M1.5 8h3l2-4.5 3 9 2-4.5h3" />
  </Icon>
);
export const PolicyIcon = () => (
  <Icon>
    <path {...line} d="M8 1.75l5 2v4c0 3-2.2 5.4-5 6.5-2.8-1.1-5-3.5-5-6.5v-4z" />
  </Icon>
);
export const TreeIcon = () => (
  <Icon>
    <path {...line} d="M8 3.5v3M4 12V9.5h8V12M8 6.5v3" />
    <circle cx="8" cy="2.6" r="1.35" fill="currentColor" />
    <circle cx="4" cy="13" r="1.35" fill="currentColor" />
    <circle cx="12" cy="13" r="1.35" fill="currentColor" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    <circle {...line} cx="7" cy="7" r="4.25" />
    <path {...line} d="M10.25 10.25L14 14" />
  </Icon>
);
const PersonIcon = () => (
  <Icon>
    <circle {...line} cx="8" cy="5" r="2.5" />
    <path {...line} d="M3 13.5c.6-2.6 2.6-4 5-4s4.4 1.4 5 4" />
  </Icon>
);
const ServiceIcon = () => (
  <Icon>
    <rect {...line} x="2.5" y="3" width="11" height="4" rx="1" />
    <rect {...line} x="2.5" y="9" width="11" height="4" rx="1" />
  </Icon>
);
const AgentIcon = () => (
  <Icon>
    <path {...line} d="M8 2l1.5 4.500L14 8l-4.5 1.500L8 14l-1.5-4.500L2 8l4.5-1.500z" />
  </Icon>
);

const DoubleCheckIcon = () => (
  <Icon>
    <path {...line} d="M1.500 8.500l3 3 6-7M7.500 11.500l6.500-7.500" />
  </Icon>
);

/** `durable`: on disk. `signed`: under a signed checkpoint. `witnessed`: under one that others cosigned. */
export function StateIcon({ state }: { state: EntryState }) {
  if (state === 'witnessed') return <DoubleCheckIcon />;
  return state === 'signed' ? <CheckIcon /> : <RingIcon />;
}

export function ToneIcon({ tone, alert }: { tone: Tone; alert?: boolean }) {
  if (alert) return <AlertIcon />;
  if (tone === 'deny') return <CrossIcon />;
  if (tone === 'hold') return <PauseIcon />;
  return tone === 'allow' ? <CheckIcon /> : <DotIcon />;
}

export function PrincipalIcon({ type }: { type: string }) {
  if (type === 'human') return <PersonIcon />;
  return type === 'agent' ? <AgentIcon /> : <ServiceIcon />;
}
