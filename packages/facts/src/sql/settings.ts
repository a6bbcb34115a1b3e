/** What a client may set for itself, and what would change who it is, what it sees or how it is read. */
import type { SqlRisk } from './facts.ts';

/** None of these changes what a name or a text means, who somebody is, or what others have to wait for. */
const CLIENT_SETTINGS = new Set(
  `application_name array_nulls bytea_output client_connection_check_interval client_min_messages
constraint_exclusion cursor_tuple_fraction datestyle default_statistics_target default_text_search_config
default_transaction_deferrable default_transaction_isolation default_transaction_read_only
enable_bitmapscan enable_hashagg enable_hashjoin enable_indexonlyscan enable_indexscan enable_material
enable_mergejoin enable_nestloop enable_seqscan enable_sort extra_float_digits from_collapse_limit geqo
idle_in_transaction_session_timeout idle_session_timeout intervalstyle jit join_collapse_limit lc_messages
lc_monetary lc_numeric lc_time lock_timeout max_parallel_workers_per_gather plan_cache_mode
quote_all_identifiers random_page_cost row_security search_path seed seq_page_cost
statement_timeout synchronize_seqscans tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval
timezone timezone_abbreviations transaction_deferrable transaction_isolation transaction_read_only
transaction_timeout xmloption`
    .split(/\s+/)
    .filter((name) => name !== ''),
);

/** Libraries that a new session would load. */
const LOADS_CODE = /_preload_libraries$|^dynamic_library_path$|^extension_control_path$/;

const isOn = (value: string): boolean => /^(on|t|tr|tru|true|y|ye|yes|1|default)$/i.test(value);

/** UTF8 under any of its spellings: the bytes that were judged must be the bytes that the server reads. */
const isUtf8 = (value: string): boolean =>
  /^(utf8|unicode|default)$/i.test(value.replace(/[-_ ]/g, ''));

/**
 * Risk of setting `name` to `value` (undefined: not known beforehand); undefined where a client may.
 * `row_security = off` makes a query fail where a policy would have filtered, it never sees more.
 * A changed search_path is no risk but a change of names: `changesNames`.
 */
export function settingRisk(name: string, value: string | undefined): SqlRisk | undefined {
  const folded = name.toLowerCase();
  // Back to the login role too: which role a session has is the gateway's to say.
  if (folded === 'role' || folded === 'session_authorization') return 'role';
  if (folded === 'session_replication_role') return 'disable-trigger';
  if (LOADS_CODE.test(folded)) return 'program';
  if (folded === 'client_encoding') return isUtf8(value ?? '') ? undefined : 'setting';
  // A text that means one thing to the parser and another to the server hides a second statement.
  if (folded === 'standard_conforming_strings') return isOn(value ?? '') ? undefined : 'setting';
  // Read-only by default is somebody's guard: a client may put it up, not take it down.
  if (folded === 'default_transaction_read_only') return isOn(value ?? '') ? undefined : 'setting';
  return CLIENT_SETTINGS.has(folded) ? undefined : 'setting';
}
