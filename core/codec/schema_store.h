#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// What formats with a schema ask of a schema registry. The registry itself talks HTTP, so it lives elsewhere
// (core/schema_registry).
namespace headgate::codec {

enum class SchemaLanguage : std::uint8_t { kAvro, kProtobuf, kJson };
std::string_view Name(SchemaLanguage language);  // "AVRO", as registries spell it

// Another schema that this one uses: `name` is how it does so (the full name of an Avro type, an imported file).
struct SchemaReference {
  std::string name;
  std::string subject;
  int version = 0;
  bool operator==(const SchemaReference&) const = default;
};

struct SchemaText {
  SchemaLanguage language = SchemaLanguage::kAvro;
  std::string text;
  std::vector<SchemaReference> references;
  bool operator==(const SchemaText&) const = default;
};

// A schema with all that it refers to, near and far. Each stands behind those that it uses itself.
struct ResolvedSchema {
  struct Part {
    std::string name;  // as its user refers to it
    std::string text;
  };
  SchemaText schema;
  std::vector<Part> parts;
};

// Blocks, with a deadline. For one thread. Errors: kTransient, the registry did not answer, ask again; kConfig, it
// refuses the schema or the account; kRejected, it knows no schema of that id.
class SchemaStore {
 public:
  virtual ~SchemaStore() = default;
  // The id of the schema under the subject, which is registered if need be.
  virtual Result<std::uint32_t> IdOf(const std::string& subject, const SchemaText& schema) = 0;
  // The same, but its version there, as references name it.
  virtual Result<int> VersionOf(const std::string& subject, const SchemaText& schema) = 0;
  virtual Result<std::shared_ptr<const ResolvedSchema>> SchemaOf(std::uint32_t id) = 0;
};

// Under which subject a schema is registered. `record` is the full name of its record.
enum class SubjectStrategy : std::uint8_t { kTopic, kRecord, kTopicRecord };
// "topic", "record", "topic-record"; false for anything else.
bool ParseSubjectStrategy(std::string_view name, SubjectStrategy& strategy);
std::string SubjectOf(SubjectStrategy strategy, std::string_view topic, bool of_key, std::string_view record);

}  // namespace headgate::codec
