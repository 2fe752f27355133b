#include "web/shape.h"

// The shapes that have a name in the document of the API, in order of name. Kafka Connect's are those of the admin API,
// 1.3; the tests hold every answer against them.
namespace headgate::web {
namespace {

constexpr NamedShape kNamedShapes[] = {
    {"Bulk", "{filter: {all?: bool?, ...LetterFields}, dry_run?: bool}"},
    {"Check",
     "{id: string, status: CheckStatus, since: time?, checked_at: time?, summary: string, hint: string?, fix: string?, "
     "dismissed_until: time?}"},
    {"CheckStatus", "'healthy'|'notice'|'warning'|'error'"},
    {"Column", "{name: string, type: string, nullable?: bool, key?: int}"},
    {"Config", "{*: string}"},
    {"ConfigInfos",
     "{name: string, error_count: int, groups: [string], configs: [{definition: KeyDefinition?, value: "
     "ConfigValue}]}"},
    {"ConfigPatch", "{*: Scalar?}"},
    {"ConfigValue", "{name: string, value: string?, recommended_values: [string], errors: [string], visible: bool}"},
    {"Connector",
     "{...Summary, tasks: [TaskInfo], since: time?, created_at: time?, changed_at: time?, from_file: bool, "
     "last_error: {text: string, hint: string}?, next_attempt_at: time?, phase: string, links: {*: string}}"},
    {"ConnectorInfo", "{name: string, config: Config, tasks: [TaskId], type: 'source'|'sink'|'unknown'}"},
    {"CreateConnector",
     "{name: string, config: {*: Scalar}, initial_state?: string?}"},  // RUNNING, PAUSED or STOPPED, in any case
    {"CreateView", "{name: string, sql: string, options?: {*: Scalar}?}"},
    {"Effective",
     "{connector: string, items: [{key: string, value: string?, default: string?, origin: string}], ignored: "
     "[string]}"},
    {"Error", "{error_code: int, message: string, request_id?: string}"},
    {"Event",
     "{id: big?, at: time?, kind: string, connector: string?, actor: string, summary: string, details: {*: string}}"},
    {"EventFilter", "{kind?: string, connector?: string, actor?: string, since?: string, until?: string}"},
    {"Freshness", "{min_seq?: Scalar?, min_position?: {*: string}?, wait_ms?: Scalar?}"},
    {"Graph",
     "{nodes: [{id: string, kind: 'source'|'stream'|'view'|'sink', name: string, health: string?, state: string?, "
     "rate?: number}], edges: [{from: string, to: string, read_total: int?, written_total: int?, pending_records: "
     "int?, "
     "read_lag_seconds: number?, source_lag_seconds: number?, write_lag_seconds: number?, rate: number?}]}"},
    {"Group",
     "{stream: string, name: string, created_at: time?, ...GroupSettings, position: string, lag: {records: int?, "
     "seconds: number?}, in_flight: int, waiting: int, consumers: [string], dead_letters: int, lost: {from: string, "
     "to: "
     "string, records: int}?, totals: {delivered: int, redelivered: int, acknowledged: int, dead: int, lost: int}}"},
    {"GroupSettings",
     "{ack_timeout_ms?: int?, deliveries_max?: int?, in_flight_max?: int?, ordering?: 'key'|'none', on_lost?: "
     "'fail'|'earliest'|'latest'}"},
    {"Health", "{connector: string, status: Status, since: time?, rogue: bool, alarm: string?, checks: [Check]}"},
    {"KeyDefinition",
     "{name: string, type: 'BOOLEAN'|'CLASS'|'DOUBLE'|'INT'|'LIST'|'LONG'|'PASSWORD'|'SHORT'|'STRING', required: bool, "
     "default_value: string?, importance: 'HIGH'|'MEDIUM'|'LOW', documentation: string, group: string?, "
     "order_in_group: int, width: 'NONE'|'SHORT'|'MEDIUM'|'LONG', display_name: string, dependents: [string]}"},
    {"Lag",
     "{connector: string, at: time, bytes: int?, seconds: number?, records: int?, caught_up: bool, slot?: {name: "
     "string, retained_bytes: int?, safe_bytes: int?, eta_invalid_seconds: number?, checked_at: time?, active: bool}?, "
     "server_position?: string?, durable_position?: string?, confirmed_position?: string?, gtid_missing?: string, "
     "dead_letters?: int, "
     "next_seq?: big?, end_to_end_seconds?: {p50: number?, p99: number?}}"},
    {"Letter",
     "{id: big, state: LetterState, stream: string, key: any, at: string, event_id: string, op: Op, source: "
     "{position: any, table: string}, error: {class: string, status: int?, message: string}, attempts: int, "
     "first_failed_at: time?, last_failed_at: time?, next_try_at: time?}"},
    {"LetterFields",
     "{state?: LetterState?, key?: any, error?: string?, stream?: string?, since?: string?, order?: "
     "'newest'|'oldest'}"},
    {"LetterState", "'waiting'|'parked'|'dead'|'retrying'"},
    {"LetterWhole",
     "{...Letter, record: any, request: {head: string, content_type: string, body: string}, response: string?, "
     "history: [string]}"},
    {"ListedTable",
     "{schema: string, table: string, columns: [{name: string, type: string, nullable: bool}], key: [string], "
     "rows_estimate: int, replica_identity: string?}"},
    {"Logger", "{level: 'TRACE'|'DEBUG'|'INFO'|'WARN'|'ERROR'|'FATAL', last_modified: int?}"},
    {"Matched", "{matched: int, sample?: [Letter], operation?: string}"},
    {"Offsets", "{offsets: [{partition: {*: Scalar}, offset: {*: Scalar?}?}]}"},
    {"Op", "'insert'|'update'|'delete'|'read'|'truncate'|'message'|'schema'|'snapshot'|'gap'"},
    {"Operation",
     "{id: string, state: 'running'|'done'|'failed', matched: int, done: int, failed: int, error: string?}"},
    {"Page", "{limit?: int, cursor?: string}"},
    {"Plan",
     "{inputs: [string], key: [string], append_only: bool, columns: [Column], plan: string, warnings: [string]}"},
    {"Plugin", "{class: string, type: 'source'|'sink', version: string}"},
    {"Polled",
     "{records: [{delivery: string, deliveries: int, record: Record}], reason: "
     "('end'|'in_flight_limit'|'held'|'scanning')?}"},
    {"Preflight",
     "{ok: bool, checks: [{id: string, status: 'ok'|'warning'|'error', summary: string, hint: string?, fix: string?, "
     "key?: string}]}"},
    {"Problem",
     "{type: string, title: string, status: int, detail: string, instance: string, errors?: [{pointer: string, detail: "
     "string, line?: int, column?: int, hint?: string}], request_id: string}"},
    {"Query", "{sql: string, limit?: Scalar?, ...Freshness}"},
    {"QueryResult",
     "{columns?: [Column], rows?: [[any]], seq?: big, more?: bool, scanned?: bool, plan?: string}"},  // plan: EXPLAIN
    {"Record",
     "{id: string, source: string, stream?: string, op: Op, key?: any, previous_key?: any, before?: Row, after?: Row, "
     "unavailable?: [string], json_null?: [string], position?: {*: any}, tx?: {id: string, ordinal: int, total?: int}, "
     "origin?: string, query?: string, commit_ts: string, schema?: int, at: string, stored_at: time, parents: "
     "[string], *: any}"},
    {"Rewind", "{to: string, streams?: [string]?, key?: any, dry_run?: bool?}"},
    {"Rewound",
     "{to: string, records: int, skipped: int, dead_letters: int, complete: bool}|{before: string, after: string, "
     "dead_letters: int}"},
    {"Row", "{*: any}"},  // by column
    {"RowChoice", "{key.<column>?: string, from.<column>?: string, to.<column>?: string}"},
    {"Scalar", "string|number|bool"},
    {"SigningSecret",
     "{id: string, kind: string?, state: 'active'|'retiring', created_at: time?, expires_at: time?, public_key?: "
     "string, "
     "secret?: string}"},
    {"Snapshot",
     "{id: big, mode: 'initial'|'resync'|'full'|'partial'|'rebuild', state: SnapshotState, phase: SnapshotPhase, "
     "tables: [SnapshotTable], where?: SnapshotWhere, "
     "note: string?, requested_at: time?, started_at: time?, ended_at: time?, rows_done: int, rate_rows_per_second: "
     "number, eta_seconds: number?, error?: string, swapped_at?: string, old_until?: time?}"},
    {"SnapshotPhase",
     "'waiting'|'reading'|'paused'|'ended'|'create'|'dual'|'load'|'settle'|'compare'|'swap'|'retire'|'drop'"},
    {"SnapshotRequest",
     "{mode: 'full'|'partial'|'rebuild', tables?: [string]?, where?: SnapshotWhere?, note?: string?}"},
    {"SnapshotState", "'pending'|'running'|'paused'|'completed'|'cancelled'|'failed'"},
    {"SnapshotTable",
     "{table: string, state: SnapshotState, rows_done: int, rows_total: int?, estimated: bool, chunks_done: int, "
     "chunks_total: int?, low_watermark: string?, high_watermark: string?, error: string?}"},
    {"SnapshotWhere", "{column: string, from?: Scalar?, to?: Scalar?}"},
    {"State", "'RUNNING'|'PAUSED'|'STOPPED'|'FAILED'|'UNASSIGNED'|'RESTARTING'"},
    {"StateInfo",
     "{name: string, connector: {state: State, worker_id: string, trace?: string, version?: string}, tasks: "
     "[TaskInfo], type: 'source'|'sink'|'unknown'}"},
    {"StatementResult",
     "{statement: string, name?: string, names?: [string], view?: string, items?: [{name: string, class: string, "
     "state: State}]}"},
    {"Status", "'healthy'|'warning'|'error'|'paused'|'stopped'|'starting'"},
    {"Stream",
     "{name: string, kind: 'control'|'data'|'view', origin: string?, key: [string], schema?: {version: big, columns: "
     "[Column]}, retention: {time_ms: int, bytes: int}, first_seq: big, last_seq: big, records: int, bytes: int, "
     "last_commit_at: time?, tags: [string], readers: [{kind: 'view'|'sink'|'group', name: string, next_seq: big, "
     "pending_records?: int?, lag_seconds?: number}]}"},
    {"Summary",
     "{name: string, type: 'source'|'sink', class: string, state: State, target_state: 'RUNNING'|'PAUSED'|'STOPPED', "
     "health: Status, alarm: string?, rogue: bool, lag: {seconds: number?, bytes?: int, records?: int, caught_up: "
     "bool}, rates: {records_per_second: number}, counts: {records?: int, snapshot_rows?: int, delivered?: int, "
     "filtered?: int, attempts_failed?: int, dead_letters?: {waiting: int, parked: int, dead: int, retrying: int}}, "
     "streams: [string]}"},
    {"Tail", "{from?: string, mode?: 'sample'|'all', Last-Event-ID?: string}"},
    {"TaskId", "{connector: string, task: int}"},
    {"TaskInfo", "{id: int, state: State, worker_id: string, trace?: string, version?: string}"},
    {"TestDelivery",
     "{ok: bool, request: string, status: int?, response: string?, duration_ms: number, error: string?}"},
    {"Thresholds",
     "{error_rate?: number?, errors_min?: int?, error_window_seconds?: int?, lag_seconds?: number?, lag_bytes?: int?, "
     "no_progress_seconds?: number?, failures_max?: int?, wal_retained_bytes?: int?, dead_letters?: int?, mute_until?: "
     "time?}"},
    {"TracedDelivery",
     "{at: time?, outcome: string, events: int, event_ids: [string], request: string?, body: string?, status: int?, "
     "response: string?, duration_ms: number, error: string?, record?: string}"},
    {"View",
     "{name: string, kind: 'materialized'|'table'|'query', state?: string, error?: string, paused_by?: string, gate?: "
     "ViewGate, replacing?: {state: string, rows: int, error?: string}, rows?: int, errors?: {now: int, ever: int}, "
     "forgotten?: int, expired?: int, waiting?: int, applied_seq?: big, pending_transactions?: big, lag_seconds?: "
     "number?, history_from?: big, trouble?: string, state_bytes?: int, health?: {status: 'healthy'|'paused'|'error', "
     "summary?: string}, "
     "indexes?: [{name: string, columns: [string], state: 'ready'|'building'}], sql: string, options: {*: string}, "
     "inputs: [string], key: [string], append_only: bool, columns: [Column], sink?: string, created_at: time?, "
     "dead_letters?: int, readers?: [string]}"},
    {"ViewGate",
     "{transactions_waiting: big, held?: {source: string, rows_waiting: int}, reason?: string, control: [{stream: "
     "string, required: string?, reached: string?, ready: bool}]}"},
    {"WorkerHealth", "{status: 'healthy'|'starting'|'unhealthy', message: string}"},
};

}  // namespace

std::span<const NamedShape> NamedShapes() { return kNamedShapes; }

}  // namespace headgate::web
