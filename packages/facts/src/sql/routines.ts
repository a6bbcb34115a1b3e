/**
 * Routines of pg_catalog by name. Reviewed ones have no effect but their result and run no text as code;
 * dangerous ones get a risk, so that a policy can speak of them; every other one is a doubt. Volatility
 * flags decide nothing: what a flag says is its author's opinion.
 */
import type { Doubt, SqlRisk, Volatility } from './facts.ts';

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

/** Results that are the same for the same arguments. */
const PURE =
  words(`abs acos acosd acosh area array_append array_cat array_dims array_fill array_length
array_lower array_ndims array_position array_positions array_prepend array_remove array_replace array_reverse
array_sort array_to_string array_upper ascii asin asind asinh atan atan2 atan2d atand atanh bit_count
bit_length bool box bpchar broadcast btrim cardinality casefold cbrt ceil ceiling center char_length
character_length chr circle convert_from convert_to cos cosd cosh cot cotd crc32 crc32c daterange
decode degrees diameter div encode erf erfc exp factorial family float4 float8 floor gamma gcd get_bit get_byte
height host hostmask inet_merge inet_same_family initcap int2 int4 int4range int8 int8range isempty isfinite
isopen json_array_length json_extract_path json_extract_path_text json_object json_strip_nulls json_typeof
jsonb_array_length jsonb_exists jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
jsonb_path_exists jsonb_path_match jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set
jsonb_set_lax jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lcm left length
lgamma like_escape ln log log10 lower lower_inc lower_inf lpad lseg ltrim macaddr8_set7bit make_date
make_interval make_time make_timestamp masklen md5 min_scale mod netmask network normalize is_normalized
npoints num_nonnulls num_nulls numeric numrange octet_length overlaps overlay parse_ident path pclose pi point
polygon popen position power quote_ident quote_literal quote_nullable radians radius range_merge regexp_count
regexp_instr regexp_like regexp_match regexp_replace regexp_split_to_array regexp_substr repeat replace
reverse right round rpad rtrim scale set_bit set_byte set_masklen sha224 sha256 sha384 sha512 sign
similar_to_escape sin sind sinh slope split_part sqrt starts_with string_to_array strip strpos substr substring
tan tand tanh text timezone to_bin to_hex to_oct translate trim_array trim_scale trunc tsquery_phrase
tsrange tstzrange tsvector_to_array ts_delete ts_filter ts_rank ts_rank_cd setweight numnode querytree unicode_assigned
unicode_version unistr upper upper_inc upper_inf uuid_extract_timestamp uuid_extract_version varchar width
width_bucket xmlcomment xmltext xpath xpath_exists xmlexists date_bin cidr abbrev convert pow`);

/** Results that hold for one statement: the clock, the session, the catalog. */
const STABLE = words(`age array_to_json array_to_tsvector col_description concat concat_ws
current_database current_query current_schema current_schemas current_setting current_user
date date_add date_part date_subtract date_trunc enum_first enum_last enum_range extract format format_type
has_any_column_privilege has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege
has_function_privilege has_language_privilege has_parameter_privilege has_schema_privilege
has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege
row_security_active inet_client_addr inet_client_port inet_server_addr inet_server_port json_build_array
json_build_object json_object_agg json_populate_record jsonb_build_array jsonb_build_object
jsonb_populate_record json_to_record jsonb_to_record make_timestamptz money name now obj_description
oidvectortypes pg_backend_pid pg_char_to_encoding pg_client_encoding pg_collation_for
pg_collation_is_visible pg_column_compression pg_column_size pg_conf_load_time pg_conversion_is_visible
pg_database_size pg_describe_object pg_encoding_max_length pg_encoding_to_char pg_function_is_visible
pg_get_constraintdef pg_get_expr pg_get_function_arg_default pg_get_function_arguments
pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody pg_get_functiondef
pg_get_indexdef pg_get_partition_constraintdef pg_get_partkeydef pg_get_ruledef pg_get_serial_sequence
pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object pg_index_column_has_property
pg_index_has_property pg_indexam_has_property pg_indexes_size pg_is_in_recovery pg_is_other_temp_schema
pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible pg_partition_root
pg_postmaster_start_time pg_relation_filenode pg_relation_is_publishable pg_relation_is_updatable
pg_column_is_updatable pg_relation_size pg_sequence_last_value pg_size_bytes pg_size_pretty
pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_location pg_tablespace_size
pg_total_relation_size pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
pg_ts_template_is_visible pg_type_is_visible pg_typeof phraseto_tsquery plainto_tsquery row_to_json
session_user shobj_description statement_timestamp system_user time timestamp timestamptz timetz interval
to_ascii to_char to_date to_json to_jsonb to_number to_regclass to_regcollation to_regnamespace to_regoper
to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector
transaction_timestamp ts_headline version websearch_to_tsquery xml xmlvalidate acldefault makeaclitem
has_largeobject_privilege pg_sequence_parameters pg_get_sequence_data pg_trigger_depth pg_current_snapshot
pg_snapshot_xmin pg_snapshot_xmax pg_get_acl get_current_ts_config getdatabaseencoding pg_basetype
pg_settings_get_flags pg_relation_filepath jsonb_to_tsvector json_to_tsvector
jsonb_path_exists_tz jsonb_path_match_tz jsonb_path_query_array_tz jsonb_path_query_first_tz`);

/** Over many rows. */
const AGGREGATES = words(`any_value avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop
covar_samp cume_dist dense_rank every first_value json_agg json_agg_strict json_object_agg_strict
json_object_agg_unique json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg
jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict lag last_value lead max min
mode nth_value ntile percent_rank percentile_cont percentile_disc range_agg range_intersect_agg rank
regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number
stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance xmlagg array_agg`);

/** Each of these may give many rows, or none, from one. */
const SET_RETURNING = words(`generate_series generate_subscripts unnest json_array_elements
json_array_elements_text json_each json_each_text json_object_keys json_populate_recordset
json_to_recordset jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text
jsonb_object_keys jsonb_path_query jsonb_populate_recordset jsonb_to_recordset regexp_matches
regexp_split_to_table string_to_table aclexplode pg_options_to_table pg_get_keywords pg_partition_tree
pg_partition_ancestors pg_timezone_names pg_timezone_abbrevs pg_get_publication_tables`);

/** Different at every call; of these nextval alone leaves something behind, and only a gap. */
const VOLATILE =
  words(`array_sample array_shuffle clock_timestamp currval gen_random_uuid lastval nextval
pg_current_xact_id pg_current_xact_id_if_assigned random random_normal setseed timeofday txid_current
txid_current_if_assigned uuidv4 uuidv7`);

export const PURE_ROUTINES: ReadonlySet<string> = new Set(PURE);
export const SET_RETURNING_ROUTINES: ReadonlySet<string> = new Set(SET_RETURNING);
export const VOLATILE_ROUTINES: ReadonlySet<string> = new Set(VOLATILE);
export const REVIEWED_ROUTINES: ReadonlySet<string> = new Set([
  ...PURE,
  ...STABLE,
  ...AGGREGATES,
  ...SET_RETURNING,
  ...VOLATILE,
]);

/**
 * By pattern: what a routine reaches beyond its arguments; the first that matches counts. `setval` moves a
 * sequence under everybody's feet, so it stands with what acts on other sessions.
 */
const DANGEROUS: readonly (readonly [RegExp, SqlRisk])[] = [
  [
    /^(pg_read_(binary_)?file|pg_ls_.*|pg_stat_file|pg_file_.*|pg_logdir_ls|pg_current_logfile)$/,
    'file',
  ],
  [
    /^(lo_import|lo_export|pg_hba_file_rules|pg_ident_file_mappings|pg_show_all_file_settings)$/,
    'file',
  ],
  [/^(pg_rotate_logfile.*|pg_read_server_files|pg_execute_server_program)$/, 'file'],
  [/^(lo_.*|loread|lowrite|lo|be_lo_.*)$/, 'large-object'],
  [/^(dblink.*|postgres_fdw_.*|http|http_.*)$/, 'network'],
  [/^pg_sleep.*$/, 'sleep'],
  [/^pg_(try_)?advisory_.*$/, 'lock'],
  [
    /^(pg_logical_.*|pg_replication_.*|pg_create_(logical|physical)_.*|pg_drop_replication_slot)$/,
    'replication',
  ],
  [/^(pg_copy_.*_slot|pg_sync_.*|pg_get_replication_.*|pg_.*_replication_slot.*)$/, 'replication'],
  [
    /^(pg_start_backup|pg_stop_backup|pg_backup_.*|pg_walfile_.*|pg_wal_.*|pg_switch_wal)$/,
    'replication',
  ],
  [/^pg_notify$/, 'notify'],
  [
    /^(pg_terminate_backend|pg_cancel_backend|pg_reload_conf|pg_promote|pg_create_restore_point)$/,
    'backend-control',
  ],
  [
    /^(pg_stat_reset.*|pg_stat_clear.*|pg_stat_force.*|pg_stat_get_.*|pg_signal.*|pg_export_snapshot)$/,
    'backend-control',
  ],
  [
    /^(pg_restore_.*|pg_set_.*|pg_clear_.*|pg_log_.*|pg_nextoid|pg_prewarm.*|setval|binary_upgrade_.*)$/,
    'backend-control',
  ],
  [
    /^(brin_.*|gin_clean_.*|pg_extension_config_dump|pg_import_system_collations|pg_.*_injection.*)$/,
    'backend-control',
  ],
];

/** These run a text as SQL: what they do is written in a value. */
const RUNS_TEXT =
  /^((query|cursor|table|schema|database)_to_xml.*|ts_stat|ts_rewrite|crosstab.*|connectby.*|xpath_table|dblink.*)$/;

/** What is known of a routine: nothing to say about a reviewed one, or a risk, a doubt, or both. */
export interface RoutineVerdict {
  readonly risk?: SqlRisk;
  readonly doubt?: Doubt;
}

/** A routine by its bare name, as if it were pg_catalog's. */
export function reviewRoutine(name: string): RoutineVerdict {
  if (REVIEWED_ROUTINES.has(name)) return {};
  const risk = DANGEROUS.find(([pattern]) => pattern.test(name))?.[1];
  const doubt = RUNS_TEXT.test(name)
    ? 'dynamic'
    : risk === undefined
      ? 'unknown-routine'
      : undefined;
  return { ...(risk === undefined ? {} : { risk }), ...(doubt === undefined ? {} : { doubt }) };
}

export function volatilityOf(name: string): Volatility {
  if (PURE_ROUTINES.has(name) || AGGREGATES.includes(name)) return 'immutable';
  if (VOLATILE_ROUTINES.has(name)) return 'volatile';
  return REVIEWED_ROUTINES.has(name) ? 'stable' : 'unknown';
}

/** Columns of routines whose result is a row, or has a name of its own. */
export const RESULT_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  json_each: ['key', 'value'],
  json_each_text: ['key', 'value'],
  jsonb_each: ['key', 'value'],
  jsonb_each_text: ['key', 'value'],
  json_array_elements: ['value'],
  json_array_elements_text: ['value'],
  jsonb_array_elements: ['value'],
  jsonb_array_elements_text: ['value'],
  aclexplode: ['grantor', 'grantee', 'privilege_type', 'is_grantable'],
  pg_options_to_table: ['option_name', 'option_value'],
  pg_get_keywords: ['word', 'catcode', 'barelabel', 'catdesc', 'baredesc'],
  pg_partition_tree: ['relid', 'parentrelid', 'isleaf', 'level'],
  pg_partition_ancestors: ['relid'],
  pg_timezone_names: ['name', 'abbrev', 'utc_offset', 'is_dst'],
  pg_timezone_abbrevs: ['abbrev', 'utc_offset', 'is_dst'],
  pg_sequence_parameters: [
    'start_value',
    'minimum_value',
    'maximum_value',
    'increment',
    'cycle_option',
    'cache_size',
    'data_type',
  ],
  pg_get_publication_tables: ['pubid', 'relid', 'attrs', 'qual'],
  pg_identify_object: ['type', 'schema', 'name', 'identity'],
};

/** Types of pg_catalog whose input runs no code but the server's own. */
const TYPES = new Set(
  words(`any anyarray anycompatible anycompatiblearray anyelement anyenum anynonarray anyrange aclitem bigint
bigserial bit bool boolean box bpchar bytea char cid cidr circle cstring date datemultirange daterange decimal
event_trigger float4 float8 inet int int2 int2vector int4 int4multirange int4range int8 int8multirange int8range
integer internal interval json jsonb jsonpath line lseg macaddr macaddr8 money name numeric nummultirange
numrange oid oid8 oidvector path pg_lsn pg_node_tree pg_snapshot point polygon real record refcursor regclass
regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype
serial serial2 serial4 serial8 smallint smallserial text tid time timestamp timestamptz timetz trigger tsmultirange
tsquery tsrange tstzmultirange tstzrange tsvector txid_snapshot unknown uuid varbit varchar void xid xid8 xml`),
);

/** Of these it is sure that their result in FROM is one column, whatever their arguments are. */
export const ONE_COLUMN: ReadonlySet<string> = new Set(
  words(`generate_series generate_subscripts json_object_keys jsonb_object_keys jsonb_path_query regexp_matches
regexp_split_to_table string_to_table`),
);

export const isBuiltinType = (name: string): boolean => TYPES.has(name);
