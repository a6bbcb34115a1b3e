/**
 * Reviewed routines of pg_catalog: no effect but their result, and no text in them that runs as code. What
 * is not here is a doubt, or a risk where it is known to be dangerous. Volatility flags decide nothing.
 */
import type { Doubt, SqlRisk } from './facts.ts';

const REVIEWED = new Set(
  `abs acos acosd acosh age any_value area array_agg array_append array_cat array_dims array_fill array_length array_lower
array_ndims array_position array_positions array_prepend array_remove array_replace array_sample array_shuffle array_to_json
array_to_string array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit_and bit_count
bit_length bit_or bit_xor bool_and bool_or bpchar btrim cardinality casefold cbrt ceil ceiling center char_length
character_length chr clock_timestamp coalesce col_description concat concat_ws convert_from convert_to corr cos cosd cosh cot
cotd count covar_pop covar_samp crc32 crc32c cume_dist current_catalog current_database current_date current_query current_role
current_schema current_schemas current_setting current_time current_timestamp current_user date date_add date_bin date_part
date_subtract date_trunc daterange decode degrees dense_rank diameter div encode enum_first enum_last enum_range erf erfc every
exp extract factorial family first_value float4 float8 floor format format_type gamma gcd gen_random_uuid generate_series
generate_subscripts get_bit get_byte greatest grouping has_any_column_privilege has_column_privilege has_database_privilege
has_function_privilege has_language_privilege has_schema_privilege has_sequence_privilege has_table_privilege
has_tablespace_privilege has_type_privilege height host hostmask inet_client_addr inet_client_port inet_merge
inet_same_family inet_server_addr inet_server_port initcap int2 int4 int4range int8 int8range interval isempty isfinite
isopen is_distinct json_agg json_array json_array_elements json_array_elements_text json_array_length json_build_array json_build_object
json_each json_each_text json_exists json_extract_path json_extract_path_text json_object json_object_agg json_object_keys
json_populate_record json_query json_scalar json_serialize json_strip_nulls json_to_record json_to_recordset json_typeof json_value jsonb_agg
jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
jsonb_each_text jsonb_exists jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg
jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first
jsonb_populate_record jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof
justify_days justify_hours justify_interval lag last_value lastval lcm lead least left length lgamma ln localtime localtimestamp
log log10 lower lower_inc lower_inf lpad ltrim macaddr8_set7bit make_date make_interval make_time make_timestamp
make_timestamptz masklen max md5 merge_action min min_scale mod mode money multirange name netmask network nextval currval
normalize now npoints nth_value ntile nullif num_nonnulls num_nulls numeric numrange obj_description octet_length overlaps
overlay parse_ident path pclose percent_rank percentile_cont percentile_disc pg_backend_pid pg_char_to_encoding pg_client_encoding
pg_collation_is_visible pg_column_size pg_conf_load_time pg_conversion_is_visible pg_database_size pg_describe_object
pg_encoding_to_char pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arguments
pg_get_function_identity_arguments pg_get_function_result pg_get_functiondef pg_get_indexdef pg_get_keywords
pg_get_partition_constraintdef pg_get_partkeydef pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef_columns
pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_index_column_has_property pg_indexam_has_property
pg_index_has_property pg_indexes_size pg_is_in_recovery pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible
pg_opfamily_is_visible pg_options_to_table pg_postmaster_start_time pg_relation_filenode pg_relation_is_publishable
pg_relation_size pg_sequence_last_value pg_size_bytes pg_size_pretty pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_size
pg_total_relation_size pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible
pg_type_is_visible pg_typeof phraseto_tsquery pi plainto_tsquery point polygon position power quote_ident quote_literal
quote_nullable radians radius random random_normal range_agg range_intersect_agg range_merge rank regexp_count regexp_instr
regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr
regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse right round
row_number row_to_json rpad rtrim scale session_user set_bit set_byte set_masklen setseed sha224 sha256 sha384 sha512
shobj_description sign sin sind sinh slope split_part sqrt starts_with statement_timestamp stddev stddev_pop stddev_samp
string_agg string_to_array string_to_table strip strpos substr substring sum system_user tan tand tanh text timeofday timestamp
timestamptz time timetz to_ascii to_char to_date to_hex to_bin to_oct to_json to_jsonb to_number to_regclass to_regcollation to_regnamespace
to_regoper to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector
transaction_timestamp translate trim trim_array trim_scale trunc ts_delete ts_filter ts_headline ts_rank ts_rank_cd
tsquery_phrase tsrange tstzrange tsvector_to_array txid_current txid_current_if_assigned unicode_assigned unicode_version unistr unnest upper
upper_inc upper_inf user uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 var_pop var_samp varchar variance version
websearch_to_tsquery width width_bucket xmlagg xmlcomment xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi xmlserialize
pg_get_statisticsobjdef pg_get_statisticsobjdef_expressions pg_current_xact_id pg_current_xact_id_if_assigned
pg_stat_get_numscans pg_partition_tree pg_partition_ancestors pg_partition_root aclexplode acldefault makeaclitem
pg_sequence_parameters pg_identify_object pg_is_other_temp_schema pg_get_publication_tables hashtext hashtextextended
inet_out textlen bool int4pl like_escape timezone date_eq timestamp_eq oidvectortypes array_to_jsonb string_to_jsonb
is_normalized sub_trunc pg_timezone_abbrevs pg_timezone_names`
    .split(/\s+/)
    .filter((name) => name !== ''),
);

/** By pattern: what a routine reaches beyond its arguments. The first that matches counts. */
const DANGEROUS: readonly (readonly [RegExp, SqlRisk | Doubt])[] = [
  [
    /^(pg_read_(binary_)?file|pg_ls_.*|pg_stat_file|pg_file_.*|pg_logdir_ls|pg_current_logfile|pg_rotate_logfile.*|pg_log_.*)$/,
    'file',
  ],
  [/^(lo_import|lo_export)$/, 'file'],
  [/^(lo_.*|loread|lowrite|lo)$/, 'large-object'],
  [/^(dblink.*|postgres_fdw_.*|http_.*)$/, 'network'],
  [/^pg_sleep.*$/, 'sleep'],
  [
    /^(pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_promote|pg_switch_wal|pg_create_restore_point|pg_stat_reset.*|pg_stat_clear.*|pg_backup_.*|pg_wal_replay_.*|pg_signal.*|pg_export_snapshot|pg_restore_.*|pg_set_.*|pg_clear_.*)$/,
    'backend-control',
  ],
  [/^(pg_(try_)?advisory_.*)$/, 'lock'],
  [
    /^(pg_logical_.*|pg_replication_.*|pg_create_(logical|physical)_.*|pg_drop_replication_slot|pg_copy_.*_slot|pg_sync_.*|pg_get_replication_.*)$/,
    'replication',
  ],
  [/^pg_notify$/, 'notify'],
  [
    /^(setval|binary_upgrade_.*|pg_nextoid|brin_.*|gin_clean_.*|pg_extension_config_dump)$/,
    'backend-control',
  ],
  [/^(set_config)$/, 'setting'],
  [
    /^((query|cursor|table|schema|database)_to_xml.*|ts_stat|ts_rewrite|crosstab.*|connectby.*|xpath_table)$/,
    'dynamic',
  ],
];

export type RoutineVerdict =
  | { readonly kind: 'reviewed' }
  | { readonly kind: 'risk'; readonly risk: SqlRisk }
  | { readonly kind: 'doubt'; readonly doubt: Doubt };

const DOUBTS: readonly string[] = ['dynamic'];

/** A routine by its bare name in pg_catalog. */
export function reviewRoutine(name: string): RoutineVerdict {
  if (REVIEWED.has(name)) return { kind: 'reviewed' };
  const found = DANGEROUS.find(([pattern]) => pattern.test(name))?.[1];
  if (found === undefined) return { kind: 'doubt', doubt: 'unknown-routine' };
  return DOUBTS.includes(found)
    ? { kind: 'doubt', doubt: found as Doubt }
    : { kind: 'risk', risk: found as SqlRisk };
}

/** Types of pg_catalog that a cast or a column may name. */
const TYPES = new Set(
  `bool boolean int2 int4 int8 smallint integer int bigint float4 float8 real numeric decimal money text varchar bpchar char
name bytea bit varbit date time timetz timestamp timestamptz interval uuid json jsonb jsonpath xml inet cidr macaddr macaddr8
point line lseg box path polygon circle oid regclass regtype regproc regprocedure regoper regoperator regrole regnamespace
regconfig regdictionary regcollation tsvector tsquery int4range int8range numrange tsrange tstzrange daterange
int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange pg_lsn pg_snapshot txid_snapshot xid
xid8 cid tid int2vector oidvector record aclitem refcursor unknown any anyelement void serial bigserial smallserial serial4
serial8 serial2 pg_node_tree`
    .split(/\s+/)
    .filter((name) => name !== ''),
);

export const isBuiltinType = (name: string): boolean => TYPES.has(name);

/** Relations of pg_catalog that show other people's data, secrets, or what other sessions do. */
const CLOSED_RELATIONS =
  /^(pg_authid|pg_shadow|pg_user_mapping|pg_user_mappings|pg_statistic.*|pg_stats.*|pg_stat_activity|pg_stat_statements.*|pg_largeobject|pg_hba_file_rules|pg_ident_file_mappings|pg_file_settings|pg_subscription|pg_foreign_server|pg_cursors|pg_prepared_statements|pg_backend_memory_contexts|pg_shmem_allocations.*|pg_config|pg_stat_progress_.*|pg_replication_slots|pg_stat_replication|pg_stat_ssl|pg_stat_gssapi)$/;

export const isClosedRelation = (schema: string, name: string): boolean =>
  schema === 'pg_toast' ||
  (schema === 'pg_catalog' && CLOSED_RELATIONS.test(name)) ||
  /^(pg_stat_statements|pg_buffercache)/.test(name);

/** Settings that a client may change: none of them changes what a name or a text means, or who somebody is. */
const CLIENT_SETTINGS = new Set(
  `application_name datestyle timezone intervalstyle extra_float_digits statement_timeout lock_timeout transaction_timeout
idle_in_transaction_session_timeout idle_session_timeout bytea_output client_min_messages work_mem geqo jit
default_transaction_isolation default_transaction_read_only default_transaction_deferrable transaction_isolation transaction_read_only transaction_deferrable
random_page_cost seq_page_cost effective_cache_size enable_seqscan enable_indexscan enable_bitmapscan enable_hashjoin enable_mergejoin enable_nestloop enable_sort
enable_hashagg max_parallel_workers_per_gather plan_cache_mode lc_monetary lc_numeric lc_time xmloption search_path
synchronize_seqscans row_security constraint_exclusion cursor_tuple_fraction from_collapse_limit join_collapse_limit
default_statistics_target gin_fuzzy_search_limit tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count lc_messages
default_text_search_config array_nulls quote_all_identifiers maintenance_work_mem temp_buffers timezone_abbreviations
client_connection_check_interval seed session_characteristics`
    .split(/\s+/)
    .filter((name) => name !== ''),
);

/** UTF8 under any of its spellings: the bytes that were judged must be the bytes that the server reads. */
const isUtf8 = (value: string | undefined): boolean =>
  value !== undefined && /^(utf-?8|unicode|default)$/i.test(value.replace(/[^A-Za-z0-9-]/g, ''));

/** Risk of setting this to that; undefined where a client may. */
export function settingRisk(name: string, value: string | undefined): SqlRisk | undefined {
  const folded = name.toLowerCase();
  // Back to the login role too: which role a session has is the gateway's to say.
  if (folded === 'role' || folded === 'session_authorization') return 'role';
  if (folded === 'session_replication_role') return 'disable-trigger';
  if (folded === 'client_encoding' || folded === 'names')
    return isUtf8(value) ? undefined : 'setting';
  if (folded === 'standard_conforming_strings')
    return /^(on|true|yes|1|default)$/i.test(value ?? '') ? undefined : 'setting';
  return CLIENT_SETTINGS.has(folded) ? undefined : 'setting';
}
