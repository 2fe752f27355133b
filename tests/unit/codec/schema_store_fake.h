#pragma once

#include <map>
#include <string>
#include <utility>

#include "core/codec/schema_store.h"

namespace headgate::testing {

// A registry in memory: ids count from 1, the same schema has one id. Fails as it is told.
class FakeSchemaStore : public codec::SchemaStore {
 public:
  Result<std::uint32_t> IdOf(const std::string& subject, const codec::SchemaText& schema) override {
    ++asked;
    if (failure) return *failure;
    subjects.emplace_back(subject, schema.text);
    for (const auto& [id, known] : schemas) {
      if (known->schema == schema) return id;
    }
    return Add(schema);
  }
  Result<int> VersionOf(const std::string& subject, const codec::SchemaText& schema) override {
    HG_RETURN_IF_ERROR(IdOf(subject, schema));
    return 1;
  }
  Result<std::shared_ptr<const codec::ResolvedSchema>> SchemaOf(std::uint32_t id) override {
    ++asked;
    if (failure) return *failure;
    const auto found = schemas.find(id);
    if (found == schemas.end()) return Rejected("the registry knows no schema " + std::to_string(id));
    return found->second;
  }
  std::uint32_t Add(codec::SchemaText schema, std::vector<codec::ResolvedSchema::Part> parts = {}) {
    const auto id = static_cast<std::uint32_t>(schemas.size() + 1);
    schemas[id] = std::make_shared<codec::ResolvedSchema>(codec::ResolvedSchema{std::move(schema), std::move(parts)});
    return id;
  }

  std::map<std::uint32_t, std::shared_ptr<const codec::ResolvedSchema>> schemas;
  std::vector<std::pair<std::string, std::string>> subjects;  // asked for, with the text
  std::optional<Error> failure;
  int asked = 0;
};

}  // namespace headgate::testing
