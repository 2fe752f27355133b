#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace google::protobuf {
class Descriptor;
class Message;
}  // namespace google::protobuf

// Protobuf schemas from the text of .proto files. Pure.
namespace headgate::codec {

struct ProtoFile {
  std::string name;  // as others import it
  std::string text;
};

// A compiled file and what it imports. Immutable; what it hands out lives as long.
class ProtoSchema {
 public:
  // A text is that of a .proto file, or a serialized FileDescriptorProto in base64. `imports`: in any order. The
  // well-known types (google/protobuf/timestamp.proto and its like) are always there. The error (kRejected) has the
  // place and the reason of the first fault. Refused is more than 1 MiB of text.
  static Result<std::shared_ptr<const ProtoSchema>> Compile(std::string_view text,
                                                            const std::vector<ProtoFile>& imports = {});
  ~ProtoSchema();

  // By full name, or by a name that only one message of the file has; "" means the file's only message. kConfig: there
  // is none, or several.
  Result<const google::protobuf::Descriptor*> Find(std::string_view message) const;
  // By the indexes of the wire header; nullptr if there is none.
  const google::protobuf::Descriptor* At(const std::vector<int>& path) const;
  static std::vector<int> PathOf(const google::protobuf::Descriptor& message);

  // What the given file imports itself, without the well-known types; "" is the file that was compiled.
  std::vector<std::string> ImportsOf(const std::string& file) const;

  // An empty message of this schema.
  std::unique_ptr<google::protobuf::Message> New(const google::protobuf::Descriptor& message) const;

 private:
  struct Compiled;
  explicit ProtoSchema(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace headgate::codec
