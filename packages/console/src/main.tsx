import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { IntegrityPage } from './integrity-page.tsx';
import { LivePage } from './live-page.tsx';
import { PoliciesPage } from './policies-page.tsx';
import { go, useRoute } from './route.ts';
import './style.css';

const PAGES = [
  { page: 'live', to: '/', name: 'Live' },
  { page: 'policies', to: '/policies', name: 'Policies' },
  { page: 'integrity', to: '/integrity', name: 'Integrity' },
] as const;

function App() {
  const route = useRoute();
  return (
    <>
      <nav className="top">
        <span className="brand">Sealrail</span>
        {PAGES.map(({ page, to, name }) => (
          <a
            key={page}
            href={to}
            aria-current={route.page === page ? 'page' : undefined}
            onClick={(event) => {
              if (event.metaKey || event.ctrlKey) return;
              event.preventDefault();
              go(to);
            }}
          >
            {name}
          </a>
        ))}
      </nav>
      <main>
        {route.page === 'live' && <LivePage route={route} />}
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
