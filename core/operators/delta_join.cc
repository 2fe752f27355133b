#include "core/operators/delta_join.h"

#include <algorithm>
#include <unordered_map>

#include "core/base/check.h"
#include "core/operators/row_index.h"
#include "core/sql/key.h"
#include "core/sql/multi_join.h"
#include "core/sql/row_codec.h"

namespace headgate::operators {
namespace {

using sql::Rows;

// A class's key is made of this slot's row. Slot 0 has the rows that change, slot n what probe n - 1 has found.
struct KeyPart {
  std::size_t slot = 0;
  std::size_t class_number = 0;
};

struct Probe {
  std::size_t index = 0;
  std::size_t input = 0;
  std::vector<KeyPart> key;
  bool of_one = true;  // all parts of the key are of one slot
};

struct Slot {
  std::size_t input = 0;
  std::vector<std::size_t> classes;     // whose keys probes need of it
  std::vector<std::size_t> probes;      // that need nothing else
  std::vector<std::size_t> conditions;  // whose columns are there once it is
};

// How a change of one input goes through the others.
struct Path {
  std::vector<Slot> slots;
  std::vector<Probe> probes;
};

// What an index has of some keys.
struct Lookup {
  std::vector<std::string> keys;  // each once
  std::vector<RowIndex::Rows> found;
  std::vector<std::uint32_t> of;  // which of them a row has
  bool Empty(std::uint32_t row) const { return found[of[row]].empty(); }
};

// Rows of one input, in memory for a while.
struct Pool {
  sql::Batch batch;
  std::unordered_map<std::size_t, std::vector<std::string>> keys;  // by class, of each row
  std::unordered_map<std::size_t, Lookup> lookups;                 // by probe
};

// Combinations of rows of the first slots.
struct Tuples {
  explicit Tuples(std::size_t slots) : at(slots) {}
  std::size_t size() const { return weights.size(); }

  std::vector<std::vector<std::uint32_t>> at;  // by slot: the row of its pool
  std::vector<std::int64_t> weights;
  std::vector<std::uint8_t> failed;  // a condition has an error
};

Path MakePath(const sql::JoinPaths& paths, const std::vector<std::size_t>& starts, std::size_t input) {
  Path path;
  path.slots.push_back({input, {}, {}, {}});
  for (const sql::JoinStep& step : paths.paths[input]) {
    Probe probe = {step.index, step.input, {}, true};
    for (const std::size_t c : step.classes) {
      const auto& terms = paths.conditions.classes[c].terms;
      std::size_t slot = 0;  // the first that knows the class
      while (std::ranges::find(terms, path.slots[slot].input, &sql::JoinTerm::input) == terms.end()) ++slot;
      probe.key.push_back({slot, c});
      probe.of_one = probe.of_one && slot == probe.key[0].slot;
      auto& classes = path.slots[slot].classes;
      if (std::ranges::find(classes, c) == classes.end()) classes.push_back(c);
    }
    if (probe.of_one) path.slots[probe.key[0].slot].probes.push_back(path.probes.size());
    path.probes.push_back(std::move(probe));
    path.slots.push_back({step.input, {}, {}, {}});
  }
  for (std::size_t i = 0; i < paths.conditions.residual.size(); ++i) {
    std::size_t last = 0;
    sql::Walk(*paths.conditions.residual[i], [&](const sql::Expr& expr) {
      if (expr.kind != sql::ExprKind::kColumn) return true;
      const std::size_t of = sql::InputOf(expr, starts).value_or(0);
      const auto slot = std::ranges::find(path.slots, of, &Slot::input) - path.slots.begin();
      last = std::max(last, static_cast<std::size_t>(slot));
      return true;
    });
    path.slots[last].conditions.push_back(i);
  }
  return path;
}

class DeltaJoin : public Operator {
 public:
  DeltaJoin(const sql::Plan& plan, const StatePlace& place) : paths_(sql::PathsOf(plan)), starts_(sql::StartsOf(plan)) {
    for (const sql::PlanPtr& input : plan.inputs) types_.push_back(TypesOf(input->columns));
    for (std::size_t i = 0; i < types_.size(); ++i) plans_.push_back(MakePath(paths_, starts_, i));
    for (std::size_t i = 0; i < paths_.indexes.size(); ++i) {
      const auto& types = types_[paths_.indexes[i].input];
      indexes_.push_back(std::make_unique<RowIndex>(place.Part(static_cast<std::uint8_t>(i)), types));
    }
  }

  void Process(std::size_t input, const Delta& delta, StepContext& step, const Emit& emit) override {
    Keys keys(paths_.conditions.classes.size());
    const std::vector<std::uint32_t> good = MakeKeys(input, delta, step, keys);
    if (good.empty()) return;
    Run run(*this, plans_[input], delta, step, emit);
    run.Start(good, keys);
    TakeIn(input, delta, good, keys);
  }

 private:
  using Keys = std::vector<std::vector<std::string>>;  // by class, of each row

  // What one piece does.
  class Run {
   public:
    Run(DeltaJoin& join, const Path& path, const Delta& delta, StepContext& step, const Emit& emit)
        : join_(join), path_(path), delta_(delta), step_(step), emit_(emit), pools_(path.slots.size()) {}

    void Start(const std::vector<std::uint32_t>& good, const Keys& keys) {
      pools_[0].batch = delta_.batch;
      for (const std::size_t c : path_.slots[0].classes) pools_[0].keys[c] = keys[c];
      for (std::size_t from = 0; from < good.size(); from += kPieceRows) {
        const std::size_t end = std::min(good.size(), from + kPieceRows);
        Tuples tuples(1);
        for (std::size_t i = from; i < end; ++i) {
          tuples.at[0].push_back(good[i]);
          tuples.weights.push_back(delta_.weights[good[i]]);
        }
        tuples.failed.resize(tuples.size());
        GoOn(0, std::move(tuples));
      }
    }

   private:
    // `slot` is the last one whose rows are there.
    void GoOn(std::size_t slot, Tuples tuples) {
      for (const std::size_t condition : path_.slots[slot].conditions) Restrict(condition, tuples);
      LookUp(slot, tuples);
      if (tuples.size() == 0) return;
      if (slot == path_.probes.size()) return Give(std::move(tuples));
      Expand(slot, tuples);
    }

    // Drops the tuples that the condition is not true of. One with an error stays until all its rows are there: that it
    // is reported may not depend on the order in which they were looked up. It is not if another condition is false.
    void Restrict(std::size_t condition, Tuples& tuples) {
      const sql::Expr& expr = *join_.paths_.conditions.residual[condition];
      const sql::Batch batch = BatchOf(tuples, expr);
      std::vector<std::uint32_t> kept = sql::Matching(expr, batch, Rows(batch.rows), step_.eval);
      for (const sql::RowError& error : step_.eval.errors()) {
        kept.push_back(error.row);
        tuples.failed[error.row] = 1;
      }
      step_.eval.Reset();
      std::ranges::sort(kept);
      kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
      Keep(kept, tuples);
    }

    // Looks for what the probes find that need nothing but rows of this slot, and drops those for which one finds
    // nothing.
    void LookUp(std::size_t slot, Tuples& tuples) {
      for (const std::size_t number : path_.slots[slot].probes) {
        const Probe& probe = path_.probes[number];
        Pool& pool = pools_[slot];
        Lookup& lookup = pool.lookups[number];
        lookup = {};
        lookup.of.resize(pool.batch.rows, ~std::uint32_t{0});
        const auto key = [&](std::uint32_t row, std::string& out) {
          for (const KeyPart& part : probe.key) out += pool.keys[part.class_number][row];
        };
        FillLookup(probe, tuples.at[slot], key, lookup);
        std::vector<std::uint32_t> kept;
        for (std::uint32_t t = 0; t < tuples.size(); ++t) {
          if (!lookup.Empty(tuples.at[slot][t])) kept.push_back(t);
        }
        Keep(kept, tuples);
      }
    }

    // Of these rows, some of them several times.
    template <class KeyOf>
    void FillLookup(const Probe& probe, const std::vector<std::uint32_t>& rows, const KeyOf& key_of, Lookup& lookup) {
      std::unordered_map<std::string, std::uint32_t> numbers;
      std::string key;
      for (const std::uint32_t row : rows) {
        if (lookup.of[row] != ~std::uint32_t{0}) continue;
        key.clear();
        key_of(row, key);
        const auto [found, added] = numbers.try_emplace(key, static_cast<std::uint32_t>(lookup.keys.size()));
        if (added) lookup.keys.push_back(key);
        lookup.of[row] = found->second;
      }
      RowIndex& index = *join_.indexes_[probe.index];
      index.Load(lookup.keys);
      for (const std::string& one : lookup.keys) lookup.found.push_back(index.Find(one));
    }

    // The tuples beside what the next probe finds for each.
    void Expand(std::size_t slot, const Tuples& tuples) {
      const Probe& probe = path_.probes[slot];
      Lookup own;
      const std::vector<std::uint32_t>* rows = nullptr;  // of the lookup
      std::vector<std::uint32_t> all;
      if (!probe.of_one) {
        for (std::uint32_t t = 0; t < tuples.size(); ++t) all.push_back(t);
        own.of.resize(tuples.size(), ~std::uint32_t{0});
        const auto key = [&](std::uint32_t t, std::string& out) {
          for (const KeyPart& part : probe.key)
            out += pools_[part.slot].keys[part.class_number][tuples.at[part.slot][t]];
        };
        FillLookup(probe, all, key, own);
        rows = &all;
      } else {
        rows = &tuples.at[probe.key[0].slot];
      }
      const Lookup& lookup = probe.of_one ? pools_[probe.key[0].slot].lookups[slot] : own;
      Found found(*this, slot, tuples, lookup.found.size());
      for (std::uint32_t t = 0; t < tuples.size(); ++t) found.Add(t, lookup.of[(*rows)[t]], lookup);
      found.Flush();
    }

    // Collects tuples of one slot more. Rows that several of a piece have found are decoded once.
    class Found {
     public:
      Found(Run& run, std::size_t slot, const Tuples& tuples, std::size_t keys)
          : run_(run),
            slot_(slot),
            tuples_(tuples),
            index_(*run.join_.indexes_[run.path_.probes[slot].index]),
            next_(slot + 2),
            rows_(run.join_.types_[run.path_.probes[slot].input]),
            ranges_(keys) {}

      void Add(std::uint32_t tuple, std::uint32_t key, const Lookup& lookup) {
        Range& range = ranges_[key];
        if (range.piece == piece_ && next_.size() + range.count > kPieceRows) Flush();
        if (range.piece == piece_) {
          for (std::uint32_t i = 0; i < range.count; ++i) Put(tuple, range.from + i);
          return;
        }
        const std::uint64_t piece = piece_;
        const auto from = static_cast<std::uint32_t>(weights_.size());
        RowIndex::Cursor cursor(index_, lookup.found[key]);
        std::string_view row;
        std::int64_t weight = 0;
        while (cursor.Next(row, weight)) {
          if (next_.size() >= kPieceRows) Flush();
          CHECK(rows_.Add(row));  // bytes of our own state
          weights_.push_back(weight);
          Put(tuple, static_cast<std::uint32_t>(weights_.size() - 1));
        }
        if (piece == piece_) range = {piece, from, static_cast<std::uint32_t>(weights_.size()) - from};
      }

      void Flush() {
        ++piece_;
        if (next_.size() == 0) return;
        run_.pools_[slot_ + 1] = {};
        run_.pools_[slot_ + 1].batch = rows_.Take();
        weights_.clear();
        Tuples full = std::exchange(next_, Tuples(slot_ + 2));
        run_.MakePoolKeys(slot_ + 1);
        run_.GoOn(slot_ + 1, std::move(full));
      }

     private:
      struct Range {
        std::uint64_t piece = 0;
        std::uint32_t from = 0;
        std::uint32_t count = 0;
      };

      void Put(std::uint32_t tuple, std::uint32_t row) {
        for (std::size_t s = 0; s <= slot_; ++s) next_.at[s].push_back(tuples_.at[s][tuple]);
        next_.at[slot_ + 1].push_back(row);
        next_.weights.push_back(tuples_.weights[tuple] * weights_[row]);
        next_.failed.push_back(tuples_.failed[tuple]);
      }

      Run& run_;
      std::size_t slot_;
      const Tuples& tuples_;
      RowIndex& index_;
      Tuples next_;
      sql::RowBuilder rows_;
      std::vector<std::int64_t> weights_;  // of the rows
      std::vector<Range> ranges_;          // by key: its rows in this piece
      std::uint64_t piece_ = 1;
    };

    void MakePoolKeys(std::size_t slot) {
      Pool& pool = pools_[slot];
      const std::size_t input = path_.slots[slot].input;
      for (const std::size_t c : path_.slots[slot].classes) {
        const auto& terms = join_.paths_.conditions.classes[c].terms;
        const sql::Expr& expr = *std::ranges::find(terms, input, &sql::JoinTerm::input)->expr;
        const sql::Column column = sql::Evaluate(expr, pool.batch, Rows(pool.batch.rows), step_.eval);
        auto& keys = pool.keys[c];
        keys.resize(pool.batch.rows);
        for (std::size_t row = 0; row < keys.size(); ++row) sql::AppendKey(keys[row], expr.type, *column, row);
      }
      step_.eval.Reset();  // rows with an error are not remembered
    }

    static void Keep(const std::vector<std::uint32_t>& kept, Tuples& tuples) {
      if (kept.size() == tuples.size()) return;
      for (std::size_t i = 0; i < kept.size(); ++i) {
        for (auto& rows : tuples.at) rows[i] = rows[kept[i]];
        tuples.weights[i] = tuples.weights[kept[i]];
        tuples.failed[i] = tuples.failed[kept[i]];
      }
      for (auto& rows : tuples.at) rows.resize(kept.size());
      tuples.weights.resize(kept.size());
      tuples.failed.resize(kept.size());
    }

    // The columns that the expression reads; there is nothing in the place of others.
    sql::Batch BatchOf(const Tuples& tuples, const sql::Expr& root) const {
      sql::Batch batch;
      batch.rows = tuples.size();
      batch.columns.resize(join_.starts_.back());
      sql::Walk(root, [&](const sql::Expr& expr) {
        if (expr.kind == sql::ExprKind::kColumn && batch.columns[expr.column] == nullptr) {
          const std::size_t input = sql::InputOf(expr, join_.starts_).value_or(0);
          batch.columns[expr.column] = Gathered(tuples, input, expr.column - join_.starts_[input]);
        }
        return true;
      });
      return batch;
    }
    sql::Column Gathered(const Tuples& tuples, std::size_t input, std::size_t column) const {
      const auto slot = std::ranges::find(path_.slots, input, &Slot::input) - path_.slots.begin();
      const auto s = static_cast<std::size_t>(slot);
      return std::make_shared<sql::Vector>(pools_[s].batch.columns[column]->Gather(tuples.at[s]));
    }

    void Give(Tuples tuples) {
      TakeFailed(tuples);
      if (tuples.size() == 0) return;
      Delta out;
      out.batch.rows = tuples.size();
      for (std::size_t input = 0; input < join_.types_.size(); ++input) {
        for (std::size_t c = 0; c < join_.types_[input].size(); ++c)
          out.batch.columns.push_back(Gathered(tuples, input, c));
      }
      out.at.reserve(tuples.size());
      for (const std::uint32_t row : tuples.at[0]) out.at.push_back(delta_.at[row]);
      out.weights = std::move(tuples.weights);
      emit_(out);
    }

    // Reports the first condition, as the query has them, that has an error.
    void TakeFailed(Tuples& tuples) {
      if (std::ranges::find(tuples.failed, 1) == tuples.failed.end()) return;
      std::vector<std::uint8_t> told(tuples.size());
      for (const sql::ExprPtr& condition : join_.paths_.conditions.residual) {
        const sql::Batch batch = BatchOf(tuples, *condition);
        sql::Matching(*condition, batch, Rows(batch.rows), step_.eval);
        for (const sql::RowError& error : step_.eval.errors()) {
          if (std::exchange(told[error.row], 1) != 0) continue;
          const At at = delta_.at[tuples.at[0][error.row]];
          step_.failed.push_back({at, tuples.weights[error.row], error.code, error.message});
        }
        step_.eval.Reset();
      }
      std::vector<std::uint32_t> kept;
      for (std::uint32_t t = 0; t < tuples.size(); ++t) {
        if (tuples.failed[t] == 0) kept.push_back(t);
      }
      Keep(kept, tuples);
    }

    DeltaJoin& join_;
    const Path& path_;
    const Delta& delta_;
    StepContext& step_;
    const Emit& emit_;
    std::vector<Pool> pools_;  // by slot
  };

  // The rows that may be in a result: all keys are there, and those of one class are equal.
  std::vector<std::uint32_t> MakeKeys(std::size_t input, const Delta& delta, StepContext& step, Keys& keys) const {
    struct Of {
      const sql::JoinTerm* term;
      std::size_t class_number;
      sql::Column column;
    };
    std::vector<Of> terms;
    for (std::size_t c = 0; c < keys.size(); ++c) {
      for (const sql::JoinTerm& term : paths_.conditions.classes[c].terms) {
        if (term.input == input)
          terms.push_back({&term, c, sql::Evaluate(*term.expr, delta.batch, Rows(delta.rows()), step.eval)});
      }
    }
    std::vector<std::uint8_t> keyless(delta.rows());  // also of a key that may be NULL
    for (const sql::RowError& error : step.eval.errors()) keyless[error.row] = 1;
    std::vector<std::uint32_t> good;
    if (!TakeErrors(step, delta, good)) {
      for (std::uint32_t row = 0; row < delta.rows(); ++row) good.push_back(row);
    }
    std::erase_if(good, [&](std::uint32_t row) { return keyless[row] != 0; });
    std::string again;
    for (const Of& of : terms) {
      auto& of_class = keys[of.class_number];
      const bool first = of_class.empty();
      of_class.resize(delta.rows());
      std::erase_if(good, [&](std::uint32_t row) {
        if (of.column->IsNull(row) && !paths_.conditions.classes[of.class_number].null_safe) return true;
        again.clear();
        sql::AppendKey(again, of.term->expr->type, *of.column, row);
        if (first) of_class[row] = again;
        return !first && of_class[row] != again;
      });
    }
    return good;
  }

  void TakeIn(std::size_t input, const Delta& delta, const std::vector<std::uint32_t>& good, const Keys& keys) {
    std::vector<EntryPlace> places(good.size());
    for (std::size_t i = 0; i < good.size(); ++i) sql::AppendRow(places[i].key, types_[input], delta.batch, good[i]);
    for (std::size_t x = 0; x < indexes_.size(); ++x) {
      if (paths_.indexes[x].input != input) continue;
      for (std::size_t i = 0; i < good.size(); ++i) {
        places[i].group.clear();
        for (const std::size_t c : paths_.indexes[x].classes) places[i].group += keys[c][good[i]];
      }
      indexes_[x]->LoadRows(places);
      for (std::size_t i = 0; i < good.size(); ++i) indexes_[x]->Add(places[i], delta.weights[good[i]]);
    }
  }

  sql::JoinPaths paths_;
  std::vector<std::size_t> starts_;
  std::vector<std::vector<sql::Type>> types_;  // of each input
  std::vector<Path> plans_;                    // of each input
  std::vector<std::unique_ptr<RowIndex>> indexes_;
};

}  // namespace

OperatorPtr MakeDeltaJoin(const sql::Plan& plan, const StatePlace& place) {
  return std::make_unique<DeltaJoin>(plan, place);
}

}  // namespace headgate::operators
