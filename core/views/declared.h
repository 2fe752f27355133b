#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/operators/state.h"
#include "core/views/base.h"
#include "core/views/definition.h"
#include "core/views/letters.h"

// Declared tables: a captured table under a short name, with columns, types and checks of its own (stream-SQL
// reference, 8.4).
namespace headgate::views {

struct ImageCodec {
  void Put(std::string& out, const Image& image) const { out += EncodeImage(image); }
  bool Get(std::string_view in, Image& image) const { return DecodeImage(in, image); }
};

// Whether rows of the stream fit the declaration. For one thread.
class Checks {
 public:
  explicit Checks(const Definition& table);
  bool empty() const { return empty_; }
  // NOT NULL, CHECK, or a value that is none of its column's type: which, "" if the row fits.
  std::string Violation(const Image& image, const TableSchema& schema);
  bool Violates(const Image& image, const TableSchema& schema) { return !Violation(image, schema).empty(); }

 private:
  const Definition& table_;
  bool empty_ = true;
  StreamRows rows_;
};

// Where the images are kept that stand for rows which violate: under the key of the row in the base.
std::string KeptPrefix(std::uint32_t form);

// A declared table, kept: what it shows of each row. Of the views' thread.
class DeclaredTable {
 public:
  DeclaredTable(const Store& store, DefinitionPtr definition);

  const Definition& definition() const { return *definition_; }
  bool plain() const { return checks_.empty(); }
  bool Violates(const Image& image, const TableSchema& schema) { return checks_.Violates(image, schema); }

  // A row goes: what was shown of it, if anything. A row comes: what is shown of it; the one that went just before
  // under its key stays, if the new one violates and the declaration says keep_previous. `image` is the row.
  std::optional<Image> Gone(const std::string& key, const Image& image, const TableSchema& schema);
  std::optional<Image> Came(const std::string& key, const Image& image, const TableSchema& schema);
  // What is shown of a row that stands.
  std::optional<Image> Shown(const std::string& key, const Image& image, const TableSchema& schema);

  void Save(StoreBatch& batch) { space_.Save(batch); }
  void Forget() {
    space_.Forget();
    misfits_.clear();
  }
  // The rows that came and violate, since the last call.
  std::vector<Misfit> TakeMisfits() { return std::exchange(misfits_, {}); }

 private:
  DefinitionPtr definition_;
  Checks checks_;
  bool keep_previous_;
  operators::StateSpace space_;
  operators::KeyedState<Image, ImageCodec> kept_;
  std::optional<std::pair<std::string, Image>> gone_;
  std::vector<Misfit> misfits_;
};

// What a view of the store shows of a row of a declared table.
Result<std::optional<Image>> ShownIn(const StoreView& view, Checks& checks, std::uint32_t form, std::string_view key,
                                     const Image& image, const TableSchema& schema);

}  // namespace headgate::views
