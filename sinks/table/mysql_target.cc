#include "sinks/table/mysql_target.h"

#include <mysql.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "sinks/table/bookkeeping.h"

namespace headgate::table {
namespace {

// Strict: what does not fit is an error, never cut. A backslash is a backslash, and 0 is 0, in a counted column too.
constexpr std::string_view kPins[] = {
    "SET sql_mode='STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
    "SET time_zone='+00:00'",
    "SET SESSION wait_timeout=86400",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
};
constexpr unsigned kTableExists = 1050;
constexpr std::size_t kRowsFound = 500;  // of one removal: the server's memory for ranges has an end

ErrorKind MysqlKindOf(unsigned code) {
  constexpr auto kRejected = std::to_array<unsigned>({1048, 1062, 1169, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1367,
                                                      1406, 1451, 1452, 1557, 1761, 1762, 3140, 3819, 4025, 4078});
  constexpr auto kForAPerson = std::to_array<unsigned>(
      {1044, 1045, 1049, 1050, 1054, 1060, 1061, 1064, 1067, 1068, 1071, 1074, 1101, 1103, 1118, 1130, 1142,
       1143, 1146, 1166, 1170, 1227, 1273, 1286, 1298, 1396, 1410, 1419, 1698, 2026, 2059, 3118, 3675, 4161});
  if (std::ranges::binary_search(kRejected, code)) return ErrorKind::kRejected;
  if (std::ranges::binary_search(kForAPerson, code)) return ErrorKind::kConfig;
  return ErrorKind::kTransient;
}

// TLS tells of a connection that broke under it as of a certificate that is wrong.
bool IsBrokenTls(unsigned code, std::string_view tried, std::string_view text) {
  constexpr unsigned kTlsFailed = 2026;
  if (code != kTlsFailed) return false;
  if (!tried.starts_with("connecting")) return true;
  constexpr auto kSigns =
      std::to_array<std::string_view>({"reset by peer", "eof", "EOF", "Broken pipe", "timed out", "packet"});
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return text.find(sign) != text.npos; });
}

// "Incorrect integer value: 'abc' for column 'n' at row 1": values stay out of errors.
std::string WithoutMysqlValue(std::string_view text) {
  const auto from = text.find(": '");
  const auto to = text.rfind("' for ");
  if (from == std::string_view::npos || to == std::string_view::npos || to < from) {
    const bool duplicate = text.starts_with("Duplicate entry '");
    const auto key = text.rfind(" for key ");
    return duplicate && key != std::string_view::npos ? "Duplicate entry" + std::string(text.substr(key))
                                                      : std::string(text);
  }
  return std::string(text.substr(0, from)).append(text.substr(to + 1));
}

void AppendText(std::string& sql, std::string_view text) {
  sql.push_back('\'');
  for (const char c : text) {
    if (c == '\'') sql.push_back(c);
    sql.push_back(c);
  }
  sql.push_back('\'');
}

std::string Text(std::string_view text) {
  std::string out;
  AppendText(out, text);
  return out;
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
  });
}

unsigned WholeSeconds(std::chrono::milliseconds wait) {
  return static_cast<unsigned>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

}  // namespace

void MysqlTarget::Close::operator()(st_mysql* client) const { mysql_close(client); }
MysqlTarget::~MysqlTarget() = default;

Status MysqlTarget::Connect(const std::vector<net::IpAddress>& addresses) {
  Status dialled = Ok();
  if (addresses.empty() || options_.sslmode == "verify-full") {
    dialled = Dial(options_.host);
  } else {
    for (const net::IpAddress& address : addresses) {
      dialled = Dial(address.Text());
      if (dialled.ok() || dialled.error().kind != ErrorKind::kTransient) break;
    }
  }
  HG_RETURN_IF_ERROR(dialled);
  if (!addresses.empty()) HG_RETURN_IF_ERROR(CheckPeer(addresses));
  const bool is_mariadb =
      std::string_view(mysql_get_server_info(client_.get())).find("MariaDB") != std::string_view::npos;
  if (is_mariadb != (options_.database == Database::kMariadb))
    return ConfigError("The server at " + options_.Place() + " is " + (is_mariadb ? "MariaDB" : "MySQL") +
                       ". Set database=" + (is_mariadb ? "mariadb" : "mysql"));
  for (const std::string_view pin : kPins) HG_RETURN_IF_ERROR(Execute(pin, "preparing the session"));
  HG_ASSIGN_OR_RETURN(const Rows packet, Query("SELECT @@max_allowed_packet", "preparing the session"));
  const std::size_t allowed = std::strtoull(packet.at(0).at(0).c_str(), nullptr, 10);
  statement_max_ = std::min(options_.batch_bytes_max, allowed - allowed / 8);
  return Ok();
}

// The client can hold a certificate only against the name that it has looked up itself: what that led to is checked
// once it is there.
Status MysqlTarget::CheckPeer(const std::vector<net::IpAddress>& addresses) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* const address = reinterpret_cast<sockaddr*>(&storage);
  const bool known = getpeername(socket_, address, &size) == 0;
  const auto peer = known ? net::IpAddress::FromSockaddr(address) : std::nullopt;
  if (peer && std::ranges::find(addresses, *peer) != addresses.end()) return Ok();
  client_.reset();
  return Transient("connecting to " + options_.Place() +
                   " failed: its name has changed since its addresses were looked at. The next attempt looks again");
}

Status MysqlTarget::Dial(const std::string& host) {
  client_.reset(mysql_init(nullptr));
  if (client_ == nullptr) return Transient("out of memory while connecting to " + options_.Place());
  st_mysql* const mysql = client_.get();
  const unsigned connect_s = WholeSeconds(options_.connect_timeout);
  const unsigned wait_s = WholeSeconds(options_.timeout);
  const unsigned long packet_max = 1UL << 30;
  mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
  mysql_optionsv(mysql, MYSQL_OPT_READ_TIMEOUT, &wait_s);
  mysql_optionsv(mysql, MYSQL_OPT_WRITE_TIMEOUT, &wait_s);
  mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_max);
  mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", ("headgate " + options_.name).c_str());
  const bool socket = host.starts_with('/');
  const unsigned tcp = MYSQL_PROTOCOL_TCP;  // also to localhost
  if (!socket) mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &tcp);
  if (options_.sslmode != "disable" && !socket) {
    const auto file = [](const std::string& name) { return name.empty() ? nullptr : name.c_str(); };
    const my_bool yes = 1;
    mysql_ssl_set(mysql, file(options_.sslkey), file(options_.sslcert), file(options_.sslrootcert), nullptr, nullptr);
    if (options_.sslmode != "prefer") mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    if (options_.sslmode == "verify-full") mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
  const std::string tried = "connecting to " + options_.Place() + " as " + options_.username;
  if (mysql_real_connect(mysql, socket ? nullptr : host.c_str(), options_.username.c_str(), options_.password.c_str(),
                         options_.dbname.c_str(), options_.port, socket ? host.c_str() : nullptr,
                         CLIENT_FOUND_ROWS) == nullptr)
    return Describe(tried);
  socket_ = static_cast<int>(mysql_get_socket(mysql));
  return Ok();
}

void MysqlTarget::Interrupt() {
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

Error MysqlTarget::Describe(std::string_view tried) const {
  const unsigned code = mysql_errno(client_.get());
  Error error{MysqlKindOf(code), std::string(tried) + " on " + options_.Place() +
                                     " failed: " + WithoutMysqlValue(mysql_error(client_.get())) + " (error " +
                                     std::to_string(code) + ")"};
  if (IsBrokenTls(code, tried, error.what)) error.kind = ErrorKind::kTransient;
  if (code == 1044 || code == 1142) error.what += ". Give the account the right";
  if (code == 1045 || code == 1698) error.what += ". Check username and password";
  return error;
}

Result<std::uint64_t> MysqlTarget::Run(std::string_view sql, std::string_view tried) {
  if (mysql_real_query(client_.get(), sql.data(), sql.size()) != 0) return Describe(tried);
  return mysql_affected_rows(client_.get());
}

Status MysqlTarget::Execute(std::string_view sql, std::string_view tried) {
  HG_RETURN_IF_ERROR(Run(sql, tried));
  return Ok();
}

Result<MysqlTarget::Rows> MysqlTarget::Query(std::string_view sql, std::string_view tried) {
  HG_RETURN_IF_ERROR(Run(sql, tried));
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(client_.get()),
                                                                        &mysql_free_result);
  if (result == nullptr) return Describe(tried);
  Rows rows;
  const unsigned columns = mysql_num_fields(result.get());
  while (const MYSQL_ROW row = mysql_fetch_row(result.get())) {
    const unsigned long* const sizes = mysql_fetch_lengths(result.get());
    auto& out = rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i)
      out.push_back(row[i] == nullptr ? std::string() : std::string(row[i], sizes[i]));
  }
  return rows;
}

Result<TargetPlace> MysqlTarget::TakeOver(std::string_view sink, std::string_view log_id,
                                          const SinkContext::Stand& stand) {
  const TableName name{options_.dbname, options_.bookkeeping_table};
  bookkeeping_ = dialect_.QuoteTable(name);
  sink_ = sink;
  HG_ASSIGN_OR_RETURN(const auto there, Describe(name));
  if (!there) {
    Status made = Execute(BookkeepingSql(kMysqlBookkeeping, bookkeeping_), "creating table " + name.Text());
    if (!made.ok() && made.error().kind == ErrorKind::kConfig && mysql_errno(client_.get()) != kTableExists)
      return ConfigError(made.error().what +
                         ", or have migrations/table_sink/mysql.sql run in that database by somebody who may");
    if (!made.ok() && mysql_errno(client_.get()) != kTableExists) return std::move(made).error();
  }
  const std::string tried = "taking over sink " + sink_ + " in " + name.Text();
  const std::string where = " WHERE sink = " + Text(sink_);
  HG_ASSIGN_OR_RETURN(const Rows known, Query("SELECT 1 FROM " + bookkeeping_ + where, tried));
  if (known.empty() && stand.stored && !stand.given) return KnowsNothing(options_, sink_, stand.at.seq);
  HG_RETURN_IF_ERROR(Execute("INSERT IGNORE INTO " + bookkeeping_ + " (sink, log_id, seq, epoch, states) VALUES (" +
                                 Text(sink_) + ", " + Text(log_id) + ", " + std::to_string(stand.at.seq) + ", 0, '')",
                             tried));
  HG_RETURN_IF_ERROR(Execute("UPDATE " + bookkeeping_ + " SET epoch = epoch + 1" +
                                 (stand.given ? ", seq = " + std::to_string(stand.at.seq) : std::string()) + where +
                                 " AND log_id = " + Text(log_id),
                             tried));
  HG_ASSIGN_OR_RETURN(const Rows row, Query("SELECT log_id, seq, epoch, states FROM " + bookkeeping_ + where, tried));
  if (row.empty()) return Transient(tried + " failed: the row is gone again");
  if (row[0].at(0) != log_id) return ForeignLog(options_, sink_);
  epoch_ = row[0].at(2);
  return TargetPlace{std::strtoull(row[0].at(1).c_str(), nullptr, 10), row[0].at(3)};
}

Result<std::optional<TargetTable>> MysqlTarget::Describe(const TableName& name) {
  const std::string tried = "reading how table " + name.Text() + " is made";
  const std::string where = " WHERE table_schema = " + Text(name.schema) + " AND table_name = " + Text(name.table);
  HG_ASSIGN_OR_RETURN(const Rows columns,
                      Query("SELECT column_name, column_type, data_type, collation_name, is_nullable = 'NO' AND "
                            "column_default IS NULL AND extra NOT LIKE '%auto_increment%', extra LIKE '%GENERATED%' "
                            "AND extra NOT LIKE '%DEFAULT_GENERATED%' FROM information_schema.columns" +
                                where + " ORDER BY ordinal_position",
                            tried));
  if (columns.empty()) return std::optional<TargetTable>();
  HG_ASSIGN_OR_RETURN(const Rows engine, Query("SELECT e.transactions, t.engine FROM information_schema.tables t JOIN "
                                               "information_schema.engines e ON e.engine = t.engine" +
                                                   where,
                                               tried));
  if (engine.empty() || engine[0].at(0) != "YES") {
    return ConfigError("Table " + name.Text() + " on " + options_.Place() +
                       (engine.empty() ? " is a view" : " has engine " + engine[0].at(1)) +
                       ", which knows no transactions, so rows and cursor could not move together. Make it a table of "
                       "InnoDB: ALTER TABLE " +
                       dialect_.QuoteTable(name) + " ENGINE=InnoDB");
  }
  TargetTable table;
  for (const auto& column : columns)
    table.columns.push_back(
        {column.at(0), column.at(1), column.at(2), column.at(3), false, column.at(4) == "1", column.at(5) == "1"});
  HG_ASSIGN_OR_RETURN(const Rows keys,
                      Query("SELECT index_name, column_name, sub_part FROM information_schema.statistics" + where +
                                " AND non_unique = 0 ORDER BY index_name, seq_in_index",
                            tried));
  std::string index;
  for (const auto& key : keys) {
    if (table.unique.empty() || key.at(0) != index) {
      table.unique.emplace_back();
      index = key.at(0);
    }
    // Of an index over the start of a text: not by this column's name.
    table.unique.back().push_back(key.at(2).empty() ? key.at(1) : key.at(1) + "(" + key.at(2) + ")");
  }
  return std::optional(std::move(table));
}

Status MysqlTarget::ChangeSchema(const std::string& sql) { return Execute(sql, sql.substr(0, sql.find(" ("))); }

Status MysqlTarget::Rollback() {
  began_ = false;
  return Execute("ROLLBACK", "rolling back");
}

Status MysqlTarget::Begin() {
  if (began_) return Ok();
  began_ = true;
  return Execute("START TRANSACTION", "beginning a transaction");
}

Status MysqlTarget::Mark() {
  HG_RETURN_IF_ERROR(Begin());
  return Execute("SAVEPOINT batch", "beginning a transaction");
}

Status MysqlTarget::BackToMark() { return Execute("ROLLBACK TO SAVEPOINT batch", "taking a batch back"); }

Status MysqlTarget::Write(const Batch& batch) {
  for (auto it = batch.tables().rbegin(); it != batch.tables().rend(); ++it) HG_RETURN_IF_ERROR(WriteTable(**it, true));
  for (const auto& table : batch.tables()) HG_RETURN_IF_ERROR(WriteTable(*table, false));
  return Ok();
}

Status MysqlTarget::WriteTable(const Batch::Table& table, bool removals) {
  const TablePlan& plan = *table.plan;
  std::vector<const Row*> rows;
  if (removals) {
    if (table.truncate)  // TRUNCATE would commit
      HG_RETURN_IF_ERROR(
          Execute("DELETE FROM " + dialect_.QuoteTable(plan.name), "emptying table " + plan.name.Text()));
    for (const Move& move : table.moves) HG_RETURN_IF_ERROR(MoveRow(table, move));
    for (const Row& row : table.rows) {
      if (row.remove || (plan.replaces && row.whole)) rows.push_back(&row);
    }
    return table.truncate ? Ok() : Remove(table, rows);
  }
  for (const Row& row : table.rows) {
    if (!row.remove && row.whole) rows.push_back(&row);
  }
  HG_RETURN_IF_ERROR(Insert(table, rows));
  for (const Row& row : table.rows) {
    if (!row.remove && !row.whole) HG_RETURN_IF_ERROR(Update(table, row));
  }
  return Ok();
}

void MysqlTarget::AppendCell(std::string& sql, const Batch::Table& table, std::size_t first, std::size_t column) const {
  const Cell& cell = table.At(first, column);
  if (cell.size < 0) {
    sql += "NULL";
    return;
  }
  const std::string_view text = table.TextOf(cell);
  switch (table.plan->columns[column].literal) {
    case Literal::kHex:
      sql.append("X'").append(text).push_back('\'');
      return;
    case Literal::kBits:
      sql.append("b'").append(text).push_back('\'');
      return;
    case Literal::kPlain:
      if (IsNumber(text)) {
        sql += text;
        return;
      }
      [[fallthrough]];
    case Literal::kQuoted:
      AppendText(sql, text);
      return;
  }
}

void MysqlTarget::AppendKeyIs(std::string& sql, const Batch::Table& table, std::size_t first) const {
  const auto& key = table.plan->key;
  for (const std::size_t column : key) {
    if (column != key.front()) sql += " AND ";
    sql.append(dialect_.Quote(table.plan->columns[column].name)).append(" = ");
    AppendCell(sql, table, first, column);
  }
}

Status MysqlTarget::Remove(const Batch::Table& table, const std::vector<const Row*>& rows) {
  const TablePlan& plan = *table.plan;
  const bool single = plan.key.size() == 1;
  for (std::size_t i = 0; i < rows.size();) {
    std::string sql = "DELETE FROM " + dialect_.QuoteTable(plan.name) + " WHERE ";
    if (single) sql += dialect_.Quote(plan.columns[plan.key[0]].name) + " IN (";
    for (const std::size_t end = std::min(rows.size(), i + kRowsFound), start = i; i < end; ++i) {
      if (i > start) sql += single ? "," : " OR ";
      if (single) {
        AppendCell(sql, table, rows[i]->first, plan.key[0]);
      } else {
        sql.push_back('(');
        AppendKeyIs(sql, table, rows[i]->first);
        sql.push_back(')');
      }
      if (sql.size() > statement_max_) {
        ++i;
        break;
      }
    }
    if (single) sql.push_back(')');
    HG_RETURN_IF_ERROR(Execute(sql, "writing table " + plan.name.Text()));
  }
  return Ok();
}

// MySQL is about to forget VALUES(), MariaDB knows nothing else.
std::string MysqlTarget::InsertTail(const TablePlan& plan) const {
  if (plan.append || plan.replaces) return {};
  const bool alias = options_.database == Database::kMysql;
  std::string sets;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (plan.IsKey(i) && plan.columns.size() > plan.key.size()) continue;
    const std::string name = dialect_.Quote(plan.columns[i].name);
    sets += (sets.empty() ? "" : ", ") + name + " = " + (alias ? "n." + name : "VALUES(" + name + ")");
  }
  return std::string(alias ? " AS n" : "") + " ON DUPLICATE KEY UPDATE " + sets;
}

Status MysqlTarget::Insert(const Batch::Table& table, const std::vector<const Row*>& rows) {
  const TablePlan& plan = *table.plan;
  std::string head = "INSERT INTO " + dialect_.QuoteTable(plan.name) + " (";
  for (std::size_t i = 0; i < plan.columns.size(); ++i)
    head += (i > 0 ? "," : "") + dialect_.Quote(plan.columns[i].name);
  head += ") VALUES ";
  const std::string tail = InsertTail(plan);
  std::string sql;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sql += sql.empty() ? head : std::string(",");
    for (std::size_t column = 0; column < plan.columns.size(); ++column) {
      sql.push_back(column == 0 ? '(' : ',');
      AppendCell(sql, table, rows[i]->first, column);
    }
    sql.push_back(')');
    if (sql.size() < statement_max_ && i + 1 < rows.size()) continue;
    HG_RETURN_IF_ERROR(Execute(sql + tail, "writing table " + plan.name.Text()));
    sql.clear();
  }
  return Ok();
}

Status MysqlTarget::Update(const Batch::Table& table, const Row& row) {
  const TablePlan& plan = *table.plan;
  std::string sets;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    if (plan.IsKey(i) || table.At(row.first, i).absent()) continue;
    sets.append(sets.empty() ? "" : ", ").append(dialect_.Quote(plan.columns[i].name)).append(" = ");
    AppendCell(sets, table, row.first, i);
  }
  if (sets.empty()) return Ok();
  std::string sql = "UPDATE " + dialect_.QuoteTable(plan.name) + " SET " + sets + " WHERE ";
  AppendKeyIs(sql, table, row.first);
  HG_ASSIGN_OR_RETURN(const std::uint64_t found, Run(sql, "writing table " + plan.name.Text()));
  return found == 1 ? Ok() : Status(RowMissing(options_, plan.name));
}

Status MysqlTarget::MoveRow(const Batch::Table& table, const Move& move) {
  const TablePlan& plan = *table.plan;
  std::string sql = "UPDATE " + dialect_.QuoteTable(plan.name) + " SET ";
  for (const std::size_t k : plan.key) {
    sql.append(k == plan.key.front() ? "" : ", ").append(dialect_.Quote(plan.columns[k].name)).append(" = ");
    AppendCell(sql, table, move.to, k);
  }
  sql += " WHERE ";
  AppendKeyIs(sql, table, move.from);
  HG_ASSIGN_OR_RETURN(const std::uint64_t found, Run(sql, "writing table " + plan.name.Text()));
  return found == 1 ? Ok() : Status(RowMissing(options_, plan.name));
}

Status MysqlTarget::Commit(const TargetPlace& kept) {
  HG_RETURN_IF_ERROR(Begin());
  HG_ASSIGN_OR_RETURN(const std::uint64_t moved,
                      Run("UPDATE " + bookkeeping_ + " SET seq = " + std::to_string(kept.seq) + ", states = " +
                              Text(kept.states) + " WHERE sink = " + Text(sink_) + " AND epoch = " + epoch_,
                          "writing table " + options_.bookkeeping_table));
  if (moved != 1) return TookOver(options_, sink_);
  HG_RETURN_IF_ERROR(Execute("COMMIT", "committing"));
  began_ = false;
  return Ok();
}

Result<bool> MysqlTarget::HasEvent(const TableName& name, std::string_view event_id) {
  HG_ASSIGN_OR_RETURN(const Rows found, Query("SELECT 1 FROM " + dialect_.QuoteTable(name) + " WHERE " +
                                                  dialect_.Quote(kEventIdColumn) + " = " + Text(event_id) + " LIMIT 1",
                                              "reading table " + name.Text()));
  return !found.empty();
}

}  // namespace headgate::table
