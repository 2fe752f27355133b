#include "web/view_feed.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/sql/array_value.h"
#include "core/views/shape.h"
#include "core/views/stream.h"
#include "web/sql_shapes.h"

namespace headgate::web {
namespace {

using views::Moment;
using views::ViewWrite;

constexpr std::size_t kPieceRows = 500;

// A version of the stream's schema, as the rows of the log are read with it.
struct Shape {
  views::Table table;  // columns, and the row at hand
  std::vector<std::size_t> key;
  views::RowFilter filter;
};

// A progress of seq c says that everything is sent that the log up to c made of the view by steps. Content that was
// loaded or told by a replacement at c (ViewWrite::kContent) comes behind a progress of c and is closed by a later one,
// so c says without doubt what has been sent, and is all that a client has to remember.
class ViewFeed final : public LogFeed {
 public:
  ViewFeed(Log& log, const views::Views& views, const Clock& clock, ViewFeedOptions options)
      : LogFeed(log, clock, log.last_seq() + 1, options.all),
        views_(views),
        options_(std::move(options)),
        name_(options_.view->record.name),
        snapshot_wanted_(options_.snapshot) {
    if (const SourceInfo* source = log.registry()->FindSource(views::kViewSource)) source_ = source->number;
  }

  // Finds its place, unless the view's stream is not written yet: nobody read it so far.
  Status Begin() {
    const auto status = views_.Status(name_);
    if (status == nullptr || !status->told) return Ok();
    begun_ = true;
    if (options_.resume) {
      moment_.applied = *options_.resume;
      const StreamInfo* stream = log().registry()->FindStream(name_);
      const Seq first = stream == nullptr ? 0 : log().stats(stream->number).first_seq;
      const Seq last = log().last_seq();
      const Seq born = options_.view->record.born_at;
      if (moment_.applied > last) {
        BeginAnew(last + 1, moment_.applied);
      } else if (moment_.applied < status->told_from) {
        BeginAnew(moment_.applied + 1, status->told_from);
      } else if (moment_.applied <= born && first != 0 && first <= born) {
        BeginAnew(moment_.applied + 1, born);
      }
    } else if (!snapshot_wanted_) {
      HG_ASSIGN_OR_RETURN(moment_, views_.Now());
    }
    ReadFrom(moment_.applied + 1);
    return Ok();
  }

 private:
  // What a client remembers does not lead on in this log: it begins again.
  void BeginAnew(Seq from, Seq to) {
    gap_ = "{\"from\":\"" + std::to_string(from) + "\",\"to\":\"" + std::to_string(to) + "\",\"oldest\":\"" +
           std::to_string(log().first_seq()) + "\"}";
    snapshot_wanted_ = true;
  }

 public:
  Next Pull(std::string& out, std::size_t room) override {
    const views::DefinitionPtr view = views_.Find(name_);
    if (view == nullptr || view->record.created_us != options_.view->record.created_us) return Next::kEnd;
    if (const auto status = views_.Status(name_); status != nullptr && status->state == "failed")
      return Fail(out, "The view has failed: " + status->failure);
    if (!begun_) {
      if (const auto begun = Begin(); !begun.ok()) return Fail(out, begun.error().what);
      if (!begun_) return Next::kWait;
    }
    if (!gap_.empty()) AppendEvent(out, "gap", "", std::exchange(gap_, {}));
    if (snapshot_wanted_) return PullSnapshot(out, room);
    applied_ = views_.applied();
    const Next next = LogFeed::Pull(out, room);
    return snapshot_wanted_ && next != Next::kEnd ? Next::kMore : next;
  }

 private:
  Next Fail(std::string& out, const std::string& text) {
    Json json;
    json["detail"] = text;
    AppendEvent(out, "error", "", Dump(json));
    return Next::kEnd;
  }

  Next PullSnapshot(std::string& out, std::size_t room) {
    const auto end = std::chrono::steady_clock::now() + kFeedSlice;
    if (content_ == nullptr) {
      auto opened = views_.OpenContent(name_);
      if (!opened.ok()) return Fail(out, opened.error().what);
      if (*opened == nullptr) return Next::kWait;
      content_ = std::move(*opened);
      auto filter = views::RowFilter::Make(*content_->definition().relation, options_.filter);
      if (!filter.ok()) return Fail(out, filter.error().message);
      content_filter_ = std::move(*filter);
      told_rows_ = false;
    }
    bool more = true;
    while (more && out.size() < room && std::chrono::steady_clock::now() < end) {
      views::Table piece;
      const auto read = content_->Read(piece, content_filter_, kPieceRows, end);
      if (!read.ok()) return Fail(out, read.error().what);
      more = *read;
      if (piece.rows.empty() && (more || told_rows_)) continue;
      told_rows_ = true;
      text_ = "{\"seq\":\"" + std::to_string(content_->moment().applied) + "\",\"rows\":[";
      for (std::size_t row = 0; row < piece.rows.size(); ++row) {
        if (row > 0) text_.push_back(',');
        AppendRowObject(text_, piece, row);
      }
      AppendEvent(out, "snapshot", "", text_ += "]}");
    }
    if (!more) GoOnFrom(content_->moment());
    return Next::kMore;
  }

  void GoOnFrom(Moment moment) {
    moment_ = moment;
    content_.reset();
    snapshot_wanted_ = false;
    settled_ = in_group_ = false;
    owed_ = true;
    reached_.reset();
    content_at_.reset();
    stepped_ = 0;
    schema_ = 0;
    ReadFrom(moment.applied + 1);
  }

  bool BeginBlock(std::string&, const LogReader::Block& block) override {
    if (snapshot_wanted_ || block.info->source != source_) return false;
    const TransactionInfo& info = *block.info;
    step_ = info.position.kind == PositionKind::kIngest && info.position.b == static_cast<int>(ViewWrite::kStep);
    const bool content =
        info.position.kind == PositionKind::kIngest && info.position.b == static_cast<int>(ViewWrite::kContent);
    baseline_ =
        info.position.kind == PositionKind::kIngest && info.position.b == static_cast<int>(ViewWrite::kBaseline);
    const bool at_moment = content && info.consistent_at == moment_.applied && info.position.a > moment_.told;
    wanted_ = (step_ || content) && (info.consistent_at > moment_.applied || at_moment);
    settled_ = settled_ || wanted_;
    return true;
  }

  bool IsOurs(StreamNo stream) {
    if (stream_ == 0) {
      const StreamInfo* info = registry().Stream(stream);
      if (info != nullptr && info->name == name_) stream_ = stream;
    }
    return stream != 0 && stream == stream_;
  }

  Status Take(std::string& out, const LogReader::Block& block, const Change& change) override {
    if (!IsOurs(change.stream)) return Ok();
    if (change.op == Op::kSchema) {
      schema_ = change.schema;
      return Ok();
    }
    if (baseline_) return Ok();  // every feed has it by its snapshot
    const Seq seq = block.info->consistent_at;
    if (!wanted_) {  // the snapshot has it
      schema_ = 0;
      if (!step_ && seq == moment_.applied) content_at_ = seq;
      return Ok();
    }
    if (!in_group_) {
      if (!step_) {
        Reach(out, seq);
        content_at_ = seq;
      } else if (owed_) {
        Reach(out, std::max(moment_.applied, stepped_));
      }
      in_group_ = owed_ = true;
    }
    HG_ASSIGN_OR_RETURN(Shape * shape, ShapeOf(change.schema));
    if (const std::uint32_t version = std::exchange(schema_, 0); version > 1) TellSchema(out, version, *shape);
    return TellChange(out, change, *shape);
  }

  void EndTransaction(std::string& out, const LogReader::Block& block) override {
    in_group_ = false;
    if (!wanted_ || !step_ || snapshot_wanted_ || block.info->source != source_) return;
    stepped_ = block.info->consistent_at;
    if (owed_) Reach(out, stepped_);
  }

  void PassedBy(std::string& out, Seq from, Seq first) override {
    const StreamInfo* stream = log().registry()->FindStream(name_);
    if (stream == nullptr || log().stats(stream->number).last_seq < from) return;  // nothing of the view was there
    LogFeed::PassedBy(out, from, first);
    snapshot_wanted_ = true;
  }

  void TellProgress(std::string& out, bool at_end, std::int64_t now_us) override {
    if (snapshot_wanted_ || in_group_) return;
    settled_ = settled_ || at_end;
    if (!settled_) return;
    Seq seq = std::max(moment_.applied, stepped_);
    if (at_end) seq = std::max(seq, applied_);
    if (owed_ && at_end) Reach(out, seq);
    if (!ProgressIsDue(now_us)) return;
    Reach(out, seq);
    const bool open = StandsStill() || (content_at_ && (!reached_ || *content_at_ >= *reached_));
    if (reached_ && !open && ProgressIsDue(now_us)) Tell(out, *reached_);
  }

  // What the log made of it since it was paused is still to come.
  bool StandsStill() const {
    const auto status = views_.Status(name_);
    return status != nullptr && (status->state == "paused" || status->behind_from != 0);
  }

  // A progress, if it says something new and may be said.
  void Reach(std::string& out, Seq seq) {
    if ((content_at_ && seq <= *content_at_) || (reached_ && seq <= *reached_) || StandsStill()) return;
    reached_ = seq;
    owed_ = false;
    Tell(out, seq);
  }
  void Tell(std::string& out, Seq seq) {
    Progress(out, std::to_string(seq), seq, views_.applied() >= log().last_seq(), clock().NowUs());
  }

  Result<Shape*> ShapeOf(std::uint32_t version) {
    const auto [found, added] = shapes_.try_emplace(version);
    Shape& shape = found->second;
    if (!added) return &shape;
    const TableSchema* schema = registry().Schema(stream_, version);
    if (schema == nullptr) return Corrupt("view " + name_ + " has rows of a version that is not known");
    const sql::Relation relation = views::RelationOf(*registry().Stream(stream_), *schema, false);
    for (std::size_t c = 0; c < schema->columns.size(); ++c)
      shape.table.columns.push_back({relation.columns[c].name, relation.columns[c].type});
    shape.key = relation.key;
    shape.table.rows.resize(1);
    auto filter = views::RowFilter::Make(relation, options_.filter);
    if (!filter.ok()) return ConfigError(filter.error().message);
    shape.filter = std::move(*filter);
    return &shape;
  }

  void TellSchema(std::string& out, std::uint32_t version, const Shape& shape) {
    Json json;
    json["version"] = std::to_string(version);
    json["columns"] = ColumnsJson(shape.table.columns);
    Json key = Json::array();
    for (const std::size_t column : shape.key) key.push_back(shape.table.columns[column].name);
    json["key"] = std::move(key);
    AppendEvent(out, "schema", "", Dump(json));
  }

  // Reads a row of the log; false if it does not pass the filter.
  Result<bool> ReadRow(Shape& shape, std::string_view bytes) {
    std::vector<sql::Datum>& row = shape.table.rows[0];
    row.clear();
    ByteReader in(bytes);
    for (const sql::PlanColumn& column : shape.table.columns) {
      bool fits = true;
      const Value value = ReadValue(in);
      row.push_back(sql::FromValue(value, column.type, fits));
    }
    if (in.failed() || !in.done()) return Corrupt("view " + name_ + " has a row that does not fit its schema");
    return shape.filter.Passes(row);
  }

  // A row that comes into the filter or leaves it by an update has been inserted or deleted.
  Status TellChange(std::string& out, const Change& change, Shape& shape) {
    std::string key;
    std::string rows;
    bool passes_old = false;
    bool passes_new = false;
    const auto add = [&](const char* member) {
      rows.append(",\"").append(member).append("\":");
      AppendRowObject(rows, shape.table, 0);
      if (key.empty() && !shape.key.empty()) AppendKeyObject(key, shape);
    };
    if (change.has_before) {
      HG_ASSIGN_OR_RETURN(passes_old, ReadRow(shape, change.before));
      if (passes_old) add("old");
    }
    if (change.has_after && change.op != Op::kDelete) {
      HG_ASSIGN_OR_RETURN(passes_new, ReadRow(shape, change.after));
      if (passes_new) add("new");
    }
    if ((!passes_old && !passes_new) || !MaySend()) return Ok();
    text_ = "{" + (key.empty() ? rows.substr(1) : "\"key\":" + key + rows) + "}";
    AppendEvent(out, passes_old && passes_new ? "update" : passes_new ? "insert" : "delete", "", text_);
    return Ok();
  }

  static void AppendKeyObject(std::string& out, const Shape& shape) {
    views::Table key;
    key.rows.emplace_back();
    for (const std::size_t column : shape.key) {
      key.columns.push_back(shape.table.columns[column]);
      key.rows[0].push_back(shape.table.rows[0][column]);
    }
    AppendRowObject(out, key, 0);
  }

  const views::Views& views_;
  const ViewFeedOptions options_;
  const std::string name_;
  SourceNo source_ = 0;  // of views
  StreamNo stream_ = 0;  // of the view; 0: not seen yet
  std::map<std::uint32_t, Shape> shapes_;

  bool begun_ = false;
  Moment moment_;  // what the client had before the changes
  std::string gap_;
  bool snapshot_wanted_;
  std::unique_ptr<views::Content> content_;
  views::RowFilter content_filter_;
  bool told_rows_ = false;

  // Of the transaction at hand.
  bool step_ = false;
  bool baseline_ = false;
  bool wanted_ = false;    // the client does not have it yet
  bool in_group_ = false;  // something of it is of the view

  Seq applied_ = 0;                // of the views, before the last pull
  Seq stepped_ = 0;                // of the last step that was looked at
  bool settled_ = false;           // everything that the snapshot has has been passed
  bool owed_ = true;               // a progress is to come as soon as it may
  std::optional<Seq> reached_;     // the last progress
  std::optional<Seq> content_at_;  // of the last content: a progress is larger
  std::uint32_t schema_ = 0;       // a version that was just declared
  std::string text_;
};

}  // namespace

Result<std::unique_ptr<Feed>> MakeViewFeed(Log& log, views::Views& views, const Clock& clock, ViewFeedOptions options) {
  views.Follow(options.view->record.name);
  auto feed = std::make_unique<ViewFeed>(log, views, clock, std::move(options));
  HG_RETURN_IF_ERROR(feed->Begin());
  return std::unique_ptr<Feed>(std::move(feed));
}

}  // namespace headgate::web
