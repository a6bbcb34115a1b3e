import { type ComponentType, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApprovalsPage } from './approvals-page.tsx';
import { LiveIcon, PauseIcon, PolicyIcon, TreeIcon } from './icons.tsx';
import { IntegrityPage } from './integrity-page.tsx';
import { LivePage } from './live-page.tsx';
import { PoliciesPage } from './policies-page.tsx';
import { follow, type Route, useRoute } from './route.ts';
import { SideStatus } from './side-status.tsx';
import './style.css';

const PAGES: readonly { page: Route['page']; to: string; name: string; Icon: ComponentType }[] = [
  { page: 'live', to: '/', name: 'Live', Icon: LiveIcon },
  { page: 'approvals', to: '/approvals', name: 'Approvals', Icon: PauseIcon },
  { page: 'policies', to: '/policies', name: 'Policies', Icon: PolicyIcon },
  { page: 'integrity', to: '/integrity', name: 'Integrity', Icon: TreeIcon },
];

function Mark() {
  return (
    <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
      <rect x="1" y="1" width="18" height="18" rx="5" fill="var(--accent)" />
      <path
        d="M5 12.500h10M5 7.500h10M8 5v10M12 5v10"
        stroke="var(--raised)"
        strokeWidth="1.5"
        strokeLinecap="round"
      />
    </svg>
  );
}

function App() {
  const route = useRoute();
  return (
    <>
      <nav className="side" aria-label="Pages">
        <a className="brand" href="/" onClick={follow}>
          <Mark />
          <span>Sealrail</span>
        </a>
        {PAGES.map(({ page, to, name, Icon }) => (
          <a
            key={page}
            className="to"
            href={to}
            aria-current={route.page === page ? 'page' : undefined}
            onClick={follow}
          >
            <Icon />
            <span>{name}</span>
          </a>
        ))}
        <SideStatus />
      </nav>
      <main>
        {route.page === 'live' && <LivePage route={route} />}
        {route.page === 'approvals' && <ApprovalsPage />}
        {route.page === 'policies' && <PoliciesPage />}
        {route.page === 'integrity' && <IntegrityPage />}
      </main>
    </>
  );
}

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
