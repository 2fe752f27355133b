// The same rows in every form that servers write them in: binlogs/rows.sh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "connectors/mysql/binlog_decoder.h"
#include "core/model/value.h"
#include "tests/unit/mysql/captured.h"

namespace headgate::mysql {
namespace {

using test::Captured;
using Cells = std::vector<std::string>;

constexpr const char* kAbsentCell = "(absent)";
constexpr std::size_t kIdCell = 0;
constexpr std::size_t kBlobCell = 4;

// Of the table, as the information schema declares it: logs with metadata MINIMAL say neither names nor signs.
std::vector<Declaration> DeclaredColumns() {
  const auto column = [](const char* name, const char* type, const char* charset = "") {
    Declaration declaration;
    declaration.name = name;
    declaration.type = type;
    declaration.charset = charset;
    return declaration;
  };
  return {column("id", "int"),
          column("n", "int unsigned"),
          column("big", "bigint unsigned"),
          column("v", "varchar(200)", "utf8mb4"),
          column("b", "blob"),
          column("d", "decimal(10,2)"),
          column("e", "enum('x','ü')", "utf8mb4"),
          column("ts", "timestamp(3)")};
}

class DeclaredBinder final : public Binder {
 public:
  explicit DeclaredBinder(Flavor flavor) : flavor_(flavor) {}
  Result<TableBinding> Bind(const TableMap& map, const LogPlace&, std::int64_t) override {
    TableBinding binding;
    binding.stream = binding.schema = 1;
    const auto declared = DeclaredColumns();
    EXPECT_EQ(map.columns.size(), declared.size());
    if (map.columns.size() != declared.size()) return TableBinding();
    for (std::size_t i = 0; i < declared.size(); ++i) {
      ColumnPlan plan = PlanOf(declared[i], flavor_);
      EXPECT_TRUE(Fits(map.columns[i], plan)) << declared[i].name;
      EXPECT_EQ(map.columns[i].name, map.full ? declared[i].name : "");
      named = named || map.full;
      plan.reader.stored = map.columns[i];
      binding.fields.push_back({std::move(plan.reader), false});
    }
    return binding;
  }
  Result<TableBinding> BindTruncated(const TableName&, const LogPlace&, std::int64_t) override {
    return TableBinding();
  }
  Result<std::vector<SchemaChange>> Told(const Statement&, std::string_view, const LogPlace&, std::int64_t) override {
    return std::vector<SchemaChange>();
  }

  bool named = false;

 private:
  const Flavor flavor_;
};

struct RowChange {
  Op op = Op::kInsert;
  Cells before;
  Cells after;

  bool operator==(const RowChange&) const = default;
};
void PrintTo(const RowChange& change, std::ostream* out) {
  *out << static_cast<int>(change.op) << ::testing::PrintToString(change.before) << " -> "
       << ::testing::PrintToString(change.after);
}

std::string CellText(const Value& value) {
  constexpr std::int64_t kEpochUs = 946'684'800'000'000;  // of kTimestampTz, in Unix time
  switch (value.kind) {
    case ValueKind::kNull:
      return "NULL";
    case ValueKind::kAbsent:
      return kAbsentCell;
    case ValueKind::kInt:
      return std::to_string(value.i);
    case ValueKind::kUint:
      return std::to_string(value.u);
    case ValueKind::kTimestampTz:
      return std::to_string(value.i + kEpochUs);
    default:
      return std::string(value.text);
  }
}

Cells CellsOf(std::string_view row) {
  std::vector<Value> values;
  EXPECT_TRUE(ReadRow(row, values).ok());
  Cells cells;
  for (const Value& value : values) cells.push_back(CellText(value));
  return cells;
}

// A log's name: the server, and the form that it was told to write.
struct Form {
  std::string server;
  std::string name;

  Flavor flavor() const { return server.starts_with("mysql") ? Flavor::kMysql : Flavor::kMariadb; }
  bool minimal() const { return name == "minimal" || name == "least"; }
  bool packed() const { return name == "packed" || name == "least"; }
  bool nameless() const { return name == "nameless" || name == "least"; }
  bool unchecked() const { return name == "unchecked" || name == "least"; }
};

// What the row image leaves of a change of which all is known.
RowChange AsLogged(RowChange change, const Form& form) {
  const Cells before = change.before;
  const Cells after = change.after;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool kept = form.minimal() ? i == kIdCell : form.name != "noblob" || i != kBlobCell;
    if (!kept) change.before[i] = kAbsentCell;
  }
  if (change.op != Op::kUpdate) return change;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool changed = before[i] != after[i];
    const bool kept = changed || (!form.minimal() && (form.name != "noblob" || i != kBlobCell));
    if (!kept) change.after[i] = kAbsentCell;
  }
  return change;
}

std::vector<RowChange> ExpectedChanges(const Form& form) {
  std::vector<RowChange> changes;
  const auto with = [](Cells cells, std::size_t i, const char* text) {
    cells[i] = text;
    return cells;
  };
  const auto insert = [&](const Cells& row) { changes.push_back({Op::kInsert, {}, row}); };
  const auto update = [&](const Cells& from, const Cells& to) { changes.push_back({Op::kUpdate, from, to}); };
  const auto remove = [&](const Cells& row) { changes.push_back({Op::kDelete, row, {}}); };
  const Cells one = {"1", "4294967295", "18446744073709551615", "Zoë", "blob one", "-12.50", "ü", "1709210096789000"};
  const Cells two = {"2", "0", "0", "", "", "0.00", "x", "NULL"};
  const Cells three = {"3", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"};
  std::string text;
  for (int i = 0; i < 30; ++i) text += "long ";
  const Cells four = {"4", "4", "4", text, std::string(400, 'z'), "4.00", "x", "1000000"};
  const Cells five = {"5", "5", "5", "five", "b5", "5.00", "x", "NULL"};
  insert(one);
  insert(two);
  insert(three);
  const Cells changed = with(one, 3, "changed");
  update(one, changed);
  const Cells blob = with(changed, kBlobCell, "blob two");
  update(changed, blob);
  update(blob, with(blob, 1, "7"));
  update(two, with(two, 1, "7"));
  update(three, with(three, kIdCell, "30"));
  insert(four);
  remove(with(two, 1, "7"));
  insert(five);
  remove(five);
  for (RowChange& change : changes) change = AsLogged(change, form);
  return changes;
}

class BinlogRows : public ::testing::TestWithParam<Form> {
 protected:
  BinlogRows() : log_("rows/" + GetParam().server + "-" + GetParam().name, GetParam().flavor()), binder_(log_.flavor) {
    BinlogPosition start;
    start.place = {"binlog.000001", 4};
    BinlogDecoder decoder(binder_, log_.flavor, start, start, {});
    for (const std::string_view packet : log_.packets) {
      const Status handled = decoder.Handle(packet, transactions_);
      EXPECT_TRUE(handled.ok()) << handled.error().what;
    }
    EXPECT_FALSE(decoder.in_transaction());
  }
  bool HasAny(std::initializer_list<EventType> types) const {
    return std::ranges::any_of(types, [&](EventType type) { return !log_.Of(type).empty(); });
  }

  const Captured log_;
  DeclaredBinder binder_;
  std::vector<Transaction> transactions_;
};

TEST_P(BinlogRows, AreTheSameInEveryVersionAndForm) {
  std::vector<RowChange> changes;
  for (const Transaction& tx : transactions_) {
    for (const Transaction::Block& block : tx.blocks()) {
      ChangeReader reader(block.bytes, block.first_ordinal);
      for (Change change; reader.Next(change);) {
        changes.push_back({change.op, change.has_before ? CellsOf(change.before) : Cells(),
                           change.has_after ? CellsOf(change.after) : Cells()});
      }
    }
  }
  EXPECT_THAT(changes, ::testing::ElementsAreArray(ExpectedChanges(GetParam())));
  EXPECT_EQ(transactions_.size(), 9U);
}

// Or the files would all be of one form, and the test above compare nothing.
TEST_P(BinlogRows, ComeInTheFormThatTheFileIsNamedAfter) {
  const Form& form = GetParam();
  EXPECT_EQ(binder_.named, !form.nameless());
  EXPECT_EQ(
      HasAny({EventType::kTransactionPayload, EventType::kWriteRowsCompressedV1, EventType::kWriteRowsCompressed}),
      form.packed());
  const std::string_view format = log_.packets[0];
  EXPECT_EQ(format[format.size() - 5] == 0, form.unchecked());
  EXPECT_NE(log_.server_version.find(form.server.substr(form.server.find('-') + 1)), std::string::npos)
      << log_.server_version;
}

// MariaDB from 11.4 on tells no end of what lies inside a transaction; the others do. Where a transaction ends is known
// either way (MY-03).
TEST_P(BinlogRows, TransactionsEndWhereTheirLastEventDoes_MY03) {
  std::set<std::uint32_t> ends;
  for (const Event& event : log_.Of(EventType::kXid)) ends.insert(event.end);
  for (const Event& event : log_.Of(EventType::kTransactionPayload)) ends.insert(event.end);
  EXPECT_FALSE(ends.contains(0));
  constexpr std::uint64_t kOffsetBits = 0xFFFF'FFFF;
  std::uint64_t last = 0;
  for (const Transaction& tx : transactions_) {
    EXPECT_TRUE(ends.contains(static_cast<std::uint32_t>(tx.info.end & kOffsetBits))) << tx.info.end;
    EXPECT_GT(tx.info.end, last);
    last = tx.info.end;
  }
  const bool untold = GetParam().server == "mariadb-11.4" || GetParam().server == "mariadb-11.8";
  for (const Event& event : log_.Of(EventType::kTableMap)) EXPECT_EQ(event.end == 0, untold);
}

std::vector<Form> AllForms() {
  std::vector<Form> forms;
  for (const char* server : {"mysql-8.0", "mysql-9.7", "mariadb-10.11", "mariadb-11.4", "mariadb-11.8"}) {
    for (const char* name : {"full", "noblob", "minimal", "nameless", "packed", "unchecked", "least"})
      forms.push_back({server, name});
  }
  return forms;
}

INSTANTIATE_TEST_SUITE_P(Captured, BinlogRows, ::testing::ValuesIn(AllForms()), [](const auto& param) {
  std::string name = param.param.server + "_" + param.param.name;
  std::ranges::replace_if(
      name, [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
});

}  // namespace
}  // namespace headgate::mysql
